"""The slow look for damage while Aurora runs: every page of the databases, every byte of the backups."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import apsw

from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.core.storage.opening import VFS, is_damage, register_checksums

PAGES_AT_ONCE = 32
_LOOKS = 3
"""A page may be half-written when it is read; one that is broken stays so."""
_HEADER_BYTES = 100


class Damage(NamedTuple):
    """What is broken, in words; `is_backup` tells a backup from a database in use."""

    path: Path
    detail: str
    is_backup: bool


def pages(database: Path) -> Iterator[Damage | None]:
    """Look at a few pages with each step; ends after the last one, or the first that is broken. Blocking.

    Read below SQLite's locks and caches, through the layer that knows the checksums: it disturbs nobody.
    """
    register_checksums()
    try:
        file = apsw.VFSFile(VFS, str(database), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
    except apsw.Error:
        return  # it is gone, or nobody may read it: whoever uses it tells
    try:
        size = _page_size(file)
        number = 0
        while size and (number + 1) * size <= file.xFileSize():
            for page in range(number, min(number + PAGES_AT_ONCE, file.xFileSize() // size)):
                if _is_broken(file, page * size, size):
                    yield Damage(database, f"the checksum of page {page + 1} is wrong", is_backup=False)
                    return
            number += PAGES_AT_ONCE
            yield None
    except apsw.Error as error:
        if is_damage(error):
            yield Damage(database, str(error), is_backup=False)
    finally:
        file.xClose()


def backups(folder: BackupFolder, chunk_bytes: int = 2**20) -> Iterator[Damage | None]:
    """Look at a piece of a backup with each step, newest first. Blocking."""
    for listed in folder.all():
        if listed.manifest is None:
            yield Damage(listed.folder, listed.problem, is_backup=True)
            continue
        for file in listed.manifest.files:
            path = listed.folder / f"{file.name}.zst"
            digest = hashlib.sha256()
            try:
                with path.open("rb") as reading:
                    while chunk := reading.read(chunk_bytes):
                        digest.update(chunk)
                        yield None
            except OSError:
                if not listed.folder.exists():
                    break  # rotated meanwhile
            if digest.hexdigest() != file.packed_sha256 and listed.folder.exists():
                yield Damage(path, "it is not what its manifest says any more", is_backup=True)


def _page_size(file: apsw.VFSFile) -> int:
    """0 for a file that has no page yet. The first page is verified as well once the layer knows its size."""
    if file.xFileSize() < _HEADER_BYTES:
        return 0
    size = int.from_bytes(file.xRead(_HEADER_BYTES, 0)[16:18], "big")
    return 65536 if size == 1 else size


def _is_broken(file: apsw.VFSFile, offset: int, size: int) -> bool:
    for _ in range(_LOOKS):
        try:
            file.xRead(size, offset)
        except apsw.Error as error:
            if not is_damage(error):
                raise
        else:
            return False
    return True
