"""Runs of pipelines as a table, and the steps of one: what was done, what is being done, what waits for what."""

import time
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from PySide6.QtCore import QObject

from aurora_desktop.tasks.view import PipelineRun, TaskView
from aurora_desktop.ui import phrases, task_words
from aurora_desktop.ui.models.rows import Cells, Look, RowsModel

RUN_WORDS = {"running": "At work", "completed": "Done", "failed": "Failed", "cancelled": "Cancelled"}
_RUN_LOOKS: dict[str, Look] = {
    "running": ("state-working", "info"), "completed": ("state-ready", "ok"), "failed": ("state-failed", "bad"),
    "cancelled": ("state-stopped", "muted"),
}  # fmt: skip
_ARROW = f" {chr(0x2192)} "


class RunRow(Struct, frozen=True):
    """A run with the tasks of its steps, of which those that were pruned are missing."""

    run: PipelineRun
    tasks: tuple[TaskView, ...] = ()

    @property
    def at_work(self) -> TaskView | None:
        """The task of the step that is being done."""
        last = self.tasks[-1] if self.tasks else None
        return last if self.run.status == "running" and last is not None and last.finished_at is None else None


class StepRow(Struct, frozen=True, kw_only=True):
    """A step that has a task, or one that waits for the step before it (`task` is None)."""

    number: int
    """In the order of their start, from 1."""
    role: str
    round: int
    task: TaskView | None = None
    waits_for: str = ""


def steps_of(row: RunRow) -> tuple[StepRow, ...]:
    """All that was done, then what follows in this round; how many rounds there will be nobody knows."""
    begun = [
        StepRow(number=place, role=task.role, round=task.round, task=task) for place, task in enumerate(row.tasks, 1)
    ]
    if row.run.status != "running" or not row.tasks:
        return tuple(begun)
    last = row.tasks[-1]
    coming = row.run.steps[last.step + 1 :]
    before = (last.role, *coming)
    return (
        *begun,
        *(
            StepRow(number=len(begun) + place, role=role, round=row.run.round, waits_for=before[place - 1])
            for place, role in enumerate(coming, 1)
        ),
    )


# --- in words -----------------------------------------------------------------------------------------------------


def run_look(row: RunRow) -> Look:
    """That of its task where that is what one has to see: it needs you, or stands still."""
    task = row.at_work
    return task_words.look(task) if task is not None else _RUN_LOOKS[row.run.status]


def run_status(row: RunRow) -> str:
    task = row.at_work
    return task_words.status(task) if task is not None else RUN_WORDS[row.run.status]


def run_doing(row: RunRow, now: float) -> str:
    """`coder: Running Bash for 12 s`; once it is over, why it ended so."""
    task = row.at_work
    if task is not None:
        doing = task_words.doing(task, now)
        return f"{task.role}: {doing[:1].lower()}{doing[1:]}" if doing else task.role
    cause = phrases.quoted(row.run.cause)
    return cause[:1].upper() + cause[1:]


def place(row: RunRow) -> str:
    """`2 of 3`, and the round where there may be several."""
    run = row.run
    if not row.tasks or not run.steps:
        return phrases.NONE
    step = f"{row.tasks[-1].step + 1} of {len(run.steps)}"
    return f"{step}, round {run.round} of {run.max_rounds}" if run.max_rounds > 1 else step


def road(run: PipelineRun) -> str:
    """`architect → coder → critic`."""
    return _ARROW.join(run.steps)


def cost(row: RunRow) -> float | None:
    """Of all its steps; None where no agent tells any."""
    costs = [task.usage.cost_usd for task in row.tasks if task.usage.cost_usd is not None]
    return sum(costs) if costs else None


def step_status(step: StepRow) -> str:
    return task_words.status(step.task) if step.task is not None else f"Waits for {step.waits_for}"


def step_look(step: StepRow) -> Look:
    return task_words.look(step.task) if step.task is not None else ("state-waiting", "muted")


def step_doing(step: StepRow, now: float) -> str:
    if step.task is None:
        return f"Begins with the result of {step.waits_for}"
    return task_words.doing(step.task, now)


# --- tables -------------------------------------------------------------------------------------------------------

_RUN_COLUMNS = (
    Cells(title="Pipeline", text=lambda row: row.run.pipeline, tip=lambda row: road(row.run)),
    Cells(title="Prompt", text=lambda row: row.run.summary),
    Cells(title="State", text=run_status, look=run_look),
    Cells(title="Step", text=place),
    Cells(title="What it does", text=lambda row: run_doing(row, time.time())),
    Cells(
        title="Age", text=lambda row: phrases.glance(time.time() - row.run.created_at),
        tip=lambda row: f"Begun at {phrases.moment(row.run.created_at, time.time())}",
    ),
    Cells(title="Cost", text=lambda row: phrases.cost(cost(row)), right=True),
)  # fmt: skip
DOING, AGE = 4, 5


class RunsModel(RowsModel[RunRow]):
    """One row for each run, those at work first, then the newest."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_RUN_COLUMNS, lambda row: row.run.id, parent=parent)

    def tick(self) -> None:
        """A second has passed: what lasts is told anew."""
        going_on = [place for place, row in enumerate(self.rows()) if row.run.status == "running"]
        if going_on:
            self.dataChanged.emit(self.index(going_on[0], DOING), self.index(going_on[-1], AGE))


_STEP_COLUMNS = (
    Cells(title="Step", text=lambda step: f"{step.number}. {step.role}"),
    Cells(title="State", text=step_status, look=step_look, tip=lambda step: step_doing(step, time.time())),
)


class StepsModel(RowsModel[StepRow]):
    """One row for each step."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_STEP_COLUMNS, lambda step: step.number, parent=parent)


def in_order(runs: Iterable[PipelineRun], tasks: Mapping[str, TaskView]) -> list[RunRow]:
    """Those that go on first; else the newest first, as they come."""
    rows = [RunRow(run, _known(run.task_ids, tasks)) for run in runs]
    return sorted(rows, key=lambda row: row.run.status != "running")


def _known(task_ids: Sequence[str], tasks: Mapping[str, TaskView]) -> tuple[TaskView, ...]:
    return tuple(tasks[task_id] for task_id in task_ids if task_id in tasks)
