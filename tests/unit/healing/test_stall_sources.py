"""What is seen of process trees and sockets, and of commands that are asked; everything real."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aurora_desktop.core.settings.schema_healing import ProgressProbe
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.stalls.command import OwnRuns
from aurora_desktop.healing.stalls.progress import answer
from aurora_desktop.healing.stalls.rule import Token
from aurora_desktop.healing.stalls.sockets import Traffic
from aurora_desktop.healing.stalls.trees import TreeMeter
from aurora_desktop.supervisor.exits import owned
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.tree import Identity, Tree

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
RUN = OwnRuns(lambda _: {"PATH": os.environ["PATH"]})


def tree_of(pid: int, marker: str = "m") -> Tree:
    info = process_table().read(pid)
    assert info is not None
    return Tree(process_table(), marker, Identity(pid, info.started))


def lives(pid: int) -> bool:
    info = process_table().read(pid)
    return info is not None and not info.is_zombie


@linux
def test_cpu_of_a_tree_only_grows_and_begins_anew_with_another_process() -> None:
    meter = TreeMeter(process_table())
    burn = (
        "import time; input(); end = time.process_time() + 0.2\nwhile time.process_time() < end: pass\nprint(); input()"
    )
    with subprocess.Popen([sys.executable, "-ISsc", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        tree = tree_of(child.pid)
        assert meter.cpu_s({"web": tree}, meter.snapshot()) == {"web": 0.0}
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.stdout.readline()  # it has used its fifth of a second
        grown = meter.cpu_s({"web": tree}, meter.snapshot())["web"]
        assert grown > 0.0
        other = tree_of(child.pid, marker="other")
        assert meter.cpu_s({"web": other}, meter.snapshot()) == {"web": grown}
        child.communicate(b"\n")
    assert meter.cpu_s({"web": tree}, meter.snapshot())["web"] == grown
    assert meter.cpu_s({}, meter.snapshot()) == {}


@linux
def test_bytes_over_an_open_connection_are_seen_and_those_of_others_are_not() -> None:
    def token(pid: int) -> Token:
        found = Traffic().of([pid])
        if found is None:
            pytest.skip("this kernel has no sock_diag")
        return found

    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as accepted,
        subprocess.Popen([sys.executable, "-ISsc", "input()"], stdin=subprocess.PIPE) as other,
    ):
        before = token(os.getpid())
        assert token(os.getpid()) == before
        client.sendall(b"x" * 100)
        accepted.recv(100)
        assert token(os.getpid()) != before
        assert token(other.pid) == ()
        other.communicate(b"\n")


def test_a_kernel_that_tells_nothing_is_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.healing.stalls.sockets._connections", lambda: None)
    assert Traffic().of([os.getpid()]) is None


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    async def story() -> None:
        before = set(owned)
        ran = await RUN(["sh", "-c", "echo begun; sleep 600 & echo $! > pid; wait"], tmp_path, 0.5, None)
        assert (ran.code, ran.output) == (None, "begun\n")
        sleeper = int((tmp_path / "pid").read_text())
        async with asyncio.timeout(10.0):
            while owned != before or lives(sleeper):  # noqa: ASYNC110 - the end of a stranger's child is no event here
                await asyncio.sleep(0.01)

    asyncio.run(story())


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize("command", ["exit 3", "sleep 60"])
def test_a_progress_command_that_fails_or_hangs_gives_no_answer(tmp_path: Path, command: str) -> None:
    probe = ProgressProbe(command=Command(["sh", "-c", command]), timeout_sec=0.3)
    assert asyncio.run(answer(probe, tmp_path, None, RUN)) is None


def test_a_progress_command_that_is_not_there_gives_no_answer(tmp_path: Path) -> None:
    probe = ProgressProbe(command=Command([str(tmp_path / "none")]))
    assert asyncio.run(answer(probe, tmp_path, None, RUN)) is None


@contextmanager
def answering(*replies: bytes) -> Iterator[str]:
    """An HTTP server that gives each reply once; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for reply in replies:
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/progress"
        thread.join(10.0)


def test_an_http_answer_differs_when_the_progress_does_and_an_error_is_none(tmp_path: Path) -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    with answering(ok + b"10", ok + b"10", ok + b"11", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n") as url:
        found = [asyncio.run(answer(ProgressProbe(http=url), tmp_path, None, RUN)) for _ in range(4)]
    assert found[0] is not None
    assert found[0] == found[1]
    assert found[2] not in (None, found[1])
    assert found[3] is None
