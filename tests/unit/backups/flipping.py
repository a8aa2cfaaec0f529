"""Bits that flip in the database, its write-ahead log, its mark and its backups: each is found, or does no harm."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.backups.keeping import Rule
from aurora_desktop.backups.making import make
from aurora_desktop.backups.manifest import BadBackupError, read_manifest
from aurora_desktop.backups.messages import Made, Request
from aurora_desktop.backups.rescue import Rescue
from aurora_desktop.backups.verifying import restore_for_a_test
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage.database import Database
from aurora_desktop.migrations import STATE_APPLICATION_ID, StateMigrations

Where = Literal["file", "log", "mark", "backup"]
Verdict = Literal["found", "harmless", "missed"]
SAVES = 120
_NAMES: dict[Where, str] = {"file": "state.db", "log": "state.db-wal", "mark": "state.db-acknowledged"}


class Flips:
    """A state with a backup of its first half, as a crash left it: the second half lies in the write-ahead log."""

    def __init__(self, folder: Path) -> None:
        self.sound = StatePaths(folder / "sound")
        self.paths = StatePaths(folder / "flipped")
        self.sound.make()
        database = self._open(self.sound)
        self._save(database, range(SAVES // 2))
        database.checkpoint().result()
        rule = Rule(9, 9, 9, 10**9)
        request = Request(str(self.sound.root), str(self.sound.backups), "", "a test", rule, 1_750_000_000.0)
        made = make(request)
        assert isinstance(made, Made), made
        self.backup = made.id
        self._save(database, range(SAVES // 2, SAVES))
        self.crashed = folder / "crashed"
        self.crashed.mkdir()
        for name in _NAMES.values():
            shutil.copy(self.sound.root / name, self.crashed / name)
        self.expected = self._rows(database)
        database.close()

    def flip(self, where: Where, chance: random.Random) -> Verdict:
        """One bit anywhere; what becomes of it."""
        return self._flip_backup(chance) if where == "backup" else self._flip_state(where, chance)

    def _flip_state(self, where: Where, chance: random.Random) -> Verdict:
        name = _NAMES[where]
        shutil.rmtree(self.paths.root, ignore_errors=True)
        self.paths.make()
        for file in self.crashed.iterdir():
            shutil.copy(file, self.paths.root / file.name)
        _flip(self.paths.root / name, chance)
        rescue = _Care(Rescue(self.paths.root, [BackupFolder(self.sound.backups, self.sound.digest)], self.paths.logs))
        database = self._open(self.paths, rescue)
        rows, quarantine = self._rows(database), database.quarantine
        database.close()
        if rows == self.expected:
            return "harmless" if quarantine is None else "found"
        told = quarantine is not None and (quarantine.rescued is None or quarantine.rescued.lost)
        return "found" if told else "missed"

    def _flip_backup(self, chance: random.Random) -> Verdict:
        backup = self.sound.backups / self.backup
        file = chance.choice(sorted(entry for entry in backup.iterdir() if entry.is_file()))
        with _restored(file):
            _flip(file, chance)
            try:
                restore_for_a_test(backup, read_manifest(backup))
            except BadBackupError:
                return "found"
            return "harmless"  # it restores to what its digests say: a letter of its reason, a moment of its time

    @staticmethod
    def _open(paths: StatePaths, care: "_Care | None" = None) -> Database:
        return Database.open(paths.state_db, StateMigrations(), STATE_APPLICATION_ID, care=care)

    @staticmethod
    def _save(database: Database, numbers: range) -> None:
        for number in numbers:
            row = (f"k{number}", "v" * (number * 37 % 900))
            database.submit(lambda db, row=row: db.execute("INSERT INTO alerts VALUES (?, ?)", row).fetchall()).result()

    @staticmethod
    def _rows(database: Database) -> list[tuple[object, ...]]:
        return database.read("SELECT key, value FROM alerts ORDER BY key")


class _Care:
    def __init__(self, rescue: Rescue) -> None:
        self.rescue = rescue.rescue

    def before_migration(self, path: Path, version: int) -> None:
        raise AssertionError("there is nothing to migrate")


def _flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


@contextmanager
def _restored(path: Path) -> Iterator[None]:
    content = path.read_bytes()
    try:
        yield
    finally:
        path.write_bytes(content)
