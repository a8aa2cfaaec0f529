"""Writes the records: each line by one `write()`, in a thread, and none is lost to a disk that is full for a while."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.jsonl import JsonlLog
from aurora_desktop.core.storage.line_log import LineLog
from aurora_desktop.core.storage.trouble import LONGEST_RETRY_S, StorageEvent, Trouble
from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged, TaskSubmitted
from aurora_desktop.tasks.discretion import secrets
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Ended
from aurora_desktop.tasks.records import text
from aurora_desktop.tasks.records.lines import ACTIVITY_LOGS, AUDIT_LOG, activity_line, audit_line, is_told
from aurora_desktop.tasks.task import Task

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Records that are not made into lines yet."""
MOST_RECOVERED = 500
"""Newest tasks that are looked at after a start: at a kill some few records may have been on their way to the disk."""


class Texts(Protocol):
    """What the queue keeps apart from a task: its prompt and its result."""

    @property
    def prompt(self) -> str: ...

    @property
    def result(self) -> str: ...


class Queue(NamedTuple):
    """What is asked of the queue. `find`: a task as it is now; `newest`: so many that are finished; `texts`: of a task;
    both block, from any thread. `settled`: once what the queue was told until now is on the disk, or cannot be brought
    there."""

    find: Callable[[str], Task | None]
    newest: Callable[[int], Sequence[Task]]
    texts: Callable[[str], Texts]
    settled: Callable[[], Coroutine[Any, Any, object]]


_Work = Callable[[], None]


class TaskRecords:
    """The logs of all tasks; `read` is a reader of the bus, and returns at once.

    `publish` is told in the loop's thread of a log that cannot be written, and when it can again.
    """

    def __init__(
        self,
        paths: StatePaths,
        settings: LogSettings,
        clock: Clock,
        publish: Callable[[StorageEvent], object],
        queue: Queue,
        tasks: Callable[[], TaskSettings],
    ) -> None:
        self._paths, self._clock, self._publish = paths, clock, publish
        self._queue, self._tasks = queue, tasks
        self._loop = asyncio.get_running_loop()
        self._logs = {name: self._log(name, settings) for name in (AUDIT_LOG, *ACTIVITY_LOGS.values())}
        self._texts = Trouble(paths.task_logs, clock, self._tell, "records of tasks")
        self._waiting: list[_Work] = []
        self._writing: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._is_closing = False

    async def recover(self) -> None:
        """Write down the ends of tasks that an Aurora that died had in the queue, and did not come to record."""
        for task in await asyncio.to_thread(self._unrecorded):
            self._finished(task, task.finished_at or self._clock.wall())

    def _unrecorded(self) -> list[Task]:
        """Blocking. One whose folder is gone as well was removed for its age."""
        newest = self._queue.newest(MOST_RECOVERED)
        return [
            task
            for task in reversed(newest)
            if (self._paths.tasks / task.id).is_dir() and not self.text_path(task.id).exists()
        ]

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        match record.event:
            case TaskSubmitted(task_id=task_id) | TaskStateChanged(task_id=task_id):
                task = self._queue.find(task_id)
                if task is not None and is_told(task.status) and not task.is_finished:
                    self._told(task, record.event.at)
            case TaskFinished(task_id=task_id, at=at):
                task = self._queue.find(task_id)
                if task is not None:
                    self._finished(task, at)

    def _told(self, task: Task, at: float) -> None:
        self._add(lambda: self._logs[AUDIT_LOG].add(audit_line(task, at)))

    def _finished(self, task: Task, at: float) -> None:
        settings = self._tasks()
        agent = settings.all_agents.get(task.agent)
        activity = ACTIVITY_LOGS.get(agent.kind) if agent is not None else None
        path, folder = self.text_path(task.id), TaskFolder(self._paths.tasks / task.id)

        def work() -> None:
            env, ended = secrets(settings, task.agent, task.role), _ended(folder, task.attempt)
            self._logs[AUDIT_LOG].add(audit_line(task, at))
            if activity is not None:
                prompt = self._queue.texts(task.id).prompt
                self._logs[activity].add(activity_line(replace(task, prompt=prompt), ended, path, env, at))
            self._write_text(task, folder, env)

        self._add(work)

    def text_path(self, task_id: str) -> Path:
        return self._paths.task_logs / f"{task_id}.log"

    def configure(self, settings: LogSettings) -> None:
        """Apply changed sizes with the next line."""
        for one in self._logs.values():
            one.file.settings = settings

    async def close(self) -> None:
        """Write what waits, one more time, and let go of the files."""
        self._is_closing = True
        self._arrived.set()
        if self._writing is not None:
            await self._writing
        self.abandon()

    def abandon(self) -> None:
        """Let go of the files; what is not written yet is recorded at the next start."""
        for one in self._logs.values():
            one.file.close()

    def _log(self, name: str, settings: LogSettings) -> LineLog:
        path = self._paths.logs / name
        return LineLog(JsonlLog(path, settings), Trouble(path, self._clock, self._tell, "records of tasks"))

    def _tell(self, event: StorageEvent) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(self._publish, event)

    def _add(self, work: _Work) -> None:
        self._waiting.append(work)
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[0]
            self._logs[AUDIT_LOG].trouble.drop()
        self._arrived.set()
        if self._writing is None or self._writing.done():
            self._writing = self._loop.create_task(self._write())

    async def _write(self) -> None:
        """Until nothing waits; after a failure again, a little later each time."""
        while True:
            self._arrived.clear()
            work, self._waiting = self._waiting, []
            if work:
                await self._queue.settled()
            await asyncio.to_thread(self._write_blocking, work)
            if self._waiting:
                continue
            if self._is_closing or not self._failing():
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), self._retry_s())

    def _write_blocking(self, work: list[_Work]) -> None:
        for one in work:
            try:
                one()
            except Exception:  # a record that cannot be made must not keep the others from the disk
                log.exception("a record of a task cannot be made")
        for each in self._logs.values():
            each.write()

    def _failing(self) -> list[Trouble]:
        return [each.trouble for each in self._logs.values() if each.waiting]

    def _retry_s(self) -> float:
        return min((trouble.retry_s for trouble in self._failing()), default=LONGEST_RETRY_S)

    def _write_text(self, task: Task, folder: TaskFolder, env: Environment) -> None:
        """A text that cannot be written is not tried again: the task's folder and the queue have it all."""
        texts = self._queue.texts(task.id)
        try:
            text.write(self.text_path(task.id), replace(task, prompt=texts.prompt, result=texts.result), folder, env)
        except OSError as error:
            log.warning("the record of %s cannot be written: %s", task.id, words(error))
            self._texts.fail(error)
        else:
            self._texts.succeed(1, 0)


def _ended(folder: TaskFolder, attempt: int) -> Ended | None:
    """What the worker wrote down at the end of the attempt; None where there was none, or it cannot be read."""
    try:
        return msgspec.json.decode(folder.ended(attempt).read_bytes(), type=Ended)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return None
