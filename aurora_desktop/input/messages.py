"""What main and the input worker say to each other: one JSON object per line on a socket that only they have."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from aurora_desktop.input.actions import Action
from aurora_desktop.input.view import Display, Outcome

NOBODY = -1
"""In `Do`: there was no window."""

PERMIT_ENDED = "the permit was taken back or ran out"
"""All that the worker knows of a stop; main hears the reason from the guard."""


class Window(Struct, frozen=True):
    """A top-level window: X class, title, its process (0 if unknown)."""

    id: int
    window_class: str
    title: str
    pid: int = 0


class _ToWorker(Struct, frozen=True, tag_field="type", tag=str.lower):
    pass


class Setup(_ToWorker, frozen=True):
    """Sent first. `backend`: `auto`, `xtest`, `pyautogui`; `events_per_s`: pace of primitive events."""

    backend: str
    events_per_s: float
    max_hold_s: float
    failsafe_corners: bool
    pictures: str


class Look(_ToWorker, frozen=True):
    """Which windows lie under these places (desktop pixels), and which has the keyboard? Answered by `Seen`."""

    id: int
    places: tuple[tuple[int, int], ...] = ()


class Check(_ToWorker, frozen=True):
    """Can this text be typed, can these keys be pressed, exactly? Answered by `Checked`."""

    id: int
    text: str = ""
    keys: str = ""


class Do(_ToWorker, frozen=True):
    """Perform one action; its points are desktop pixels. Answered by `Began` once checked, and by `Finished`.

    `windows`: the window under each place and `focus`: the one with the keyboard, as they were when it was decided;
    0 is not compared, NOBODY must have stayed so. `linger_s`: wait this long before the first event, so that the place
    can be shown.
    """

    id: int
    action: Action
    windows: tuple[int, ...] = ()
    focus: int = 0
    linger_s: float = 0.0


class Cancel(_ToWorker, frozen=True):
    """Stop the action `id` between two events."""

    id: int


class Picture(_ToWorker, frozen=True):
    """A screenshot for the operator's eyes (the question of the mode `ask`): answered by `Pictured`.

    The rectangle is in desktop pixels; with a `window` it is moved over that window's middle. Without a size it is the
    whole desktop.
    """

    id: int
    x: int
    y: int
    width: int
    height: int
    window: int = 0


ToWorker = Setup | Look | Check | Do | Cancel | Picture


class _FromWorker(Struct, frozen=True, tag_field="type", tag=str.lower):
    pass


class Up(_FromWorker, frozen=True):
    """Ready to act."""

    backend: str
    pid: int


class Screen(_FromWorker, frozen=True):
    """The displays, at first and whenever they change; `number` grows with each change."""

    number: int
    displays: tuple[Display, ...]
    width: int
    height: int


class Failed(_FromWorker, frozen=True):
    """The worker cannot act here at all, and ends."""

    reason: str
    hint: str = ""


class Seen(_FromWorker, frozen=True):
    """`windows`: each that lies under one of the places, told once, None for the bare desktop.

    `under`: for each place, in its order, which of `windows` it is.
    """

    id: int
    windows: tuple[Window | None, ...]
    under: tuple[int, ...]
    focus: Window | None
    pointer: tuple[int, int]

    @classmethod
    def of(
        cls, number: int, at_places: Sequence[Window | None], focus: Window | None, pointer: tuple[int, int]
    ) -> "Seen":
        """Of the window at each place: a path has thousands of places, and few windows."""
        order = {window: index for index, window in enumerate(dict.fromkeys(at_places))}
        return cls(number, tuple(order), tuple(order[window] for window in at_places), focus, pointer)

    def at_places(self) -> tuple[Window | None, ...]:
        """The window under each place."""
        return tuple(self.windows[index] for index in self.under)


class Checked(_FromWorker, frozen=True):
    """`problem` in words, or ""."""

    id: int
    problem: str = ""


class Began(_FromWorker, frozen=True):
    id: int


class Finished(_FromWorker, frozen=True):
    """How it ended. `result`: what the action gave back."""

    id: int
    outcome: Outcome
    events: int
    duration_s: float
    reason: str = ""
    human_active: bool = False
    result: dict[str, Any] | None = None


class Pictured(_FromWorker, frozen=True):
    """`left`, `top`: the desktop pixel of its upper left corner; `path` is "" for none, for the `reason`."""

    id: int
    path: str
    reason: str = ""
    left: int = 0
    top: int = 0


FromWorker = Up | Screen | Failed | Seen | Checked | Began | Finished | Pictured
