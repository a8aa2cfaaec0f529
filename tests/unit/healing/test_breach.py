"""A breach lasts and was observed; a spike, a pause of ours and a slept night are none."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.healing.machine.breach import Change, Rule, Watched, judge

RULE = Rule(limit=90.0, lasting_s=90.0, interval_s=30.0)

Seen = tuple[float, float]
"""Seconds since the reading before, and percent."""


def changes(readings: Iterable[Seen], rule: Rule = RULE) -> list[tuple[float, Change]]:
    """What was told, and at which time."""
    watched, now, told = Watched(), 1000.0, []
    for passed_s, percent in readings:
        now += passed_s
        watched, change = judge(watched, percent, now, rule)
        if change is not None:
            told.append((now - 1000.0, change))
    return told


def test_a_lasting_breach_is_told_once() -> None:
    assert changes([(30.0, 95.0)] * 20) == [(120.0, "breached")]


def test_a_spike_is_none() -> None:
    assert changes([(30.0, 50.0), (30.0, 99.0), (30.0, 99.0), (30.0, 50.0)] * 10) == []


def test_wavering_around_the_limit_is_one_breach() -> None:
    assert changes([(30.0, 95.0)] * 5 + [(30.0, 89.0), (30.0, 91.0)] * 20) == [(120.0, "breached")]


def test_relief_lasts_too() -> None:
    assert changes([(30.0, 95.0)] * 5 + [(30.0, 60.0)] * 4) == [(120.0, "breached"), (270.0, "relieved")]


def test_a_pause_of_ours_is_no_lasting_breach() -> None:
    assert changes([(30.0, 95.0), (3600.0, 95.0), (30.0, 50.0)]) == []


def test_a_small_limit_can_be_relieved() -> None:
    rule = Rule(limit=4.0, lasting_s=60.0, interval_s=30.0)
    assert [change for _, change in changes([(30.0, 5.0)] * 4 + [(30.0, 1.0)] * 4, rule)] == ["breached", "relieved"]


READINGS = st.lists(st.tuples(st.sampled_from([1.0, 30.0, 59.0, 61.0, 5000.0]), st.floats(0, 100)), max_size=80)


@given(READINGS)
def test_breach_and_relief_take_turns(readings: list[Seen]) -> None:
    told = [change for _, change in changes(readings)]
    assert told == (["breached", "relieved"] * len(told))[: len(told)]


@given(READINGS)
def test_nothing_is_told_without_its_time_of_observation(readings: list[Seen]) -> None:
    seen, last = 0.0, -1.0
    watched, now = Watched(), 0.0
    for passed_s, percent in readings:
        now += passed_s
        was = watched.is_breached
        watched, change = judge(watched, percent, now, RULE)
        wanted = percent <= 85.0 if was else percent > 90.0
        seen = (seen + (passed_s if passed_s <= 60.0 and last >= 0.0 else 0.0)) if wanted else -passed_s
        seen = max(seen, 0.0) if wanted else 0.0
        last = now
        if change is not None:
            assert seen >= RULE.lasting_s
            seen = 0.0


@given(READINGS)
def test_below_the_limit_nothing_happens(readings: list[Seen]) -> None:
    assert changes([(passed_s, min(percent, 90.0)) for passed_s, percent in readings]) == []
