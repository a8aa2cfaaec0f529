"""Which events a reader wants: by component and by type, several of each, also by how they begin."""

import difflib
import typing
from collections.abc import Iterable

from msgspec import Struct

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.core.event import Event
from aurora_desktop.core.events import AnyEvent

MAX_PATTERNS = 100
EVENT_TYPES = frozenset(kind.event_type() for kind in typing.get_args(AnyEvent))


class Patterns(Struct, frozen=True):
    """Names, and beginnings of names (written `service:*`). None of either: everything matches."""

    names: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()

    def match(self, text: str) -> bool:
        if not (self.names or self.beginnings):
            return True
        return text in self.names or text.startswith(self.beginnings)


class EventFilter(Struct, frozen=True):
    """An event passes that matches both."""

    components: Patterns = Patterns()
    types: Patterns = Patterns()

    def passes(self, event: Event) -> bool:
        return self.components.match(event.component) and self.types.match(event.event_type())

    @property
    def passes_all(self) -> bool:
        return self == EventFilter()

    @property
    def only_component(self) -> str | None:
        """The one component that it can pass, if there is but one: the journal has an index of these."""
        if self.components.beginnings or len(self.components.names) != 1:
            return None
        return next(iter(self.components.names))

    @property
    def is_of_component_alone(self) -> bool:
        """Whether asking the journal for `only_component` leaves nothing to be sorted out."""
        return self.types == Patterns() and (self.passes_all or self.only_component is not None)


def event_filter(components: str, types: str) -> EventFilter:
    """From what an address says, each a list with commas between.

    Raises ProblemError 400 with the near one for a type that no event has.
    """
    wanted = EventFilter(patterns("component", components), patterns("type", types))
    _check_types(wanted.types)
    return wanted


def patterns(name: str, text: str) -> Patterns:
    """`service:web,agent:*` as patterns. Raises ProblemError 400 for too many."""
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    if len(wanted) > MAX_PATTERNS:
        raise ProblemError(400, "The query is not right", f"`{name}` names more than {MAX_PATTERNS}")
    names = frozenset(part for part in wanted if not part.endswith("*"))
    return Patterns(names, tuple(part[:-1] for part in wanted if part.endswith("*")))


def _check_types(types: Patterns) -> None:
    for name in sorted(types.names - EVENT_TYPES):
        raise _unknown(name, difflib.get_close_matches(name, EVENT_TYPES, 1))
    for beginning in types.beginnings:
        if not any(name.startswith(beginning) for name in EVENT_TYPES):
            raise _unknown(f"{beginning}*", ())


def _unknown(name: str, near: Iterable[str]) -> ProblemError:
    hint = "".join(f"Did you mean `{other}`?" for other in near) or "See docs/events.md"
    return ProblemError(400, f"There is no event of the type `{name}`", "", hint)
