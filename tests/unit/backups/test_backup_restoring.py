"""Going back to a backup by the operator's word, and back again."""

import json
import shutil
from pathlib import Path

import pytest

from aurora_desktop.backups import restoring, swap
from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.backups.restoring import Kind, Restored
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage import journal
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.opening import being_repaired

from .conftest import (
    AT,
    NOTES,
    NOTES_MIGRATIONS,
    add_events,
    add_notes,
    count,
    event_ids,
    flip,
    made,
    open_journal,
    open_state,
    put,
)

KINDS = {
    "state.db": Kind(NOTES_MIGRATIONS, NOTES),
    "journal.db": Kind(journal.MIGRATIONS, journal.APPLICATION_ID),
}


def go_back(paths: StatePaths, folder: BackupFolder) -> Restored:
    found, manifest = folder.find("latest")
    return restoring.restore(paths.root, paths.logs, found, manifest, KINDS, AT + 60)


@pytest.fixture
def later(paths: StatePaths, state: Database) -> StatePaths:
    """A backup, and a world that went on: 5 notes more, other safety settings, a hundred events more."""
    events = open_journal(paths)
    add_events(events, range(1, 101))
    put(state, "INSERT INTO safety VALUES ('confirmed_settings', '{\"arm_minutes\": 400}')")
    made(paths)
    add_events(events, range(101, 201))
    events.close()
    add_notes(state, 5)
    put(state, "UPDATE safety SET value = '{\"arm_minutes\": 1}'")
    state.close()
    return paths


def test_the_state_is_as_it_was_and_undo_brings_back_what_was_replaced(later: StatePaths, folder: BackupFolder) -> None:
    go_back(later, folder)
    database = open_state(later)
    assert (count(database), database.quarantine) == (300, None)
    database.close()
    swap.undo(later.root)
    database = open_state(later)
    assert (count(database), database.quarantine) == (305, None)
    database.close()


def test_what_was_confirmed_of_safety_stays_as_it_is_now(later: StatePaths, folder: BackupFolder) -> None:
    """Else a script could loosen it, by going back to a time when it was."""
    go_back(later, folder)
    database = open_state(later)
    assert database.read("SELECT value FROM safety") == [('{"arm_minutes": 1}',)]
    database.close()


def test_where_that_cannot_be_read_nothing_counts_as_confirmed(later: StatePaths, folder: BackupFolder) -> None:
    later.state_db.write_bytes(b"of another program")
    restored = go_back(later, folder)
    database = open_state(later)
    known = [("confirmed_settings", '"unknown"'), ("confirmed_work", '"unknown"')]
    assert database.read("SELECT key, value FROM safety ORDER BY key") == known
    assert any("looser settings wait for you" in note for note in restored.notes)
    database.close()


def test_no_event_is_forgotten(later: StatePaths, folder: BackupFolder) -> None:
    go_back(later, folder)
    database = open_journal(later)
    assert event_ids(database) == list(range(1, 201))
    database.close()


def test_tasks_are_settled_by_the_moment_of_the_backup(later: StatePaths, folder: BackupFolder) -> None:
    asked: list[float] = []

    def settle(at: float) -> restoring.Settle:
        asked.append(at)
        return lambda _: "2 tasks wait for your word"

    found, manifest = folder.find("latest")
    kinds = {**KINDS, "state.db": Kind(NOTES_MIGRATIONS, NOTES, settle)}
    restored = restoring.restore(later.root, later.logs, found, manifest, kinds, AT + 60)
    assert (asked, restored.notes) == ([AT], ("2 tasks wait for your word",))


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(later: StatePaths, folder: BackupFolder) -> None:
    newer = (*NOTES_MIGRATIONS, "ALTER TABLE notes ADD COLUMN colour TEXT DEFAULT 'red'")
    found, manifest = folder.find("latest")
    kinds = {**KINDS, "state.db": Kind(newer, NOTES)}
    restoring.restore(later.root, later.logs, found, manifest, kinds, AT)
    database = Database.open(later.state_db, newer, NOTES)
    assert database.read("SELECT colour FROM notes LIMIT 1") == [("red",)]
    database.close()


def test_a_backup_of_a_newer_version_is_refused(later: StatePaths, folder: BackupFolder) -> None:
    found, manifest = folder.find("latest")
    with pytest.raises(AuroraError, match="newer Aurora"):
        restoring.restore(later.root, later.logs, found, manifest, {"state.db": Kind((), NOTES)}, AT)
    database = open_state(later)
    assert count(database) == 305
    database.close()


def test_a_broken_backup_changes_nothing(later: StatePaths, folder: BackupFolder) -> None:
    found, _ = folder.find("latest")
    flip(found / "journal.db.zst", 40)
    before = later.state_db.read_bytes()
    with pytest.raises(AuroraError, match="cannot be used"):
        go_back(later, folder)
    assert later.state_db.read_bytes() == before
    assert not (later.root / swap.PLANNED).exists()


class _PowerLossError(Exception):
    """The machine is gone between two steps."""


@pytest.mark.parametrize("step", range(12))
def test_interrupted_at_any_step_it_is_done_or_not_begun(
    later: StatePaths, folder: BackupFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Killed at each rename in turn: after the next start everything is old, or everything is new."""
    real = swap.os.replace
    left = [step]

    def replace(source: object, target: object) -> None:
        if not left[0]:
            raise _PowerLossError
        left[0] -= 1
        real(source, target)  # type: ignore[arg-type]  # paths

    monkeypatch.setattr("aurora_desktop.backups.swap.os.replace", replace)
    interrupted = False
    try:
        go_back(later, folder)
    except _PowerLossError:
        interrupted = True
    monkeypatch.undo()
    swap.finish(later.root)
    database = open_state(later)
    notes = count(database)
    database.close()
    events = open_journal(later)
    assert events.quarantine is None
    assert event_ids(events) == list(range(1, 201))
    events.close()
    assert notes in ((305, 300) if interrupted else (300,))
    assert not (later.root / swap.PLANNED).exists()


def test_undo_brings_a_write_ahead_log_along(paths: StatePaths, state: Database, folder: BackupFolder) -> None:
    """As of a crash: the last notes lie in the log alone."""
    made(paths)
    add_notes(state, 5)
    crashed = paths.root.with_name("crashed")
    crashed.mkdir()
    for name in ("state.db", "state.db-wal"):
        shutil.copy(paths.root / name, crashed / name)
    state.close()
    for name in ("state.db", "state.db-wal"):
        shutil.copy(crashed / name, paths.root / name)
    go_back(paths, folder)
    swap.undo(paths.root)
    database = open_state(paths)
    assert (count(database), database.quarantine) == (305, None)
    database.close()


def test_a_repair_that_was_begun_of_the_old_file_is_not_gone_on_with_on_the_new_one(
    later: StatePaths, folder: BackupFolder
) -> None:
    """Killed before the damaged file was moved aside."""
    note = {"moved_to": "state.db.quarantined-1-damaged", "reason": "damaged", "remains": "nothing"}
    being_repaired(later.state_db).write_text(json.dumps(note))
    go_back(later, folder)
    database = open_state(later)
    assert (count(database), database.quarantine) == (300, None)
    database.close()


def test_with_nothing_done_nothing_is_undone(paths: StatePaths) -> None:
    with pytest.raises(AuroraError, match="nothing to undo"):
        swap.undo(paths.root)


def test_what_is_gone_cannot_be_brought_back(later: StatePaths, folder: BackupFolder) -> None:
    restored = go_back(later, folder)
    (later.root / restored.swap.files[0].outgoing).unlink()
    with pytest.raises(AuroraError, match="cannot be undone"):
        swap.undo(later.root)
    database = open_state(later)
    assert count(database) == 300
    database.close()


def test_a_plan_that_cannot_be_read_is_told(paths: StatePaths) -> None:
    (paths.root / swap.PLANNED).write_text("{")
    with pytest.raises(AuroraError, match="cannot be read"):
        swap.finish(paths.root)
