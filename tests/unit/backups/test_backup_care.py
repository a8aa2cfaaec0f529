"""What the house does for its databases as it opens them."""

import msgspec

from aurora_desktop.backups import swap
from aurora_desktop.backups.care import PLANNED, FirstAid
from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.backups.swap import Swap, Swapped
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema_backups import BackupSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.opening import found_damaged

from .conftest import AT, FILLING, NOTES, NOTES_MIGRATIONS, count, flip_in, made, open_state

LATER = (*NOTES_MIGRATIONS, "ALTER TABLE notes ADD COLUMN colour TEXT DEFAULT 'red'")


def first_aid(paths: StatePaths, settings: BackupSettings | None = None) -> FirstAid:
    return FirstAid(paths, settings or BackupSettings(), lambda: AT)


def opened(paths: StatePaths, care: FirstAid, migrations: tuple[str, ...] = NOTES_MIGRATIONS) -> Database:
    return Database.open(paths.state_db, migrations, NOTES, lambda: AT, care)


def test_before_its_tables_change_a_backup_is_made(paths: StatePaths, folder: BackupFolder, state: Database) -> None:
    state.close()
    database = opened(paths, first_aid(paths), LATER)
    assert database.read("SELECT DISTINCT colour FROM notes") == [("red",)]
    database.close()
    ((_, manifest),) = folder.good()
    assert manifest.reason == "before the migration from version 1"
    assert manifest.files[0].schema_version == 1


def test_a_backup_that_cannot_be_made_is_told_and_keeps_nobody_from_starting(
    paths: StatePaths, state: Database
) -> None:
    state.close()
    paths.backups.write_text("in its way")
    care = first_aid(paths)
    database = opened(paths, care, LATER)
    assert count(database) == 300
    database.close()
    (trouble,) = care.troubles
    assert trouble.startswith("The folder of backups cannot be used")


def test_switched_off_none_is_made(paths: StatePaths, folder: BackupFolder, state: Database) -> None:
    state.close()
    opened(paths, first_aid(paths, BackupSettings(enabled=False)), LATER).close()
    assert folder.all() == []


def test_a_damaged_file_is_repaired(paths: StatePaths, state: Database) -> None:
    made(paths)
    state.close()
    flip_in(paths.state_db, FILLING.encode())
    database = opened(paths, first_aid(paths))
    assert database.quarantine is not None
    assert database.quarantine.rescued is not None
    assert count(database) == 300
    database.close()


def test_a_restore_that_was_interrupted_is_finished(paths: StatePaths, state: Database) -> None:
    state.close()
    paths.state_db.rename(paths.root / ".state.db.restoring")
    paths.state_db.write_bytes(b"the old one")
    plan = Swap(AT, (Swapped("state.db", "state.db.replaced", ".state.db.restoring"),))
    (paths.root / swap.PLANNED).write_bytes(msgspec.json.encode(plan))
    found_damaged(paths.state_db).write_text("damaged: the one that is replaced")
    assert swap.PLANNED == PLANNED
    care = first_aid(paths)
    care.finish_restore()
    care.finish_restore()
    database = open_state(paths)
    assert (database.quarantine, count(database)) == (None, 300)
    database.close()
    assert (paths.root / "state.db.replaced").read_bytes() == b"the old one"


def test_what_a_restore_and_a_repair_left_half_made_is_removed(paths: StatePaths, state: Database) -> None:
    for name in (".state.db.restoring", ".state.db.restoring-wal", ".journal.db.rescuing-4711", "state.db.replaced-x"):
        (paths.root / name).touch()
    first_aid(paths).finish_restore()
    assert [path.name for path in paths.root.iterdir() if "re" in path.suffix] == ["state.db.replaced-x"]
