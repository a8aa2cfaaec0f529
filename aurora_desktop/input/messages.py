"""What main and the input worker say to each other: one JSON object per line on a socket that only they have."""

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
    0 is not compared, NOBODY must have stayed so. `pictures`: take a screenshot before and after. `linger_s`: wait this
    long before the first event, so that the place can be shown.
    """

    id: int
    action: Action
    windows: tuple[int, ...] = ()
    focus: int = 0
    pictures: bool = False
    linger_s: float = 0.0


class Cancel(_ToWorker, frozen=True):
    """Stop the action `id` between two events."""

    id: int


class Picture(_ToWorker, frozen=True):
    """A screenshot for the operator's eyes (the question of the mode `ask`): answered by `Pictured`."""

    id: int
    x: int
    y: int
    width: int
    height: int


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
    id: int
    windows: tuple[Window | None, ...]
    focus: Window | None
    pointer: tuple[int, int]


class Checked(_FromWorker, frozen=True):
    """`problem` in words, or ""."""

    id: int
    problem: str = ""


class Began(_FromWorker, frozen=True):
    id: int


class Finished(_FromWorker, frozen=True):
    """How it ended. `result`: what the action gave back; `before`, `after`: files of pictures."""

    id: int
    outcome: Outcome
    events: int
    duration_s: float
    reason: str = ""
    human_active: bool = False
    result: dict[str, Any] | None = None
    before: str = ""
    after: str = ""


class Pictured(_FromWorker, frozen=True):
    id: int
    path: str
    reason: str = ""


FromWorker = Up | Screen | Failed | Seen | Checked | Began | Finished | Pictured
