"""A damaged database is repaired at the start, and what is lost is told."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.backups import swap
from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.backups.rescue import ITSELF, Rescue
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage.acknowledged import log_of, mark_of
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.opening import Quarantine, Rescued, being_repaired, found_damaged, open_reader

from .conftest import (
    FILLING,
    add_events,
    add_notes,
    count,
    event_ids,
    flip,
    flip_anywhere,
    flip_in,
    log_events,
    made,
    open_journal,
    open_state,
    put,
    restarting,
)


@pytest.fixture
def damaged(paths: StatePaths, state: Database) -> StatePaths:
    """300 notes and a backup of them; then 5 notes and a colour more, and a broken page of notes."""
    made(paths)
    add_notes(state, 5)
    put(state, "INSERT INTO colours VALUES ('red')")
    state.close()
    flip_in(paths.state_db, FILLING.encode())
    return paths


@pytest.fixture
def repaired(damaged: StatePaths, rescue: Rescue) -> Iterator[Database]:
    database = open_state(damaged, rescue)
    yield database
    database.close()


def moved(database: Database) -> Quarantine:
    assert database.quarantine is not None
    return database.quarantine


def test_what_cannot_be_read_comes_from_the_backup_and_the_rest_from_the_file(repaired: Database) -> None:
    assert (count(repaired), count(repaired, "colours")) == (300, 1)
    rescued = moved(repaired).rescued
    assert rescued is not None
    assert rescued.source == f"the backup 20250615T150640Z, and {ITSELF}"
    assert rescued.lost == "changes since 2025-06-15 15:06:40 UTC of the tables of `note`"


def test_the_damaged_file_is_kept_and_the_new_one_works(repaired: Database) -> None:
    assert moved(repaired).moved_to.exists()
    add_notes(repaired, 1)
    assert repaired.read("SELECT max(id) FROM notes") == [(301,)]


def test_it_is_undone_by_one_command_and_done_again_by_the_next_start(
    damaged: StatePaths, repaired: Database, rescue: Rescue
) -> None:
    before = moved(repaired).moved_to.read_bytes()
    repaired.close()
    swap.undo(damaged.root)
    assert damaged.state_db.read_bytes() == before
    again = open_state(damaged, rescue)
    assert count(again) == 300
    again.close()


class KilledError(BaseException):
    """The process is gone in the middle of something."""


@pytest.mark.parametrize("renames", range(4))
def test_a_repair_that_is_killed_is_gone_on_with_by_the_next_start(
    damaged: StatePaths, rescue: Rescue, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """Before, between and behind the renames, and while the new one is made: it is never begun anew in silence."""
    left = [renames]
    real = Path.rename

    def rename(source: Path, target: Path) -> Path:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        return real(source, target)

    def killed(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(rescue, "rescue", killed)
    with pytest.raises(KilledError):
        open_state(damaged, rescue)
    monkeypatch.undo()
    database = open_state(damaged, rescue)
    assert (count(database), count(database, "colours")) == (300, 1)
    rescued = moved(database).rescued
    assert rescued is not None
    assert rescued.lost == "changes since 2025-06-15 15:06:40 UTC of the tables of `note`"
    database.close()
    again = open_state(damaged, rescue)
    assert again.quarantine is None
    again.close()


def test_a_repair_that_was_done_but_for_its_last_word_is_done(damaged: StatePaths, rescue: Rescue) -> None:
    first = open_state(damaged, rescue)
    aside = moved(first).moved_to
    first.close()
    note = {"moved_to": aside.name, "reason": "damaged", "remains": "file and log"}
    being_repaired(damaged.state_db).write_text(json.dumps(note))
    database = open_state(damaged, rescue)
    assert (database.quarantine, count(database)) == (None, 300)
    database.close()
    assert not being_repaired(damaged.state_db).exists()


def test_a_broken_index_costs_nothing(paths: StatePaths, state: Database, rescue: Rescue) -> None:
    """The whole of the table can be read, and the index is made anew."""
    page = int(state.read("SELECT rootpage FROM sqlite_schema WHERE name = 'notes_by_text'")[0][0])
    state.close()
    flip(paths.state_db, (page - 1) * 4096 + 50)
    database = open_state(paths, rescue)
    rescued = moved(database).rescued
    assert rescued is not None
    assert (rescued.source, rescued.lost, count(database)) == (ITSELF, "", 300)
    database.close()


def test_a_newest_backup_that_is_broken_is_passed_over(
    damaged: StatePaths, folder: BackupFolder, rescue: Rescue, tmp_path: Path
) -> None:
    (good,) = (manifest.id for _, manifest in folder.good())
    newer = folder.root / "20250615T160000Z"
    newer.mkdir()
    content = (folder.root / good / "manifest.json").read_text()
    (newer / "manifest.json").write_text(content.replace(good, newer.name).replace('"number": 1', '"number": 2'))
    (newer / "state.db.zst").write_bytes(b"nothing of the sort")
    database = open_state(damaged, rescue)
    rescued = moved(database).rescued
    assert rescued is not None
    assert good in rescued.source
    database.close()


def crash(paths: StatePaths, database: Database) -> None:
    """The files as a kill would leave them, with a bit of the first frame of the log flipped."""
    names = [paths.state_db, log_of(paths.state_db), mark_of(paths.state_db)]
    contents = [path.read_bytes() for path in names]
    database.close()
    for path, content in zip(names, contents, strict=True):
        path.write_bytes(content)
    flip(log_of(paths.state_db), 100)


def test_a_broken_log_that_the_file_no_longer_needs_costs_nothing(
    paths: StatePaths, state: Database, rescue: Rescue
) -> None:
    put(state, "PRAGMA wal_autocheckpoint = 1")
    add_notes(state, 5)
    crash(paths, state)
    database = open_state(paths, rescue)
    assert moved(database).rescued == Rescued(ITSELF)
    assert count(database) == 305
    database.close()


def test_a_file_and_what_is_left_of_its_log_are_not_mixed(paths: StatePaths, state: Database, rescue: Rescue) -> None:
    """Somebody who read kept half of the log out of the file: it is of no moment, with the log's rest or without."""
    made(paths)
    state.checkpoint().result()
    add_notes(state, 5)
    reading = open_reader(paths.state_db)
    reading.execute("BEGIN; SELECT count(*) FROM notes").fetchall()
    put(state, "PRAGMA wal_autocheckpoint = 1")
    add_notes(state, 5)
    crash(paths, state)
    reading.close()
    database = open_state(paths, rescue)
    assert moved(database).remains == "nothing"
    rescued = moved(database).rescued
    assert rescued is not None
    assert rescued.source == "the backup 20250615T150640Z"
    assert rescued.lost.startswith("changes since 2025-06-15 15:06:40 UTC of ")
    assert count(database) == 300
    database.close()


def test_without_a_backup_what_can_be_read_is_kept(paths: StatePaths, state: Database, rescue: Rescue) -> None:
    put(state, "INSERT INTO colours VALUES ('red')")
    state.close()
    flip_in(paths.state_db, FILLING.encode())
    database = open_state(paths, rescue)
    rescued = moved(database).rescued
    assert rescued is not None
    assert (rescued.source, count(database), count(database, "colours")) == (ITSELF, 0, 1)
    assert rescued.lost == "all there was of the tables of `note`"
    database.close()


def test_with_neither_it_is_begun_anew(paths: StatePaths, rescue: Rescue) -> None:
    paths.state_db.write_text("of another program")
    database = open_state(paths, rescue)
    assert moved(database).rescued is None
    assert count(database) == 0
    assert {*database.read("SELECT value FROM safety")} == {('"unknown"',)}  # nothing counts as confirmed
    database.close()


def test_another_programs_file_gives_nothing_but_a_backup_does(
    paths: StatePaths, state: Database, rescue: Rescue
) -> None:
    made(paths)
    state.close()
    paths.state_db.write_text("of another program")
    database = open_state(paths, rescue)
    assert count(database) == 300
    database.close()


@pytest.mark.parametrize("size", [0, 10, 5000])
def test_a_truncated_state_comes_from_the_backup(paths: StatePaths, state: Database, rescue: Rescue, size: int) -> None:
    made(paths)
    state.close()
    with paths.state_db.open("r+b") as file:
        file.truncate(size)
    if not size:
        paths.state_db.with_name("state.db-wal").write_bytes(b"what is left")
    database = open_state(paths, rescue)
    assert count(database) == 300
    database.close()


def test_what_was_found_in_use_is_repaired_out_of_the_file_itself(
    paths: StatePaths, state: Database, rescue: Rescue
) -> None:
    """Such as a page that holds nothing any more: the start alone would not look at it."""
    state.close()
    found_damaged(paths.state_db).write_text("damaged: page 7")
    database = open_state(paths, rescue)
    rescued = moved(database).rescued
    assert rescued is not None
    assert (rescued.source, rescued.lost, count(database)) == (ITSELF, "", 300)
    database.close()


# --- the journal ------------------------------------------------------------------------------------------------


def test_events_come_from_the_backup_the_file_and_the_logs(paths: StatePaths, state: Database, rescue: Rescue) -> None:
    database = open_journal(paths)
    add_events(database, range(1, 101))
    made(paths)
    add_events(database, range(101, 801))
    database.close()
    log_events(paths, range(700, 811))
    flip_in(paths.journal, b'"attempt":795,')
    database = open_journal(paths, rescue)
    assert event_ids(database) == list(range(1, 811))
    rescued = moved(database).rescued
    assert rescued is not None
    assert "the logs of events" in rescued.source
    database.close()


@pytest.mark.parametrize("attempt", [1, 400, 800])
def test_without_backup_and_logs_the_events_of_the_other_pages_are_there(
    paths: StatePaths, rescue: Rescue, attempt: int
) -> None:
    database = open_journal(paths)
    add_events(database, range(1, 801))
    database.close()
    flip_in(paths.journal, b'"attempt":%d,' % attempt)
    database = open_journal(paths, rescue)
    lost = sorted(set(range(1, 801)) - set(event_ids(database)))
    assert attempt in lost
    assert len(lost) < 60
    assert lost == list(range(lost[0], lost[-1] + 1))
    rescued = moved(database).rescued
    assert rescued is not None
    assert rescued.lost == "events on the broken pages, but for those in the logs"
    database.close()


def test_no_id_is_given_twice_after_a_repair(paths: StatePaths, rescue: Rescue) -> None:
    database = open_journal(paths)
    add_events(database, range(1, 801))
    database.close()
    log_events(paths, range(900, 905))
    flip_in(paths.journal, b'"attempt":800,')
    database = open_journal(paths, rescue)
    assert database.read("SELECT seq FROM sqlite_sequence WHERE name = 'event'") == [(100_000,)]
    database.close()


def test_a_journal_that_is_nothing_any_more_has_the_events_of_the_logs(paths: StatePaths, rescue: Rescue) -> None:
    paths.journal.write_text("nothing")
    log_events(paths, range(1, 20))
    database = open_journal(paths, rescue)
    assert event_ids(database) == list(range(1, 20))
    assert database.read("SELECT body FROM event WHERE id = 7")[0][0].count('"attempt":7') == 1
    assert restarting(7).event.at == database.read("SELECT at FROM event WHERE id = 7")[0][0]
    database.close()


# --- any bit ----------------------------------------------------------------------------------------------------


def test_a_bit_that_flips_anywhere_is_found_or_harmless(paths: StatePaths, state: Database, rescue: Rescue) -> None:
    """A sample of `benchmarks/durability.py --only flips`."""
    made(paths)
    state.close()
    sound = paths.state_db.read_bytes()
    for seed in range(20):
        paths.state_db.write_bytes(sound)
        flip_anywhere(paths.state_db, random.Random(seed))
        database = open_state(paths, rescue)
        assert count(database) == 300, f"seed {seed}: {database.quarantine}"
        database.close()
