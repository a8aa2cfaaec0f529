"""The stop drill: for a while the hotkey proves itself instead of stopping."""

from collections.abc import Callable

from aurora_desktop.safety.guard.loop import Loop, Timer
from aurora_desktop.safety.messages import DRILL_S

ECHO_S = 0.5
"""After a proof: how long the other detector may take to tell of the same press."""


class StopDrill:
    """`on_proven` is told once of each drill in which the hotkey was pressed; a drill ends by itself."""

    def __init__(self, loop: Loop, on_proven: Callable[[], None]) -> None:
        self._loop, self._on_proven = loop, on_proven
        self._end: Timer | None = None
        self._is_proven = False

    @property
    def is_on(self) -> bool:
        return self._end is not None

    def begin(self) -> None:
        """Or begin anew."""
        self.end()
        self._end = self._loop.call_later(DRILL_S, self.end)
        self._is_proven = False

    def end(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def prove(self) -> None:
        """The hotkey was pressed."""
        if self._end is None or self._is_proven:
            return
        self._is_proven = True
        self._on_proven()
        self._end.cancel()
        self._end = self._loop.call_later(ECHO_S, self.end)
