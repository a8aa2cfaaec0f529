"""The queue in memory: every task that is not finished, and the finished ones while their result is kept.

Whatever changes of a task goes through `change`: it is checked, kept, told, and put into its lane.
"""

import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AGENT_PREFIX, AnyEvent
from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged, TaskStatus, TaskUncertain
from aurora_desktop.tasks.backend import Beside, TaskBackend
from aurora_desktop.tasks.errors import UnknownTaskError
from aurora_desktop.tasks.policy import TRANSITIONS, Lane, turn
from aurora_desktop.tasks.task import AT_WORK, FINISHED, Task


class Book:
    """The tasks by id; those of one lane sorted by their turn."""

    def __init__(self, backend: TaskBackend, clock: Clock, publish: Callable[[AnyEvent], object]) -> None:
        """Blocking: reads."""
        self.backend = backend
        self._clock, self._publish = clock, publish
        self._lanes: dict[Lane, list[Task]] = {}
        self._tasks: dict[str, Task] = {}
        self._at_work: set[str] = set()
        self._uncertain: set[str] = set()
        for task in backend.unfinished():
            self._put(task)

    # --- looking up -------------------------------------------------------------------------------------------

    @property
    def lanes(self) -> Mapping[Lane, Sequence[Task]]:
        """The queued tasks, in their turn."""
        return self._lanes

    def here(self, task_id: str) -> Task | None:
        """If it is in the queue still."""
        return self._tasks.get(task_id)

    def find(self, task_id: str) -> Task | None:
        """From the history, too."""
        return self._tasks.get(task_id) or self.backend.find(task_id)

    def get(self, task_id: str) -> Task:
        """The same. Raises UnknownTaskError."""
        task = self.find(task_id)
        if task is None:
            raise UnknownTaskError(
                f"There is no task `{task_id}`"[:200], "", "`aurora task list` shows those that there are."
            )
        return task

    def with_key(self, idempotency_key: str) -> Task | None:
        """From the history, too."""
        task = self.backend.find_key(idempotency_key)
        return self._tasks.get(task.id, task) if task is not None else None

    def everyone(self) -> Iterable[Task]:
        """All that is in the queue, oldest first."""
        return self._tasks.values()

    def at_work(self) -> list[Task]:
        return [self._tasks[task_id] for task_id in self._at_work]

    def uncertain(self) -> list[Task]:
        """Oldest first."""
        return sorted((self._tasks[task_id] for task_id in self._uncertain), key=lambda task: task.number)

    def waiting(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def newest(self, limit: int, statuses: Sequence[TaskStatus], agent: str, before: int | None = None) -> list[Task]:
        here = [
            task
            for task in reversed(self._tasks.values())
            if (not statuses or task.status in statuses)
            and (not agent or task.agent == agent)
            and (before is None or task.number < before)
        ]
        known = {task.id for task in here}
        wanted = [status for status in statuses if status in FINISHED]
        older = self.backend.finished(limit, wanted, agent, before) if wanted or not statuses else []
        both = [*here, *(task for task in older if task.id not in known and task.id not in self._tasks)]
        return sorted(both, key=lambda task: -task.number)[:limit]

    # --- changing ---------------------------------------------------------------------------------------------

    async def add(self, task: Task, beside: Beside | None = None) -> tuple[Task, bool]:
        """The task as it is in the queue now, and whether it is new: else its idempotency key was taken."""
        added = await self.backend.add(task, beside)
        if added.id != task.id:
            return self._tasks.get(added.id, added), False
        self._put(added)
        return added, True

    def change(self, task: Task, beside: Beside | None = None, **fields: Any) -> Task:
        """Kept in company with other writes; of what comes after nothing relies on it before."""
        changed = self._changed(task, fields)
        self.backend.save_soon(changed, beside)
        return changed

    def changed(self, task: Task, **fields: Any) -> Task:
        """In memory and on the bus alone: to be kept by the caller, who waits for it."""
        return self._changed(task, fields)

    async def keep(self, task: Task, result: str | None, beside: Beside | None, **fields: Any) -> Task:
        """On disk first, and only then in memory and on the bus. Raises apsw.Error or OSError, and nothing has changed.

        What is changed of the task meanwhile is kept with it.
        """
        before = self._tasks[task.id]
        await self.backend.save(self._checked(before, fields), result, beside)
        while (now := self._tasks[task.id]) is not before:
            before = now
            await self.backend.save(self._checked(now, fields), result)
        return self._changed(task, fields)

    def drop_finished(self, before: float) -> None:
        """Let go of what finished before; the history has it."""
        over = [task.id for task in self._tasks.values() if task.is_finished and (task.finished_at or 0) < before]
        for task_id in over:
            del self._tasks[task_id]

    def _changed(self, task: Task, fields: dict[str, Any]) -> Task:
        before = self._tasks.get(task.id, task)
        changed = self._checked(before, fields)
        self._take_out(before)
        self._put(changed)
        if changed.status != before.status:
            self._tell(before, changed)
        return changed

    @staticmethod
    def _checked(before: Task, fields: dict[str, Any]) -> Task:
        """Raises ValueError for what no rule allows."""
        changed = replace(before, **fields)
        if changed.status != before.status and changed.status not in TRANSITIONS[before.status]:
            raise ValueError(f"a task cannot come from {before.status} to {changed.status}")
        return changed

    def _put(self, task: Task) -> None:
        self._tasks[task.id] = task
        (self._at_work.add if task.status in AT_WORK else self._at_work.discard)(task.id)
        (self._uncertain.add if task.status == "uncertain" else self._uncertain.discard)(task.id)
        if task.status == "queued":
            bisect.insort(self._lanes.setdefault((task.pool, task.agent), []), task, key=turn)

    def _take_out(self, task: Task) -> None:
        lane = self._lanes.get((task.pool, task.agent), [])
        if task.status == "queued" and task.id in self._tasks:
            del lane[bisect.bisect_left(lane, turn(task), key=turn)]

    # --- telling ----------------------------------------------------------------------------------------------

    def _tell(self, before: Task, after: Task) -> None:
        at, component = self._clock.wall(), AGENT_PREFIX + after.agent
        self._publish(
            TaskStateChanged(
                at=at, component=component, task_id=after.id, previous=before.status, status=after.status,
                cause=after.cause, worker=after.worker, attempt=after.attempt,
            )
        )  # fmt: skip
        if after.status == "uncertain":
            self._publish(TaskUncertain(at=at, component=component, task_id=after.id, cause=after.cause))
        if after.is_finished:
            self._publish(_finished(after, at, component))


def _finished(task: Task, at: float, component: str) -> TaskFinished:
    return TaskFinished(
        at=at, component=component, task_id=task.id, agent=task.agent, status=task.status,
        duration_s=round(max(0.0, (task.finished_at or at) - (task.started_at or task.created_at)), 3),
        cause=task.cause, cost_usd=task.usage.cost_usd, tokens=task.usage.tokens,
        prompt_sha256=task.prompt_sha256, operator_user=task.operator_user,
    )  # fmt: skip
