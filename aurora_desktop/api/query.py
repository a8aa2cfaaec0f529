"""The part of an address behind the `?`: known names only, each once, each within its bounds."""

import math
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import HTTPConnection

from aurora_desktop.api.problems import ProblemError

MAX_INTEGER = 2**53
MAX_WAIT_S = 60.0

Wait = Annotated[float, Meta(ge=0, le=MAX_WAIT_S, description="Seconds to wait for news")]
Offset = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]

Q = TypeVar("Q", bound=Struct)


class WaitQuery(Struct, frozen=True):
    wait_s: Wait = 0.0


class _Field(NamedTuple):
    name: str
    kind: Any
    is_text: bool


def parse_query(request: HTTPConnection, shape: type[Q]) -> Q:
    """The query as `shape`, whose fields are texts and numbers; an empty text counts as none. Raises ProblemError."""
    fields = _fields(shape)
    Query(request, *fields)
    given = [(fields[name], name, text) for name, text in request.query_params.items()]
    return shape(
        **{field.name: _value(name, text, field.kind) for field, name, text in given if text or not field.is_text}
    )


@cache
def _fields(shape: type[Struct]) -> dict[str, _Field]:
    """By the names that stand in the address."""
    return {
        field.encode_name: _Field(field.name, field.type, msgspec.json.schema(field.type).get("type") == "string")
        for field in msgspec.structs.fields(shape)
    }


def _value(name: str, text: str, kind: Any) -> object:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ProblemError(400, "The query is not right", f"`{name}`: {error}") from None


class Query:
    """Raises ProblemError 400 for a name that is not among `known`, is given twice, or has a value out of bounds."""

    def __init__(self, request: HTTPConnection, *known: str) -> None:
        pairs = request.query_params.multi_items()
        self._values = dict(pairs)
        unknown = [name for name in self._values if name not in known]
        if unknown or len(pairs) > len(self._values):
            what = f"`{unknown[0]}` is not known here" if unknown else "a name is given twice"
            raise ProblemError(400, "The query is not right", what, f"Known here: {', '.join(known) or 'none'}")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        return self._values.get(name) or None

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        number = self.number(name, default, low, high)
        if not number.is_integer():
            raise _wrong(name, low, high)
        return int(number)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        if name not in self._values:
            return float(default)
        try:
            number = float(self._values[name])
        except ValueError:
            raise _wrong(name, low, high) from None
        if not math.isfinite(number) or not low <= number <= high:
            raise _wrong(name, low, high)
        return number


def _wrong(name: str, low: float, high: float) -> ProblemError:
    return ProblemError(400, "The query is not right", f"`{name}` must be a number from {low:g} to {high:g}")
