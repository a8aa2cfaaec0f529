"""Statistics from counts: means where there is enough for one, coincidences where chance would not bring them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.healing.memory.statistics import Attempts, Component, Remembered, statistics, together

DAY_S = 86_400.0


def test_of_nothing_there_are_no_figures() -> None:
    told = statistics(Remembered())
    assert (told.total_actions, told.success_rate, told.components, told.together) == (0, 0.0, (), ())
    assert told.by_hour == (0,) * 24


def test_success_is_summed_by_agent_and_by_remedy() -> None:
    told = statistics(
        Remembered(
            attempts=[
                Attempts("restart", "agent:A", 1, 1),
                Attempts("rescue", "agent:A", 2, 0),
                Attempts("restart", "service:web", 0, 4),
            ],
            median_s={"restart": 2.5},
        )
    )
    assert (told.total_actions, told.successful, told.failed, told.success_rate) == (8, 3, 5, 37.5)
    assert {name: (one.total, one.successful, one.failed) for name, one in told.by_agent.items()} == {
        "A": (4, 3, 1), "service:web": (4, 0, 4),
    }  # fmt: skip
    assert [(one.remedy, one.total, one.success_rate, one.median_s) for one in told.remedies] == [
        ("restart", 6, 16.7, 2.5), ("rescue", 2, 100.0, None),
    ]  # fmt: skip


def test_a_mean_takes_more_than_one_interval() -> None:
    known = [Component("a", 2, 0.0, 100.0, 0, 0.0), Component("b", 5, 0.0, 100.0, 2, 9.0)]
    told = statistics(Remembered(components=known)).components
    assert [(one.mtbf_s, one.mttr_s) for one in told] == [(None, None), (25.0, 4.5)]


def test_hours_and_kinds_are_in_order() -> None:
    told = statistics(Remembered(kinds={"a": 1, "b": 5}, hours={23: 4, 0: 2}))
    assert list(told.kinds) == ["b", "a"]
    assert (told.by_hour[0], told.by_hour[23], sum(told.by_hour)) == (2, 4, 6)


def test_what_follows_another_within_a_minute_is_found() -> None:
    failures = [pair for n in range(10) for pair in ((n * 3600.0, "disk"), (n * 3600.0 + 30, "port"))]
    [pair] = together(failures)
    assert (pair.first, pair.second, pair.count) == ("disk", "port", 10)
    assert pair.lift > 10


@pytest.mark.parametrize("apart_s", [61.0, 1800.0])
def test_what_comes_later_does_not_belong_together(apart_s: float) -> None:
    assert together([p for n in range(10) for p in ((n * 3600.0, "a"), (n * 3600.0 + apart_s, "b"))]) == ()


def test_too_few_or_too_short_prove_nothing() -> None:
    assert together([p for n in range(4) for p in ((n * 3600.0, "a"), (n * 3600.0 + 1, "b"))]) == ()
    assert together([p for n in range(50) for p in ((n * 1.0, "a"), (n * 1.0, "b"))]) == ()


def test_a_storm_counts_once() -> None:
    storm = [pair for n in range(600) for pair in ((n * 1.0, "a"), (n * 1.0, "b"))]
    assert together([*storm, (2 * DAY_S, "a")]) == ()


def test_chance_alone_is_not_told() -> None:
    chance = random.Random(7)
    failures = sorted((chance.uniform(0, 30 * DAY_S), chance.choice("abcde")) for _ in range(5000))
    assert together(failures) == ()


@given(st.lists(st.tuples(st.floats(0, 1e6), st.sampled_from("abcd")), max_size=60))
def test_a_pair_is_told_once_and_no_oftener_than_its_kinds_came(failures: list[tuple[float, str]]) -> None:
    found = together(sorted(failures))
    assert len({(pair.first, pair.second) for pair in found}) == len(found)
    for pair in found:
        assert pair.first < pair.second
        assert pair.count <= min(sum(kind == name for _, kind in failures) for name in (pair.first, pair.second))
