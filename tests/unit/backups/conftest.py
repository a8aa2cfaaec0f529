"""A state of a few hundred rows, its backups, and bits that flip."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.backups.keeping import Rule
from aurora_desktop.backups.making import make
from aurora_desktop.backups.messages import Failed, Made, Request
from aurora_desktop.backups.rescue import Rescue
from aurora_desktop.core.events import Record, ServiceRestarting
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage import journal
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.journal import INSERT, row
from aurora_desktop.core.storage.jsonl import recovery_line

NOTES = 0x41555254
NOTES_MIGRATIONS = (
    """
    CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, body TEXT NOT NULL DEFAULT '') STRICT;
    CREATE INDEX notes_by_text ON notes(text);
    CREATE TABLE note_marks(note INTEGER PRIMARY KEY, mark TEXT NOT NULL) STRICT;
    CREATE TABLE safety(key TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE colours(name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    """,
)
RULE = Rule(6, 7, 4, 10**9)
AT = 1_750_000_000.0
FILLING = "x" * 200
"""In the table alone: no index holds it."""


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    paths = StatePaths(tmp_path / "state")
    paths.make()
    return paths


@pytest.fixture
def folder(paths: StatePaths) -> BackupFolder:
    return BackupFolder(paths.backups, paths.digest)


@pytest.fixture
def rescue(paths: StatePaths, folder: BackupFolder) -> Rescue:
    return Rescue(paths.root, [folder], paths.logs)


@pytest.fixture
def state(paths: StatePaths) -> Iterator[Database]:
    """Open, with 300 notes."""
    database = open_state(paths)
    add_notes(database, 300)
    yield database
    database.close()


def open_state(paths: StatePaths, rescue: Rescue | None = None) -> Database:
    care = Care(rescue) if rescue is not None else None
    return Database.open(paths.state_db, NOTES_MIGRATIONS, NOTES, lambda: AT, care)


class Care:
    """`Care` of a rescue alone."""

    def __init__(self, rescue: Rescue) -> None:
        self.rescue = rescue.rescue

    def before_migration(self, path: Path, version: int) -> None:
        raise AssertionError("there is nothing to migrate")


def add_notes(database: Database, count: int) -> None:
    rows = [(f"note {number}", FILLING) for number in range(count)]
    database.submit(lambda db: db.executemany("INSERT INTO notes(text, body) VALUES (?, ?)", rows)).result()


def put(database: Database, sql: str, *values: object) -> None:
    database.submit(lambda db: db.execute(sql, values).fetchall()).result()  # type: ignore[arg-type]  # plain values


def count(database: Database, table: str = "notes") -> int:
    return int(database.read(f"SELECT count(*) FROM {table}")[0][0])


def back_up(paths: StatePaths, at: float = AT, second: str = "", rule: Rule = RULE) -> Made | Failed:
    return make(Request(str(paths.root), str(paths.backups), second, "a test", rule, at))


def made(paths: StatePaths, at: float = AT, second: str = "") -> Made:
    outcome = back_up(paths, at, second)
    assert isinstance(outcome, Made), outcome
    return outcome


def flip(path: Path, offset: int, bit: int = 4) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= bit
    path.write_bytes(content)


def flip_in(path: Path, text: bytes) -> None:
    """A bit of the last place of `text` in the file."""
    offset = path.read_bytes().rfind(text)
    assert offset > 0, "the text is not in the file"
    flip(path, offset)


def flip_anywhere(path: Path, chance: random.Random) -> None:
    flip(path, chance.randrange(path.stat().st_size), 1 << chance.randrange(8))


def restarting(id_: int) -> Record:
    return Record(
        id_, ServiceRestarting(at=AT + id_, component="service:web", attempt=id_, delay_s=0.5, cause="exited")
    )


def open_journal(paths: StatePaths, rescue: Rescue | None = None) -> Database:
    care = Care(rescue) if rescue is not None else None
    return Database.open(paths.journal, journal.MIGRATIONS, journal.APPLICATION_ID, lambda: AT, care)


def add_events(database: Database, ids: range) -> None:
    rows = [row(restarting(id_)) for id_ in ids]
    database.submit(lambda db: db.executemany(INSERT, rows)).result()


def log_events(paths: StatePaths, ids: range) -> None:
    with (paths.logs / "recovery_events.log").open("ab") as file:
        file.writelines(recovery_line(restarting(id_)) for id_ in ids)


def event_ids(database: Database) -> list[int]:
    return [row[0] for row in database.read("SELECT id FROM event ORDER BY id")]
