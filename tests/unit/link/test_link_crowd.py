"""Thousands of clients do not stampede: simulated with the rule that each of them follows."""

import pytest

from aurora_desktop.link.failure import LinkError

from .crowd import at_random, away_until, come_back, takes

CLIENTS = 2000
SEEDS = (1, 2, 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_after_an_outage_they_come_back_apart_and_within_the_promise(seed: int) -> None:
    passed = come_back(CLIENTS, away_until(60), at_random(seed))
    assert passed.busiest(30) < CLIENTS / 5
    waited = [at - 60 for at in passed.back_s]
    assert waited[CLIENTS // 2] <= 5
    assert waited[-1] <= 15


def test_without_chance_they_would_all_come_in_one_second() -> None:
    """So that the others say something."""
    passed = come_back(CLIENTS, away_until(60), lambda: 1.0)
    assert passed.busiest(60) == CLIENTS


@pytest.mark.parametrize("seed", SEEDS)
def test_also_a_server_that_is_only_restarted_is_not_overrun(seed: int) -> None:
    assert come_back(CLIENTS, away_until(2), at_random(seed)).busiest(2) < CLIENTS / 2
    assert come_back(CLIENTS, away_until(5), at_random(seed)).busiest(5) < CLIENTS / 4


@pytest.mark.parametrize("seed", SEEDS)
def test_a_server_that_can_take_few_at_a_time_gets_all_of_them_in_the_end(seed: int) -> None:
    """30 s is what it needs at the least; it answers the others with 503."""
    busy = takes(CLIENTS // 30, 1, LinkError("server", "it answered 503"))
    passed = come_back(CLIENTS, away_until(60, busy), at_random(seed))
    assert passed.busiest(60) < CLIENTS / 5
    assert passed.back_s[-1] - 60 < 60


@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_told_to_wait_comes_later_and_not_with_all_the_others(seed: int) -> None:
    """A tenth of them a minute; the others are told the same minute, as the server at hand does it."""
    slow = takes(CLIENTS // 10, 60, LinkError("throttled", "it answered 429", retry_after_s=60))
    passed = come_back(CLIENTS, away_until(60, slow), at_random(seed))
    assert passed.busiest(90) < CLIENTS / 20
    assert passed.back_s[-1] - 60 < 1200
