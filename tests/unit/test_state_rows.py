"""Rows of the state that mean nothing are named with their field."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from aurora_desktop.core.storage.database import Database
from aurora_desktop.migrations import STATE_APPLICATION_ID, StateMigrations
from aurora_desktop.state_rows import MOST_TOLD, in_words, misread
from aurora_desktop.supervisor.ledger import Ledger
from aurora_desktop.tasks.store import TaskStore
from aurora_desktop.tasks.task import Task

TASK = msgspec.json.encode(Task(id="t1", number=1, agent="claude", prompt="p")).decode()
ADD_TASK = (
    "INSERT INTO tasks(id, status, agent, finished_at, prompt, task) VALUES ('t1', 'queued', 'claude', {}, 'p', {})"
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "state.db", StateMigrations(), STATE_APPLICATION_ID)
    yield database
    database.close()


def put(state: Database, sql: str, *values: str | None) -> None:
    state.submit(lambda db: db.execute(sql, values).fetchall()).result()


def test_a_state_as_it_is_written_has_none(state: Database) -> None:
    put(state, ADD_TASK.format("NULL", "?"), TASK)
    put(state, "INSERT INTO spawns(marker, service, pid) VALUES ('m', 'web', 7)")
    assert misread(state.read, history=True) == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (ADD_TASK.format("NULL", "'{\"id\":'"), "`tasks` t1: Input data was truncated"),
        (
            ADD_TASK.format("NULL", "json_set('" + TASK + "', '$.attempt', 'many')"),
            "`tasks` t1: Expected `int`, got `str` - at `$.attempt`",
        ),
        (
            "INSERT INTO spawns(marker, service, pid) VALUES ('m', 'web', 'x')",
            "`spawns` m: Expected `int | null`, got `str` - at `$.pid`",
        ),
        ("INSERT INTO task_run VALUES ('run_1', NULL, '[]')", "`task_run` run_1: Expected `object`, got `array`"),
        (
            "INSERT INTO remedy_escalations VALUES ('service:web', '{}')",
            "`remedy_escalations` service:web: Object missing required field",
        ),
    ],
)
def test_what_is_not_understood_is_told_with_its_field(state: Database, sql: str, told: str) -> None:
    put(state, sql)
    (found,) = misread(state.read)
    assert found.startswith(told)


def test_of_finished_tasks_it_is_told_where_the_history_is_asked_for(state: Database) -> None:
    put(state, ADD_TASK.format("1.0", "'{}'"))
    assert misread(state.read) == []
    assert len(misread(state.read, history=True)) == 1


def test_many_are_told_by_the_first_few(state: Database) -> None:
    for number in range(MOST_TOLD + 5):
        put(state, "INSERT INTO task_run VALUES (?, NULL, '[]')", f"run_{number}")
    words = in_words(misread(state.read))
    assert words.count("`task_run`") == MOST_TOLD
    assert words.endswith("; and 5 more rows")


def test_a_state_of_an_earlier_version_lacks_tables() -> None:
    assert misread(apsw.Connection(":memory:").execute) == []


def test_readers_pass_over_what_they_do_not_understand(state: Database) -> None:
    put(state, ADD_TASK.format("NULL", "'{}'"))
    put(state, "INSERT INTO spawns(marker, service, pid) VALUES ('bad', 'web', 'x'), ('good', 'web', 7)")
    assert [entry.marker for entry in Ledger(state).entries()] == ["good"]
    assert TaskStore(state).unfinished() == []
