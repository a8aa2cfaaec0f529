"""How many files a process has open, and how many it may have; None where the system does not tell."""

import os
import sys


def open_descriptors(pid: int) -> int | None:
    """Of the process alone, without its children. Linux 6.2 and later tell the number without a listing."""
    if sys.platform != "linux":
        return _portable(pid)
    folder = f"/proc/{pid}/fd"
    try:
        return os.stat(folder).st_size or len(os.listdir(folder))
    except OSError:
        return None


def descriptor_limit(pid: int) -> int | None:
    """Its soft limit, `getrlimit(2)`; None also where there is none."""
    try:
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("Max open files"))
        return int(line.split()[3])
    except (OSError, ValueError, StopIteration):
        return None


def _portable(pid: int) -> int | None:
    import psutil

    try:
        process = psutil.Process(pid)
        if sys.platform == "win32":
            return int(process.num_handles())
        return int(process.num_fds())
    except (psutil.Error, OSError):
        return None
