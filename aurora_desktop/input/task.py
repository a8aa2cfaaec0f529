"""One input task on its way through the queue."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from aurora_desktop.input.actions import Action, name_of
from aurora_desktop.input.view import Outcome, Status, Submission, TaskView


class Task(Struct, eq=False):
    """What is known of it so far; `view` shows it. Times are Unix seconds."""

    submission: Submission
    task_id: str
    created_at: float
    sentence: str
    parameters: dict[str, Any]
    done: "asyncio.Future[TaskView]"
    status: Status = "queued"
    outcome: Outcome | None = None
    started_at: float | None = None
    finished_at: float | None = None
    began: float = 0.0
    duration_s: float | None = None
    events: int = 0
    retry_count: int = 0
    reason: str = ""
    human_active: bool = False
    cancelled_by: str = ""
    result: dict[str, Any] | None = None
    evidence: tuple[str, ...] = ()
    places: tuple[tuple[int, int], ...] = ()

    @property
    def action(self) -> Action:
        return self.submission.action

    @property
    def is_over(self) -> bool:
        return self.finished_at is not None

    def view(self) -> TaskView:
        """As it is now."""
        return TaskView(
            task_id=self.task_id,
            action=name_of(self.action),
            parameters=self.parameters,
            status=self.status,
            outcome=self.outcome,
            agent=self.submission.agent,
            operator_user=self.submission.operator_user,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            duration_s=self.duration_s,
            events=self.events,
            retry_count=self.retry_count,
            reason=self.reason,
            human_active=self.human_active,
            result=self.result,
            evidence=self.evidence,
            sentence=self.sentence,
            places=self.places,
        )


def parameters_of(action: Action, told_secret: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The action's fields as they may be shown and logged; secret text as `told_secret` tells it."""
    plain: dict[str, Any] = msgspec.to_builtins(action)
    plain.pop("action")
    shown = {name: value for name, value in plain.items() if value not in (None, "", 0, False)}
    if shown.get("secret"):
        shown["text"] = told_secret(plain["text"])
    return shown
