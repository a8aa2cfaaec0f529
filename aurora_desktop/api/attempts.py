"""How many wrong tokens are answered one by one. A pure rule: a bucket that fills again with time."""

BURST = 60
PER_S = 5.0


class FailureLimit:
    """Asked after a failure alone: the right token never waits, for it may be the one that stops everything.

    A token has 256 random bits, so that the limit keeps a loop of wrong ones from being work for us, not from success.
    """

    def __init__(self, burst: int = BURST, per_s: float = PER_S) -> None:
        self._burst = float(burst)
        self._per_s = per_s
        self._left = self._burst
        self._at: float | None = None

    def admits(self, now: float) -> bool:
        """Whether this failure is within the limit; `now` on any clock that never goes back, in seconds."""
        passed_s = 0.0 if self._at is None else now - self._at
        self._at = now
        self._left = min(self._burst, self._left + passed_s * self._per_s)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
