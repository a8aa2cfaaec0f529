"""The slow look: it finds what is broken, and disturbs nobody."""

import random
from pathlib import Path

from aurora_desktop.backups import scrub
from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.backups.scrub import Damage
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage.database import Database

from .conftest import add_notes, count, flip, flip_anywhere, made


def found(path: Path) -> list[Damage]:
    return [damage for damage in scrub.pages(path) if damage is not None]


def test_a_sound_file_in_use_has_nothing(paths: StatePaths, state: Database) -> None:
    for _ in scrub.pages(paths.state_db):
        add_notes(state, 1)
    assert found(paths.state_db) == []
    assert count(state) >= 300


def test_every_page_is_looked_at(paths: StatePaths, state: Database) -> None:
    state.close()
    pages = paths.state_db.stat().st_size // 4096
    sound = paths.state_db.read_bytes()
    for page in range(pages):
        paths.state_db.write_bytes(sound)
        flip(paths.state_db, page * 4096 + 200)
        (damage,) = found(paths.state_db)
        assert damage.detail == f"the checksum of page {page + 1} is wrong"
        assert not damage.is_backup


def test_any_bit_is_found(paths: StatePaths, state: Database) -> None:
    state.close()
    sound = paths.state_db.read_bytes()
    for seed in range(50):
        paths.state_db.write_bytes(sound)
        flip_anywhere(paths.state_db, random.Random(seed))
        assert len(found(paths.state_db)) == 1 or _turns_checks_off(paths.state_db, sound), seed


def _turns_checks_off(path: Path, sound: bytes) -> bool:
    """The header's byte that says how many bytes hold the checksum, and its size of a page: the start finds these."""
    content = path.read_bytes()
    return content[:24] != sound[:24]


def test_a_file_that_is_gone_or_empty_is_nothing_to_tell(paths: StatePaths) -> None:
    assert found(paths.root / "nothing.db") == []
    paths.state_db.touch()
    assert found(paths.state_db) == []


def test_a_backup_that_changed_is_found(paths: StatePaths, folder: BackupFolder, state: Database) -> None:
    made(paths)
    last = made(paths)
    flip(folder.root / last.id / "state.db.zst", 77)
    (damage,) = (damage for damage in scrub.backups(folder) if damage is not None)
    assert damage.is_backup
    assert damage.path == folder.root / last.id / "state.db.zst"


def test_a_backup_that_is_rotated_meanwhile_is_no_damage(
    paths: StatePaths, folder: BackupFolder, state: Database
) -> None:
    first, last = made(paths), made(paths)
    look = scrub.backups(folder)
    assert next(look) is None
    folder.remove(first.id)
    folder.remove(last.id)
    assert [damage for damage in look if damage is not None] == []
