"""The operator's words on a task: cancel it, once more, go on, thaw it, and the answer to what its agent asks."""

from typing import Any

import apsw

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.approvals import Approvals
from aurora_desktop.tasks.attempts import Attempts
from aurora_desktop.tasks.dispatch import Dispatch
from aurora_desktop.tasks.messages import Answer
from aurora_desktop.tasks.policy import can_resume
from aurora_desktop.tasks.surroundings import Surroundings
from aurora_desktop.tasks.task import AT_WORK, Task

MOST_MESSAGE_CHARACTERS = 10_000


class Orders:
    """All raise AuroraError where there is nothing to be done; what they change is on disk when they return."""

    def __init__(self, around: Surroundings, attempts: Attempts, approvals: Approvals, dispatch: Dispatch) -> None:
        self._around, self._attempts = around, attempts
        self._approvals, self._dispatch = approvals, dispatch

    async def cancel(self, task_id: str, by: str) -> Task:
        """At once, or as soon as its agent has ended, which is told to end now."""
        task = self._around.book.get(task_id)
        if task.is_finished:
            raise AuroraError("This task has ended already", f"{task_id}: {task.status}")
        if task.status not in AT_WORK:
            now = self._around.clock.wall()
            return await self._kept(task, status="cancelled", cause=f"cancelled by {by}", finished_at=now)
        is_new = not task.cancelling
        task = self._around.book.changed(task, cancelling=task.cancelling or by)
        self._approvals.withdraw_all(task_id)
        self._end(task, by)  # first of all: to stop it needs no room on the disk
        if is_new:
            await self._safe(task)
        return self._around.book.get(task_id)

    def _end(self, task: Task, by: str) -> None:
        worker = self._around.roster.find(task.worker)
        if not task.worker:
            self._dispatch.cancel_input(task.id, by)
        elif worker is None:
            self._attempts.lose_orphan(task, "its worker is gone")
        elif worker.is_frozen:
            # Killed as it stands: with any other signal it would have to run first.
            self._around.workforce.dismiss((worker.post.component,), "its task was cancelled", kill=True)
        elif worker.has_it and not self._around.roster.has_processes(worker):
            self._attempts.lose(worker, "its worker is gone")
        elif worker.has_it:
            self._attempts.stop(task)

    async def retry(self, task_id: str, by: str) -> Task:
        """From the beginning, in a session of its own."""
        task = self._around.book.get(task_id)
        if not (task.is_finished or task.status == "uncertain"):
            detail = f"{task_id}: {task.status}"
            raise AuroraError("This task is not over", detail, "Cancel it first, or wait for its end.")
        return await self._again(task, f"once more, asked for by {by}", resumes=False, session_id=None)

    async def resume(self, task_id: str, by: str) -> Task:
        """In the session that there is."""
        task = self._around.book.get(task_id)
        worker = self._around.roster.find(task.worker)
        if task.status in AT_WORK and worker is not None and worker.is_frozen:
            hint = "Only you can, in Aurora's window, once the emergency stop is reset."
            raise AuroraError("The emergency stop froze this task", task_id, hint)
        if task.status not in ("uncertain", "error", "timeout", "cancelled", "dead"):
            raise AuroraError("There is nothing to resume", f"{task_id}: {task.status}")
        if not can_resume(task, self._around.kind(task)):
            detail = f"no session of {task.agent} is known for {task_id}"
            raise AuroraError("This task cannot be resumed", detail, "Retry it from the beginning.")
        return await self._again(task, f"resumed by {by}", resumes=True)

    async def _again(self, task: Task, cause: str, **fields: Any) -> Task:
        return await self._kept(
            task, result="", status="queued", cause=cause, error="", exit_code=None, worker="", lost=0,
            avoid_worker="", finished_at=None, cancelling="", stopping="", refusals=0, not_before=0.0,
            **fields,
        )  # fmt: skip

    def thaw(self, task_id: str) -> Task:
        """Only the window asks for this."""
        task = self._around.book.get(task_id)
        worker = self._around.roster.find(task.worker)
        if worker is None or not worker.is_frozen or task.status not in AT_WORK:
            raise AuroraError("This task is not frozen", f"{task_id}: {task.status}")
        if self._around.workforce.latched:
            raise AuroraError("The emergency stop holds", task_id, "Reset it first, in Aurora's window.")
        self._around.workforce.thaw((worker.post.component,), "resumed by the operator")
        return task

    def answer(self, approval_id: str, decision: ApprovalDecision, by: str, message: str) -> None:
        """Only the window asks for anything but `deny`."""
        question = self._approvals.get(approval_id)
        task = self._around.book.get(question.view.task_id)
        if question.view.kind == "budget":
            self._approvals.answered(approval_id, decision, by)
            self._attempts.purse.answer(task.id, goes_on=decision != "deny", by=by)
        else:
            said = message[:MOST_MESSAGE_CHARACTERS].replace("\0", "")
            if not self._around.send(task.worker, Answer(task.id, question.ask_id, decision, said)):
                detail = f"its worker `{task.worker}` is not connected just now"
                raise AuroraError("The answer cannot be given yet", detail, "It asks again once it is back.")
            self._approvals.answered(approval_id, decision, by)
        self._attempts.update_waiting(task.id)

    async def _kept(self, task: Task, result: str | None = None, **fields: Any) -> Task:
        changed = self._around.book.changed(task, **fields)
        self._around.changed()
        await self._safe(changed, result)
        return changed

    async def _safe(self, task: Task, result: str | None = None) -> None:
        try:
            await self._around.book.backend.save(task, result)
        except (OSError, apsw.Error) as error:
            hint = "Make room or give access to the state folder: a restart of Aurora would not know of it."
            raise AuroraError("It is done, but could not be written down", words(error), hint) from error
