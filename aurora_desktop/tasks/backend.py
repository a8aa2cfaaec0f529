"""Where tasks are kept: a durable queue in `state.db` today, a distributed engine some day, behind the same face."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import apsw

from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.task import Task

Beside = Callable[[apsw.Connection], Any]
"""More to be written in the same transaction."""


class Texts(NamedTuple):
    prompt: str
    result: str


class TaskBackend(Protocol):
    """Calls are made on the loop's thread; errors of the disk are apsw.Error or OSError.

    Tasks come without their `prompt` and `result`, which `texts` has. `add` and `save` return once the row is safe.
    """

    def unfinished(self) -> list[Task]:
        """Blocking: what is to be done, or waits for the operator, in the order of numbers."""
        ...

    async def add(self, task: Task, beside: Beside | None = None) -> Task:
        """With its number. The one that has its `idempotency_key` already, where there is one; then nothing is written
        beside it."""
        ...

    async def save(self, task: Task, result: str | None = None, beside: Beside | None = None) -> None:
        """`result` None: as it was."""
        ...

    def save_soon(self, task: Task, beside: Beside | None = None) -> None:
        """In company with other writes, within 50 ms; a later `save` never overtakes it."""
        ...

    def find(self, task_id: str) -> Task | None: ...

    def find_key(self, idempotency_key: str) -> Task | None: ...

    def texts(self, task_id: str) -> Texts: ...

    def finished(
        self, limit: int, statuses: Sequence[TaskStatus] = (), agent: str = "", before: int | None = None
    ) -> list[Task]:
        """The newest first, of those with a number below `before`."""
        ...

    async def prune(self, before: float) -> int:
        """Forget what finished before (Unix time); how many that were."""
        ...
