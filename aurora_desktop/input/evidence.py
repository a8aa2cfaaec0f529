"""Screenshots taken before and after actions, kept within the size and age of the settings."""

import contextlib
import os
import re
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.settings.schema import EvidenceSettings

_ADOPTED = r"\d{8}T\d{6}\.\d{3}Z_[A-Za-z0-9_-]{1,80}(?:\.\d{1,4})?\.(?:png|jpg|webp)"
_GIVEN_TO_AGENTS = r"[0-9a-f]{12}\.png"  # by the worker, which makes its pictures in the same folder
_NAME = re.compile(f"{_ADOPTED}|{_GIVEN_TO_AGENTS}")
_SUFFIXES = frozenset({".png", ".jpg", ".webp"})
_DAY_S = 86_400.0


class _Kept(Struct, frozen=True, order=True):
    taken_at: float
    name: str
    size: int


class EvidenceStore:
    """The folder of pictures (0700, files 0600). All calls block: make them in a thread.

    Files whose names are not of our making are never touched, links are never followed.
    """

    def __init__(self, folder: Path, settings: EvidenceSettings, wall: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._settings = settings
        self._wall = wall

    def configure(self, settings: EvidenceSettings) -> None:
        """Apply changed limits at the next `prune`."""
        self._settings = settings

    def adopt(self, path: str | Path, task_id: str, when: float) -> Path:
        """Take over a picture, taken at the Unix time `when`; returns where it is now. Raises OSError, ValueError."""
        source = Path(path)
        if source.suffix not in _SUFFIXES or not stat.S_ISREG(source.lstat().st_mode):
            raise ValueError("this is no picture")
        self._make_folder()
        target = self._reserve(_stem(task_id, when), source.suffix)
        try:
            os.replace(source, target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        _make_private(target, when)
        return target

    def prune(self) -> int:
        """Remove what is over age, then the oldest above the size; returns how many went. Raises OSError."""
        kept = self._all()
        oldest_s = self._wall() - self._settings.max_age_days * _DAY_S
        total = sum(one.size for one in kept)
        gone = 0
        for one in kept:
            if one.taken_at >= oldest_s and total <= self._settings.max_bytes:
                break
            with contextlib.suppress(FileNotFoundError):
                (self.folder / one.name).unlink()
            total -= one.size
            gone += 1
        return gone

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise ValueError("the folder of evidence is a link")
        if status.st_mode & 0o077:
            self.folder.chmod(0o700)

    def _reserve(self, stem: str, suffix: str) -> Path:
        """A name that was not there before, and now is an empty file."""
        for number in range(10_000):
            target = self.folder / f"{stem}{f'.{number}' if number else ''}{suffix}"
            with contextlib.suppress(FileExistsError):
                os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                return target
        raise ValueError("too many pictures of one moment")

    def _all(self) -> list[_Kept]:
        """Oldest first."""
        if not self.folder.is_dir() or self.folder.is_symlink():
            return []
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found.append(_Kept(status.st_mtime, entry.name, status.st_size))
        return sorted(found)


def _make_private(path: Path, when: float) -> None:
    """Raises ValueError if a link was slipped in meanwhile."""
    if not stat.S_ISREG(path.lstat().st_mode):
        path.unlink()
        raise ValueError("this is no ordinary file")
    path.chmod(0o600)
    os.utime(path, (when, when))


def _stem(task_id: str, when: float) -> str:
    moment = datetime.fromtimestamp(when, UTC)
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", task_id)[:80] or "_"
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z_{safe}"
