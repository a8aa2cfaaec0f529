"""What the guard needs of a display: to see the operator's own input and the pointer, and to release what is held."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from aurora_desktop.safety.guard.presses import RawInput
from aurora_desktop.safety.hotkey import Hotkey


class Health(NamedTuple):
    """Whether the hotkey can be relied on, why not, what to do about it, and the keyboards it can be pressed on."""

    listening: bool
    detail: str = ""
    hint: str = ""
    keyboards: tuple[str, ...] = ()


def deaf(detail: str, hint: str = "", keyboards: tuple[str, ...] = ()) -> Health:
    """The hotkey cannot be relied on, for this reason."""
    return Health(listening=False, detail=detail, hint=hint, keyboards=keyboards)


class Sight(Protocol):
    """Who is told of what is seen."""

    def saw_input(self, event: RawInput) -> None: ...

    def saw_hotkey(self, *, physical: bool) -> None:
        """The whole combination was pressed."""
        ...

    def saw_pointer(self, *, in_corner: bool) -> None: ...

    def display_up(self) -> None: ...

    def display_lost(self, why: str) -> None: ...


class Eyes(Protocol):
    """One display, or none. Nothing here waits: answers come to callbacks, or never when the display hangs."""

    @property
    def kind(self) -> str:
        """How it watches: `x11`, `pynput`, `none`."""
        ...

    @property
    def tells_physical(self) -> bool:
        """Whether physical input can be told from synthetic."""
        ...

    def open(self) -> None:
        """Begin; `Sight.display_up` or `Sight.display_lost` follows, again and again."""
        ...

    def watch_for(self, hotkey: Hotkey) -> None: ...

    def set_armed(self, *, armed: bool) -> None:
        """While armed the agent's own events are not listened to, and the operator's movements are."""
        ...

    def set_suspicious(self, *, suspicious: bool) -> None:
        """While suspicious synthetic input is listened to in any case, movements too."""
        ...

    def check(self, done: Callable[[Health], None]) -> None:
        """Is the stop channel in order? Asks the display anew."""
        ...

    def look_at_pointer(self) -> None:
        """Ask where the pointer is, unless an answer is still outstanding; `Sight.saw_pointer` is told."""
        ...

    def release(self, remapped: tuple[int, ...], done: Callable[[int], None]) -> None:
        """Release what synthetic devices hold, empty the keycodes; `done` gets the number of what was held."""
        ...


class NoEyes:
    """Where no display can be watched: there is nothing to see and nothing to release."""

    tells_physical = False

    def __init__(self, kind: str, why: str, hint: str) -> None:
        self.kind = kind
        self._health = Health(kind != "none", why, hint)

    def open(self) -> None:
        """There is nothing to open."""

    def watch_for(self, hotkey: Hotkey) -> None:
        """Nothing is watched here."""

    def set_armed(self, *, armed: bool) -> None:
        """Nothing is watched here."""

    def set_suspicious(self, *, suspicious: bool) -> None:
        """Nothing is watched here."""

    def check(self, done: Callable[[Health], None]) -> None:
        done(self._health)

    def look_at_pointer(self) -> None:
        """There is no pointer that could be asked for."""

    def release(self, remapped: tuple[int, ...], done: Callable[[int], None]) -> None:  # noqa: ARG002 - of the protocol
        """The worker releases by itself; `done` is told of nothing."""
        done(0)
