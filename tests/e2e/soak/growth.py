"""Does a figure grow? Judged by its slope, within each life of the program, after a warm-up."""

import statistics
from collections.abc import Sequence
from itertools import combinations, groupby
from typing import Literal, NamedTuple

HOUR_S = 3600.0
SHORTEST_S = 1200.0
"""A life that is judged for less than this says nothing about an hour."""

Verdict = Literal["steady", "grows", "too short"]


class Point(NamedTuple):
    """One sample: `life` is counted up by each start, `age_s` is the time since then."""

    life: int
    age_s: float
    value: float


class Growth(NamedTuple):
    """`per_hour` is None where there are no two samples of one life."""

    per_hour: float | None
    verdict: Verdict


def growth(points: Sequence[Point], most_per_hour: float, warm_up_s: float) -> Growth:
    """The median of the slopes between all pairs of one life (Theil and Sen): single peaks do not move it."""
    settled = [point for point in points if point.age_s >= warm_up_s]
    lives = [list(life) for _, life in groupby(settled, key=_life)]
    slopes = [slope for life in lives for slope in _slopes(life)]
    per_hour = statistics.median(slopes) if slopes else None
    if per_hour is None or all(life[-1].age_s - life[0].age_s < SHORTEST_S for life in lives):
        return Growth(per_hour, "too short")
    return Growth(per_hour, "grows" if per_hour > most_per_hour else "steady")


def _life(point: Point) -> int:
    return point.life


def _slopes(life: Sequence[Point]) -> list[float]:
    return [
        (later.value - earlier.value) / (later.age_s - earlier.age_s) * HOUR_S
        for earlier, later in combinations(life, 2)
        if later.age_s > earlier.age_s
    ]
