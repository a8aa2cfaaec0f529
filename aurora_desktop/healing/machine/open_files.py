"""Which files are open just now, so that none of them is removed; known on Linux, for what we may look into."""

import contextlib
import os
import sys
from collections.abc import Iterator

FileId = tuple[int, int]
"""Device and inode."""


def open_files() -> frozenset[FileId]:
    """Every file that a process holds open, has mapped or runs from; empty where the system does not tell. Blocks."""
    if sys.platform != "linux":
        return frozenset()
    found: set[FileId] = set()
    with contextlib.suppress(OSError):
        for pid in (name for name in os.listdir("/proc") if name.isdigit()):
            found.update(_held(pid))
    return frozenset(found)


def _held(pid: str) -> Iterator[FileId]:
    """Of one process; what ends meanwhile, or is another user's, tells nothing."""
    for path in (f"/proc/{pid}/exe", f"/proc/{pid}/cwd", *_links(f"/proc/{pid}/fd"), *_links(f"/proc/{pid}/map_files")):
        with contextlib.suppress(OSError):
            status = os.stat(path)
            yield status.st_dev, status.st_ino


def _links(folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder)]
    except OSError:
        return []
