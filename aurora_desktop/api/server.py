"""uvicorn as a guest in a loop that is not its own: no signals, no timers while idle, no access log."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from aurora_desktop.api.problems import MEDIA_TYPE, ProblemError, encode_problem
from aurora_desktop.api.security import COMMON_HEADERS, App
from aurora_desktop.api.taking import TakesInTime

MAX_HEAD_BYTES = 16 * 1024
HEAD_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 256
# asyncio takes as many in one turn of the loop, in which the brake's lease has to be kept too; the others wait in the
# kernel, which would let them try again after a second if it had no room.
ACCEPTED_PER_TURN = 32
QUEUED_CONNECTIONS = 1024
# Waiting readers are woken first, so this is met only by a client that does not take its answer.
CLOSE_TIMEOUT_S = 2
UPGRADED = frozenset({"/v1/events/ws"})
# Readers of events have nothing to say.
MAX_WEBSOCKET_MESSAGE_BYTES = 4096


def _websocket(**given: Any) -> asyncio.Protocol:
    """The protocol of a connection that is upgraded; loaded with the first one."""
    from aurora_desktop.api.websocket_protocol import WebSocketProtocol

    return WebSocketProtocol(**given)


class _Protocol(TakesInTime, H11Protocol):
    """uvicorn waits for ever for the head of a request; here a connection that sends none in time is closed.

    It also refuses everybody while too many are connected; here the one that was idle for longest makes room, so that
    nobody can shut out a stop by connecting and saying nothing.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._watch_head()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_timer()

    def _should_upgrade(self) -> bool:
        """Everywhere else an upgrade is not listened to: the request is answered as any other."""
        return super()._should_upgrade() and self.scope["path"] in UPGRADED

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP, or has too long a head, is told in the form of every other problem."""
        problem = ProblemError(400, "This is not a request that can be read", msg, "Send HTTP/1.1 with a short head")
        content = encode_problem(problem)
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
            *COMMON_HEADERS,
        ]
        answer = h11.Response(status_code=problem.status, headers=headers, reason=b"Bad Request")
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):  # else another answer is under way
            for event in (answer, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _make_room(self) -> None:
        there = [each for each in self.connections if isinstance(each, _Protocol) and not each.transport.is_closing()]
        if len(there) > MAX_CONNECTIONS:
            idle = [each for each in there if each is not self and each._is_idle]
            min(idle, key=lambda each: each._idle_since, default=self).transport.abort()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Server(uvicorn.Server):
    """Serves `app` on bound sockets from `open` until `close`."""

    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                lifespan="off",
                http=_Protocol,
                ws=_websocket,  # type: ignore[arg-type]  # called as the class would be, which is not to be loaded yet
                ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                interface="asgi3",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                backlog=ACCEPTED_PER_TURN,
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
                timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
            )
        )
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self, listeners: Sequence[socket.socket]) -> None:
        """Return once connections are taken on all of these; none is no fault, for `add` may follow."""
        self._task = asyncio.create_task(self.serve(sockets=list(listeners)), name="local api")
        opened = asyncio.create_task(self._opened.wait())
        await asyncio.wait({self._task, opened}, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if self._task.done():
            self._task.result()
        for listener in listeners:
            listener.listen(QUEUED_CONNECTIONS)

    async def add(self, listener: socket.socket) -> None:
        """Take connections on one more bound socket, which is closed with the others."""
        loop = asyncio.get_running_loop()
        added = await loop.create_server(self._protocol, sock=listener, backlog=ACCEPTED_PER_TURN, start_serving=False)
        self.servers.append(added)
        await added.start_serving()
        listener.listen(QUEUED_CONNECTIONS)

    def _protocol(self) -> _Protocol:
        """As uvicorn makes it for the sockets that it begins with."""
        return _Protocol(self.config, self.server_state, self.lifespan.state)

    async def close(self) -> None:
        """Take no more connections and finish the answers under way."""
        self._closing.set()
        if self._task is not None:
            await self._task

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The program has signal handlers of its own."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._opened.set()

    async def main_loop(self) -> None:
        """uvicorn's own wakes ten times a second to look at flags that are not used here."""
        await self._closing.wait()
