"""Tasks of agents, their questions and the workers as tables, what needs somebody first."""

import time
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.task import AT_WORK
from aurora_desktop.tasks.view import ApprovalView, TaskView, WorkerView
from aurora_desktop.ui import phrases, task_words
from aurora_desktop.ui.models.rows import Cells, Index, RowsModel

Row = TypeVar("Row")
PAGE = 500
"""Tasks that are read at once; more when the table is scrolled to its end."""
_NEEDS_SOMEBODY: tuple[TaskStatus, ...] = ("waiting_approval", "uncertain")
URGENT: tuple[TaskStatus, ...] = (*_NEEDS_SOMEBODY, "running", "leased")
"""Shown however old they are."""

FILTERS: dict[str, tuple[TaskStatus, ...]] = {
    "All tasks": (),
    "Needs you": _NEEDS_SOMEBODY,
    "At work": ("running", "leased", "waiting_approval"),
    "In the queue": ("queued",),
    "Done": ("completed",),
    "Failed": ("error", "timeout", "dead"),
    "Cancelled": ("cancelled",),
}
_WORKER_RANK = {"unhealthy": 0, "frozen": 1, "busy": 2, "starting": 3, "idle": 4, "stopped": 5, "asleep": 6}


class Column(IntEnum):
    TASK = 0
    PROMPT = 1
    STATE = 2
    DOING = 3
    AGENT = 4
    AGE = 5
    COST = 6
    TOKENS = 7
    WORKER = 8


def in_order(tasks: Iterable[TaskView], text: str = "") -> list[TaskView]:
    """Those with every word of `text`: what needs somebody, what is at work, then the newest; none twice."""
    words = text.casefold().split()
    found = {task.id: task for task in tasks if not words or _contains(task, words)}
    return sorted(found.values(), key=lambda task: (_rank(task), -task.number))


def _rank(task: TaskView) -> int:
    if task.status in _NEEDS_SOMEBODY or task.frozen:
        return 0
    return 1 if task.status in AT_WORK else 2


def _contains(task: TaskView, words: list[str]) -> bool:
    parts = (
        task_words.title(task), task.summary, task_words.who(task), task_words.status(task), task.cause, task.held,
        task.worker, task.cwd, task.id, task.activity.detail if task.activity else "",
    )  # fmt: skip
    where = "\n".join(parts).casefold()
    return all(word in where for word in words)


def _moves(task: TaskView) -> bool:
    """Whether its row changes as time goes by."""
    return task.finished_at is None


_TASK_COLUMNS = (
    Cells(title="Task", text=lambda task: str(task.number), tip=lambda task: task.id, right=True),
    Cells(title="Prompt", text=lambda task: task.summary),
    Cells(title="State", text=task_words.status, look=task_words.look),
    Cells(title="What it does", text=lambda task: task_words.doing(task, time.time())),
    Cells(title="Agent", text=task_words.who),
    Cells(
        title="Age", text=lambda task: task_words.age(task, time.time()),
        tip=lambda task: f"Submitted at {phrases.moment(task.created_at, time.time())}",
    ),
    Cells(title="Cost", text=lambda task: phrases.cost(task.usage.cost_usd), right=True),
    Cells(title="Tokens", text=lambda task: phrases.tokens(task.usage.tokens), right=True),
    Cells(title="Worker", text=lambda task: task.worker or phrases.NONE),
)  # fmt: skip


class WorkTasksModel(RowsModel[TaskView]):
    """One row for each task. `more_wanted`: the table was scrolled to the end of what was read."""

    more_wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_TASK_COLUMNS, lambda task: task.id, parent=parent)
        self._has_more = False

    def show_tasks(self, tasks: Sequence[TaskView], *, has_more: bool) -> None:
        """Become `tasks`; `has_more`: there are others to be read."""
        self.show(tasks)
        self._has_more = has_more

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._has_more

    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent):
            self._has_more = False
            self.more_wanted.emit()

    def tick(self) -> None:
        """A second has passed: what lasts is told anew."""
        for first, last in _runs(self.rows(), _moves):
            for column in (Column.DOING, Column.AGE):
                self.dataChanged.emit(self.index(first, column), self.index(last, column))

    def row_of(self, task_id: str) -> int:
        """The row of this task; -1 where it is not shown."""
        return next((row for row, task in enumerate(self.rows()) if task.id == task_id), -1)


_WORKER_COLUMNS = (
    Cells(title="Worker", text=lambda worker: worker.name),
    Cells(title="Status", text=task_words.worker_status, look=task_words.worker_look),
    Cells(title="PID", text=lambda worker: str(worker.pid or phrases.NONE), right=True),
    Cells(title="Tasks", text=lambda worker: f"{worker.tasks_completed:,}", right=True),
    Cells(title="Errors", text=lambda worker: f"{worker.errors:,}", right=True),
    Cells(title="Uptime", text=lambda worker: phrases.uptime(worker.uptime_s), right=True),
    Cells(title="What it does", text=lambda worker: task_words.worker_doing(worker, time.time())),
)


def workers_in_order(workers: Iterable[WorkerView]) -> list[WorkerView]:
    """What is not well first, then what works."""
    return sorted(workers, key=lambda worker: (_WORKER_RANK[worker.status], worker.name))


class WorkersModel(RowsModel[WorkerView]):
    """One row for each worker that there may be."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_WORKER_COLUMNS, lambda worker: worker.name, parent=parent)

    def tick(self) -> None:
        """A second has passed: what lasts is told anew."""
        last = len(_WORKER_COLUMNS) - 1
        for first, end in _runs(self.rows(), lambda worker: worker.activity is not None):
            self.dataChanged.emit(self.index(first, last), self.index(end, last))


_APPROVAL_COLUMNS = (
    Cells(title="Agent", text=lambda asked: asked.agent),
    Cells(title="Wants to use", text=lambda asked: "More money" if asked.kind == "budget" else asked.tool),
    Cells(title="For what", text=lambda asked: asked.summary),
    Cells(title="Waits for", text=lambda asked: phrases.glance(time.time() - asked.asked_at), right=True),
)


class ApprovalsModel(RowsModel[ApprovalView]):
    """One row for each question, the one that waits longest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_APPROVAL_COLUMNS, lambda asked: asked.id, parent=parent)

    def tick(self) -> None:
        """A second has passed."""
        if rows := self.rowCount():
            self.dataChanged.emit(self.index(0, 3), self.index(rows - 1, 3))


def _runs(rows: Sequence[Row], wanted: Callable[[Row], bool]) -> list[tuple[int, int]]:
    """The first and the last place of each unbroken run of rows that are wanted."""
    runs: list[tuple[int, int]] = []
    for place, row in enumerate(rows):
        if not wanted(row):
            continue
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs
