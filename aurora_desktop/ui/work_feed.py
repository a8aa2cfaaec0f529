"""What the bridge tells of tasks: how much waits for the operator, and that what a page shows has changed."""

from msgspec import Struct
from PySide6.QtCore import QObject, Signal

from aurora_desktop.core.events import (
    WORKER_PREFIX,
    AnyEvent,
    ServiceStateChanged,
    SettingsApplied,
)
from aurora_desktop.core.task_events import (
    AgentAvailable,
    AgentUnavailable,
    ApprovalAnswered,
    ApprovalAsked,
    BudgetReached,
    TaskFinished,
    TaskStateChanged,
    TaskSubmitted,
    TaskUncertain,
)
from aurora_desktop.tasks.view import TasksFace

_OF_TASKS = (
    AgentAvailable, AgentUnavailable, ApprovalAnswered, ApprovalAsked, BudgetReached, SettingsApplied, TaskFinished,
    TaskStateChanged, TaskSubmitted, TaskUncertain,
)  # fmt: skip
_OF_WAITING = (ApprovalAnswered, ApprovalAsked, TaskFinished, TaskStateChanged, TaskUncertain)
MOST_COUNTED = 100


class Waiting(Struct, frozen=True):
    """How much waits for the operator: questions of agents, and tasks of which nobody knows how they ended."""

    approvals: int = 0
    uncertain: int = 0

    @property
    def count(self) -> int:
        return self.approvals + self.uncertain


class WorkFeed(QObject):
    """`waiting_changed` (Waiting) and `finished` (a task's id) always come; the others only while a page follows.

    `changed`: what it shows is to be read anew; `ticked`: a second has passed.

    The bridge drives it: it has no timer of its own.
    """

    waiting_changed = Signal(object)
    finished = Signal(str)
    changed = Signal()
    ticked = Signal()

    def __init__(self, face: TasksFace | None, parent: QObject) -> None:
        super().__init__(parent)
        self._face = face
        self._is_stale = False
        self._counts_are_stale = face is not None
        self._is_followed = False
        self._finished: list[str] = []
        self.waiting = Waiting()

    def follow(self, follow: bool) -> None:
        """Whether a page of tasks is seen."""
        self._is_followed = follow
        if follow:
            self._is_stale = True

    def note(self, event: AnyEvent) -> None:
        """Something happened."""
        of_worker = isinstance(event, ServiceStateChanged) and event.component.startswith(WORKER_PREFIX)
        if of_worker or isinstance(event, _OF_TASKS):
            self._is_stale = True
        if isinstance(event, _OF_WAITING):
            self._counts_are_stale = True
        if isinstance(event, TaskFinished):
            self._finished.append(event.task_id)

    def touch(self) -> None:
        """Something changed that no event tells."""
        self._is_stale = self._counts_are_stale = True

    def flush(self, *, watched: bool) -> None:
        """Tell of what changed since, once."""
        if self._face is None:
            return
        if self._counts_are_stale:
            self._count(self._face)
        finished, self._finished = self._finished, []
        for task_id in finished:
            self.finished.emit(task_id)
        if self._is_stale and watched and self._is_followed:
            self._is_stale = False
            self.changed.emit()

    def tick(self) -> None:
        """A second has passed while the window is watched."""
        if self._face is not None and self._is_followed:
            self.ticked.emit()

    def _count(self, face: TasksFace) -> None:
        self._counts_are_stale = False
        uncertain = face.tasks(limit=MOST_COUNTED, statuses=("uncertain",))
        waiting = Waiting(approvals=len(face.approvals()), uncertain=len(uncertain))
        if waiting != self.waiting:
            self.waiting = waiting
            self.waiting_changed.emit(waiting)
