"""What the input worker needs of a platform: single events, exact text, and sight of screens, windows, clipboard."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from aurora_desktop.input.messages import Window
from aurora_desktop.input.view import Display

LEFT, MIDDLE, RIGHT, WHEEL_UP, WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT = range(1, 8)


class CannotError(Exception):
    """The request cannot be fulfilled here, in words; nothing was sent for it."""


class DisplayLostError(Exception):
    """The display is gone, or refused an event: what was sent last may or may not have arrived."""


class Key(NamedTuple):
    """A key as the platform numbers it (0 to 255), and its name."""

    code: int
    name: str


class Stroke(NamedTuple):
    """One character: `key` while exactly `modifiers` are held."""

    modifiers: tuple[Key, ...]
    key: Key


class Area(NamedTuple):
    """A rectangle in desktop pixels."""

    x: int
    y: int
    width: int
    height: int


class Around(NamedTuple):
    """The display between two events: the pointer, the window with the keyboard (0: unknown), and what hinders typing.

    `modifiers_of_others`: names of modifiers that somebody else holds or latched, or ""; `keyboard` grows whenever
    the meaning of keys changes, so that a stroke worked out before is not used.
    """

    pointer: tuple[int, int]
    focus: int = 0
    modifiers_of_others: str = ""
    keyboard: int = 0


class ScreenLayout(NamedTuple):
    """All displays, and the size of the desktop that they span (pixels)."""

    displays: tuple[Display, ...]
    width: int
    height: int


class InputBackend(Protocol):
    """Single events and text. Every call may raise DisplayLostError."""

    name: str

    def begin_action(self) -> None:
        """Look at the keyboard anew."""
        ...

    def around(self, held: frozenset[int]) -> Around:
        """How the display stands now, while we hold the key codes `held`."""
        ...

    def move(self, x: int, y: int) -> tuple[int, int]:
        """Where the pointer is afterwards."""
        ...

    def button(self, number: int, *, down: bool) -> None:
        """Press or release; pressing one of the wheel's (4 to 7) turns it by a notch."""
        ...

    def key(self, key: Key, *, down: bool) -> None: ...

    def chord_problem(self, keys: str) -> str:
        """Why these keys cannot be pressed, with the near-miss, or ""."""
        ...

    def chord(self, keys: str) -> tuple[Key, ...]:
        """The keys of `ctrl+shift+t`, in the order of pressing. Raises CannotError."""
        ...

    def text_problem(self, text: str) -> str:
        """Why this text cannot be typed exactly, with the characters named, or ""."""
        ...

    def is_ready_for(self, character: str) -> bool:
        """Whether it can be typed now; False while the focused window may still read the characters before it.

        Raises CannotError.
        """
        ...

    def stroke(self, character: str) -> Stroke:
        """How to type it now; only after `is_ready_for`. Raises CannotError."""
        ...

    def is_text_read(self) -> bool:
        """Whether all that was typed has been read, as far as can be known, so that `end_text` harms nothing.

        Raises CannotError.
        """
        ...

    def end_text(self) -> None:
        """Undo what was done to the keyboard map."""
        ...


class Offer(Protocol):
    """Text on its way through the clipboard."""

    def is_ready(self) -> bool:
        """Whether the clipboard holds the text. Raises CannotError."""
        ...

    def is_taken(self) -> bool:
        """Whether somebody has read it."""
        ...

    def restore(self) -> None:
        """Put back what was there before; also called when the paste was broken off."""
        ...


class Desktop(Protocol):
    """Sight of the desktop. Every call may raise DisplayLostError."""

    def layout(self) -> ScreenLayout: ...

    def has_changed(self) -> bool:
        """Whether displays came, went or changed since it was asked last; cheap."""
        ...

    def window_at(self, x: int, y: int) -> Window | None: ...

    def windows_at(self, places: Sequence[tuple[int, int]]) -> tuple[Window | None, ...]:
        """The window under each of many places, as they lie in this moment: each window is looked at once."""
        ...

    def windows(self) -> tuple[Window, ...]:
        """Those that a person can bring to the front, the front one first. Raises CannotError."""
        ...

    def focused(self) -> Window | None: ...

    def area(self, window: int) -> Area | None:
        """Where a window lies; None where that is not known."""
        ...

    def is_focused(self, window: int, around: Around) -> bool:
        """Whether `window` (its `Window.id`; 0 for none) is the one that has the keyboard."""
        ...

    def offer(self, text: str, window: Window | None, *, secret: bool) -> Offer:
        """Begin to put a text on the clipboard, to be pasted into this window. Raises CannotError."""
        ...

    def paste_keys(self, window: Window | None) -> str:
        """Which keys paste the clipboard into this window."""
        ...

    def close(self) -> None: ...
