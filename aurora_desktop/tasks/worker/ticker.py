"""The time that counts: without that in which we ourselves could not run."""


class Ticker:
    """The seconds between two looks, without those in which we ourselves stood still (frozen, suspended)."""

    TOLERANCE_S = 0.5

    def __init__(self, now: float) -> None:
        self._last = now

    def elapsed_s(self, now: float, waited_s: float) -> float:
        """`waited_s`: the longest that this look had to wait for. A longer gap is a stall, and left out."""
        gap = max(0.0, now - self._last)
        self._last = now
        return gap if gap <= waited_s + self.TOLERANCE_S else min(gap, waited_s)
