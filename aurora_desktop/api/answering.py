"""How an address is made of a function: what it takes and what it answers is read off the function's signature.

    get("/v1/services/{name}/log", self.log)

    async def log(self, name: str, query: LogQuery) -> LogReply: ...

A parameter is a name in the path, or `query` (a struct with one field for each name behind the `?`), `body` (a struct),
or `request`, for what is none of these. The returned type and the docstring are what `/openapi.json` tells.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from hashlib import blake2b
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aurora_desktop.api import shapes
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.problems import encode
from aurora_desktop.api.query import Query, parse_query

Answer = Callable[..., Awaitable[object]]
Method = Literal["GET", "POST"]
T = TypeVar("T")

JSON = "application/json"
QUICKLY_READ_BYTES = 64 * 1024
"""A longer body is parsed in a thread: the loop keeps the brake's lease meanwhile."""


class Reply(NamedTuple, Generic[T]):
    """A value that is answered with another status than 200, or with headers of its own."""

    status: int
    value: T
    headers: dict[str, str] | None = None


class Signature(NamedTuple):
    """What a function takes, by name, and what it answers."""

    takes: tuple[str, ...]
    query: type[Struct] | None
    body: Any
    reply: Any


class Operation(Route):
    """One address with one method, and all that is told of it.

    `statuses`: of its good answers; `refusals`: of problems besides those that every address has. `body`: the type of
    what the function reads from the request by itself (or not at all), several where it may be any of them; without it,
    and without a parameter `body` or `request`, a POST takes an empty body alone. `media_type`: of a `Response` that it
    makes itself. `creates`: it takes an `Idempotency-Key`. `tagged`: with an `ETag`, for answers that seldom change.
    """

    def __init__(
        self,
        method: Method,
        path: str,
        answer: Answer,
        *,
        statuses: tuple[int, ...] = (200,),
        refusals: tuple[int, ...] = (),
        body: Any = None,
        media_type: str = JSON,
        creates: bool = False,
        tagged: bool = False,
    ) -> None:
        self.method = method
        self.signature = _signature(answer)
        self.parsed = self.signature.body
        if method == "POST" and body is None and "request" not in self.signature.takes and self.parsed is None:
            self.parsed = shapes.Body
        self.signature = self.signature._replace(body=body or self.parsed)
        self.statuses = statuses
        self.refusals = refusals
        self.media_type = media_type
        self.creates = creates
        self.tagged = tagged
        self.told = (answer.__doc__ or "").strip()
        super().__init__(path, _endpoint(answer, self), methods=[method], name=answer.__name__)


def get(path: str, answer: Answer, **told: Any) -> Operation:
    return Operation("GET", path, answer, **told)


def post(path: str, answer: Answer, **told: Any) -> Operation:
    return Operation("POST", path, answer, **told)


def _signature(answer: Answer) -> Signature:
    types = get_type_hints(answer, include_extras=True)
    reply = types.pop("return", object)
    if get_origin(reply) is Reply:
        (reply,) = get_args(reply)
    return Signature(tuple(types), types.get("query"), types.get("body"), reply)


def _endpoint(answer: Answer, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        value = await answer(**await _given(request, operation))
        if isinstance(value, Response):
            return value
        reply = value if isinstance(value, Reply) else Reply(200, value)
        return _response(request, reply, tagged=operation.tagged)

    return endpoint


async def _given(request: Request, operation: Operation) -> dict[str, object]:
    """What the function takes, by name. Raises ProblemError."""
    takes, query = operation.signature.takes, operation.signature.query
    given: dict[str, object] = {name: request.path_params[name] for name in takes if name in request.path_params}
    if "request" in takes:
        given["request"] = request
    if query is not None:
        given["query"] = parse_query(request, query)
    elif "request" not in takes:
        Query(request)
    if operation.parsed is not None:
        given["body"] = await _parsed(await request.body(), operation.parsed)
    return {name: given[name] for name in takes}


async def _parsed(raw: bytes, shape: type[shapes.B]) -> shapes.B:
    if len(raw) <= QUICKLY_READ_BYTES:
        return shapes.parse(raw, shape)
    return await asyncio.to_thread(shapes.parse, raw, shape)


def _response(request: Request, reply: Reply[object], *, tagged: bool) -> Response:
    content = encode(reply.value)
    headers = dict(reply.headers or {})
    if tagged:
        headers["ETag"] = tag = etag(content)
        if is_known(request, tag):
            return Response(status_code=304, headers=headers)
    return Response(content, reply.status, headers, JSON)


def etag(content: bytes) -> str:
    return f'"{blake2b(content, digest_size=16).hexdigest()}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has this answer already, by its `If-None-Match`."""
    known = [given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(",")]
    return tag in known or known == ["*"]


async def while_present(request: Request, work: Coroutine[Any, Any, T], feed: EventFeed) -> "asyncio.Task[T]":
    """`work` as a task that is done; cancelled when whoever asked is gone, or the door closed first.

    For a request whose body was read.
    """
    return await _done_before(work, (feed.closed(), _left(request)), None)


async def _left(request: Request) -> None:
    """Once the other side has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def within(work: Coroutine[Any, Any, T], feed: EventFeed, timeout_s: float) -> "asyncio.Task[T]":
    """`work` as a task that is done; cancelled when the time was over or the door closed first."""
    return await _done_before(work, (feed.closed(),), timeout_s)


async def _done_before(
    work: Coroutine[Any, Any, T], ends: Iterable[Coroutine[Any, Any, object]], timeout_s: float | None
) -> "asyncio.Task[T]":
    """The work as a task that is done; cancelled when one of the `ends` came first, or this itself is cancelled."""
    working = asyncio.ensure_future(work)
    tasks: list[asyncio.Task[Any]] = [working, *map(asyncio.ensure_future, ends)]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return working
