"""Main's end of the workers' socket, over a real one: who is let in, and what nonsense does."""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervisor.yard import WAIT_S, in_loop

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.tasks import link as link_module
from aurora_desktop.tasks.address import token_file, workers_address, workers_token
from aurora_desktop.tasks.link import WorkerLink
from aurora_desktop.tasks.messages import Acknowledge, Beat, Ended, FromWorker, Hello

TOKEN = "t" * 43


class Heard:
    def __init__(self) -> None:
        self.hellos: list[Hello] = []
        self.messages: list[tuple[str, FromWorker]] = []
        self.gone: list[str] = []
        self._news = asyncio.Event()

    def hello(self, hello: Hello) -> None:
        self.hellos.append(hello)
        self._news.set()

    def message(self, worker: str, message: FromWorker) -> None:
        self.messages.append((worker, message))
        self._news.set()

    def lost(self, worker: str) -> None:
        self.gone.append(worker)
        self._news.set()

    async def news(self) -> None:
        await asyncio.wait_for(self._news.wait(), WAIT_S)
        self._news.clear()


@asynccontextmanager
async def listening(address: str) -> AsyncIterator[tuple[WorkerLink, Heard]]:
    heard = Heard()
    link = WorkerLink(
        address,
        TOKEN,
        knows=lambda name: name.startswith("coder-"),
        on_hello=heard.hello,
        on_message=heard.message,
        on_gone=heard.lost,
    )
    link.open()
    try:
        yield link, heard
    finally:
        link.close()


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, *messages: FromWorker | bytes) -> None:
        for message in messages:
            self.writer.write(message if isinstance(message, bytes) else msgspec.json.encode(message) + b"\n")

    async def line(self) -> bytes:
        """What main says next; b"" once it has cut the connection."""
        try:
            return await asyncio.wait_for(self.reader.readline(), WAIT_S)
        except ConnectionError:
            return b""


@asynccontextmanager
async def calling(address: str) -> AsyncIterator[Caller]:
    path = "\0" + address[1:] if address.startswith("@") else address
    if address.startswith(("/", "@")):
        reader, writer = await asyncio.open_unix_connection(path)
    else:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def hello(worker: str = "coder-1", token: str = TOKEN) -> Hello:
    return Hello(worker=worker, pid=1, token=token)


def test_without_a_file_descriptor_it_is_not_asked_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[socket.socket] = []

    def full(listener: socket.socket) -> None:
        asked.append(listener)
        raise OSError(errno.EMFILE, "Too many open files")

    @in_loop
    async def check() -> None:
        monkeypatch.setattr(link_module, "PAUSE_S", 0.05)
        address = str(tmp_path / "w.sock")
        async with listening(address) as (_, heard):
            with monkeypatch.context() as patch:
                patch.setattr(socket.socket, "accept", full)
                async with calling(address) as worker:
                    worker.say(hello())
                    for _ in range(20):
                        await asyncio.sleep(0)
                    assert len(asked) == 1
                    patch.undo()
                    await heard.news()
                    assert heard.hellos == [hello()]

    check()


@in_loop
async def test_a_worker_is_let_in_heard_and_told(tmp_path: Path) -> None:
    address = str(tmp_path / "w.sock")
    async with listening(address) as (link, heard), calling(address) as worker:
        assert stat.S_IMODE(os.stat(address).st_mode) == 0o600
        worker.say(hello(), Beat("task_1"))
        while not heard.messages:
            await heard.news()
        assert heard.hellos == [hello()]
        assert heard.messages == [("coder-1", Beat("task_1"))]
        assert link.is_connected("coder-1")
        assert link.send("coder-1", Acknowledge("task_1", 1))
        assert msgspec.json.decode(await worker.line()) == {"type": "acknowledge", "task_id": "task_1", "attempt": 1}
        assert not link.send("coder-2", Acknowledge("task_1", 1))


@pytest.mark.parametrize("other", [hello(token="x" * 43), hello(token="ü"), hello("nobody-1"), Beat("task_1")])
def test_a_stranger_is_turned_away(tmp_path: Path, other: FromWorker) -> None:
    @in_loop
    async def check() -> None:
        address = str(tmp_path / "w.sock")
        async with listening(address) as (link, heard), calling(address) as stranger:
            stranger.say(other)
            assert await stranger.line() == b""
            assert not heard.hellos
            assert not heard.messages
            assert not link.is_connected("nobody-1")

    check()


@in_loop
async def test_a_worker_that_comes_back_has_its_newest_connection(tmp_path: Path) -> None:
    address = str(tmp_path / "w.sock")
    async with listening(address) as (link, heard), calling(address) as first, calling(address) as second:
        first.say(hello())
        await heard.news()
        second.say(hello())
        assert await first.line() == b""
        assert link.is_connected("coder-1")
        assert not heard.gone
        link.send("coder-1", Acknowledge("task_1", 1))
        assert b"task_1" in await second.line()


@in_loop
async def test_its_last_words_count_although_it_has_gone(tmp_path: Path) -> None:
    address = str(tmp_path / "w.sock")
    ended = Ended(task_id="task_1", attempt=1, ending="completed", result="x" * 500_000)
    async with listening(address) as (_, heard):
        async with calling(address) as worker:
            worker.say(hello(), ended)
            await worker.writer.drain()
        while not heard.gone:
            await heard.news()
        assert heard.messages == [("coder-1", ended)]


@in_loop
async def test_lines_of_nonsense_keep_nobody_from_what_is_not(tmp_path: Path) -> None:
    address = str(tmp_path / "w.sock")
    nonsense = [b"\n", b"{}\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"type":"beat","task_id":7}\n', b"\0\0\n"]
    async with listening(address) as (_, heard), calling(address) as worker:
        worker.say(hello(), *nonsense, Beat("task_1"))
        while not heard.messages:
            await heard.news()
        assert heard.messages == [("coder-1", Beat("task_1"))]


@in_loop
async def test_a_stranger_who_never_ends_its_line_is_cut_off(tmp_path: Path) -> None:
    address = str(tmp_path / "w.sock")
    async with listening(address) as (_, heard), calling(address) as stranger:
        stranger.say(b"x" * 100_000)
        assert await stranger.line() == b""
        assert not heard.hellos


@in_loop
async def test_a_worker_whose_line_is_too_long_is_cut_off(tmp_path: Path) -> None:
    address = str(tmp_path / "w.sock")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_module, "LONGEST_LINE", 1_000_000)
        async with listening(address) as (_, heard), calling(address) as worker:
            worker.say(hello(), b"x" * 3_000_000)
            while not heard.gone:
                await heard.news()
            assert await worker.line() == b""


@in_loop
async def test_a_worker_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    address = str(tmp_path / "w.sock")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_module, "MOST_WAITING", 1_000_000)
        async with listening(address) as (link, heard), calling(address) as worker:
            worker.say(hello())
            await heard.news()
            worker.reader._transport.pause_reading()  # type: ignore[attr-defined] # the one way to stop a stream's reader
            sent = 0
            while link.send("coder-1", Acknowledge("x" * 100_000, 1)):
                sent += 1
                assert sent < 1000, "it is never cut off"
            assert heard.gone == ["coder-1"]


@in_loop
async def test_a_flood_of_lines_leaves_others_their_turns(tmp_path: Path) -> None:
    address = str(tmp_path / "w.sock")
    async with listening(address) as (_, heard), calling(address) as flood, calling(address) as other:
        flood.say(hello("coder-1"))
        await heard.news()
        flood.say(*([Beat("task_1")] * 5000))
        other.say(hello("coder-2"), Beat("task_2"))
        while len(heard.messages) < 5001:
            await heard.news()
        assert heard.messages.index(("coder-2", Beat("task_2"))) < 5000


@settings(max_examples=15)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_whatever_harm_the_listener(tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]) -> None:
    @in_loop
    async def check() -> None:
        address = str(tmp_path_factory.mktemp("link") / "w.sock")
        async with listening(address) as (_, heard):
            async with calling(address) as stranger:
                stranger.say(*chunks)
                with contextlib.suppress(OSError):
                    await stranger.writer.drain()
            async with calling(address) as worker:
                worker.say(hello())
                await heard.news()
                assert heard.hellos == [hello()]

    check()


@in_loop
async def test_a_long_path_and_loopback_work_alike(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for address in (workers_address(StatePaths(deep)), f"127.0.0.1:{port}"):
        async with listening(address) as (_, heard), calling(address) as worker:
            worker.say(hello())
            await heard.news()
            assert heard.hellos == [hello()]


@in_loop
async def test_an_address_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuroraError, match="Workers cannot reach Aurora"):
        async with listening(str(tmp_path / "nowhere" / "w.sock")):
            raise AssertionError("it listens where no folder is")


def test_the_address_is_absolute_and_the_same_again(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path)
    assert workers_address(paths) == workers_address(paths) == str(tmp_path / "workers.sock")


def test_the_token_is_kept_and_a_file_that_others_can_read_is_not_trusted(tmp_path: Path) -> None:
    path = token_file(StatePaths(tmp_path))
    token = workers_token(path)
    assert workers_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert workers_token(path) != token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a file, not a folder")
    with pytest.raises(AuroraError, match="token of the workers"):
        workers_token(token_file(StatePaths(tmp_path)))
