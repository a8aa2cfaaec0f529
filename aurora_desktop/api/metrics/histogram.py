"""A histogram of plain numbers."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts observations by upper bounds (ascending, the last one is infinite); knows their sum, and the highest."""

    def __init__(self, *bounds: float) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> Sequence[tuple[str, int]]:
        """Pairs of bound and how many are not above it, as Prometheus has them."""
        so_far, found = 0, []
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            so_far += count
            found.append((bound, so_far))
        return found

    def copy(self) -> "Histogram":
        other = Histogram(*self._bounds)
        other._counts, other.total = self._counts.copy(), self.total
        return other
