"""The clearance: a file whose absence is the latch of the emergency stop, so that a stop needs no room on the disk."""

import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.storage.jsonl import timestamp

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
        granted = _Granted(timestamp(self._wall()), by)
        try:
            self.path.unlink(missing_ok=True)  # an old mode, or a link to elsewhere, is not taken over
            replace_content(self.path, msgspec.json.encode(granted) + b"\n")
        except (OSError, ValueError) as error:
            self.revoke()
            why = getattr(error, "strerror", None) or str(error)
            raise AuroraError(
                "the emergency stop cannot be reset",
                f"{self.path}: {why}",
                "make room on the disk, or the folder yours",
            ) from error

    def revoke(self) -> bool:
        """Latch; whether it is for sure. Works on a full disk, and never raises.

        Where the folder does not let go of the file, it is emptied instead, which is no clearance either.
        """
        try:
            self.path.unlink()
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            _make_empty(self.path)
        else:
            _flush_folder(self.path.parent)
        return not self.is_granted()


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


def _make_empty(path: Path) -> None:
    with contextlib.suppress(OSError, ValueError), path.open("r+b") as file:
        file.truncate(0)
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """The removal reaches the disk with the folder; Windows has no such call, and a failure changes nothing now."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
