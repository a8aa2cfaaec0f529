"""A folder of backups: each a folder of its own, named by its time. Only what is ours is listed, and removed."""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from aurora_desktop.backups.keeping import Kept, Rule, to_remove
from aurora_desktop.backups.manifest import BadBackupError, Manifest, bad, read_manifest
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.storage.full_disk import words

MARK = "aurora-backups.json"
MAKING = ".making-"
_ABANDONED_S = 3600.0
"""Half-made ones of a process that died; a backup of a gigabyte takes a minute."""


class Listed(NamedTuple):
    """A folder that looks like a backup; `problem` says why it is none."""

    folder: Path
    manifest: Manifest | None
    problem: str = ""


class BackupFolder:
    """The backups of one state dir below `root`; `state` is its digest. Every method blocks."""

    def __init__(self, root: Path, state: str) -> None:
        self.root = root
        self._state = state

    def prepare(self, *, make: bool) -> None:
        """Make sure that it is there and ours; what a dead process left half-made is removed. Raises AuroraError.

        With `make` the folder is created. One that somebody named is not: a disk that is not mounted now must not be
        stood in for by a folder on another.
        """
        try:
            if make:
                self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._mark_as_ours()
        except OSError as error:
            raise _unusable(self.root, words(error)) from error
        self._remove_leftovers()

    def _mark_as_ours(self) -> None:
        mark = self.root / MARK
        if mark.exists():
            return
        if any(not entry.name.startswith(".") and entry.name != "lost+found" for entry in self.root.iterdir()):
            hint = "Name an empty folder in `backups.path`"
            raise AuroraError("The folder of backups is not Aurora's", f"{self.root} holds other things", hint)
        replace_content(mark, b'{"what": "backups of Aurora Desktop"}\n')

    def all(self) -> list[Listed]:
        """Newest first, of this state dir alone; those that cannot be read come along with their problem."""
        with contextlib.suppress(OSError):
            folders = [entry for entry in self.root.iterdir() if _is_id(entry.name)]
            there = [listed for folder in folders if (listed := self._listed(folder)) is not None]
            return sorted(there, key=_order, reverse=True)
        return []

    def why_unreadable(self) -> str:
        """Why nobody can tell what is in it, in words; "" for one that can be read."""
        try:
            next(self.root.iterdir(), None)
        except OSError as error:
            return words(error)
        return ""

    def good(self) -> list[tuple[Path, Manifest]]:
        """Newest first: those with a manifest that can be read."""
        return [(listed.folder, listed.manifest) for listed in self.all() if listed.manifest is not None]

    def find(self, id_: str) -> tuple[Path, Manifest]:
        """One by its id, `latest` for the newest. Raises AuroraError."""
        if id_ == "latest" and (good := self.good()):
            return good[0]
        folder = self.root / id_
        if not _is_id(id_) or not folder.is_dir():
            raise AuroraError(f"There is no backup `{id_}`"[:120], f"in {self.root}", "`aurora backup list` shows them")
        manifest = read_manifest(folder)
        if manifest.state != self._state:
            raise bad(folder, "it is of another state folder", "Use --state-dir to name that one")
        return folder, manifest

    def next_number(self) -> int:
        """Higher than that of every backup that is there."""
        return max((manifest.number for _, manifest in self.good()), default=0) + 1

    def new(self, at: float) -> tuple[str, Path]:
        """An id that nobody has, be it half-made, and a hidden folder to make it in. Raises OSError."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        there = [entry.name for entry in self.root.iterdir()]
        number = 1
        while _is_taken(id_ := stamp if number == 1 else f"{stamp}-{number}", there):
            number += 1
        making = self.root / f"{MAKING}{id_}-{os.getpid()}"
        making.mkdir(mode=0o700)
        return id_, making

    def publish(self, making: Path, manifest: Manifest) -> Path:
        """Give the finished backup its name; from here on it is one. Raises OSError."""
        sync_folder(making)
        target = self.root / manifest.id
        making.rename(target)
        sync_folder(self.root)
        return target

    def remove_old(self, rule: Rule) -> list[str]:
        """The ids of those that went. Raises OSError."""
        there = [Kept(m.id, m.number, m.at, m.packed_bytes) for _, m in self.good()]
        going = to_remove(there, rule)
        for id_ in going:
            self.remove(id_)
        return going

    def remove(self, id_: str) -> None:
        """Take one away, if it is there: first its name, so that nobody finds half of it. Raises OSError."""
        gone = self.root / f"{MAKING}{id_}-{os.getpid()}"
        with contextlib.suppress(FileNotFoundError):  # another process rotates, too
            (self.root / id_).rename(gone)
            shutil.rmtree(gone)

    def _listed(self, folder: Path) -> Listed | None:
        try:
            manifest = read_manifest(folder)
        except BadBackupError as error:
            return Listed(folder, None, error.detail)
        return Listed(folder, manifest) if manifest.state == self._state else None

    def _remove_leftovers(self) -> None:
        with contextlib.suppress(OSError):
            for entry in self.root.iterdir():
                if entry.name.startswith(MAKING) and not _is_at_work(entry):
                    shutil.rmtree(entry, ignore_errors=True)


def renamed(manifest: Manifest, id_: str) -> Manifest:
    """The same backup under another id, for another folder that has the first already."""
    return replace(manifest, id=id_)


def sync_folder(folder: Path) -> None:
    """A name reaches the disk only with its folder; Windows has no such call. Raises OSError."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_taken(id_: str, there: Sequence[str]) -> bool:
    return any(name == id_ or name.startswith(f"{MAKING}{id_}-") for name in there)


def _unusable(root: Path, why: str) -> AuroraError:
    return AuroraError(
        "The folder of backups cannot be used",
        f"{root}: {why}",
        "Make it or make room there, mount its disk, or give this user write access; `backups.path` names it",
    )


def _is_id(name: str) -> bool:
    stamp, _, number = name.partition("-")
    is_stamp = len(stamp) == 16 and stamp[8] == "T" and stamp[15] == "Z" and (stamp[:8] + stamp[9:15]).isdigit()
    return is_stamp and stamp.isascii() and (not number or number.isdigit())


def _order(listed: Listed) -> tuple[int, str]:
    return (listed.manifest.number if listed.manifest else 0, listed.folder.name)


def _is_at_work(making: Path) -> bool:
    """Whether who makes it lives; a pid that another has taken over keeps it an hour longer, no more."""
    pid = making.name.rpartition("-")[2]
    if time.time() - making.stat().st_mtime > _ABANDONED_S:
        return False
    if pid == str(os.getpid()):
        return False
    if sys.platform == "win32":
        return True
    try:
        os.kill(int(pid), 0)
    except (OSError, ValueError, OverflowError):
        return False
    return True
