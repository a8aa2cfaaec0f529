"""The queue as rows: safe when told so, and one task per key."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace
from supervisor.yard import in_loop

from aurora_desktop.core.storage.database import Database
from aurora_desktop.tasks.backend import TaskBackend, Texts
from aurora_desktop.tasks.coordinator import MIGRATIONS
from aurora_desktop.tasks.store import TaskStore
from aurora_desktop.tasks.task import Task


@contextmanager
def opened(folder: Path) -> Iterator[TaskStore]:
    database = Database.open(folder / "state.db", MIGRATIONS, 1)
    try:
        yield TaskStore(database)
    finally:
        database.close()


def task(name: str = "a", **fields: Any) -> Task:
    return Task(id=f"task_{name}", number=0, agent="claude", prompt=f"prompt of {name}", **fields)


def test_it_has_the_shape_of_a_backend(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        backend: TaskBackend = store
        assert backend.unfinished() == []


@in_loop
async def test_numbers_grow_and_texts_are_apart(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        first, second = await store.add(task("a")), await store.add(task("b"))
        assert (first.number, second.number) == (1, 2)
        assert first.prompt == ""
        assert store.texts("task_a") == Texts("prompt of a", "")
        assert store.unfinished() == [first, second]
        assert store.find("task_b") == second
        assert store.find("task_c") is None


@in_loop
async def test_one_key_is_one_task_even_at_the_same_moment(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        added = await asyncio.gather(*(store.add(task(str(n), idempotency_key="same")) for n in range(5)))
        assert {each.id for each in added} == {"task_0"}
        assert store.texts("task_0").prompt == "prompt of 0"
        assert len(store.unfinished()) == 1


@in_loop
async def test_what_is_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        added = await store.add(task("a", role="coder", cwd="/tmp", env=("HOME",)))
        running = replace(added, status="running", worker="coder-1", attempt=1, session_id="s")
        store.save_soon(running)
        await store.save(replace(running, status="waiting_approval"), beside=lambda db: db.execute("SELECT 1"))
    with opened(tmp_path) as store:
        assert store.unfinished() == [replace(running, status="waiting_approval")]


@in_loop
async def test_the_history_is_newest_first_and_can_be_asked_for_a_part(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for name, status in (("a", "completed"), ("b", "error"), ("c", "queued"), ("d", "completed")):
            added = await store.add(task(name))
            await store.save(replace(added, status=status, finished_at=1.0), result=f"result of {name}")
        assert [each.id for each in store.finished(10)] == ["task_d", "task_b", "task_a"]
        assert [each.id for each in store.finished(1, ["completed"])] == ["task_d"]
        assert store.finished(10, agent="codex") == []
        newest, middle, oldest = store.finished(10)
        assert store.finished(10, before=newest.number) == [middle, oldest]
        assert store.finished(1, ["completed"], before=middle.number) == [oldest]
        assert store.finished(10, before=oldest.number) == []
        assert store.texts("task_d").result == "result of d"


@in_loop
async def test_pruning_takes_what_finished_before_and_nothing_else(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for name, finished_at in (("a", 10.0), ("b", 20.0), ("c", None)):
            added = await store.add(task(name, idempotency_key=name))
            status = "completed" if finished_at else "queued"
            await store.save(replace(added, status=status, finished_at=finished_at))
        assert await store.prune(15.0) == 1
        assert store.find("task_a") is None
        assert store.find("task_b") is not None
        assert [each.id for each in store.unfinished()] == ["task_c"]
        assert (await store.add(task("d", idempotency_key="a"))).id == "task_d", "its key is free again"


@in_loop
async def test_a_row_of_another_version_harms_nobody(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        await store.add(task("a"))
        await store.add(task("b"))
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
    database.submit(lambda db: db.execute("UPDATE tasks SET task = '[1]' WHERE id = 'task_a'")).result()
    try:
        assert [each.id for each in TaskStore(database).unfinished()] == ["task_b"]
    finally:
        database.close()


@in_loop
async def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        added = await store.add(task("a"))
    with pytest.raises(apsw.ConnectionClosedError):
        await store.save(added)
    store.save_soon(added)  # nobody waits for it: told in the log
