"""The last input tasks that are over: in memory, found again in the audit log after a start."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from aurora_desktop.input.audit.files import lines, log_files
from aurora_desktop.input.audit.records import task_of
from aurora_desktop.input.view import HISTORY_KEPT, TaskView

_decoder = msgspec.json.Decoder(dict)


class History:
    """At most `kept` finished tasks, by id; a task that is not over is no history yet and not taken in."""

    def __init__(self, tasks: Iterable[TaskView] = (), kept: int = HISTORY_KEPT) -> None:
        """`tasks`: oldest first."""
        self._kept = kept
        self._tasks: dict[str, TaskView] = {}
        for task in tasks:
            self.add(task)

    def add(self, task: TaskView) -> None:
        """Take in a task that is over; a second telling of the same one replaces the first."""
        if task.finished_at is None:
            return
        self._tasks.pop(task.task_id, None)
        self._tasks[task.task_id] = task
        while len(self._tasks) > self._kept:
            del self._tasks[next(iter(self._tasks))]

    def get(self, task_id: str) -> TaskView | None:
        return self._tasks.get(task_id)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._tasks

    def recent(self) -> tuple[TaskView, ...]:
        """Newest first."""
        return tuple(reversed(self._tasks.values()))


class Remembered(Struct, frozen=True):
    """What the audit log knows: `finished` tasks, and those whose outcome was never written, both oldest first.

    The interrupted ones come as failed: `uncertain` if their intent was written, else `not_started`.
    """

    finished: tuple[TaskView, ...]
    interrupted: tuple[TaskView, ...]


def remember(log: Path, kept: int = HISTORY_KEPT) -> Remembered:
    """The last tasks of the audit log. Blocks, up to a second for a long log; what is unreadable is left out."""
    finished: dict[str, TaskView] = {}
    begun: dict[str, TaskView] = {}
    for file in _needed(log_files(log)):
        for task in _tasks_of(file):
            if task.finished_at is None:
                begun[task.task_id] = task
            else:
                begun.pop(task.task_id, None)
                finished.pop(task.task_id, None)
                finished[task.task_id] = task
                if len(finished) > kept:
                    del finished[next(iter(finished))]
    return Remembered(tuple(finished.values()), tuple(_interrupted(task) for task in begun.values()))


def _needed(files: Sequence[Path]) -> Sequence[Path]:
    """The log and its newest archive: right after a rotation the log alone is nearly empty."""
    return files[-2:]


def _tasks_of(file: Path) -> Iterable[TaskView]:
    try:
        for line in lines(file):
            if (task := _task_in(line)) is not None:
                yield task
    except OSError:
        return


def _task_in(line: bytes) -> TaskView | None:
    try:
        return task_of(_decoder.decode(line))
    except (msgspec.MsgspecError, UnicodeError):
        return None


def _interrupted(task: TaskView) -> TaskView:
    has_intent = task.status == "running"
    return msgspec.structs.replace(
        task,
        status="failed",
        outcome="uncertain" if has_intent else "not_started",
        finished_at=task.started_at or task.created_at,
        reason="Aurora ended before the outcome was known" if has_intent else "Aurora ended before its turn came",
    )
