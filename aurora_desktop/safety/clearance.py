"""The clearance: a file whose absence is the latch of the emergency stop, so that a stop needs no room on the disk."""

import contextlib
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from aurora_desktop.core.errors import AuroraError

MAX_BYTES = 4096


class _Granted(Struct):
    granted_at: str
    by: str


class Clearance:
    """Granted by a reset, revoked by a stop; survives everything in between."""

    def __init__(self, path: Path, wall: Callable[[], float] = time.time) -> None:
        self.path = path
        self._wall = wall

    def is_granted(self) -> bool:
        """Whether a whole clearance lies there: a file of this user, nobody's link, with what `grant` writes."""
        try:
            _decoder.decode(_content(self.path))
        except (OSError, ValueError, msgspec.DecodeError):
            return False
        return True

    def grant(self, by: str) -> None:
        """Clear the latch; on the disk when it returns. Blocks some milliseconds. Raises AuroraError."""
        # Only here: the guard, which never grants, keeps its memory small.
        from aurora_desktop.core.settings.atomic import replace_content
        from aurora_desktop.core.storage.jsonl import timestamp

        granted = _Granted(timestamp(self._wall()), by)
        try:
            self.path.unlink(missing_ok=True)  # an old mode, or a link to elsewhere, is not taken over
            replace_content(self.path, msgspec.json.encode(granted) + b"\n")
        except (OSError, ValueError) as error:
            self.revoke()
            raise AuroraError(
                "the emergency stop cannot be reset",
                f"{self.path}: {_why(error)}",
                "make room on the disk, or the folder yours",
            ) from error

    def revoke(self) -> bool:
        """Latch; whether it is for sure. On the disk when it returns; works on a full one, and never raises."""
        self._take_away(_flush)
        return not self.is_granted()

    def revoke_at_once(self) -> str:
        """Latch without waiting for the disk, as a stop does; why the file could not be deleted, or ""."""
        problem = self._take_away(_flush_beside)
        return f"the clearance file cannot be deleted: {problem}" if problem else ""

    def _take_away(self, flush: Callable[[Path], None]) -> str:
        """Where the folder does not let go of the file, it is emptied instead, which is no clearance either."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            with contextlib.suppress(OSError, ValueError):
                os.truncate(self.path, 0)
                flush(self.path)
            return _why(error)
        flush(self.path.parent)
        return ""


_decoder = msgspec.json.Decoder(_Granted)


def _content(path: Path) -> bytes:
    """Raises OSError, ValueError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or _is_foreign(status):
            raise ValueError("no file of ours")
        return os.read(file, MAX_BYTES)
    finally:
        os.close(file)


def _is_foreign(status: os.stat_result) -> bool:
    """Whether another user owns the file or may write it."""
    if sys.platform == "win32":
        return False
    return status.st_uid != os.geteuid() or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _why(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _flush(path: Path) -> None:
    """A file's content, or the names in a folder; where it cannot be had now, the system does it in its own time."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _flush_beside(path: Path) -> None:
    """In a thread; where there can be no more of them it is left to the system."""
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=_flush, args=(path,), daemon=True).start()
