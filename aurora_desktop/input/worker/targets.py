"""Is the window under each place, and the one with the keyboard, still the one that it was decided for?"""

from aurora_desktop.input.actions import Action, HoldKey, Key, Paste, Type
from aurora_desktop.input.backends.protocol import Around, Desktop, ScreenLayout
from aurora_desktop.input.messages import NOBODY, Do, Window
from aurora_desktop.input.places import places

from .brake import BrokenError, RefusedError
from .hand import CORNER_REASON, is_corner

_BY_KEYBOARD = (Key, HoldKey, Type, Paste)


class Targets:
    """Of one action. Calls raise RefusedError, DisplayLostError."""

    def __init__(self, do: Do, desktop: Desktop) -> None:
        self._do, self._desktop = do, desktop
        self._focus = do.focus if isinstance(do.action, _BY_KEYBOARD) else 0

    def examine(self, around: Around) -> None:
        """Compare all of them."""
        compared = [
            (place, window)
            for place, window in zip(places(self._do.action, around.pointer), self._do.windows, strict=False)
            if window
        ]
        found = self._desktop.windows_at([place for place, _ in compared])
        for (place, window), there in zip(compared, found, strict=True):
            self._compare(place, window, there)
        self.guard_focus(around)

    def guard_focus(self, around: Around) -> None:
        """Compare the window with the keyboard."""
        expected = 0 if self._focus == NOBODY else self._focus
        if self._focus and not self._desktop.is_focused(expected, around):
            raise RefusedError("the keyboard is with another window now")

    @staticmethod
    def _compare(place: tuple[int, int], window: int, found: Window | None) -> None:
        if (found.id if found is not None else NOBODY) != window:
            raise RefusedError(f"another window is at {place[0]}, {place[1]} now")


def place_problem(action: Action, layout: ScreenLayout, *, corners: bool) -> None:
    """Raises BrokenError for a place that is off the screen or, with `corners`, would stop everything."""
    for place in places(action):
        if not any(d.x <= place[0] < d.x + d.width and d.y <= place[1] < d.y + d.height for d in layout.displays):
            raise BrokenError(f"{place[0]}, {place[1]} is on no display")
        if corners and is_corner(place, layout):
            raise BrokenError(f"{CORNER_REASON}: {place[0]}, {place[1]} would stop everything")
