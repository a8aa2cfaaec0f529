"""Runs of pipelines: each step a task in the queue like others, made once the one before is done and on the disk."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any

import apsw
from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import Record
from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database
from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged
from aurora_desktop.tasks import pipelines
from aurora_desktop.tasks.admission import admit, check_target
from aurora_desktop.tasks.backend import Beside
from aurora_desktop.tasks.errors import UnknownTaskError
from aurora_desktop.tasks.pipelines import Onward, Run, Step
from aurora_desktop.tasks.surroundings import Surroundings
from aurora_desktop.tasks.task import FINISHED, Task, TaskRequest
from aurora_desktop.tasks.view import PipelineRun

Enqueue = Callable[[Task, Beside], Coroutine[Any, Any, Task]]
"""Put a task into the queue, and something beside it in the same transaction; it returns the one that has its key."""

CancelTask = Callable[[str, str], Coroutine[Any, Any, Task]]
"""Cancel the task of this id; by whom."""

log = logging.getLogger(__name__)


class PipelineRuns:
    """`read` is a reader of the bus; `recover` goes on with what an Aurora that ended did not come to."""

    def __init__(self, around: Surroundings, database: Database, enqueue: Enqueue, cancel_task: CancelTask) -> None:
        """Blocking: reads."""
        self._around, self._database = around, database
        self._enqueue, self._cancel_task = enqueue, cancel_task
        self._runs = pipelines.kept([(str(text),) for (text,) in database.read(pipelines.SELECT_RUNS)])
        self._going_on: set[str] = set()

    def views(self) -> tuple[PipelineRun, ...]:
        """The newest first."""
        newest = sorted(self._runs.values(), key=lambda run: -run.created_at)
        return tuple(run.view() for run in newest)

    async def submit(self, request: TaskRequest) -> Task:
        """The task of the first step. Raises AuroraError."""
        settings = self._around.settings
        check_target(request, settings)
        pipeline = settings.pipelines[request.pipeline]
        run_id = f"run_{secrets.token_hex(8)}"
        run, step = pipelines.begun(run_id, request.pipeline, pipeline, request, self._around.clock.wall())
        return await self._begin(run, step, request.idempotency_key)

    async def cancel(self, run_id: str, by: str) -> PipelineRun:
        """No further step is made, and the one that is being done is cancelled. Raises AuroraError."""
        run = self._runs.get(run_id)
        if run is None:
            raise UnknownTaskError(f"There is no run `{run_id}`"[:200], "", "`aurora task runs` shows them.")
        if run.status != "running":
            raise AuroraError("This run is over already", f"{run_id}: {run.status}")
        self._keep(pipelines.cancelled(run, by, self._around.clock.wall()))
        await self._cancel_last(run_id, by)
        return self._runs[run_id].view()

    async def _cancel_last(self, run_id: str, by: str) -> None:
        task = self._around.book.here(self._runs[run_id].task_ids[-1])
        if task is not None and not task.is_finished:
            await self._cancel_task(task.id, by)

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        match record.event:
            case TaskFinished(task_id=task_id):
                self._look(self._around.book.here(task_id))
            case TaskStateChanged(task_id=task_id, previous=previous, status="queued") if previous in FINISHED:
                self._reopen(self._around.book.here(task_id))

    def recover(self) -> None:
        """A step ended, and Aurora with it before the next one was made."""
        for run in tuple(self._runs.values()):
            if run.status == "running":
                self._look(self._around.book.find(run.task_ids[-1]))

    def forget(self, before: float) -> None:
        """Let go of the runs that ended before this Unix time."""
        for run in tuple(self._runs.values()):
            if run.finished_at is not None and run.finished_at < before:
                del self._runs[run.id]
        self._write(lambda db: pipelines.forget(db, before))

    # --- from step to step ------------------------------------------------------------------------------------

    def _run_of(self, task: Task | None) -> Run | None:
        return self._runs.get(task.run_id or "") if task is not None else None

    def _look(self, task: Task | None) -> None:
        if task is not None and self._run_of(task) is not None and task.id not in self._going_on:
            self._going_on.add(task.id)
            self._around.run(self._go_on(task))

    def _reopen(self, task: Task | None) -> None:
        """Its last task is done once more: what the run came to is open again."""
        run = self._run_of(task)
        if run is not None and task is not None and run.task_ids[-1] == task.id and run.status != "running":
            self._keep(replace(run, status="running", cause="", finished_at=None))

    async def _go_on(self, task: Task) -> None:
        try:
            await asyncio.wrap_future(self._database.submit(lambda _: None))  # the result was told before it is safe
            result = (await asyncio.to_thread(self._around.book.backend.texts, task.id)).result
            if (run := self._run_of(task)) is not None:
                onward = await self._onward(run, replace(task, result=result))
                await self._carry_out(onward)
        except apsw.Error as error:
            log.warning("the run %s waits until Aurora is started again: %s", task.run_id, error)
        finally:
            self._going_on.discard(task.id)

    async def _onward(self, run: Run, task: Task) -> Onward | None:
        accepted = False
        if pipelines.awaits_judgement(run, task):
            try:
                accepted = await pipelines.is_accepted(run, task.result)
            except AuroraError as error:
                return Onward(pipelines.failed(run, _in_a_line(error), self._around.clock.wall()))
        return pipelines.onward(run, task, self._around.clock.wall(), accepted=accepted)

    async def _carry_out(self, onward: Onward | None) -> None:
        if onward is None or self._runs[onward.run.id].status == "cancelled":
            return
        if onward.step is None:
            self._keep(onward.run)
            return
        try:
            await self._begin(onward.run, onward.step, None)
        except AuroraError as error:
            if self._runs[onward.run.id].status == "cancelled":
                return
            cause = f"step {onward.step.number + 1} ({onward.step.role}) cannot be made: {_in_a_line(error)}"
            self._keep(pipelines.failed(onward.run, cause, self._around.clock.wall()))

    async def _begin(self, run: Run, step: Step, key: str | None) -> Task:
        """Run and task are kept together: neither is ever there without the other."""
        request = replace(run.request, pipeline="", role=step.role, idempotency_key=key)
        admitted = await asyncio.to_thread(
            admit, request, self._around.settings, self._around.clock.wall(), result=step.result
        )
        task = replace(admitted, run_id=run.id, step=step.number, round=step.round)
        going_on = pipelines.with_task(run, task.id)
        added = await self._enqueue(task, partial(pipelines.keep, run=going_on))
        if added.id == task.id:
            self._has_begun(going_on)
        return added

    def _has_begun(self, run: Run) -> None:
        """Unless it was cancelled while its next step was made: then that is not done either."""
        before = self._runs.get(run.id)
        if before is None or before.status != "cancelled":
            self._runs[run.id] = run
            self._around.changed()
            return
        self._keep(replace(before, task_ids=run.task_ids, round=run.round))
        self._around.run(self._cancel_last(run.id, "the operator"))

    def _keep(self, run: Run) -> None:
        self._runs[run.id] = run
        self._write(partial(pipelines.keep, run=run))
        self._around.changed()

    def _write(self, work: Callable[[apsw.Connection], None]) -> None:
        self._database.submit(work, GROUP_COMMIT_S).add_done_callback(_report)


def _in_a_line(error: AuroraError) -> str:
    return ": ".join(part for part in (error.title, error.detail) if part)


def _report(future: "Future[None]") -> None:
    if (error := future.exception()) is not None:
        log.warning("a run of a pipeline cannot be kept: %s", error)
