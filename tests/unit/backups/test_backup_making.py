"""A backup is made while others write, checked, and restored for a test before it counts."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from aurora_desktop.backups import copying, verifying
from aurora_desktop.backups.asking import COMMAND
from aurora_desktop.backups.folder import MAKING, BackupFolder
from aurora_desktop.backups.manifest import BadBackupError, read_manifest
from aurora_desktop.backups.messages import Failed, Made, Request
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage.database import Database

from .conftest import AT, FILLING, RULE, add_notes, back_up, count, flip, flip_in, made, open_journal, put


def test_a_backup_is_named_by_its_time_and_says_what_it_holds(
    paths: StatePaths, folder: BackupFolder, state: Database
) -> None:
    outcome = made(paths)
    ((_, manifest),) = folder.good()
    (file,) = manifest.files
    assert outcome.id == manifest.id == "20250615T150640Z"
    assert (file.name, file.schema_version, manifest.reason) == ("state.db", 1, "a test")
    assert file.packed_bytes == (folder.root / manifest.id / "state.db.zst").stat().st_size < file.bytes / 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_it_is_readable_by_this_user_alone(paths: StatePaths, state: Database) -> None:
    made(paths)
    modes = {path.stat().st_mode & 0o077 for path in paths.backups.rglob("*") if path.name != "aurora-backups.json"}
    assert modes == {0}


def test_what_is_restored_is_what_was_there(paths: StatePaths, folder: BackupFolder, state: Database) -> None:
    made(paths)
    add_notes(state, 5)
    found, manifest = folder.find("latest")
    target = paths.root / "restored.db"
    verifying.restore_file(found, manifest.files[0], target)
    target.rename(paths.root / "other.db")
    restored = Database.open(paths.root / "other.db", ("",), 0x41555254)
    assert (count(restored), count(state)) == (300, 305)
    assert restored.quarantine is None
    restored.close()


def test_a_large_state_that_is_written_to_is_sound_in_the_copy(paths: StatePaths, state: Database) -> None:
    """More pages than SQLite keeps in memory, of which the log holds some that carry no checksum yet."""
    add_notes(state, 15_000)
    state.checkpoint().result()
    for number in (1, 7_000, 14_000):
        put(state, "UPDATE notes SET text = 'changed' WHERE id = ?", number)
    made(paths)


def test_the_ids_of_one_second_differ(paths: StatePaths, folder: BackupFolder, state: Database) -> None:
    assert [made(paths).id for _ in range(3)] == ["20250615T150640Z", "20250615T150640Z-2", "20250615T150640Z-3"]
    assert [manifest.number for _, manifest in folder.good()] == [3, 2, 1]


def test_two_processes_that_make_one_in_the_same_second_are_not_in_each_other_s_way(
    paths: StatePaths, folder: BackupFolder, state: Database
) -> None:
    folder.prepare(make=True)
    id_, making = folder.new(AT)
    renamed = making.rename(making.with_name(f"{MAKING}{id_}-1"))  # as of another process, which lives
    assert made(paths).id == f"{id_}-2"
    renamed.rmdir()


def test_a_clock_that_went_back_does_not_make_an_older_one_the_newest(
    paths: StatePaths, folder: BackupFolder, state: Database
) -> None:
    made(paths, AT)
    earlier = made(paths, AT - 86_400)
    assert folder.find("latest")[1].id == earlier.id


def test_damage_that_the_copy_meets_is_no_backup_and_is_named(paths: StatePaths, state: Database) -> None:
    state.close()
    flip_in(paths.state_db, FILLING.encode())
    outcome = back_up(paths)
    assert isinstance(outcome, Failed)
    assert outcome.damaged == "state.db"
    assert not [entry for entry in paths.backups.iterdir() if entry.is_dir()]


@pytest.mark.parametrize(
    ("size", "told"), [(0, "it is empty"), (50, "its pages are broken"), (5000, "its pages are broken")]
)
def test_a_state_that_was_cut_off_is_no_backup_and_pushes_out_none(
    paths: StatePaths, folder: BackupFolder, state: Database, size: int, told: str
) -> None:
    good = made(paths)
    state.close()
    os.truncate(paths.state_db, size)
    outcome = back_up(paths)
    assert isinstance(outcome, Failed)
    assert outcome.damaged == "state.db"
    assert told in outcome.detail
    assert folder.find("latest")[1].id == good.id


def test_text_under_the_name_of_the_state_is_no_backup(paths: StatePaths, state: Database) -> None:
    state.close()
    paths.state_db.write_text("hello" * 1000)
    outcome = back_up(paths)
    assert isinstance(outcome, Failed)
    assert outcome.detail == "state.db: it is no database"


def test_without_the_state_the_rest_is_no_backup(paths: StatePaths, folder: BackupFolder, state: Database) -> None:
    open_journal(paths).close()
    good = made(paths)
    state.close()
    paths.state_db.unlink()
    outcome = back_up(paths)
    assert isinstance(outcome, Failed)
    assert (outcome.damaged, outcome.title) == ("", "There is nothing to back up")
    assert folder.find("latest")[1].id == good.id


def test_a_copy_that_is_unsound_alone_does_not_accuse_the_database(
    paths: StatePaths, state: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsound(_: Path) -> None:
        raise copying.UnsoundCopyError("a disk that forgets")

    monkeypatch.setattr(copying, "examine", unsound)
    outcome = back_up(paths)
    assert isinstance(outcome, Failed)
    assert (outcome.damaged, outcome.title) == ("", "The backup could not be made")
    assert "a disk that forgets" in outcome.detail


def test_a_folder_of_somebody_else_is_left_alone(paths: StatePaths, state: Database) -> None:
    paths.backups.mkdir()
    (paths.backups / "thesis.tex").write_text("theirs")
    outcome = back_up(paths)
    assert isinstance(outcome, Failed)
    assert "not Aurora's" in outcome.title
    assert [entry.name for entry in paths.backups.iterdir()] == ["thesis.tex"]


def test_a_second_folder_gets_a_copy(paths: StatePaths, state: Database, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    outcome = made(paths, second=str(second))
    assert outcome.trouble == ""
    ((copy, manifest),) = BackupFolder(second, paths.digest).good()
    verifying.restore_for_a_test(copy, manifest)


def test_a_second_folder_that_is_missing_is_told_and_not_made(
    paths: StatePaths, state: Database, tmp_path: Path
) -> None:
    """A disk that is not mounted must not be stood in for by a folder on another."""
    outcome = made(paths, second=str(tmp_path / "unmounted"))
    assert "unmounted: No such file or directory" in outcome.trouble
    assert not (tmp_path / "unmounted").exists()


def test_a_full_disk_is_told_before_it_is_full(
    paths: StatePaths, state: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurora_desktop.backups.making.shutil.disk_usage", lambda _: _Usage())
    outcome = back_up(paths)
    assert isinstance(outcome, Failed)
    assert "no room" in outcome.title


class _Usage:
    free = 1000


def test_what_a_dead_process_left_half_made_is_removed(paths: StatePaths, state: Database) -> None:
    made(paths)
    leftover = paths.backups / f"{MAKING}20250615T150640Z-2-{2**22 + 1}"
    leftover.mkdir()
    (leftover / "state.db.plain").write_bytes(b"half")
    made(paths)
    assert not leftover.exists()


def test_a_backup_of_another_state_dir_is_not_listed(
    paths: StatePaths, folder: BackupFolder, state: Database, tmp_path: Path
) -> None:
    made(paths)
    assert BackupFolder(folder.root, StatePaths(tmp_path / "other").digest).all() == []


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"schema_version": 1', '"schema_version": 2', "`schema_version` of its manifest is 2, and the file's is 1"),
        ('"sha256": "', '"sha256": "0', "$.files[0].sha256"),
        ('"number": 1', '"number": "one"', "$.number"),
        ('"format": 1', '"format": 2', "of a newer Aurora"),
        ('"id": "20250615T', '"id": "20240615T', "not the name of its folder"),
        ('"name": "state.db"', '"name": "../../x.db"', "$.files[0].name"),
        ('"bytes": ', '"bytes": -', "$.files[0].bytes"),
    ],
)
def test_a_manifest_that_lies_is_found_and_the_field_named(
    paths: StatePaths, folder: BackupFolder, state: Database, old: str, new: str, named: str
) -> None:
    made(paths)
    (found,) = (entry for entry in folder.root.iterdir() if entry.is_dir())
    path = found / "manifest.json"
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    with pytest.raises(BadBackupError) as told:
        verifying.restore_for_a_test(found, read_manifest(found))
    assert named in told.value.detail


def test_a_manifest_that_says_less_than_is_packed_stops_a_bomb(
    paths: StatePaths, folder: BackupFolder, state: Database
) -> None:
    made(paths)
    found, manifest = folder.find("latest")
    small = msgspec.structs.replace(manifest.files[0], bytes=4096)
    with pytest.raises(BadBackupError) as told:
        verifying.restore_file(found, small, paths.root / "target.db")
    assert "more than 4096 bytes" in told.value.detail
    assert (paths.root / "target.db").stat().st_size <= 2**20


@pytest.mark.parametrize("offset", [0, 5, 100, -1])
def test_a_flipped_bit_of_the_packed_file_is_found(
    paths: StatePaths, folder: BackupFolder, state: Database, offset: int
) -> None:
    made(paths)
    found, manifest = folder.find("latest")
    flip(found / "state.db.zst", offset)
    with pytest.raises(BadBackupError):
        verifying.restore_for_a_test(found, manifest)
    with pytest.raises(BadBackupError):
        verifying.check_packed(found, manifest)


def test_the_process_makes_one_while_the_state_is_written_to(paths: StatePaths, state: Database) -> None:
    request = Request(str(paths.root), str(paths.backups), "", "a test", RULE, AT)
    put(state, "INSERT INTO colours VALUES ('red')")
    ran = subprocess.run(COMMAND, input=msgspec.json.encode(request), capture_output=True, check=True)
    outcome = msgspec.json.decode(ran.stdout, type=Made | Failed)
    assert isinstance(outcome, Made)
    assert (paths.backups / outcome.id / "manifest.json").exists()
    put(state, "INSERT INTO colours VALUES ('blue')")
