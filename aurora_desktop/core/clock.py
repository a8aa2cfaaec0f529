"""Time, passed in rather than looked up, and the record of how long our own loop stood still."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings in seconds: `monotonic` for intervals, `wall` (Unix time) for records alone."""

    def monotonic(self) -> float: ...

    def wall(self) -> float: ...


class SystemClock:
    """The machine's clocks. On Linux `monotonic` stands still while the machine is suspended."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class StallMeter:
    """Adds up the seconds in which our own loop could not run, so that no child is blamed for them.

    `beat()` is called every `interval_s`. A beat that comes late by more than `tolerance_s` is a stall;
    `total_s()` counts a stall in progress too, so a timer that fires first after one already sees it; from any thread.
    """

    def __init__(self, clock: Clock, interval_s: float = 0.5, tolerance_s: float = 0.2) -> None:
        self._clock = clock
        self.interval_s = interval_s
        self.tolerance_s = tolerance_s
        # Both in one value: a thread that asks in the middle of a beat must not count a stall twice, or not at all.
        self._so_far = clock.monotonic(), 0.0

    def beat(self) -> float:
        """Record a beat; returns the seconds of stall since the previous one (0.0 if it came in time)."""
        last_beat, total_s = self._so_far
        now = self._clock.monotonic()
        stall_s = self._stall_s(last_beat, now)
        self._so_far = now, total_s + stall_s
        return stall_s

    def total_s(self) -> float:
        """Seconds stalled since the meter was made, monotonically growing between beats that are on time."""
        last_beat, total_s = self._so_far
        return total_s + self._stall_s(last_beat, self._clock.monotonic())

    def _stall_s(self, last_beat: float, now: float) -> float:
        late_s = now - last_beat - self.interval_s
        return late_s if late_s > self.tolerance_s else 0.0
