"""What a task at work spends: counted, and at a limit it is ended, or stands still until the operator has answered."""

from collections.abc import Callable
from typing import Any

import apsw

from aurora_desktop.core.events import AGENT_PREFIX
from aurora_desktop.core.task_events import BudgetReached
from aurora_desktop.tasks.approvals import Approvals
from aurora_desktop.tasks.budget import Reached, Spending, check, increase
from aurora_desktop.tasks.messages import Hold
from aurora_desktop.tasks.surroundings import Surroundings
from aurora_desktop.tasks.task import Task, Usage


class Purse:
    """`stop(task)`: have its worker end what is `stopping`. `update_waiting(task_id)`: there is a question, or none."""

    def __init__(
        self,
        around: Surroundings,
        approvals: Approvals,
        spending: Spending,
        *,
        stop: Callable[[Task], None],
        update_waiting: Callable[[str], None],
    ) -> None:
        self._around, self._approvals, self._spending = around, approvals, spending
        self._stop, self._update_waiting = stop, update_waiting

    def spend(self, task: Task, usage: Usage) -> Callable[[apsw.Connection], Any]:
        """Counted for its agent and the day; what is returned keeps it, in one transaction with the task."""
        return self._spending.spend(task.agent, increase(task.usage, usage), self._around.clock.wall()).write

    def watch(self, task: Task) -> None:
        """Once it has spent more."""
        reached = self._reached(task)
        if reached is None:
            return
        self._tell(task, reached)
        if reached.action == "stop":
            self._stop(self._around.book.change(task, stopping=f"{reached.limit} is reached"))
            return
        task = self._around.book.change(task, budget_asked=reached.limit, budget_key=reached.key)
        self._around.send(task.worker, Hold(task.id, held=True))
        self._approvals.ask_budget(task, reached.limit)
        self._update_waiting(task.id)

    def answer(self, task_id: str, *, goes_on: bool, by: str) -> None:
        """The limit is passed for this task alone, or the task is ended for it."""
        task = self._around.book.get(task_id)
        if not goes_on:
            why = f"{task.budget_asked} is reached, and {by} did not let it go on"
            self._stop(self._around.book.change(task, stopping=why, budget_asked="", budget_key=""))
            return
        passed = (*task.budget_passed, task.budget_key)
        task = self._around.book.change(task, budget_asked="", budget_key="", budget_passed=passed)
        self._around.send(task.worker, Hold(task.id, held=False))
        self.watch(task)  # another limit may be reached as well

    def _reached(self, task: Task) -> Reached | None:
        agent = self._around.agent(task.agent)
        if agent is None or task.budget_asked or task.cancelling or task.stopping:
            return None
        of_day = self._spending.today(task.agent, self._around.clock.wall())
        return check(task, task.usage, of_day, agent, task.budget_passed)

    def _tell(self, task: Task, reached: Reached) -> None:
        self._around.publish(
            BudgetReached(
                at=self._around.clock.wall(), component=AGENT_PREFIX + task.agent, task_id=task.id,
                limit=reached.limit, action="asked" if reached.action == "ask" else "stopped",
            )
        )  # fmt: skip
