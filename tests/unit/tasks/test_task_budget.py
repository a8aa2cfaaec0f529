"""The rule of the limits, and the sums of a day."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema_tasks import Budget, CliAgent
from aurora_desktop.core.storage.database import Database
from aurora_desktop.tasks import budget
from aurora_desktop.tasks.task import Task, Usage

NOON = 1_750_000_000.0
COSTS = st.one_of(st.none(), st.floats(0, 1000))
USAGES = st.builds(Usage, cost_usd=COSTS, input_tokens=st.integers(0, 10**6), output_tokens=st.integers(0, 10**6))
LIMITS = st.one_of(st.none(), st.floats(0.01, 1000))
COUNTS = st.one_of(st.none(), st.integers(1, 10**6))


def agent(**limits: float | str) -> CliAgent:
    return CliAgent(kind="claude", budget=Budget(**limits))  # type: ignore[arg-type]  # names checked by the struct


def task(**limits: float) -> Task:
    return Task(id="task_1", number=1, agent="claude", **limits)  # type: ignore[arg-type]  # as above


def usd(cost: float) -> Usage:
    return Usage(cost_usd=cost)


def test_without_limits_everything_may_be_spent() -> None:
    assert budget.check(task(), usd(1e9), usd(1e9), agent()) is None


def test_the_limit_is_named_in_words() -> None:
    reached = budget.check(task(), usd(2.0), usd(2.0), agent(day_usd=2, on_limit="ask"))
    assert reached is not None
    assert (reached.limit, reached.action) == ("the limit of 2 USD a day for claude", "ask")


@given(own=LIMITS, of_agent=LIMITS, spent=st.floats(0, 1000))
def test_the_lower_limit_of_task_and_agent_counts(own: float | None, of_agent: float | None, spent: float) -> None:
    limits = {} if of_agent is None else {"task_usd": of_agent}
    reached = budget.check(task(**({} if own is None else {"max_usd": own})), usd(spent), Usage(), agent(**limits))
    lowest = min((limit for limit in (own, of_agent) if limit is not None), default=float("inf"))
    assert (reached is not None) == (spent >= lowest)


@given(of_task=USAGES, of_day=USAGES, most=COUNTS)
def test_what_the_operator_let_pass_is_not_reached_again(of_task: Usage, of_day: Usage, most: int | None) -> None:
    limited = agent(task_usd=1.0, day_usd=5.0, **({} if most is None else {"day_tokens": most}))
    passed: list[str] = []
    while (reached := budget.check(task(), of_task, of_day, limited, passed)) is not None:
        assert reached.key not in passed
        passed.append(reached.key)
    assert len(passed) <= 3


def test_a_raised_limit_is_another_one() -> None:
    first = budget.check(task(), usd(9), Usage(), agent(task_usd=2))
    assert first is not None
    assert budget.check(task(), usd(9), Usage(), agent(task_usd=4), [first.key]) is not None


def test_tokens_are_counted_in_and_out_together() -> None:
    spent = Usage(input_tokens=600, output_tokens=400)
    reached = budget.check(task(max_tokens=1000), spent, Usage(), agent())
    assert reached is not None
    assert reached.limit == "the limit of 1,000 tokens for the task"


def test_no_task_begins_on_a_day_that_is_spent() -> None:
    refusal = budget.refusal("claude", usd(3), agent(day_usd=3), NOON)
    midnight = time.strftime("%Y-%m-%d 00:00", time.localtime(budget.next_day(NOON)))
    assert refusal == f"the limit of 3 USD a day for claude is spent; it goes on at midnight ({midnight})"


def test_a_day_with_money_left_lets_a_task_begin() -> None:
    assert budget.refusal("claude", usd(2.9), agent(day_usd=3), NOON) == ""


@given(at=st.floats(0, 4e9))
def test_the_next_day_is_the_first_moment_of_another_date(at: float) -> None:
    midnight = budget.next_day(at)
    assert midnight > at
    assert budget.day_of(midnight) != budget.day_of(at)
    assert budget.day_of(midnight - 1) == budget.day_of(at)


@given(before=USAGES, more=USAGES)
def test_an_increase_is_what_was_added(before: Usage, more: Usage) -> None:
    now = budget.added(before, more)
    grown = budget.increase(before, now)
    assert (grown.input_tokens, grown.output_tokens) == (more.input_tokens, more.output_tokens)
    assert (grown.cost_usd or 0.0) == pytest.approx(more.cost_usd or 0.0, abs=1e-9)


@given(before=USAGES, now=USAGES)
def test_a_count_that_begins_anew_gives_nothing_back(before: Usage, now: Usage) -> None:
    grown = budget.increase(before, now)
    assert grown.tokens >= 0
    assert (grown.cost_usd or 0.0) >= 0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "state.db", budget.MIGRATIONS, 1)
    yield opened
    opened.close()


def keep(database: Database, *spent: budget.Spent) -> None:
    for one in spent:
        database.submit(one.write).result()


def test_the_sum_of_a_day_survives_a_restart(database: Database) -> None:
    spending = budget.Spending()
    keep(database, spending.spend("claude", usd(1), NOON), spending.spend("claude", usd(2), NOON + 60))
    again = budget.Spending(database.read(budget.SELECT_ROWS, [budget.day_of(NOON)]))
    assert again.today("claude", NOON) == usd(3)
    assert again.today("codex", NOON) == Usage()


def test_a_new_day_begins_with_nothing(database: Database) -> None:
    spending = budget.Spending()
    keep(database, spending.spend("claude", usd(1), NOON))
    tomorrow = budget.next_day(NOON)
    assert spending.today("claude", tomorrow) == Usage()
    keep(database, spending.spend("claude", usd(5), tomorrow))
    assert spending.today("claude", tomorrow) == usd(5)
    assert len(database.read("SELECT * FROM task_spending")) == 2


def test_days_long_past_are_removed(database: Database) -> None:
    spending = budget.Spending()
    keep(database, spending.spend("claude", usd(1), NOON), spending.spend("claude", usd(1), NOON + 500 * 86_400))
    assert len(database.read("SELECT * FROM task_spending")) == 1
