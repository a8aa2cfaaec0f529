"""Tasks out of a backup, and what the journal knows of them since: nothing is done twice."""

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest

from aurora_desktop.core.events import Record
from aurora_desktop.core.storage import journal
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.journal import INSERT, row
from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged, TaskStatus, TaskSubmitted
from aurora_desktop.tasks.coordinator import MIGRATIONS
from aurora_desktop.tasks.restored import Known, known, put_on_top, settle
from aurora_desktop.tasks.store import TaskStore
from aurora_desktop.tasks.task import Task

AT = 1_750_000_000.0
NOTHING = known(())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state with a task of each kind, as a backup has it."""
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
    store = TaskStore(database)
    statuses: dict[str, TaskStatus] = {"q": "queued", "r": "running", "u": "uncertain", "c": "completed"}

    async def add() -> None:
        for name, status in statuses.items():
            finished_at = AT if status == "completed" else None
            await store.add(
                task(name, status=status, worker="w1" if status == "running" else "", finished_at=finished_at)
            )

    asyncio.run(add())
    database.close()
    return tmp_path / "state.db"


def task(name: str, **fields: Any) -> Task:
    return Task(id=f"task_{name}", number=0, agent="claude", prompt="p", **fields)


def changed(name: str, status: TaskStatus) -> TaskStateChanged:
    return TaskStateChanged(
        at=AT + 1, component="agent:claude", task_id=f"task_{name}", previous="queued", status=status
    )


def finished(name: str, status: TaskStatus = "completed") -> TaskFinished:
    return TaskFinished(
        at=AT + 2, component="agent:claude", task_id=f"task_{name}", agent="claude", status=status, cause="well done"
    )


def submitted(name: str) -> TaskSubmitted:
    return TaskSubmitted(at=AT + 1, component="agent:claude", task_id=f"task_{name}", agent="claude")


def after(path: Path, what: Known) -> tuple[dict[str, Task], str]:
    connection = apsw.Connection(str(path), vfs="cksmvfs")
    sentence = put_on_top(connection, what)
    connection.close()
    database = Database.open(path, MIGRATIONS, 1)
    store = TaskStore(database)
    found = {name: store.find(f"task_{name}") for name in "qruc"}
    database.close()
    return {name: one for name, one in found.items() if one is not None}, sentence


def statuses(tasks: dict[str, Task]) -> dict[str, str]:
    return {name: one.status for name, one in tasks.items()}


def test_what_nothing_is_told_of_waits_on_but_an_attempt_is_uncertain(path: Path) -> None:
    tasks, sentence = after(path, NOTHING)
    assert statuses(tasks) == {"q": "queued", "r": "uncertain", "u": "uncertain", "c": "completed"}
    assert tasks["r"].worker == ""
    assert sentence == "1 tasks may have been begun since, and wait for your word"


def test_what_was_begun_since_is_not_begun_again(path: Path) -> None:
    tasks, _ = after(path, known([changed("q", "leased")]))
    assert tasks["q"].status == "uncertain"
    assert "restored from a backup" in tasks["q"].cause


def test_what_ended_since_has_ended(path: Path) -> None:
    tasks, sentence = after(path, known([changed("q", "running"), finished("q"), finished("r", "error")]))
    assert statuses(tasks) == {"q": "completed", "r": "error", "u": "uncertain", "c": "completed"}
    assert (tasks["q"].finished_at, tasks["q"].cause) == (AT + 2, "well done")
    assert sentence == "2 tasks that had ended since are marked so"


def test_what_was_tried_again_after_its_end_is_uncertain(path: Path) -> None:
    tasks, _ = after(path, known([finished("q", "error"), changed("q", "queued"), changed("c", "queued")]))
    assert statuses(tasks) == {"q": "uncertain", "r": "uncertain", "u": "uncertain", "c": "uncertain"}


def test_what_was_submitted_since_is_counted_as_lost(path: Path) -> None:
    _, sentence = after(path, known([submitted("new"), submitted("q")]))
    assert sentence.endswith("1 tasks were submitted after the backup, and lost with it")


def test_without_a_journal_nothing_that_waits_is_sure(path: Path) -> None:
    tasks, _ = after(path, Known({}, frozenset(), frozenset(), is_whole=False))
    assert statuses(tasks) == {"q": "uncertain", "r": "uncertain", "u": "uncertain", "c": "completed"}


def test_it_is_read_from_the_journal(path: Path) -> None:
    events = Database.open(path.with_name("journal.db"), journal.MIGRATIONS, journal.APPLICATION_ID)
    rows = [row(Record(number, event)) for number, event in enumerate((submitted("q"), finished("q")), 1)]
    events.submit(lambda db: db.executemany(INSERT, rows)).result()
    events.close()
    connection = apsw.Connection(str(path), vfs="cksmvfs")
    sentence = settle(path.with_name("journal.db"), AT)(connection)
    connection.close()
    assert sentence.startswith("1 tasks that had ended since are marked so")


def test_a_journal_that_is_not_there_knows_nothing(path: Path) -> None:
    connection = apsw.Connection(str(path), vfs="cksmvfs")
    sentence = settle(path.with_name("nothing.db"), AT)(connection)
    connection.close()
    assert sentence == "2 tasks may have been begun since, and wait for your word"
