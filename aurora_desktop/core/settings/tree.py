"""The text of a settings file as a tree that knows where each part stands; YAML and JSON both come to this."""

import bisect
import re
from collections.abc import Mapping as AnyMapping

from msgspec import Struct


class Spot(Struct, frozen=True, kw_only=True):
    """A stretch of the text: `line` and `column` count from 1 (0: not from a text), `start` and `end` from 0."""

    line: int = 0
    column: int = 0
    start: int = 0
    end: int = 0


class Lines:
    """Finds the line and column of a character of the text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]

    def spot(self, start: int, end: int | None = None) -> Spot:
        """The stretch from `start` up to `end` (default: empty)."""
        line = bisect.bisect_right(self._starts, start)
        column = start - self._starts[line - 1] + 1
        return Spot(line=line, column=column, start=start, end=start if end is None else end)


class Scalar(Spot, frozen=True, kw_only=True):
    """A single value, and `text`, the characters that it was written with."""

    value: str | int | float | bool | None
    text: str


class Sequence(Spot, frozen=True, kw_only=True):
    """A list; `flow` if written in brackets."""

    items: "tuple[Tree, ...]" = ()
    flow: bool = False


class Entry(Struct, frozen=True):
    key: Scalar
    value: "Tree"


class Mapping(Spot, frozen=True, kw_only=True):
    """Keys and values; `flow` if written in braces."""

    entries: dict[str, Entry] = {}
    flow: bool = False


class Unreadable(Spot, frozen=True, kw_only=True):
    """A part that was refused already: nothing more is to be said of it."""


Tree = Scalar | Sequence | Mapping | Unreadable


def is_nothing(tree: Tree | None) -> bool:
    """Whether there is no value: a key with nothing after it, or `null`."""
    return tree is None or (isinstance(tree, Scalar) and tree.value is None)


def plain(tree: Tree) -> object:
    """The plain Python value of a tree."""
    match tree:
        case Scalar():
            return tree.value
        case Sequence():
            return [plain(item) for item in tree.items]
        case Mapping():
            return {key: plain(entry.value) for key, entry in tree.entries.items()}
        case Unreadable():
            return None


def tree_of(value: object) -> Tree:
    """The tree of a plain Python value, without places. Raises TypeError for what a file cannot hold."""
    if value is None or isinstance(value, bool | int | float | str):
        return Scalar(value=value, text=_text_of(value))
    if isinstance(value, list | tuple):
        return Sequence(items=tuple(tree_of(item) for item in value), flow=True)
    if isinstance(value, AnyMapping):
        return Mapping(entries={str(k): Entry(Scalar(value=str(k), text=str(k)), tree_of(v)) for k, v in value.items()})
    raise TypeError(f"{type(value).__name__} cannot be written to a settings file")


def _text_of(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
