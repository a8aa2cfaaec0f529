"""A short run of `benchmarks/soak.py`: everything at once under faults, and nothing is lost or left behind."""

import random
from pathlib import Path

import pytest

from .soak.blows import Blows
from .soak.growth import Point, growth
from .soak.samples import Sample
from .soak.traffic import Traffic
from .soak.world import World

MORE_DESCRIPTORS, MORE_THREADS = 12, 8
"""What may come on top of an Aurora that has just started: threads of its pool, files that are opened at first use."""


@pytest.mark.timeout(300)
def test_everything_at_once_under_faults_loses_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        blows = Blows(world, random.Random(7))
        with Traffic(world, task_every_s=0.3, message_every_s=0.1) as before:
            blows.fault()
            world.until(lambda: before.done["tasks"] > 2 and before.done["messages"] > 4, "work is under way")
            blows.crash()
        before.settle()
        quiet = world.sample()
        with Traffic(world, first=1000, task_every_s=0.3, message_every_s=0.1) as after:
            blows.each()
        after.settle()
        world.until(lambda: _is_like(world.sample(), quiet), "descriptors and threads are given back")
        assert before.out_of_place() + after.out_of_place() == []
        received = [event["summary"] for event in world.aurora.events("link_message_received", "link")]
        assert len(received) == len(set(received)), "a message is told of once"
        assert {**before.ended_otherwise, **after.ended_otherwise} == {}
        assert world.answers()
    assert world.complaints == []


def _is_like(now: Sample, before: Sample) -> bool:
    return now.descriptors <= before.descriptors + MORE_DESCRIPTORS and now.threads <= before.threads + MORE_THREADS


# --- the rule that judges hours of it ---------------------------------------------------------------------------------


def minutes(count: int, per_minute: float, life: int = 1, first: float = 100.0) -> list[Point]:
    return [Point(life, number * 60.0, first + number * per_minute) for number in range(count)]


def test_a_leak_is_told_by_its_slope() -> None:
    found = growth(minutes(60, 0.1), most_per_hour=1.0, warm_up_s=600)
    assert (round(found.per_hour or 0, 6), found.verdict) == (6.0, "grows")


def test_what_is_level_is_steady_whatever_it_took_to_warm_up_and_whatever_peaks_it_has() -> None:
    points = [point._replace(value=point.value - 50) for point in minutes(10, 4.0)] + minutes(60, 0.0)[10:]
    points[30] = points[30]._replace(value=900.0)
    assert growth(points, most_per_hour=1.0, warm_up_s=600).verdict == "steady"


def test_each_life_is_judged_by_itself() -> None:
    """A later one may begin higher: that is no growth. One that begins lower hides none."""
    assert growth([*minutes(30, 0.0), *minutes(30, 0.0, life=2, first=150.0)], 1.0, 300).verdict == "steady"
    assert growth([*minutes(30, 0.1), *minutes(30, 0.1, life=2)], 1.0, 300).verdict == "grows"


def test_a_short_run_is_not_judged() -> None:
    found = growth(minutes(20, 5.0), most_per_hour=1.0, warm_up_s=300)
    assert (found.per_hour, found.verdict) == (300.0, "too short")
    assert growth(minutes(3, 5.0), most_per_hour=1.0, warm_up_s=300) == (None, "too short")
