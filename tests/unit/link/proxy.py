"""Between the link and the server: cuts, stalls, half-opens, duplicates, delays, and answers in the server's place."""

import asyncio
import contextlib
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Literal

from .brain import accept_no_more

Fault = Literal[
    "refuse", "cut_before", "cut_after", "stall", "delay", "duplicate", "500", "500_after", "401", "429", "cut_live",
    "half_open_live",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = Fault.__args__  # type: ignore[attr-defined]  # a Literal has them
Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_CANNED = {"500": {}, "500_after": {}, "401": {"error": "no such token"}, "429": {"retry_after": 0.05}}


class Proxy:
    """Two ports on the loop that opens it. `faults`: each is for one of the next requests or for the WebSocket."""

    def __init__(self, rest_port: int, live_port: int, delay_s: float = 0.1) -> None:
        self._rest, self._live, self._delay_s = rest_port, live_port, delay_s
        self.faults: deque[Fault] = deque()
        self.done: Counter[str] = Counter()
        self.sent_twice = 0
        """Messages that it gave to the server twice."""
        self.port = self.live_port = 0
        self._servers: list[asyncio.Server] = []
        self._pipes: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def __aenter__(self) -> "Proxy":
        rest = await asyncio.start_server(self._kept(self._ask), "127.0.0.1", 0)
        live = await asyncio.start_server(self._kept(self._through), "127.0.0.1", 0)
        self._servers = [rest, live]
        self.port, self.live_port = (server.sockets[0].getsockname()[1] for server in self._servers)
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            await accept_no_more(server.sockets)
            server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    def cut_live(self) -> None:
        for writer in tuple(self._pipes):
            writer.transport.abort()

    def half_open_live(self) -> None:
        """Bytes of the WebSocket go nowhere from now on, and nobody is told; new connections pass."""
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    def _kept(self, handle: Handle) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        """No coroutine: one that is cancelled before its first step would close nothing."""

        async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await handle(reader, writer)

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(handled(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: writer.close())

        return accepted

    def _next(self) -> Fault | None:
        while self.faults:
            fault = self.faults.popleft()
            self.done[fault] += 1
            if fault == "cut_live":
                self.cut_live()
            elif fault == "half_open_live":
                self.half_open_live()
            else:
                return fault
        return None

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._next()
        if fault == "refuse":
            return
        request = await _request(reader)
        if fault == "stall":
            await asyncio.sleep(3600)
        if fault == "delay":
            await asyncio.sleep(self._delay_s)
        answer = b""
        if fault in (None, "delay", "cut_after", "500_after", "duplicate"):
            answer = await self._asked(request)
        if fault == "duplicate":
            self.sent_twice += b"/message/send " in request.partition(b"\r\n")[0]
            answer = await self._asked(request)
        if fault in ("cut_before", "cut_after"):
            return
        if fault in ("500", "500_after", "401", "429"):
            answer = _answer(int(fault[:3]), {"success": False, **_CANNED[fault]})
        writer.write(answer)
        await writer.drain()

    async def _asked(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._rest)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._live)
        self._pipes |= {writer, up_writer}
        flowing = self._flowing
        try:
            ways = (_copy(reader, up_writer, flowing), _copy(up_reader, writer, flowing))
            tasks = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._pipes -= {up_writer}
            up_writer.transport.abort()
            writer.transport.abort()
            self._pipes -= {writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
    while data := await reader.read(65536):
        await flowing.wait()
        writer.write(data)
        await writer.drain()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
    )
    return head + await reader.readexactly(length)


def _answer(status: int, body: dict[str, object]) -> bytes:
    content = json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content
