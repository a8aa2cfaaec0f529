"""What is measured of a service in passing: how long its probes take to answer, and it to start. Bounded, and cheap."""

from bisect import bisect_left
from collections import deque

from msgspec import Struct

from aurora_desktop.core.events import ProbeKind

STARTS_KEPT = 30
BOUNDS_S = tuple(0.001 * 1.25**step for step in range(60))
"""Upper bounds of the histogram, from 1 ms to about 9 minutes: exact to a quarter, which is enough for a time-out."""


class Latencies(Struct):
    """The checks of one probe: a histogram of the answers that came in time, and how many checks came to nothing."""

    counts: list[int]
    timed_out: int = 0
    failed: int = 0

    @classmethod
    def empty(cls) -> "Latencies":
        return cls([0] * (len(BOUNDS_S) + 1))

    @property
    def answered(self) -> int:
        return sum(self.counts)

    @property
    def checks(self) -> int:
        return self.answered + self.timed_out + self.failed

    def quantile_s(self, share: float) -> float:
        """So many of the answers came within this time; 0.0 without any."""
        wanted, seen = share * self.answered, 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                return BOUNDS_S[min(bucket, len(BOUNDS_S) - 1)]
        return 0.0


class Measures:
    """Of one service, since Aurora runs or its definition changed; written by the loop's thread alone."""

    def __init__(self) -> None:
        self.probes: dict[ProbeKind, Latencies] = {}
        self.starts_s: deque[float] = deque(maxlen=STARTS_KEPT)
        """From spawn to being up, newest last; of what has a signal of readiness alone."""

    def answered(self, kind: ProbeKind, took_s: float) -> None:
        self._of(kind).counts[bisect_left(BOUNDS_S, took_s)] += 1

    def went_wrong(self, kind: ProbeKind, *, timed_out: bool) -> None:
        latencies = self._of(kind)
        if timed_out:
            latencies.timed_out += 1
        else:
            latencies.failed += 1

    def started(self, took_s: float) -> None:
        self.starts_s.append(took_s)

    def _of(self, kind: ProbeKind) -> Latencies:
        found = self.probes.get(kind)
        if found is None:
            found = self.probes[kind] = Latencies.empty()
        return found
