"""Sight of the desktop on Windows and macOS: displays by mss, windows by user32, text by the clipboard."""

import importlib
import sys
import time
from collections.abc import Sequence
from typing import Any

from aurora_desktop.input.messages import Window
from aurora_desktop.input.view import Display

from .protocol import Area, Around, CannotError, DisplayLostError, Offer, ScreenLayout

_LOOK_AGAIN_S = 1.0
_TAKEN_AFTER_S = 0.5  # who reads the clipboard is not told here


class PortableDesktop:
    """On macOS windows cannot be told without more permissions: they are None."""

    def __init__(self) -> None:
        self._seen, self._looked_at = self.layout(), time.monotonic()

    def layout(self) -> ScreenLayout:
        """Raises DisplayLostError."""
        import mss
        from mss.exception import ScreenShotError

        try:
            with mss.mss() as screen:
                whole, *monitors = screen.monitors
        except ScreenShotError as error:
            raise DisplayLostError(f"the displays cannot be read: {error}") from error
        displays = tuple(_display(index, monitor) for index, monitor in enumerate(monitors))
        return ScreenLayout(displays, whole["width"], whole["height"])

    def has_changed(self) -> bool:
        if time.monotonic() - self._looked_at < _LOOK_AGAIN_S:
            return False
        self._looked_at, before = time.monotonic(), self._seen
        self._seen = self.layout()
        return self._seen != before

    def window_at(self, x: int, y: int) -> Window | None:
        if sys.platform == "win32":
            from .windows_desktop import window_at

            return window_at(x, y)
        return None

    def windows_at(self, places: Sequence[tuple[int, int]]) -> tuple[Window | None, ...]:
        return tuple(self.window_at(x, y) for x, y in places)

    def windows(self) -> tuple[Window, ...]:
        """Raises CannotError."""
        if sys.platform == "win32":
            from .windows_desktop import windows

            return windows()
        raise CannotError("windows cannot be told on this platform")

    def focused(self) -> Window | None:
        if sys.platform == "win32":
            from .windows_desktop import focused

            return focused()
        return None

    def area(self, window: int) -> Area | None:
        if sys.platform == "win32":
            from .windows_desktop import area

            return area(window)
        return None

    def is_focused(self, window: int, around: Around) -> bool:  # noqa: ARG002 - the protocol's
        found = self.focused()
        return (found.id if found is not None else 0) == window

    def offer(self, text: str, window: Window | None, *, secret: bool) -> Offer:  # noqa: ARG002 - the protocol's
        """Raises CannotError."""
        return PortableOffer(text)

    def paste_keys(self, window: Window | None) -> str:  # noqa: ARG002 - the protocol's
        return "cmd+v" if sys.platform == "darwin" else "ctrl+v"

    def close(self) -> None:
        """Nothing is held open."""


class PortableOffer:
    """Only text is put back afterwards; pictures and files that were on the clipboard are lost."""

    def __init__(self, text: str) -> None:
        """Raises CannotError."""
        try:
            self._clipboard: Any = importlib.import_module("pyperclip")
            self._before: str = self._clipboard.paste()
            self._clipboard.copy(text)
        except Exception as error:  # pyperclip raises what its platform raises
            raise CannotError(f"the clipboard cannot be used: {error}") from error
        self._asked_at = 0.0

    def is_ready(self) -> bool:
        return True

    def is_taken(self) -> bool:
        self._asked_at = self._asked_at or time.monotonic()
        return time.monotonic() - self._asked_at > _TAKEN_AFTER_S

    def restore(self) -> None:
        self._clipboard.copy(self._before)


def _display(index: int, monitor: Any) -> Display:
    return Display(
        id=str(monitor.get("unique_id") or monitor.get("name") or f"display-{index + 1}"),
        x=monitor["left"],
        y=monitor["top"],
        width=monitor["width"],
        height=monitor["height"],
        primary=bool(monitor.get("is_primary", index == 0)),
    )
