"""A port that another program has: the Unix socket serves alone, the port is tried again, and both are told."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from api.house import House, view
from aurora_desktop.api import local, unix_socket
from aurora_desktop.cli.client import Client
from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import ApiPortTrouble
from aurora_desktop.core.settings.schema import ApiSettings, Settings
from aurora_desktop.heartbeat.own_problems import OwnProblems

has_unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows serves the port alone")


@pytest.fixture
def other() -> Iterator[socket.socket]:
    """Another program that has a port. Once it is closed, the port is free, but given to nobody that asks for any."""
    with _bound(0) as listening, _bound(_port(listening)):
        listening.listen()
        yield listening


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "TRY_AGAIN_S", 0.01)
    monkeypatch.setattr(local, "MOST_TRY_AGAIN_S", 0.02)


@pytest.fixture
def shut_out(tmp_path: Path, other: socket.socket) -> Iterator[House]:
    """An Aurora whose port was taken when it began."""
    house = House(tmp_path, view("web")).open(_port(other))
    yield house
    house.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _address(house: House) -> dict[str, object]:
    return dict(json.loads(house.paths.api_file.read_text()))


def _told(house: House) -> list[ApiPortTrouble]:
    return [record.event for record in house.journal if isinstance(record.event, ApiPortTrouble)]


def _until(house: House, is_so: Callable[[], bool]) -> None:
    async def waited() -> None:
        while not is_so():  # noqa: ASYNC110  # the door tells nobody but its clients
            await asyncio.sleep(0.005)

    house.run(waited)


@has_unix
def test_the_socket_serves_alone(shut_out: House) -> None:
    assert shut_out.port == 0
    assert _address(shut_out)["port"] is None
    assert [row["name"] for row in Client(shut_out.paths).get("/v1/services")] == ["web"]
    assert Client(shut_out.paths).post("/v1/estop", {}, scope="read")["done"]


@has_unix
def test_it_is_told_once_with_who_serves_and_what_to_do(shut_out: House, other: socket.socket) -> None:
    (told,) = _told(shut_out)
    assert f"127.0.0.1:{_port(other)}: another program has it" in told.detail
    assert "Unix socket serves alone" in told.detail
    assert "api.port" in told.hint
    assert not told.recovered


@has_unix
@pytest.mark.usefixtures("soon")
def test_the_port_is_taken_once_it_is_free(shut_out: House, other: socket.socket) -> None:
    port = _port(other)
    other.close()
    _until(shut_out, lambda: _address(shut_out)["port"] == port)
    shut_out.port = port
    assert shut_out.ask("GET", "/v1/status")[0] == 200
    assert shut_out.ask("GET", "/v1/status", Host="evil.example")[0] == 403
    assert shut_out.ask("GET", "/v1/status", Origin=f"http://127.0.0.1:{port}")[0] == 200
    _until(shut_out, lambda: len(_told(shut_out)) == 2)
    assert _told(shut_out)[1].recovered
    assert str(port) in _told(shut_out)[1].detail


@has_unix
@pytest.mark.usefixtures("soon")
def test_another_port_of_the_settings_is_taken_instead(shut_out: House, other: socket.socket) -> None:
    shut_out.settings = Settings(api=ApiSettings(port=0))
    _until(shut_out, lambda: _address(shut_out)["port"] is not None)
    assert _address(shut_out)["port"] != _port(other)


@has_unix
@pytest.mark.usefixtures("soon")
def test_an_address_that_cannot_be_told_yet_is_told_later(
    shut_out: House, other: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = []

    def write(*given: object) -> None:
        if len(refusals) < 3:
            refusals.append(given)
            raise AuroraError("The address cannot be written", "the disk is full", "")
        written(*given)

    written: Callable[..., None] = local.write_address
    monkeypatch.setattr(local, "write_address", write)
    port = _port(other)
    other.close()
    _until(shut_out, lambda: _address(shut_out)["port"] == port)
    assert {given[1] for given in refusals} == {port}  # one port, not another one each time


def test_without_any_way_in_the_port_is_still_tried_again(
    tmp_path: Path, other: socket.socket, monkeypatch: pytest.MonkeyPatch, soon: None
) -> None:
    monkeypatch.setattr(unix_socket, "listen", lambda _: None)  # as on Windows
    house = House(tmp_path).open(_port(other))
    try:
        assert "it cannot be reached" in _told(house)[0].detail
        with pytest.raises(AuroraError, match="Aurora runs, but cannot be reached"):
            Client(house.paths).get("/v1/status")
        other.close()
        _until(house, lambda: _address(house)["port"] is not None)
        assert Client(house.paths).get("/v1/status")["pid"]
    finally:
        house.close()


@has_unix
def test_closing_while_it_tries_leaves_nothing(tmp_path: Path, other: socket.socket) -> None:
    house = House(tmp_path).open(_port(other))
    house.close()
    assert not house.paths.api_file.exists()
    assert not (tmp_path / "run" / "api.sock").exists()


@has_unix
def test_the_window_says_so_until_it_is_over(shut_out: House) -> None:
    problems = OwnProblems(SystemClock())
    (told,) = _told(shut_out)
    shut_out.call(lambda: [problems.read(record) for record in shut_out.journal])
    (shown,) = problems.current()
    assert (shown.sentence, shown.next_step) == (told.detail, told.hint)
    problems.read(shut_out.journal[-1].__class__(99, msgspec.structs.replace(told, recovered=True)))
    assert problems.current() == ()
