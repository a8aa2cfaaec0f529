"""What is foretold, and above all what is not."""

import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.healing.machine.prediction import HOUR_S, Forecast, Point, forecast, goes_on, rate_forecast
from aurora_desktop.healing.machine.series import COARSE_S, FINE_S, KEPT_S, Series

MB = 1e6
DAY_S = 24 * HOUR_S
LEAST = 5 * MB


def series(value: Callable[[float], float], hours: float = 60.0, step_s: float = 300.0) -> list[Point]:
    """`value` of the hour, sampled."""
    return [(n * step_s, value(n * step_s / HOUR_S)) for n in range(int(hours * HOUR_S / step_s) + 1)]


def ever_foretold(points: list[Point], limit: float) -> bool:
    """Whether a forecast comes at any time, asked each half hour of the series."""
    return any(forecast(points[:end], limit, LEAST, DAY_S) for end in range(6, len(points) + 1, 6))


@pytest.mark.parametrize("mb_per_h", [2.0, 10.0, 50.0])
def test_a_leak_is_foretold_with_its_time(mb_per_h: float) -> None:
    noise = Random(1)
    points = series(lambda hour: 100 * MB + mb_per_h * MB * hour + noise.gauss(0, 0.3 * MB), hours=24)
    end = points[-1][1]
    found = forecast(points, end + 6 * mb_per_h * MB, LEAST, DAY_S)
    assert found is not None
    assert found.in_s == pytest.approx(6 * HOUR_S, rel=0.25)
    assert found.per_s * HOUR_S == pytest.approx(mb_per_h * MB, rel=0.15)
    assert 0.3 < found.confidence <= 0.99


def test_a_leak_under_a_collectors_sawtooth_is_seen() -> None:
    points = series(lambda hour: (100 + 10 * hour + 40 * ((hour * 4) % 1)) * MB, hours=24)
    assert forecast(points, 450 * MB, LEAST, DAY_S) is not None


def test_a_slow_leak_under_a_larger_daily_rhythm_is_seen() -> None:
    points = series(lambda hour: (200 + 2 * hour + 20 * math.sin(hour * math.pi / 12)) * MB, hours=60)
    assert forecast(points, 340 * MB, LEAST, DAY_S) is not None


@pytest.mark.parametrize(
    "value",
    [
        lambda hour: 100 * MB,
        lambda hour: (100 + 80 * ((hour * 2) % 1)) * MB,
        lambda hour: (100 if hour < 30 else 190) * MB,
        lambda hour: (150 + 50 * math.sin(hour * math.pi / 12)) * MB,
        lambda hour: (60 + 140 * (1 - math.exp(-hour / 3))) * MB,
        lambda hour: (300 - 2 * hour) * MB,
    ],
    ids=["flat", "sawtooth", "step", "daily", "warm-up", "falling"],
)
def test_what_only_looks_like_it_is_not_foretold(value: Callable[[float], float]) -> None:
    assert not ever_foretold(series(value), 320 * MB)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 30), st.floats(1.1, 5))
def test_noise_is_not_foretold(seed: int, noise_mb: float, room: float) -> None:
    random = Random(seed)
    points = series(lambda hour: abs(random.gauss(100, noise_mb)) * MB, hours=50, step_s=600.0)
    assert not ever_foretold(points, room * max(value for _, value in points))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e12)), max_size=80), st.floats(0, 1e12))
def test_any_series_is_judged_without_an_error(points: list[Point], limit: float) -> None:
    found = forecast(sorted(points), limit, LEAST, DAY_S)
    assert found is None or (0 <= found.in_s <= DAY_S and 0 < found.confidence < 1)


def test_what_lies_beyond_the_horizon_is_not_told() -> None:
    points = series(lambda hour: (100 + 10 * hour) * MB, hours=24)
    assert forecast(points, 100_000 * MB, LEAST, DAY_S) is None
    assert forecast(points, 400 * MB, LEAST, HOUR_S) is None


def test_what_stands_is_kept_while_it_goes_on_and_let_go_when_it_ends() -> None:
    points = series(lambda hour: (100 + 10 * min(hour, 30)) * MB, hours=60)
    at_24 = [point for point in points if point[0] <= DAY_S]
    before = forecast(at_24, 500 * MB, LEAST, DAY_S)
    assert isinstance(before, Forecast)
    later = goes_on([p for p in points if p[0] <= 28 * HOUR_S], before, 500 * MB)
    assert later is not None
    assert later.in_s < before.in_s
    assert goes_on(points, before, 500 * MB) is None
    assert goes_on([], before, 500 * MB) is None


# --- rates --------------------------------------------------------------------------------------------------------

LIMIT_PER_S = 10 / 300


def test_errors_that_come_ever_more_often_are_foretold() -> None:
    times = [DAY_S * (1 - 0.955**n) for n in range(60)]
    found = rate_forecast(times, 0.0, DAY_S, 20 / HOUR_S, DAY_S)
    assert found is not None
    assert found.per_hour > found.was_per_hour
    assert 0 < found.in_s <= DAY_S


@pytest.mark.parametrize(
    "times",
    [
        [n * HOUR_S for n in range(24)],
        [DAY_S - 60 + n for n in range(30)],
        [n * 60.0 for n in range(30)],
        [DAY_S * (1 - 0.6**n) for n in range(5)],
        [],
    ],
    ids=["steady", "burst", "over", "few", "none"],
)
def test_a_steady_rate_and_a_burst_are_not(times: list[float]) -> None:
    assert rate_forecast(times, 0.0, DAY_S, LIMIT_PER_S, DAY_S) is None


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(9, 120))
def test_chance_is_seldom_taken_for_a_trend(seed: int, count: int) -> None:
    random = Random(seed)
    found = [
        rate_forecast(sorted(random.uniform(0, DAY_S) for _ in range(count)), 0.0, DAY_S, LIMIT_PER_S, DAY_S)
        for _ in range(20)
    ]
    assert sum(one is not None for one in found) <= 2


# --- the store of samples -----------------------------------------------------------------------------------------


def test_days_of_samples_stay_small_and_in_order() -> None:
    kept = Series()
    for minute in range(7 * 24 * 60):
        kept.add(minute * 60.0, float(minute))
    points = kept.points()
    assert points == sorted(points)
    assert len(kept) < KEPT_S / COARSE_S + FINE_S / 60 + 200
    assert points[-1][0] - points[0][0] >= KEPT_S - 2 * COARSE_S
    assert kept.last == points[-1][1]


def test_of_old_samples_the_lowest_stand() -> None:
    kept = Series()
    for minute in range(24 * 60):
        kept.add(minute * 60.0, 100.0 if minute % 10 == 5 else 500.0)
    assert {value for at, value in kept.points() if at < 20 * HOUR_S} == {100.0}


def test_what_was_kept_is_restored() -> None:
    kept = Series()
    for minute in range(600):
        kept.add(minute * 60.0, float(minute))
    again = Series()
    again.restore(kept.kept(), 1000.0)
    assert again.points()[0] == (1000.0, 0.0)
    assert len(again) == 60
    assert again.last is not None
    assert Series().last is None


def test_what_is_torn_is_not_restored() -> None:
    with pytest.raises(ValueError, match="as many"):
        Series().restore((bytes(8), b""), 0.0)
