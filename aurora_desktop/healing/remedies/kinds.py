"""Kinds of faults, declared as data: what one looks like, what it is called, and what to do where no remedy helps."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from msgspec import Struct

LONGEST_LINE = 4096
"""Characters of a line that are looked at."""
MOST_LINES = 50
"""The newest lines of a sighting that are looked at."""


class FaultKind(Struct, frozen=True, kw_only=True, dict=True):
    """One kind of fault; `name` as in `Fault.kind` (`port_conflict`), `title` for people (`Port already in use`).

    `patterns` are regular expressions (`re` of the standard library), each searched in the message of a sighting and
    in each of its last lines, cut at LONGEST_LINE characters; the first that matches decides, and among lines the
    newest. Start a pattern with `(?i)` where case does not matter. Its named groups become the facts of the fault.
    A kind without patterns matches by the three conditions alone.

    `more` are patterns for facts that stand in other lines than the one that matched, as the file and line of a
    traceback: of each the nearest match counts, the lines after that line before those above it.

    `hints`: lower-case words of which a text must hold one before the patterns are searched in it at all, which is a
    hundred times quicker; empty: they are searched in every text.

    `events`, `failures` and `exit_codes` say where the kind applies at all: types of events (`service_failed`), kinds
    of failures (`memory`, `exit`, ...) and exit codes; empty: any. The kind with the highest `priority` that matches
    wins, among equals the one declared first.

    `sentence` and `next_step` are filled with the facts, and with `service` (or the component, where it is none) and
    `message`: `{service}: port {port} is already in use`. What was not found is left out or named, by `wording`.
    """

    name: str
    title: str
    sentence: str
    next_step: str
    patterns: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    events: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()
    exit_codes: frozenset[int] = frozenset()
    priority: int = 0

    @cached_property
    def compiled(self) -> tuple[re.Pattern[str], ...]:
        """Made at first use: most programs never fail, and those that do need not wait for it at the start."""
        return tuple(re.compile(pattern) for pattern in self.patterns)

    @cached_property
    def compiled_more(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern) for pattern in self.more)


class KindRegistry:
    """All kinds that faults may be recognised as, the likeliest first. Raises ValueError for a name twice."""

    def __init__(self, kinds: Iterable[FaultKind]) -> None:
        ordered = sorted(kinds, key=lambda kind: -kind.priority)
        self._kinds = {kind.name: kind for kind in ordered}
        if len(self._kinds) != len(ordered):
            raise ValueError("two kinds of faults have the same name")

    def __iter__(self) -> Iterator[FaultKind]:
        return iter(self._kinds.values())

    def get(self, name: str) -> FaultKind | None:
        return self._kinds.get(name)
