"""The samples of one quantity over days, in bounded memory: each minute for three hours, each ten minutes before."""

from array import array
from collections.abc import Sequence

from aurora_desktop.healing.machine.prediction import HOUR_S, Point

FINE_S = 3 * HOUR_S
COARSE_S = 600.0
KEPT_S = 3 * 24 * HOUR_S
_SLACK = 64
"""Points that are let go of together: cheaper than one by one."""


class Series:
    """Appended to in order of time; of each ten minutes the lowest sample is kept beyond the last three hours."""

    def __init__(self) -> None:
        self._fine_at, self._fine = array("d"), array("d")
        self._coarse_at, self._coarse = array("d"), array("d")

    def __len__(self) -> int:
        return len(self._fine) + len(self._coarse)

    @property
    def last(self) -> float | None:
        return self._fine[-1] if self._fine else (self._coarse[-1] if self._coarse else None)

    def add(self, at: float, value: float) -> None:
        """`at` in seconds, on a clock that does not jump."""
        self._fine_at.append(at)
        self._fine.append(value)
        self._add_coarse(at, value)
        _let_go(self._fine_at, self._fine, at - FINE_S)
        _let_go(self._coarse_at, self._coarse, at - KEPT_S)

    def points(self) -> list[Point]:
        """Oldest first: the coarse ones up to where the fine ones begin."""
        begin = self._fine_at[0] if self._fine_at else float("inf")
        coarse = [pair for pair in zip(self._coarse_at, self._coarse, strict=True) if pair[0] < begin]
        return coarse + list(zip(self._fine_at, self._fine, strict=True))

    def kept(self) -> list[Point]:
        """What is worth keeping over a restart."""
        return list(zip(self._coarse_at, self._coarse, strict=True))

    def restore(self, points: Sequence[Point]) -> None:
        """Before the first `add`: what was kept."""
        self._coarse_at.extend(at for at, _ in points)
        self._coarse.extend(value for _, value in points)

    def _add_coarse(self, at: float, value: float) -> None:
        """The lowest of each span of COARSE_S stands for it, at the time at which the span began."""
        if not self._coarse_at or at - self._coarse_at[-1] >= COARSE_S:
            self._coarse_at.append(at)
            self._coarse.append(value)
        elif value < self._coarse[-1]:
            self._coarse[-1] = value


def _let_go(times: "array[float]", values: "array[float]", before: float) -> None:
    if len(times) > _SLACK and times[_SLACK - 1] < before:
        del times[:_SLACK], values[:_SLACK]
