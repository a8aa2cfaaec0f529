"""Will it run out? Pure rules over samples, made so that they say nothing rather than something wrong.

A *leak* is a rise that is steady (it neither stops nor slows down), stands out from the noise, and leads where the
series has not been before. The rest of the rules each keep out one kind of innocent series:

- floors: only the lowest sample of each of 24 blocks counts, so that the sawtooth of a garbage collector is flat;
- pieces: each sixth of the window must have its share of the rise, so that a step is none;
- no slowing down: a cache that fills rises, too, but ever more slowly;
- new ground: a daily rhythm rises every morning, to where it was yesterday;
- a short window must show a large rise, a small one needs most of a day, in which a rhythm falls again;
- nothing is foretold further ahead than REACH times what was seen.

The trend is Theil and Sen's (the median of the slopes of all pairs), its significance Mann and Kendall's: neither
minds a few outliers. Rates (errors, restarts) are judged by Laplace's test for a trend in points of time.
"""

import itertools
import math
from collections.abc import Sequence
from statistics import median

from msgspec import Struct

HOUR_S = 3600.0
LONG_S = 20 * HOUR_S
WINDOWS_S = (HOUR_S, 3 * HOUR_S, 8 * HOUR_S, LONG_S, 48 * HOUR_S)
BLOCKS = 24
HOURS = 46
TWO_DAYS_S = HOURS * HOUR_S
PIECES = 6
REACH = 2.0
LARGE_RISE = 0.4
"""Of where it began: what a window shorter than LONG_S must show."""
_COVERED = 0.9
_LEAST_SHARE, _MOST_SHARE = 0.35, 2.2
_LEAST_PACE, _LEAST_PACE_LONG = 0.7, 0.4
_LEAST_LEFT = 0.25
_LEAST_Z = 3.3
_MOST_NOISE = 0.12
_LEAST_EVENTS = 9
_LEAST_LAPLACE = 3.0

Point = tuple[float, float]
"""Seconds on any clock that does not jump, and a value."""


class Forecast(Struct, frozen=True):
    """`in_s` seconds from the last sample the limit is reached; `per_s` is the rise, seen over `seen_s` seconds.

    `confidence` from 0 to 1: how well a straight line fits, less for what lies far ahead of what was seen.
    """

    in_s: float
    per_s: float
    seen_s: float
    level: float
    confidence: float


def forecast(points: Sequence[Point], limit: float, least_rise: float, horizon_s: float) -> Forecast | None:
    """When the series reaches the limit if it goes on like this; None unless that is sure and within the horizon.

    `points` in order of time; `least_rise`: a smaller one over a window is nothing worth telling.
    """
    if len(points) < BLOCKS:
        return None
    for window_s in WINDOWS_S:
        begin = points[-1][0] - window_s
        start = _first_after(points, begin)
        if points[-1][0] - points[start][0] < _COVERED * window_s:
            return None  # and no longer window is covered either
        found = _steady_rise(points, start, limit, least_rise)
        if found is not None and found.in_s <= min(horizon_s, REACH * found.seen_s):
            return found
    found = _day_by_day(points, limit, least_rise)
    return found if found is not None and found.in_s <= min(horizon_s, REACH * found.seen_s) else None


def _day_by_day(points: Sequence[Point], limit: float, least_rise: float) -> Forecast | None:
    """A slow rise under a daily rhythm that is larger: every hour lies as much above the same hour of the day before.

    And each day ends, near enough, by as much above where it began: after a step it does not.
    """
    start = _first_after(points, points[-1][0] - TWO_DAYS_S)
    seen_s = points[-1][0] - points[start][0]
    floors = [value for _, value in _floors(points, start, HOURS)]
    if seen_s < TWO_DAYS_S - HOUR_S or len(floors) < HOURS:
        return None
    rises = [floors[hour + 24] - floors[hour] for hour in range(HOURS - 24)]
    rise = median(rises)
    within_a_day = (median(floors[21:24]) - median(floors[:3]), median(floors[-3:]) - median(floors[24:27]))
    if rise < least_rise or min(rises) < rise / 2 or max(rises) > 1.6 * rise or min(within_a_day) < 0.4 * rise:
        return None
    noise = 1.4826 * median(abs(one - rise) for one in rises) / rise
    per_s, level = rise / (24 * HOUR_S), _top(points, 24 * HOUR_S * BLOCKS / 2)  # the top of a whole day
    in_s = max(0.0, (limit - level) / per_s)
    return Forecast(in_s, per_s, seen_s, level, _confidence(min(noise, _MOST_NOISE), in_s, seen_s))


def goes_on(points: Sequence[Point], before: Forecast, limit: float) -> Forecast | None:
    """What was announced, looked at again: None once the rise has all but ended.

    It asks for less than `forecast` does, so that a rise which wavers is not taken back and announced in turns.
    """
    if not points:
        return None
    start = _first_after(points, points[-1][0] - max(HOUR_S, before.seen_s / 2))
    floors = _floors(points, start)
    slope = _sen_slope(floors)
    if slope < _LEAST_LEFT * before.per_s:
        return None
    level, per_s = _top(points, before.seen_s), (slope + before.per_s) / 2
    return Forecast(max(0.0, (limit - level) / per_s), before.per_s, before.seen_s, level, before.confidence)


def _first_after(points: Sequence[Point], begin: float) -> int:
    low, high = 0, len(points)
    while low < high:
        middle = (low + high) // 2
        if points[middle][0] < begin:
            low = middle + 1
        else:
            high = middle
    return low


def _steady_rise(points: Sequence[Point], start: int, limit: float, least_rise: float) -> Forecast | None:
    floors = _floors(points, start)
    if len(floors) < BLOCKS * 3 // 4:
        return None
    seen_s = points[-1][0] - points[start][0]
    is_long = seen_s >= _COVERED * LONG_S
    rise = _rise_of_pieces(floors, least_rise, _LEAST_PACE_LONG if is_long else _LEAST_PACE)
    if rise is None or not (is_long or rise >= LARGE_RISE * floors[0][1]):
        return None
    if not _is_new_ground(points, start, floors, rise):
        return None
    slope = _sen_slope(floors)
    noise = _noise(floors, slope) / rise
    if slope <= 0 or noise > _MOST_NOISE or _mann_kendall_z([value for _, value in floors]) < _LEAST_Z:
        return None
    level = _top(points, seen_s)
    in_s = max(0.0, (limit - level) / slope)
    return Forecast(in_s, slope, seen_s, level, _confidence(noise, in_s, seen_s))


def _floors(points: Sequence[Point], start: int, blocks: int = BLOCKS) -> list[Point]:
    """The lowest point of each block of equal length; blocks without any are left out."""
    begin, end = points[start][0], points[-1][0]
    length = (end - begin) / blocks or 1.0
    lowest: dict[int, Point] = {}
    for index in range(start, len(points)):
        point = points[index]
        block = min(blocks - 1, int((point[0] - begin) / length))
        if block not in lowest or point[1] < lowest[block][1]:
            lowest[block] = point
    return list(lowest.values())


def _top(points: Sequence[Point], seen_s: float) -> float:
    """The highest of the last twelfth: it is the teeth of a saw, not its floor, that reach the limit first."""
    return max(value for _, value in points[_first_after(points, points[-1][0] - 2 * seen_s / BLOCKS) :])


def _rise_of_pieces(floors: Sequence[Point], least_rise: float, least_pace: float) -> float | None:
    """The rise from the first to the last piece, if each piece has its share and it does not slow down."""
    per_piece = len(floors) / PIECES
    levels = [median(v for _, v in floors[int(i * per_piece) : int((i + 1) * per_piece)]) for i in range(PIECES)]
    rise = levels[-1] - levels[0]
    share = rise / (PIECES - 1)
    steps = [after - before for before, after in itertools.pairwise(levels)]
    if rise < least_rise or not all(_LEAST_SHARE * share <= step <= _MOST_SHARE * share for step in steps):
        return None
    half = PIECES // 2
    return rise if sum(steps[-half + 1 :]) >= least_pace * sum(steps[: half - 1]) else None


def _is_new_ground(points: Sequence[Point], start: int, floors: Sequence[Point], rise: float) -> bool:
    """Whether the end lies above all that was there before the window."""
    before = max((value for _, value in points[:start]), default=-math.inf)
    return floors[-1][1] > before + rise / PIECES


def _sen_slope(points: Sequence[Point]) -> float:
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for i, earlier in enumerate(points)
        for later in points[i + 1 :]
        if later[0] > earlier[0]
    ]
    return median(slopes) if slopes else 0.0


def _mann_kendall_z(values: Sequence[float]) -> float:
    """How far the number of rising pairs is from chance, in standard deviations."""
    n = len(values)
    score = sum((later > value) - (later < value) for i, value in enumerate(values) for later in values[i + 1 :])
    deviation = math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return (score - math.copysign(1, score)) / deviation if score else 0.0


def _noise(points: Sequence[Point], slope: float) -> float:
    """The standard deviation around the line, by the median, which outliers do not move."""
    heights = [value - slope * at for at, value in points]
    middle = median(heights)
    return 1.4826 * median(abs(height - middle) for height in heights)


def _confidence(noise: float, in_s: float, seen_s: float) -> float:
    fit = 1.0 - noise / _MOST_NOISE / 2
    reach = 1.0 - in_s / (REACH * seen_s) / 2
    return round(max(0.05, min(0.99, fit * reach)), 2)


class RateForecast(Struct, frozen=True):
    """In `in_s` seconds the rate is at its limit; it is `per_hour` now, and was `was_per_hour`."""

    in_s: float
    per_hour: float
    was_per_hour: float
    confidence: float


def rate_forecast(
    times: Sequence[float], begin: float, now: float, limit_per_s: float, horizon_s: float
) -> RateForecast | None:
    """When events that come ever more often reach the rate; None unless that is sure and within the horizon.

    `times` of the events in order; what was before `begin` nobody watched. A burst is no trend: each third of the
    time must have more events than the one before.
    """
    times = [at for at in times if at >= begin]
    length_s = now - begin
    if len(times) < _LEAST_EVENTS or length_s < HOUR_S:
        return None
    first, second, third = _thirds(times, begin, length_s)
    score = _laplace(times, begin, length_s)
    if not 0 < first < second < third or third > 4 * second or score < _LEAST_LAPLACE:
        return None
    step_s = length_s / 3
    growth = math.sqrt(third / first)
    rate = third / step_s
    in_s = max(0.0, step_s * math.log(limit_per_s / rate) / math.log(growth)) if rate < limit_per_s else 0.0
    if in_s > min(horizon_s, REACH * length_s):
        return None
    confidence = (1.0 - 1.0 / score**2) * (1.0 - in_s / (REACH * length_s) / 2)
    return RateForecast(in_s, rate * HOUR_S, first / step_s * HOUR_S, round(max(0.05, min(0.99, confidence)), 2))


def _thirds(times: Sequence[float], begin: float, length_s: float) -> tuple[int, int, int]:
    counts = [0, 0, 0]
    for at in times:
        counts[min(2, max(0, int(3 * (at - begin) / length_s)))] += 1
    return counts[0], counts[1], counts[2]


def _laplace(times: Sequence[float], begin: float, length_s: float) -> float:
    """Standard normal when events come at a constant rate; above zero when they come ever more often."""
    middle = sum(at - begin for at in times) / len(times) - length_s / 2
    return middle / (length_s * math.sqrt(1 / (12 * len(times))))
