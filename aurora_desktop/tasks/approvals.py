"""The questions that wait for the operator: what agents ask to be allowed, and budgets that are spent.

They are in memory alone: the workers repeat theirs whenever they introduce themselves.
"""

import secrets
from collections.abc import Callable

from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AGENT_PREFIX, AnyEvent
from aurora_desktop.core.task_events import ApprovalAnswered, ApprovalAsked, ApprovalDecision, ApprovalKind
from aurora_desktop.tasks.errors import UnknownApprovalError
from aurora_desktop.tasks.messages import Asking
from aurora_desktop.tasks.task import Task
from aurora_desktop.tasks.view import ApprovalView

MOST_DETAIL_CHARACTERS = 20_000
_MOST_LINE_CHARACTERS = 500


class Question(Struct, frozen=True):
    """`ask_id` is the agent's own; "" for a budget."""

    ask_id: str
    view: ApprovalView


class Approvals:
    def __init__(self, clock: Clock, publish: Callable[[AnyEvent], object]) -> None:
        self._clock, self._publish = clock, publish
        self._questions: dict[str, Question] = {}

    def views(self) -> tuple[ApprovalView, ...]:
        """Oldest first."""
        return tuple(question.view for question in self._questions.values())

    def get(self, approval_id: str) -> Question:
        """Raises UnknownApprovalError."""
        if approval_id not in self._questions:
            raise UnknownApprovalError(
                f"No question `{approval_id}` waits for you"[:200],
                "it was answered, or the agent went on or ended",
                "`aurora task list` shows what waits.",
            )
        return self._questions[approval_id]

    def waits(self, task_id: str) -> bool:
        return any(question.view.task_id == task_id for question in self._questions.values())

    def ask(self, task: Task, asking: Asking) -> bool:
        """Whether the question is new: a worker repeats those that were not answered."""
        return self._ask(
            task, asking.ask_id, "tool", asking.tool, asking.summary, detail=asking.detail, reason=asking.reason
        )

    def ask_budget(self, task: Task, limit: str) -> bool:
        summary = f"{limit} is reached: may it go on?"
        return self._ask(task, "", "budget", "budget", summary, detail="", reason="the agent stands still meanwhile")

    def _ask(
        self, task: Task, ask_id: str, kind: ApprovalKind, tool: str, summary: str, *, detail: str, reason: str
    ) -> bool:
        if self._find(task.id, ask_id) is not None:
            return False
        view = ApprovalView(
            id=f"approval_{secrets.token_hex(8)}", task_id=task.id, agent=task.agent, kind=kind,
            tool=_line(tool), summary=_line(summary), detail=detail[:MOST_DETAIL_CHARACTERS],
            reason=reason[:MOST_DETAIL_CHARACTERS], asked_at=self._clock.wall(), cwd=task.cwd,
        )  # fmt: skip
        self._questions[view.id] = Question(ask_id, view)
        self._publish(
            ApprovalAsked(
                at=view.asked_at, component=AGENT_PREFIX + task.agent, approval_id=view.id, task_id=task.id,
                kind=kind, tool=view.tool, summary=view.summary,
            )
        )  # fmt: skip
        return True

    def answered(self, approval_id: str, decision: ApprovalDecision, by: str) -> None:
        view = self._questions.pop(approval_id).view
        self._publish(
            ApprovalAnswered(
                at=self._clock.wall(), component=AGENT_PREFIX + view.agent, approval_id=view.id,
                task_id=view.task_id, decision=decision, by=by,
            )
        )  # fmt: skip

    def withdraw(self, task_id: str, ask_id: str) -> None:
        """The agent went on without an answer."""
        if (question := self._find(task_id, ask_id)) is not None:
            self.answered(question.view.id, "deny", "aurora")

    def withdraw_all(self, task_id: str) -> None:
        for question in tuple(self._questions.values()):
            if question.view.task_id == task_id:
                self.answered(question.view.id, "deny", "aurora")

    def _find(self, task_id: str, ask_id: str) -> Question | None:
        return next(
            (
                question
                for question in self._questions.values()
                if question.view.task_id == task_id and question.ask_id == ask_id
            ),
            None,
        )


def _line(text: str) -> str:
    """One printable line."""
    line = " ".join(text[: _MOST_LINE_CHARACTERS * 4].split())[:_MOST_LINE_CHARACTERS]
    return "".join(sign if sign.isprintable() else "?" for sign in line)
