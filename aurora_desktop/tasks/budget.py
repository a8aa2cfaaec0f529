"""What a task may spend: a pure rule over what was spent, and the sums of each day.

Limits are of a task (its own, or its agent's if that is lower) and of all tasks of an agent since local midnight.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import apsw
from msgspec import Struct

from aurora_desktop.core.settings.schema_tasks import CliAgent
from aurora_desktop.tasks.task import Task, Usage

MIGRATIONS = (
    """
    CREATE TABLE task_spending (
        day TEXT NOT NULL,
        agent TEXT NOT NULL,
        cost_usd REAL,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        PRIMARY KEY (day, agent)
    ) STRICT, WITHOUT ROWID;
    """,
)
DAYS_KEPT = 400


class Reached(Struct, frozen=True):
    """A limit was reached: `limit` in words, `action` what the settings say is to be done about it.

    `key` tells it from other limits: one that the operator let the task pass is not to be asked for again.
    """

    limit: str
    action: Literal["stop", "ask"]
    key: str


class _Limit(NamedTuple):
    scope: Literal["task", "day"]
    unit: Literal["usd", "tokens"]
    most: float
    spent: float
    words: str

    @property
    def key(self) -> str:
        """With the limit itself: one that the operator has raised since is another one."""
        return f"{self.scope}:{self.unit}:{self.most:g}"


def check(task: Task, of_task: Usage, of_day: Usage, agent: CliAgent, passed: Iterable[str] = ()) -> Reached | None:
    """The first limit that is reached and not among `passed` (keys that the operator let this task go beyond)."""
    known = frozenset(passed)
    for limit in (*_of_task(task, of_task, agent), *_of_day(task.agent, of_day, agent)):
        if limit.spent >= limit.most and limit.key not in known:
            return Reached(limit.words, agent.budget.on_limit, limit.key)
    return None


def refusal(agent_name: str, of_day: Usage, agent: CliAgent, now: float) -> str:
    """Why no task of the agent may begin now, and when one may; "" if it may."""
    for limit in _of_day(agent_name, of_day, agent):
        if limit.spent >= limit.most:
            return f"{limit.words} is spent; it goes on at midnight ({_clock_time(next_day(now))})"
    return ""


def _of_task(task: Task, spent: Usage, agent: CliAgent) -> Iterator[_Limit]:
    budget = agent.budget
    if (usd := _lower(task.max_usd, budget.task_usd)) is not None:
        yield _Limit("task", "usd", usd, spent.cost_usd or 0.0, f"the limit of {usd:g} USD for the task")
    if (tokens := _lower(task.max_tokens, budget.task_tokens)) is not None:
        yield _Limit("task", "tokens", tokens, spent.tokens, f"the limit of {tokens:,g} tokens for the task")


def _of_day(name: str, spent: Usage, agent: CliAgent) -> Iterator[_Limit]:
    budget = agent.budget
    if (usd := budget.day_usd) is not None:
        yield _Limit("day", "usd", usd, spent.cost_usd or 0.0, f"the limit of {usd:g} USD a day for {name}")
    if (tokens := budget.day_tokens) is not None:
        yield _Limit("day", "tokens", tokens, spent.tokens, f"the limit of {tokens:,} tokens a day for {name}")


def _lower(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)


# --- days ---------------------------------------------------------------------------------------------------------


def day_of(at: float) -> str:
    """The local date of a Unix time, as `2026-01-31`."""
    return time.strftime("%Y-%m-%d", time.localtime(at))


def next_day(at: float) -> float:
    """The local midnight after a Unix time; a day may have 23 or 25 hours."""
    today = datetime.fromtimestamp(at).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp()


def _clock_time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def added(one: Usage, more: Usage) -> Usage:
    """Both together; a cost that neither knows stays unknown."""
    costs = [usage.cost_usd for usage in (one, more) if usage.cost_usd is not None]
    return Usage(
        cost_usd=sum(costs) if costs else None,
        input_tokens=one.input_tokens + more.input_tokens,
        output_tokens=one.output_tokens + more.output_tokens,
    )


def increase(before: Usage, now: Usage) -> Usage:
    """What was spent since `before`, both being totals of one task; never negative, as an attempt counts anew."""
    cost = None if now.cost_usd is None else max(0.0, now.cost_usd - (before.cost_usd or 0.0))
    return Usage(
        cost_usd=cost,
        input_tokens=max(0, now.input_tokens - before.input_tokens),
        output_tokens=max(0, now.output_tokens - before.output_tokens),
    )


class Spending:
    """What each agent spent on this day, as one process has it; the rows of the days are in `state.db`.

    `spend` gives the work that keeps it, to be submitted with the change of the task that it belongs to.
    """

    def __init__(self, rows: Sequence[tuple[Any, ...]] = ()) -> None:
        """`rows` of SELECT_ROWS."""
        self._of_day = {(day, agent): _usage(*spent) for day, agent, *spent in rows}

    def today(self, agent: str, now: float) -> Usage:
        return self._of_day.get((day_of(now), agent), Usage())

    def spend(self, agent: str, more: Usage, now: float) -> "Spent":
        """Count it for the day of `now`; returns what is to be kept."""
        day = day_of(now)
        for old in [key for key in self._of_day if key[0] != day]:
            del self._of_day[old]
        total = self._of_day[day, agent] = added(self.today(agent, now), more)
        return Spent(day, agent, total)


class Spent(NamedTuple):
    """The sum of one agent on one day, to be written with `write`."""

    day: str
    agent: str
    total: Usage

    def write(self, connection: apsw.Connection) -> None:
        """Blocking, in the writer's thread."""
        total = self.total
        connection.execute(
            "INSERT OR REPLACE INTO task_spending VALUES (?, ?, ?, ?, ?)",
            (self.day, self.agent, total.cost_usd, total.input_tokens, total.output_tokens),
        )
        connection.execute("DELETE FROM task_spending WHERE day < date(?, ?)", (self.day, f"-{DAYS_KEPT} days"))


SELECT_ROWS = "SELECT day, agent, cost_usd, input_tokens, output_tokens FROM task_spending WHERE day = ?"
"""With `day_of(now)`."""


def _usage(cost_usd: float | None, input_tokens: int, output_tokens: int) -> Usage:
    return Usage(cost_usd=cost_usd, input_tokens=input_tokens, output_tokens=output_tokens)
