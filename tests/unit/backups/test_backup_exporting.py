"""The state as JSON, and back."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from aurora_desktop.backups.exporting import Export, build, export, read_export, summary
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage.database import Database

from .conftest import AT, NOTES, NOTES_MIGRATIONS, count, put


@pytest.fixture
def exported(paths: StatePaths, state: Database) -> Export:
    put(state, "INSERT INTO note_marks VALUES (7, 'seen')")
    return export(paths.state_db, AT)


def taken_in(given: Export, target: Path) -> Database:
    build(given, target, NOTES_MIGRATIONS, NOTES)
    return Database.open(target, NOTES_MIGRATIONS, NOTES)


def test_what_goes_out_comes_back(exported: Export, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_bytes(msgspec.json.encode(exported))
    database = taken_in(read_export(file), tmp_path / "new.db")
    assert (count(database), database.read("SELECT * FROM note_marks")) == (300, [(7, "seen")])
    database.close()
    assert export(tmp_path / "new.db", AT) == exported


def test_bytes_come_back_as_bytes(paths: StatePaths, tmp_path: Path) -> None:
    migrations = ("CREATE TABLE blobs(a BLOB)",)
    database = Database.open(paths.state_db, migrations, NOTES)
    put(database, "INSERT INTO blobs VALUES (?)", b"\0\xff")
    given = export(paths.state_db, AT)
    database.close()
    build(given, tmp_path / "new.db", migrations, NOTES)
    database = Database.open(tmp_path / "new.db", migrations, NOTES)
    assert database.read("SELECT a FROM blobs") == [(b"\0\xff",)]
    database.close()


def test_a_summary_counts(paths: StatePaths, exported: Export) -> None:
    found = summary(paths.state_db)
    assert (found.schema_version, found.rows["notes"], found.rows["note_marks"]) == (1, 300, 1)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"tables": {"nothing": []}}, "`tables.nothing`"),
        ({"tables": {"notes": [{"text": "a"}, {"texts": "b"}]}}, "`tables.notes[1].texts`"),
        ({"tables": {"notes": [{"text": ["a"]}]}}, "`tables.notes[0].text`: expected text"),
        ({"tables": {"notes": [{"text": {"base64": "?"}}]}}, "`tables.notes[0].text`: no base64"),
        ({"tables": {"notes": [{"id": 1, "text": None}]}}, "`tables.notes[0]`: NOT NULL"),
        ({"schema_version": 2}, "`schema_version` is 2"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    exported: Export, tmp_path: Path, change: dict[str, object], named: str
) -> None:
    with pytest.raises(AuroraError) as told:
        build(replace(exported, **change), tmp_path / "new.db", NOTES_MIGRATIONS, NOTES)
    assert named in told.value.detail


@pytest.mark.parametrize(
    ("content", "named"),
    [("", "truncated"), ("[]", "array"), ('{"format": "x"}', "$.format"), ('{"format": "aurora-state"}', "missing")],
)
def test_a_file_that_is_no_export_is_told(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(content)
    with pytest.raises(AuroraError, match="no export") as told:
        read_export(file)
    assert named in told.value.detail


def test_without_a_state_there_is_nothing_to_show(paths: StatePaths) -> None:
    with pytest.raises(AuroraError, match="no state yet"):
        summary(paths.state_db)


def test_an_empty_file_is_no_state(paths: StatePaths) -> None:
    paths.state_db.touch()
    with pytest.raises(AuroraError, match="The state is empty"):
        summary(paths.state_db)
