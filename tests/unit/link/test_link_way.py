"""The way to a server: one lookup at a time, and no address that swallows all keeps the others back."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from aurora_desktop.link import way
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.http import Http
from aurora_desktop.link.way import Way

from .brain import Served


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


class Names:
    """Stands in for the system's lookups; `answers` are given in order, and it waits while `is_stuck`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.found: list[tuple[str, int]] = []
        self.goes_on = threading.Event()
        self.goes_on.set()
        monkeypatch.setattr(socket, "getaddrinfo", self._look)

    def _look(self, host: str, port: int, *_: Any, flags: int = 0, **__: Any) -> list[Any]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "it is a name")
        self.asked += 1
        self.goes_on.wait(60)
        if not self.found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in self.found]


async def untrusted() -> None:
    return None


def test_requests_that_are_given_up_leave_one_lookup_behind_and_not_one_each(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch)
    names.goes_on.clear()

    async def live() -> None:
        http = Http("http://brain.example:8767", untrusted, timeout_s=0.01)
        for _ in range(10):
            with pytest.raises(LinkError, match="no answer within") as failed:
                await http.ask("GET", "/x")
            assert not failed.value.is_doubtful
        while not names.asked:  # noqa: ASYNC110 - of a thread
            await asyncio.sleep(0.001)
        assert names.asked == 1
        names.found = [("127.0.0.1", served.port)]
        names.goes_on.set()
        assert (await Http("http://brain.example:8767", untrusted).ask("POST", "/api/v1/auth/logout")).body["success"]

    try:
        asyncio.run(live())
    finally:
        names.goes_on.set()


def test_a_lookup_that_hangs_keeps_no_program_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch)
    names.goes_on.clear()

    async def live() -> None:
        with pytest.raises(LinkError, match="no answer within"):
            await Http("http://brain.example:8767", untrusted, timeout_s=0.01).ask("GET", "/x")

    asyncio.run(live())  # it would wait for the threads that all share
    (lookup,) = [thread for thread in threading.enumerate() if thread.name == "lookup"]
    assert lookup.daemon
    names.goes_on.set()
    lookup.join()


def test_an_address_in_figures_needs_no_lookup(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "Thread", None)

    async def live() -> None:
        (await Way("127.0.0.1", served.port).connect()).close()

    asyncio.run(live())


def test_a_name_that_is_not_known_is_told_and_looked_up_again_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch)

    async def live() -> None:
        http = Http("http://brain.example:8767", untrusted)
        for _ in range(2):
            with pytest.raises(LinkError, match="name or service not known"):
                await http.ask("GET", "/x")
        assert names.asked == 2

    asyncio.run(live())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_address_that_refuses_is_passed_by_and_the_good_one_comes_first_the_next_time(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch)
    names.found = [("127.0.0.1", free_port()), ("127.0.0.1", served.port)]
    tried: list[Any] = []

    async def live() -> None:
        there = Way("brain.example", 8767)
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def sock_connect(stream: socket.socket, address: Any) -> None:
            tried.append(address)
            await connect(stream, address)

        monkeypatch.setattr(loop, "sock_connect", sock_connect)
        for _ in range(2):
            (await there.connect()).close()

    asyncio.run(live())
    assert tried == [names.found[0], names.found[1], names.found[1]]


def test_an_address_that_swallows_everything_takes_its_share_of_the_time_alone(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way, "SHARE_S", 0.01)
    names = Names(monkeypatch)
    names.found = [("127.0.0.2", 9), ("127.0.0.1", served.port)]

    async def live() -> None:
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def sock_connect(stream: socket.socket, address: Any) -> None:
            if address == names.found[0]:
                await asyncio.Event().wait()
            await connect(stream, address)

        monkeypatch.setattr(loop, "sock_connect", sock_connect)
        stream = await Way("brain.example", 8767).connect()
        assert stream.getpeername() == names.found[1]
        stream.close()

    asyncio.run(live())


def test_where_no_address_works_the_last_one_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch)
    names.found = [("127.0.0.1", free_port()), ("127.0.0.1", free_port())]

    async def live() -> None:
        with pytest.raises(LinkError, match="it cannot be reached: connection refused"):
            await Http("http://brain.example:8767", untrusted).ask("GET", "/x")

    asyncio.run(live())
