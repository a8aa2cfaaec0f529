"""Makes a backup: copies, checks, packs, restores it for a test, and only then gives it its name. Blocking."""

import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

import apsw
import msgspec

from aurora_desktop import __version__
from aurora_desktop.backups import copying
from aurora_desktop.backups.folder import BackupFolder, renamed
from aurora_desktop.backups.manifest import FORMAT, NAME, BackedFile, BadBackupError, Manifest
from aurora_desktop.backups.messages import DATABASES, STATE, Failed, Made, Request
from aurora_desktop.backups.packing import pack
from aurora_desktop.backups.verifying import restore_for_a_test
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage.full_disk import is_full, words
from aurora_desktop.core.storage.opening import is_damage

_SPARE_BYTES = 8 * 2**20
_FOLDER_LOST_HINT = "Look at the folder that `backups.path` names"


def make(request: Request) -> Made | Failed:
    """A backup in the first folder, and a copy of it in the second; never raises AuroraError, OSError, apsw.Error."""
    started = time.monotonic()
    folder = BackupFolder(Path(request.folder), StatePaths(Path(request.root)).digest)
    try:
        folder.prepare(make=True)
        manifest = _make(folder, Path(request.root), request)
        removed = folder.remove_old(request.rule)
    except AuroraError as error:
        return Failed(error.title, error.detail, error.hint)
    except _DamagedError as error:
        hint = "Restart Aurora: the file is then repaired"
        return Failed("A database is damaged", str(error), hint, damaged=error.name)
    except (OSError, apsw.Error, copying.UnsoundCopyError) as error:
        hint = "Free some space on the disk" if is_full(error) else "Look at the folder and its disk"
        return Failed("The backup could not be made", f"{request.folder}: {words(error)}", hint)
    trouble = _copy_to_second(request, folder.root / manifest.id, manifest) if request.second else ""
    took_s = round(time.monotonic() - started, 3)
    return Made(manifest.id, manifest.packed_bytes, took_s, tuple(removed), trouble)


class _DamagedError(Exception):
    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name


def _make(folder: BackupFolder, root: Path, request: Request) -> Manifest:
    databases = [root / name for name in DATABASES if (root / name).exists()]
    if root / STATE not in databases:  # a backup without it would be the newest, and push out the good ones
        raise AuroraError("There is nothing to back up", f"{root} holds no {STATE}", "Start Aurora once")
    _look_for_room(folder.root, databases)
    id_, making = folder.new(request.at)
    try:
        files = tuple(_back_up(database, making) for database in databases)
        state = StatePaths(root).digest
        number = folder.next_number()
        manifest = Manifest(FORMAT, id_, number, request.at, request.reason, __version__, state, files)
        _write_manifest(making, manifest)
        restore_for_a_test(making, manifest)
        folder.publish(making, manifest)
    except BadBackupError as error:
        raise AuroraError(
            "The backup did not stand its test", error.detail, "Look at the disk that holds it"
        ) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)  # it is gone, if it has its name
    return manifest


def _look_for_room(folder: Path, databases: list[Path]) -> None:
    """Before the last bytes of the disk are taken, which the state itself may need. Raises AuroraError."""
    needed = 2 * sum(database.stat().st_size for database in databases) + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        detail = (
            f"{folder}: {free // 10**6} MB are free, and a backup takes up to {needed // 10**6} MB while it is made"
        )
        raise AuroraError("There is no room for a backup", detail, "Free some space, or name another disk")


def _back_up(database: Path, making: Path) -> BackedFile:
    plain = making / f"{database.name}.plain"
    try:
        copying.copy(database, plain)
        facts = _examined(database, plain)
    except apsw.Error as error:
        if is_damage(error):
            raise _DamagedError(database.name, _in_words(error)) from error
        raise
    if not facts.schema_version:
        raise _DamagedError(database.name, "it is empty")
    packed = pack(plain, making / f"{database.name}.zst")
    plain.unlink()
    return BackedFile(database.name, *facts, *packed)


def _in_words(error: apsw.Error) -> str:
    """SQLite's backup has no words of its own for these."""
    if isinstance(error, apsw.CorruptError):
        return "its pages are broken"
    return "it is no database" if isinstance(error, apsw.NotADBError) else str(error)


def _examined(database: Path, plain: Path) -> copying.Facts:
    """A copy that is not sound accuses the database only if that is found unsound by itself."""
    try:
        return copying.examine(plain)
    except copying.UnsoundCopyError as error:
        if why := copying.why_unsound(database):
            raise _DamagedError(database.name, why) from error
        raise


def _write_manifest(making: Path, manifest: Manifest) -> None:
    with _new_file(making / NAME) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _copy_to_second(request: Request, made: Path, manifest: Manifest) -> str:
    """Never fatal: the first folder has it. Why the second has not, in words, or ""."""
    second = BackupFolder(Path(request.second), manifest.state)
    try:
        second.prepare(make=False)
        id_, making = second.new(request.at)
        copy = renamed(manifest, id_)
        try:
            for file in manifest.files:
                _copy_file(made / f"{file.name}.zst", making / f"{file.name}.zst")
            _write_manifest(making, copy)
            restore_for_a_test(making, copy)
            second.publish(making, copy)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        second.remove_old(request.rule)
    except AuroraError as error:
        return f"{error.title}: {error.detail}"
    except OSError as error:
        return f"{request.second}: {words(error)}. {_FOLDER_LOST_HINT}"
    return ""


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as reading, _new_file(target) as writing:
        shutil.copyfileobj(reading, writing, 2**20)
        writing.flush()
        os.fsync(writing.fileno())


def _new_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
