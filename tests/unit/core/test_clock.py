"""The meter of our own stalls: it blames nobody for time that we stood still, and invents none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.clock import StallMeter, SystemClock
from core.clocks import FakeClock

INTERVAL_S = 0.5
TOLERANCE_S = 0.2
ROUNDING_S = 1e-6


def meter(clock: FakeClock) -> StallMeter:
    return StallMeter(clock, INTERVAL_S, TOLERANCE_S)


@given(st.lists(st.floats(0.0, TOLERANCE_S - 0.001), max_size=50))
def test_beats_that_come_in_time_are_no_stall(late: list[float]) -> None:
    clock = FakeClock()
    stalls = meter(clock)
    for late_s in late:
        clock.advance(INTERVAL_S + late_s)
        assert stalls.beat() == 0.0
    assert stalls.total_s() == 0.0


@given(
    before=st.lists(st.floats(0.0, TOLERANCE_S - 0.001), max_size=5),
    into_the_interval_s=st.floats(0.0, INTERVAL_S),
    stall_s=st.floats(INTERVAL_S + TOLERANCE_S + 0.001, 1e5),
)
def test_a_stall_anywhere_is_found_up_to_the_interval(
    before: list[float], into_the_interval_s: float, stall_s: float
) -> None:
    clock = FakeClock()
    stalls = meter(clock)
    for late_s in before:
        clock.advance(INTERVAL_S + late_s)
        stalls.beat()
    # The timer of the next beat is due at INTERVAL_S and can fire only when the stall is over.
    clock.advance(max(INTERVAL_S, into_the_interval_s + stall_s))
    found_s = stalls.beat()
    assert stall_s - INTERVAL_S - ROUNDING_S <= found_s <= stall_s + ROUNDING_S
    assert stalls.total_s() == pytest.approx(found_s)


@given(st.floats(INTERVAL_S + TOLERANCE_S + 0.001, 1e5))
def test_a_stall_in_progress_is_seen_before_the_beat_that_ends_it(stall_s: float) -> None:
    clock = FakeClock()
    stalls = meter(clock)
    clock.advance(INTERVAL_S + stall_s)
    seen_s = stalls.total_s()
    assert seen_s == pytest.approx(stall_s)
    assert stalls.beat() == seen_s
    assert stalls.total_s() == seen_s


@given(st.lists(st.floats(0.0, 30.0), max_size=50))
def test_the_total_never_shrinks_from_beat_to_beat(gaps: list[float]) -> None:
    clock = FakeClock()
    stalls = meter(clock)
    totals = [0.0]
    for gap_s in gaps:
        clock.advance(gap_s)
        stalls.beat()
        totals.append(stalls.total_s())
    assert totals == sorted(totals)


@given(st.floats(-1e6, 1e6))
def test_a_wall_clock_that_is_set_is_no_stall(jump_s: float) -> None:
    clock = FakeClock()
    stalls = meter(clock)
    clock.advance(INTERVAL_S)
    clock.jump(jump_s)
    assert stalls.beat() == 0.0


def test_the_clocks_of_the_machine_are_read() -> None:
    clock = SystemClock()
    before = time.monotonic(), time.time()
    read = clock.monotonic(), clock.wall()
    after = time.monotonic(), time.time()
    assert before[0] <= read[0] <= after[0]
    assert before[1] <= read[1] <= after[1]
