"""The queue as rows of `state.db`: a task is one row, from its submission until its history is pruned."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import apsw
import msgspec

from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.backend import Beside, Texts
from aurora_desktop.tasks.task import FINISHED, Task

MIGRATIONS = (
    """
    CREATE TABLE tasks (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        idempotency_key TEXT UNIQUE,
        status TEXT NOT NULL,
        agent TEXT NOT NULL,
        finished_at REAL,
        prompt TEXT NOT NULL,
        result TEXT NOT NULL DEFAULT '',
        task TEXT NOT NULL
    ) STRICT;
    CREATE INDEX tasks_by_status ON tasks (status);
    CREATE INDEX tasks_by_end ON tasks (finished_at) WHERE finished_at IS NOT NULL;
    """,
)
_PRUNED_AT_ONCE = 500
_FINISHED = tuple(sorted(FINISHED))

log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Task)


class TaskStore:
    """Implements `TaskBackend` over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_reported = False

    def unfinished(self) -> list[Task]:
        marks = ", ".join("?" * len(_FINISHED))
        return self._tasks(f"status NOT IN ({marks}) ORDER BY number", _FINISHED)

    async def add(self, task: Task, beside: Beside | None = None) -> Task:
        number = await asyncio.wrap_future(self._database.submit(lambda db: _insert(db, task, beside)))
        if number is not None:
            return msgspec.structs.replace(task, number=number, prompt="", result="")
        there = self.find_key(task.idempotency_key or "")
        if there is None:  # pruned in this very moment
            return await self.add(task, beside)
        return there

    async def save(self, task: Task, result: str | None = None, beside: Beside | None = None) -> None:
        await asyncio.wrap_future(self._database.submit(lambda db: _update(db, task, result, beside)))

    def save_soon(self, task: Task, beside: Beside | None = None) -> None:
        future = self._database.submit(lambda db: _update(db, task, None, beside), GROUP_COMMIT_S)
        future.add_done_callback(self._report)

    def find(self, task_id: str) -> Task | None:
        return next(iter(self._tasks("id = ?", (task_id,))), None)

    def find_key(self, idempotency_key: str) -> Task | None:
        return next(iter(self._tasks("idempotency_key = ?", (idempotency_key,))), None)

    def texts(self, task_id: str) -> Texts:
        rows = self._database.read("SELECT prompt, result FROM tasks WHERE id = ?", (task_id,))
        return Texts(*rows[0]) if rows else Texts("", "")

    def finished(
        self, limit: int, statuses: Sequence[TaskStatus] = (), agent: str = "", before: int | None = None
    ) -> list[Task]:
        wanted = [status for status in statuses or _FINISHED if status in FINISHED]
        marks = ", ".join("?" * len(wanted))
        also = [
            (f"AND {which} ? ", value)
            for which, value in (("agent =", agent or None), ("number <", before))
            if value is not None
        ]
        where = f"status IN ({marks}) {''.join(which for which, _ in also)}ORDER BY number DESC LIMIT ?"
        return self._tasks(where, [*wanted, *(value for _, value in also), limit])

    async def prune(self, before: float) -> int:
        """A few at a time, with room for other writes in between."""
        pruned = _PRUNED_AT_ONCE
        total = 0
        while pruned == _PRUNED_AT_ONCE:
            pruned = await asyncio.wrap_future(self._database.submit(lambda db: _prune(db, before)))
            total += pruned
        return total

    def _tasks(self, where: str, arguments: Sequence[Any]) -> list[Task]:
        rows = self._database.read(f"SELECT number, task FROM tasks WHERE {where}", arguments)  # noqa: S608 - constants
        return [task for number, text in rows if (task := _decoded(number, text)) is not None]

    def _report(self, future: "Future[Any]") -> None:
        """Once per outage: the journal, on the same disk, tells the operator."""
        error = future.exception()
        if error is not None and not self._is_reported:
            log.warning("the state of tasks cannot be kept: %s", error)
        self._is_reported = error is not None


def _insert(connection: apsw.Connection, task: Task, beside: Beside | None) -> int | None:
    """Its number; None where its key is taken."""
    bare = _encoder.encode(msgspec.structs.replace(task, prompt="", result="")).decode()
    connection.execute(
        "INSERT INTO tasks (id, idempotency_key, status, agent, finished_at, prompt, result, task)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
        (task.id, task.idempotency_key, task.status, task.agent, task.finished_at, task.prompt, task.result, bare),
    )
    if not connection.changes():
        return None
    number = connection.last_insert_rowid()
    if beside is not None:
        beside(connection)
    return number


def _update(connection: apsw.Connection, task: Task, result: str | None, beside: Callable[..., Any] | None) -> None:
    text = _encoder.encode(task).decode()
    connection.execute(
        "UPDATE tasks SET status = ?, finished_at = ?, task = ?, result = coalesce(?, result) WHERE id = ?",
        (task.status, task.finished_at, text, result, task.id),
    )
    if beside is not None:
        beside(connection)


def _prune(connection: apsw.Connection, before: float) -> int:
    connection.execute(
        "DELETE FROM tasks WHERE number IN (SELECT number FROM tasks WHERE finished_at < ? LIMIT ?)",
        (before, _PRUNED_AT_ONCE),
    )
    return connection.changes()


def _decoded(number: int, text: str) -> Task | None:
    try:
        return msgspec.structs.replace(_decoder.decode(text), number=number)
    except msgspec.MsgspecError:  # of a later version: it stays where it is
        log.warning("task number %d of state.db is not understood", number)
        return None
