"""The receiving end of sd_notify, with datagrams of real processes."""

import array
import asyncio
import errno
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.supervisor.notify import NotifySocket, notify_address, parse
from supervisor.yard import WAIT_S, Yard, in_loop

SENDER = """
import os, socket, sys
address = os.environ["NOTIFY_SOCKET"]
address = "\\0" + address[1:] if address.startswith("@") else address
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for message in sys.argv[1:]:
    sender.sendto(os.fsencode(message), address)
"""


class Heard:
    """What the socket reported."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, dict[str, str]]] = []
        self._event = asyncio.Event()

    def __call__(self, pid: int, assignments: dict[str, str]) -> None:
        self.messages.append((pid, assignments))
        self._event.set()

    async def until(self, count: int) -> list[tuple[int, dict[str, str]]]:
        async with asyncio.timeout(WAIT_S):
            while len(self.messages) < count:
                self._event.clear()
                await self._event.wait()
        return self.messages


@asynccontextmanager
async def listening(address: str) -> AsyncIterator[Heard]:
    heard = Heard()
    opened = NotifySocket(address, heard)
    opened.open(asyncio.get_running_loop())
    try:
        yield heard
    finally:
        opened.close()


def send(yard: Yard, address: str, *messages: str) -> int:
    """Messages of a real process; its pid."""
    return yard.start(sys.executable, "-S", "-c", SENDER, *messages, env={"NOTIFY_SOCKET": address}).pid


def send_from_here(address: str, data: bytes, files: tuple[int, ...] = ()) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        sender.sendmsg([data], ancillary, 0, address)


@in_loop
async def test_each_datagram_names_its_sender(yard: Yard, tmp_path: Path) -> None:
    address = str(tmp_path / "notify.sock")
    async with listening(address) as heard:
        pid = send(yard, address, "READY=1", "WATCHDOG=1\nSTATUS=all is well")
        assert await heard.until(2) == [(pid, {"READY": "1"}), (pid, {"WATCHDOG": "1", "STATUS": "all is well"})]


@in_loop
async def test_two_services_are_told_apart(yard: Yard, tmp_path: Path) -> None:
    address = str(tmp_path / "notify.sock")
    async with listening(address) as heard:
        pids = {send(yard, address, "READY=1"), send(yard, address, "READY=1")}
        assert {pid for pid, _ in await heard.until(2)} == pids


@in_loop
async def test_garbage_harms_nobody(tmp_path: Path) -> None:
    address = str(tmp_path / "notify.sock")
    async with listening(address) as heard:
        for data in (b"", b"\0\xff\xfe=\n==", b"READY", b"x" * 10_000, b"READY=1"):
            send_from_here(address, data)
        messages = await heard.until(5)
        assert messages[-1] == (os.getpid(), {"READY": "1"})
        assert messages[0][1] == messages[2][1] == messages[3][1] == {}


@in_loop
async def test_files_that_come_along_are_closed(tmp_path: Path) -> None:
    address = str(tmp_path / "notify.sock")
    async with listening(address) as heard:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            send_from_here(address, b"FDSTORE=1", (0, 0, 0))
        send_from_here(address, b"FDSTORE=1", (0,) * 250)
        assert [message for _, message in await heard.until(6)] == [{"FDSTORE": "1"}] * 6
        assert len(os.listdir("/proc/self/fd")) == before


@in_loop
async def test_a_flood_is_read_to_its_end(tmp_path: Path) -> None:
    address = str(tmp_path / "notify.sock")
    async with listening(address) as heard:

        def flood() -> None:
            for number in range(600):
                send_from_here(address, b"N=%d" % number)

        await asyncio.to_thread(flood)
        messages = await heard.until(600)
        assert [message["N"] for _, message in messages] == [str(number) for number in range(600)]


@in_loop
async def test_the_same_path_is_bound_again(yard: Yard, tmp_path: Path) -> None:
    address = str(tmp_path / "notify.sock")
    async with listening(address):
        pass
    async with listening(address) as heard:
        send(yard, address, "READY=1")
        await heard.until(1)


@in_loop
async def test_only_this_user_may_send(tmp_path: Path) -> None:
    async with listening(str(tmp_path / "notify.sock")):
        assert stat.S_IMODE((tmp_path / "notify.sock").stat().st_mode) == 0o600


@in_loop
async def test_a_long_state_path_gets_an_abstract_address(yard: Yard, tmp_path: Path) -> None:
    address = notify_address(tmp_path / ("x" * 200), f"digest-{os.getpid()}")
    assert address == f"@aurora-desktop-digest-{os.getpid()}"
    for _ in range(2):
        async with listening(address) as heard:
            pid = send(yard, address, "READY=1")
            assert await heard.until(1) == [(pid, {"READY": "1"})]


def test_the_address_fits_whatever_the_state_path() -> None:
    for length in range(1, 130):
        address = notify_address(Path("/" + "é" * length), "digest")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            error = probe.connect_ex("\0" + address[1:] if address.startswith("@") else address)
        assert error in (errno.ENOENT, errno.ECONNREFUSED)


@in_loop
async def test_an_address_that_cannot_be_bound_leaves_no_file_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    opened = NotifySocket(str(tmp_path / "missing" / "notify.sock"), Heard())
    with pytest.raises(OSError, match="No such file"):
        opened.open(asyncio.get_running_loop())
    opened.close()
    assert len(os.listdir("/proc/self/fd")) == before


@in_loop
async def test_nothing_is_heard_after_it_was_closed(tmp_path: Path) -> None:
    heard = Heard()
    opened = NotifySocket(str(tmp_path / "notify.sock"), heard)
    opened.open(asyncio.get_running_loop())
    send_from_here(opened.address, b"READY=1")
    opened.close()
    opened.close()
    await asyncio.sleep(0)
    assert heard.messages == []


@in_loop
async def test_a_listener_that_closes_while_it_listens(tmp_path: Path) -> None:
    seen: list[int] = []

    def close(pid: int, _: dict[str, str]) -> None:
        seen.append(pid)
        opened.close()
        closed.set()

    closed = asyncio.Event()
    opened = NotifySocket(str(tmp_path / "notify.sock"), close)
    opened.open(asyncio.get_running_loop())
    for _ in range(3):
        send_from_here(opened.address, b"READY=1")
    async with asyncio.timeout(WAIT_S):
        await closed.wait()
    assert seen == [os.getpid()]


@pytest.mark.parametrize(
    ("message", "assignments"),
    [
        (b"READY=1", {"READY": "1"}),
        (b"READY=1\nSTATUS=a=b\n", {"READY": "1", "STATUS": "a=b"}),
        (b"no assignment\nREADY=1", {"READY": "1"}),
        (b"EMPTY=", {"EMPTY": ""}),
        (b"A=1\nA=2", {"A": "2"}),
        ("STATUS=one\u2028READY=1".encode(), {"STATUS": "one\u2028READY=1"}),
    ],
)
def test_assignments_are_lines(message: bytes, assignments: dict[str, str]) -> None:
    assert parse(message) == assignments


@given(st.binary(max_size=200))
def test_any_bytes_can_be_parsed(message: bytes) -> None:
    assert all(isinstance(name, str) and "=" not in name for name in parse(message))
