"""The second detector on standby: up while it is needed, and a little longer, since a second press may still come."""

from collections.abc import Callable

from aurora_desktop.safety.guard.arming import Arming
from aurora_desktop.safety.guard.detector import SecondDetector
from aurora_desktop.safety.guard.eyes import Eyes
from aurora_desktop.safety.guard.loop import Loop, Timer
from aurora_desktop.safety.hotkey import Hotkey
from aurora_desktop.safety.messages import SECOND_PRESS_S


class Standby:
    """Keeps arming told whether it is up. `on_lost`: for good, with the reason; `on_change`: after each change."""

    def __init__(
        self,
        loop: Loop,
        eyes: Eyes,
        arming: Arming,
        hotkey: Hotkey,
        on_hotkey: Callable[[], None],
        on_lost: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._loop, self._eyes, self._arming, self._hotkey = loop, eyes, arming, hotkey
        self._on_lost, self._on_change = on_lost, on_change
        self._detector = SecondDetector(loop, on_hotkey, self._changed)
        self._end: Timer | None = None

    @property
    def is_up(self) -> bool:
        return self._detector.is_up

    def watch_for(self, hotkey: Hotkey) -> None:
        self._hotkey = hotkey
        if self._is_wanted():
            self._detector.start(hotkey)

    def expect_arming(self) -> None:
        """What takes long to start begins now."""
        if self._arming.needs_second:
            self._detector.start(self._hotkey)
            self._linger(SECOND_PRESS_S * 4)

    def arming_changed(self) -> None:
        """It begins to be needed, or is not any more."""
        if self._is_wanted():
            self._detector.start(self._hotkey)
            self._arming.second_is_up = self.is_up
        else:
            self._linger(SECOND_PRESS_S)

    def stop(self) -> None:
        self._detector.stop()

    def _is_wanted(self) -> bool:
        return self._eyes.kind == "pynput" or (self._arming.needs_second and self._arming.is_under_way)

    def _linger(self, seconds: float) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = self._loop.call_later(seconds, self._stop_unless_wanted)

    def _stop_unless_wanted(self) -> None:
        if not self._is_wanted():
            self._detector.stop()
            self._arming.second_is_up = False
            self._on_change()

    def _changed(self, problem: str) -> None:
        self._arming.second_is_up = self.is_up
        if problem and self._detector.is_lost:
            self._on_lost(problem)
        self._on_change()
        self._arming.advance()
