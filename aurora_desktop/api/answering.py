"""How a route is made of a function that takes a request and returns a value."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aurora_desktop.api import shapes
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.problems import encode
from aurora_desktop.api.query import Query

Answer = Callable[[Request], Awaitable[object]]
T = TypeVar("T")


class Reply(NamedTuple):
    """A value that is answered with another status than 200."""

    status: int
    value: object


def get(path: str, answer: Answer) -> Route:
    return Route(path, _as_endpoint(answer), methods=["GET"])


def post(path: str, answer: Answer) -> Route:
    return Route(path, _as_endpoint(answer), methods=["POST"])


def _as_endpoint(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        value = await answer(request)
        status, value = value if isinstance(value, Reply) else Reply(200, value)
        return Response(encode(value), status, media_type="application/json")

    return endpoint


async def body(request: Request, shape: type[shapes.B]) -> shapes.B:
    """The body of a request that takes no query. Raises ProblemError."""
    Query(request)
    return shapes.parse(await request.body(), shape)


async def within(work: Coroutine[Any, Any, T], feed: EventFeed, timeout_s: float) -> "asyncio.Task[T]":
    """`work` as a task that is done; cancelled when the time was over or the door closed first."""
    working = asyncio.ensure_future(work)
    closing = asyncio.ensure_future(feed.closed())
    await asyncio.wait({working, closing}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for task in (working, closing):
        task.cancel()
    await asyncio.gather(working, closing, return_exceptions=True)
    return working
