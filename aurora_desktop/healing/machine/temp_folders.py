"""Removes old files from a folder of temporary ones, and nothing else, whoever plays tricks with links there.

Only regular files of this user, with one name, that nobody has open and that were neither written, read nor changed
for the time given. No link is followed, no file system other than the folder's own entered, and every step is taken
relative to an open folder, so that none can be exchanged on the way. Folders stay.
"""

import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.machine.open_files import FileId

DEEPEST = 64
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_BLOCK = 512  # the unit of st_blocks, whatever the file system's own


class Cleared(Struct):
    """What became of one folder: `freed_bytes` on the disk, `files` removed, `failed` that could not be.

    `detail`: what kept it from being finished, or from removing the first that failed; "" when all went well.
    """

    freed_bytes: int = 0
    files: int = 0
    failed: int = 0
    detail: str = ""


class Limits(Struct, frozen=True):
    """`untouched_since` is Unix time: files used later stay. `open_now`: files that stay in any case.

    `is_over` is asked before each entry and ends the work; by default it never does.
    """

    untouched_since: float
    open_now: frozenset[FileId] = frozenset()
    is_over: Callable[[], bool] = lambda: False


def can_clear() -> bool:
    """Whether this platform lets us work relative to an open folder."""
    return os.unlink in os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")


def clear(folder: Path, limits: Limits) -> Cleared:
    """Remove the old files of `folder`, a path without links. Blocks. Raises AuroraError when it cannot be opened."""
    if not can_clear():
        raise AuroraError("This folder is not cleared", f"{folder}: not safely possible on this platform", "")
    cleared = Cleared()
    try:
        handle = os.open(folder, _FOLDER)
    except OSError as error:
        raise AuroraError("This folder is not cleared", f"{folder}: {error.strerror}", "") from error
    with _closing(handle):
        _Clearing(limits, cleared, _mount(handle)).folder(handle, 0)
    return cleared


class _Clearing:
    def __init__(self, limits: Limits, cleared: Cleared, mount: str) -> None:
        self._limits = limits
        self._cleared = cleared
        self._mount = mount
        self._uid = os.geteuid() if sys.platform != "win32" else 0

    def folder(self, handle: int, depth: int) -> None:
        for name in _names(handle):
            if self._limits.is_over():
                self._cleared.detail = "the time for it was over; the rest is for the next time"
                return
            try:
                self._entry(handle, name, depth)
            except OSError as error:  # gone meanwhile, or not ours to remove
                if not isinstance(error, FileNotFoundError):
                    self._cleared.failed += 1
                    self._cleared.detail = self._cleared.detail or f"{name}: {error.strerror}"

    def _entry(self, parent: int, name: str, depth: int) -> None:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if found.st_uid != self._uid:
            return
        if stat.S_ISDIR(found.st_mode) and depth < DEEPEST:
            self._enter(parent, name, depth)
        elif stat.S_ISREG(found.st_mode) and self._is_old(found):
            os.unlink(name, dir_fd=parent)
            self._cleared.files += 1
            self._cleared.freed_bytes += found.st_blocks * _BLOCK if sys.platform != "win32" else found.st_size

    def _enter(self, parent: int, name: str, depth: int) -> None:
        handle = os.open(name, _FOLDER, dir_fd=parent)
        with _closing(handle):
            if os.fstat(handle).st_uid == self._uid and _mount(handle) == self._mount:
                self.folder(handle, depth + 1)

    def _is_old(self, found: os.stat_result) -> bool:
        """The time of change counts too: what was unpacked yesterday may have been written years ago."""
        newest = max(found.st_mtime, found.st_atime, found.st_ctime)
        is_open = (found.st_dev, found.st_ino) in self._limits.open_now
        return newest < self._limits.untouched_since and found.st_nlink == 1 and not is_open


def _names(handle: int) -> list[str]:
    try:
        with os.scandir(handle) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []


def _mount(handle: int) -> str:
    """Names the mount that an open folder is in: its device, and on Linux what tells bind mounts apart."""
    device = str(os.fstat(handle).st_dev)
    if sys.platform == "linux":
        with contextlib.suppress(OSError), open(f"/proc/self/fdinfo/{handle}", encoding="ascii") as lines:
            device += "".join(line for line in lines if line.startswith("mnt_id:"))
    return device


@contextlib.contextmanager
def _closing(handle: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(handle)


def until(deadline: float, is_cancelled: Callable[[], bool]) -> Callable[[], bool]:
    """Over at this monotonic time of the system, or once cancelled."""
    return lambda: is_cancelled() or time.monotonic() >= deadline
