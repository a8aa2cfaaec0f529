"""Roles one after another, each with the result of the one before: what a run of a pipeline does next, a pure rule.

A run keeps the pipeline as it was when it began, so that changed settings change no run that is on its way.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import apsw
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_tasks import Pipeline
from aurora_desktop.healing.remedies import matcher
from aurora_desktop.tasks.admission import summary
from aurora_desktop.tasks.task import Task, TaskRequest
from aurora_desktop.tasks.view import PipelineRun

MIGRATIONS = (
    "CREATE TABLE task_run (id TEXT PRIMARY KEY, finished_at REAL, run TEXT NOT NULL) STRICT;",
    "CREATE INDEX task_run_finished ON task_run (finished_at);",
)
MOST_SHOWN = 200
MOST_SEARCHED = 100_000


class Run(Struct, frozen=True, kw_only=True):
    """A run, as `state.db` keeps it. `request`: what every step has in common, its prompt is the run's own.

    `accept` and `repeat_from` (a place in `steps`) are the pipeline's; `round` counts from 1; `task_ids` in the order
    of their start, the last one is the one that is being done. Times in Unix time.
    """

    id: str
    pipeline: str
    request: TaskRequest
    steps: tuple[str, ...]
    accept: str | None = None
    repeat_from: int = 0
    max_rounds: int = 1
    status: Literal["running", "completed", "failed", "cancelled"] = "running"
    round: int = 1
    task_ids: tuple[str, ...] = ()
    cause: str = ""
    created_at: float = 0.0
    finished_at: float | None = None

    def view(self) -> PipelineRun:
        return PipelineRun(
            id=self.id,
            pipeline=self.pipeline,
            summary=summary(self.request.prompt),
            steps=self.steps,
            repeat_from=self.repeat_from,
            status=self.status,
            round=self.round,
            max_rounds=self.max_rounds,
            task_ids=self.task_ids,
            cause=self.cause,
            created_at=self.created_at,
            finished_at=self.finished_at,
        )


class Step(NamedTuple):
    """What is to be done next: by which role, with the result of the step before; `number` is its place in `steps`."""

    role: str
    number: int
    round: int
    result: str = ""


class Onward(NamedTuple):
    """The run as it is now, and its next step unless it is over."""

    run: Run
    step: Step | None = None


def begun(run_id: str, name: str, pipeline: Pipeline, request: TaskRequest, now: float) -> tuple[Run, Step]:
    """A new run with its first step; the task made for a step is told by `with_task`."""
    run = Run(
        id=run_id,
        pipeline=name,
        request=request,
        steps=tuple(pipeline.steps),
        accept=pipeline.accept,
        repeat_from=pipeline.steps.index(pipeline.repeat_from) if pipeline.repeat_from else 0,
        max_rounds=pipeline.max_rounds if pipeline.accept is not None else 1,
        created_at=now,
    )
    return run, Step(run.steps[0], 0, 1)


def with_task(run: Run, task_id: str) -> Run:
    """The run, going on with this task."""
    return replace(run, task_ids=(*run.task_ids, task_id), status="running", cause="", finished_at=None)


def awaits_judgement(run: Run, task: Task) -> bool:
    """Whether this result decides if there is another round: `accept` must be searched in it."""
    is_last_step = task.step == len(run.steps) - 1
    return run.accept is not None and is_last_step and task.status == "completed" and _is_current(run, task)


async def is_accepted(run: Run, result: str) -> bool:
    """Whether the run's `accept` is found, in the first and last part of a long result. Raises AuroraError."""
    texts = [result] if len(result) <= MOST_SEARCHED else [result[: MOST_SEARCHED // 2], result[-MOST_SEARCHED // 2 :]]
    try:
        matches = await matcher.search({"accept": run.accept or ""}, texts)
    except OSError as error:
        raise AuroraError("The result cannot be judged now", str(error), "Retry the last step.") from error
    if matches.exploded:
        hint = f"Write `accept` of `tasks.pipelines.{run.pipeline}` without nested repetitions."
        raise AuroraError("The result cannot be judged: `accept` takes too long to search for", "", hint)
    return "accept" in matches.found


def onward(run: Run, task: Task, now: float, *, accepted: bool = False) -> Onward | None:
    """What follows the end of a task; None when nothing does: it is not the run's newest, or has not ended.

    A step that failed ends the run; once it is retried and completed, the run goes on.
    """
    if not _is_current(run, task) or not task.is_finished:
        return None
    if task.status == "cancelled":
        return Onward(_over(run, "cancelled", task.cause or "its task was cancelled", now))
    if task.status != "completed":
        return Onward(_over(run, "failed", _why(run, task), now))
    return _after_completed(run, task, now, accepted=accepted)


def _after_completed(run: Run, task: Task, now: float, *, accepted: bool) -> Onward:
    following = task.step + 1
    if following < len(run.steps):
        return Onward(run, Step(run.steps[following], following, run.round, task.result))
    if run.accept is None or accepted:
        return Onward(_over(run, "completed", "", now))
    if run.round >= run.max_rounds:
        rounds = "1 round" if run.max_rounds == 1 else f"{run.max_rounds} rounds"
        return Onward(_over(run, "failed", f"not accepted after {rounds}: {_first_line(task.result)}", now))
    again = replace(run, round=run.round + 1)
    return Onward(again, Step(run.steps[run.repeat_from], run.repeat_from, again.round, task.result))


def cancelled(run: Run, by: str, now: float) -> Run:
    """The run without a further step; the task that is being done is the caller's to cancel."""
    return run if run.status != "running" else _over(run, "cancelled", f"cancelled by {by}", now)


def failed(run: Run, cause: str, now: float) -> Run:
    """The run, when its next step cannot be made (its role is no more, `accept` cannot be searched for)."""
    return _over(run, "failed", cause, now)


def _is_current(run: Run, task: Task) -> bool:
    return run.status in ("running", "failed") and task.run_id == run.id and run.task_ids[-1:] == (task.id,)


def _over(run: Run, status: Literal["completed", "failed", "cancelled"], cause: str, now: float) -> Run:
    return replace(run, status=status, cause=cause, finished_at=now)


def _why(run: Run, task: Task) -> str:
    """`run` has it: step 2 of 3 (coder)."""
    detail = _first_line(task.error) or task.cause
    words = {"timeout": "took too long", "dead": "was given up"}.get(task.status, "failed")
    return f"step {task.step + 1} of {len(run.steps)} ({task.role}) {words}" + (f": {detail}" if detail else "")


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line[:MOST_SHOWN] + "…" if len(line) > MOST_SHOWN else line


# --- kept over restarts -------------------------------------------------------------------------------------------


def keep(connection: apsw.Connection, run: Run) -> None:
    """Blocking, in the writer's thread, together with the task of its next step."""
    text = msgspec.json.encode(run).decode()
    connection.execute("INSERT OR REPLACE INTO task_run VALUES (?, ?, ?)", (run.id, run.finished_at, text))


def forget(connection: apsw.Connection, before: float) -> None:
    """Remove the runs that ended before this Unix time."""
    connection.execute("DELETE FROM task_run WHERE finished_at < ?", (before,))


SELECT_RUNS = "SELECT run FROM task_run ORDER BY finished_at IS NOT NULL, finished_at DESC LIMIT 1000"


def kept(rows: Sequence[tuple[str]]) -> dict[str, Run]:
    """The runs of SELECT_RUNS, those that go on first; what is of another version is left out."""
    found = {}
    for (text,) in rows:
        try:
            run = msgspec.json.decode(text, type=Run)
        except msgspec.MsgspecError:
            continue
        found[run.id] = run
    return found
