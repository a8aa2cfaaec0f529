"""Sight of an X11 desktop: screens, windows, clipboard, over the backend's connection."""

from collections.abc import Sequence

from aurora_desktop.input.backends.protocol import Area, Around, Offer, ScreenLayout
from aurora_desktop.input.messages import Window

from .clipboard import KeeperOffer
from .connection import Connection
from .screens import Screens
from .windows import Windows

_TERMINALS = (
    "xterm", "uxterm", "urxvt", "rxvt", "st", "alacritty", "kitty", "konsole", "gnome-terminal", "terminator",
    "xfce4-terminal", "tilix", "lxterminal", "mate-terminal", "foot", "wezterm", "ghostty",
)  # fmt: skip
_PRIMARY_ONLY = ("xterm", "uxterm", "urxvt", "rxvt", "st")


class X11Desktop:
    """Every call may raise DisplayLostError."""

    def __init__(self, connection: Connection) -> None:
        self._x = connection
        self._screens, self._windows = Screens(connection), Windows(connection)

    def layout(self) -> ScreenLayout:
        return self._screens.layout()

    def has_changed(self) -> bool:
        return self._screens.has_changed()

    def window_at(self, x: int, y: int) -> Window | None:
        return self._windows.at(x, y)

    def windows_at(self, places: Sequence[tuple[int, int]]) -> tuple[Window | None, ...]:
        return self._windows.at_each(places)

    def windows(self) -> tuple[Window, ...]:
        return self._windows.all()

    def focused(self) -> Window | None:
        return self._windows.focused()

    def area(self, window: int) -> Area | None:
        return self._windows.area(window)

    def is_focused(self, window: int, around: Around) -> bool:
        return self._windows.client_of_focus(around.focus) == window

    def offer(self, text: str, window: Window | None, *, secret: bool) -> Offer:
        """Raises CannotError."""
        selections = ("PRIMARY", "CLIPBOARD") if _pastes_primary(window) else ("CLIPBOARD",)
        return KeeperOffer(text, selections, window.id if window else 0, secret=secret)

    def paste_keys(self, window: Window | None) -> str:
        """Terminals give ctrl+v to the program in them; the old ones paste the primary selection alone."""
        if _pastes_primary(window):
            return "shift+Insert"
        name = window.window_class.lower() if window else ""
        return "ctrl+shift+v" if name.startswith(_TERMINALS) else "ctrl+v"

    def close(self) -> None:
        self._x.close()


def _pastes_primary(window: Window | None) -> bool:
    return window is not None and window.window_class.lower() in _PRIMARY_ONLY
