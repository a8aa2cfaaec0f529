"""Long lists in parts: `limit` at a time, and the header `Link` (RFC 8288) leads to the rest."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from msgspec import Meta, Struct
from starlette.requests import Request

from aurora_desktop.api.answering import Reply
from aurora_desktop.api.problems import ProblemError

MAX_PAGE = 1000

T = TypeVar("T")


class PageQuery(Struct, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = MAX_PAGE
    cursor: Annotated[str, Meta(description="Where to go on, from the header `Link` of the page before")] = ""


def page(request: Request, items: Sequence[T], key: Callable[[T], str], query: PageQuery) -> Reply[list[T]]:
    """The `limit` items behind the one whose key is the cursor. Raises ProblemError when that is not there any more."""
    start = _behind(query.cursor, [key(item) for item in items]) if query.cursor else 0
    shown = list(items[start : start + query.limit])
    has_more = start + len(shown) < len(items)
    return Reply(200, shown, next_page(request, key(shown[-1]) if shown and has_more else None))


def next_page(request: Request, cursor: object | None) -> dict[str, str] | None:
    """The header that leads on; None at the end."""
    if cursor is None:
        return None
    rest = urlencode({**request.query_params, "cursor": str(cursor)})
    return {"Link": f'<{request.url.path}?{rest}>; rel="next"'}


def _behind(cursor: str, keys: Sequence[str]) -> int:
    if cursor not in keys:
        raise ProblemError(400, "The cursor leads nowhere", "the list has changed", "Begin anew without `cursor`")
    return keys.index(cursor) + 1
