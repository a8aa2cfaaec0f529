"""The samples of one quantity over two days, in 8 kB: each minute for three hours, each ten minutes before."""

from array import array

from aurora_desktop.healing.machine.prediction import HOUR_S, Point

FINE_S = 3 * HOUR_S
COARSE_S = 600.0
KEPT_S = 50 * HOUR_S
_SLACK = 64
"""Points that are let go of together: cheaper than one by one."""


class Series:
    """Appended to in order of time; of each ten minutes the lowest sample is kept beyond the last three hours."""

    def __init__(self) -> None:
        # Values in single precision: a part in ten million is more than anybody asks for.
        self._fine_at, self._fine = array("d"), array("f")
        self._coarse_at, self._coarse = array("d"), array("f")

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

    def kept(self) -> tuple[bytes, bytes]:
        """What is worth keeping over a restart: times and values."""
        return self._coarse_at.tobytes(), self._coarse.tobytes()

    def restore(self, kept: tuple[bytes, bytes], later_s: float) -> None:
        """Before the first `add`: what was kept, with `later_s` added to its times. Raises ValueError if it is torn."""
        times, values = array("d", kept[0]), array("f", kept[1])
        if len(times) != len(values):
            raise ValueError("as many times as values are needed")
        self._coarse_at.extend(at + later_s for at in times)
        self._coarse.extend(values)

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
