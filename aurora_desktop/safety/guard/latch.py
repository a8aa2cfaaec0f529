"""The latch is the absence of the clearance file: a stop deletes it, which works on a full disk too."""

import contextlib
import os
import stat
import threading
from pathlib import Path


class Latch:
    """The guard sets it and looks at it; clearing it is the operator's, in the window."""

    def __init__(self, clearance: Path) -> None:
        self._clearance = clearance

    def is_set(self) -> bool:
        """Also when nothing can be known of the file."""
        try:
            found = os.lstat(self._clearance)
        except OSError:
            return True
        return not (stat.S_ISREG(found.st_mode) and found.st_size)  # one that could not be deleted was emptied

    def set(self) -> str:
        """Why it could not be set, or ""."""
        try:
            self._clearance.unlink()
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"the clearance file cannot be deleted: {error.strerror}"
        # A stop does not wait for the disk, nor does it fail where there can be no more threads.
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=_sync, args=(self._clearance.parent,), daemon=True).start()
        return ""


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
