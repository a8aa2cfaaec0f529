"""How long an attempt may take and may be silent: a sum of the time that counts, whoever reads the clock."""

from typing import Literal, NamedTuple


class Pause(NamedTuple):
    """What does not count now. `waits`: for the operator, or held. `works`: a tool runs, like a long build, or the
    provider is asked again: that is no silence, but it takes of the total."""

    waits: bool = False
    works: bool = False


class Expired(NamedTuple):
    """Which time is over, and that in words."""

    limit: Literal["total", "silence"]
    words: str


class Deadlines:
    """All in seconds. `quiet_s` is how long nothing was heard, `spent_s` how long it has worked."""

    def __init__(self, timeout_s: float, silence_s: float) -> None:
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self.spent_s = 0.0
        self.quiet_s = 0.0

    def advance(self, elapsed_s: float, pause: Pause) -> None:
        """So much time has passed in which we ourselves could run."""
        if not pause.waits:
            self.spent_s += elapsed_s
            if not pause.works:
                self.quiet_s += elapsed_s

    def heard(self) -> None:
        self.quiet_s = 0.0

    def left_s(self, pause: Pause) -> float | None:
        """Until one of them is over, if nothing is heard; None while none counts."""
        if pause.waits:
            return None
        total = self._timeout_s - self.spent_s
        return max(0.0, total if pause.works else min(total, self._silence_s - self.quiet_s))

    def expired(self) -> Expired | None:
        """The total comes before the silence."""
        if self.spent_s >= self._timeout_s:
            return Expired("total", f"it took longer than its {self._timeout_s:g} s")
        if self.quiet_s >= self._silence_s:
            return Expired("silence", f"it said nothing for {self._silence_s:g} s")
        return None
