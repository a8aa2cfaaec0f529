"""The files of a task's folder by which an attempt begins once, and its end is not lost."""

import os
import time
from pathlib import Path

import msgspec

from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Ended


def make_folder(folder: TaskFolder) -> None:
    """The task's own folder, 0700. Raises OSError."""
    folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)


def begin_once(folder: TaskFolder, attempt: int, worker: str) -> None:
    """Make the mark. That it is there is on the disk when this returns; what it says may not be yet.

    Raises FileExistsError: begun before; OSError: cannot be made.
    """
    path = folder.began(attempt)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, msgspec.json.encode({"worker": worker, "pid": os.getpid(), "at": time.time()}) + b"\n")
    finally:
        os.close(fd)
    _flush(folder.root)


def begin_not(folder: TaskFolder, attempt: int) -> None:
    """Take the mark back: the agent was not started. Raises OSError."""
    folder.began(attempt).unlink()
    _flush(folder.root)


def write_end(folder: TaskFolder, ended: Ended) -> None:
    """Raises OSError."""
    replace_content(folder.ended(ended.attempt), msgspec.json.encode(ended) + b"\n")


def _flush(root: Path) -> None:
    """A new name reaches the disk only with its folder; Windows has no such call."""
    if os.name != "nt":
        fd = os.open(root, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
