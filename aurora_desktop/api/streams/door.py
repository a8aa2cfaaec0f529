"""The two addresses of the stream: `/v1/events/stream` (server-sent events) and `/v1/events/ws` (WebSocket)."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from aurora_desktop.api.answering import get
from aurora_desktop.api.event_filter import EventFilter, event_filter
from aurora_desktop.api.problems import MEDIA_TYPE, ProblemError, encode_problem, problem_of
from aurora_desktop.api.query import MAX_INTEGER, Offset, parse_query
from aurora_desktop.api.streams.hub import Hub
from aurora_desktop.api.streams.pieces import EVENT_STREAM, as_error, as_frames, as_message, first_frame
from aurora_desktop.api.streams.reader import pieces
from aurora_desktop.core.errors import AuroraError

# Close codes: against the rules; Aurora stops or begins anew (as uvicorn has it); a fault of ours.
AGAINST_THE_RULES = 1008
STOPPING = 1012
FAULT = 1011
MAX_REASON_BYTES = 123
MAX_DIGITS = len(str(MAX_INTEGER))


class StreamQuery(Struct, frozen=True):
    """`component`, `type`: several with commas between, also beginnings as `service:*`."""

    since: Offset | None = None
    component: str = ""
    type: str = ""


class StreamDoor:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> list[BaseRoute]:
        return [
            get("/v1/events/stream", self.stream, media_type=EventStream.media_type),
            get("/v1/events/ws", self.without_upgrade, statuses=(426,), media_type=MEDIA_TYPE),
            WebSocketRoute("/v1/events/ws", self.websocket),
        ]

    async def stream(self, request: Request, query: StreamQuery) -> Response:
        """Server-sent events behind `Last-Event-ID`, else behind `since`, else from now on."""
        since = _last_event_id(request)
        wanted = event_filter(query.component, query.type)
        return EventStream(self._hub, wanted, query.since if since is None else since)

    async def without_upgrade(self, query: StreamQuery) -> Response:
        """The same events as a WebSocket; without an upgrade it only says so."""
        del query
        raise ProblemError(426, "This address speaks WebSocket", "", "Connect to it as ws://, or ask /v1/events/stream")

    async def websocket(self, socket: WebSocket) -> None:
        try:
            query = parse_query(socket, StreamQuery)
            wanted, since = event_filter(query.component, query.type), query.since
            with self._hub.joined() as my_turn_s:
                await _converse(socket, self._hub, wanted, since, my_turn_s)
        except ProblemError as problem:
            body = encode_problem(problem)
            await socket.send_denial_response(Response(body, problem.status, media_type=MEDIA_TYPE))


class EventStream(Response):
    """An answer that goes on until its reader leaves or the door closes."""

    media_type = EVENT_STREAM

    def __init__(self, hub: Hub, wanted: EventFilter, since: int | None) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._hub = hub
        self._wanted = wanted
        self._since = since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await Response(headers=dict(self.headers))(scope, receive, send)
            return
        with self._hub.joined() as my_turn_s:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _first_of(self._send_all(send, my_turn_s), _left(receive))

    async def _send_all(self, send: Send, my_turn_s: float) -> None:
        async def tell(frames: bytes) -> None:
            await send({"type": "http.response.body", "body": frames, "more_body": True})

        begin = self._hub.last_id if self._since is None else self._since
        try:
            await tell(first_frame(min(begin, self._hub.last_id)))
            async for sent in pieces(self._hub, self._wanted, begin, my_turn_s):
                await tell(as_frames(sent))
        except AuroraError as error:
            await tell(as_error(problem_of(error)))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Return once the reader has gone; it has nothing to say."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _converse(socket: WebSocket, hub: Hub, wanted: EventFilter, since: int | None, my_turn_s: float) -> None:
    await socket.accept()
    code, reason = STOPPING, ""

    async def tell() -> None:
        nonlocal code, reason
        try:
            async for sent in pieces(hub, wanted, since, my_turn_s):
                await socket.send_text(as_message(sent))
        except AuroraError as error:
            code, reason = FAULT, str(error)

    async def listen() -> None:
        nonlocal code, reason
        if (await socket.receive())["type"] != "websocket.disconnect":
            code, reason = AGAINST_THE_RULES, "nothing is read here: filters stand in the address"

    try:
        await _first_of(tell(), listen())
        await socket.close(code, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))
    except (WebSocketDisconnect, RuntimeError):
        """It has gone already. RuntimeError: uvicorn closed it by itself, as after a ping that nobody answered."""


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Until one of them is over; the others are cancelled, and what failed is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _last_event_id(request: Request) -> int | None:
    """Raises ProblemError 400 for what was never the id of an event of ours."""
    text = request.headers.get("last-event-id", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text) <= MAX_INTEGER):
        raise ProblemError(400, "`Last-Event-ID` is not an id of an event", "", "Send back the `id` that came last")
    return int(text)
