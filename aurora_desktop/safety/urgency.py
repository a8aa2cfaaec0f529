"""The guard goes ahead of what else is busy on this machine, where the system lets it.

A stop key that waits for its turn behind two compilers is late. Niceness is enough for that, and takes nothing from
anybody: the guard sleeps until it is needed. A real-time class would let a fault of ours take a core for good.
"""

import contextlib
import os
import sys

NICE = -11
"""What RealtimeKit grants for the asking to any program of a logged-in user (its own limit is -15)."""


def hurry() -> None:
    """For this thread, and those and the processes that it starts; where that is not allowed it stays as it is."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, min(NICE, os.getpriority(os.PRIO_PROCESS, 0)))


def take_time() -> None:
    """Back to an ordinary turn, for a child of the guard that is not part of the stop."""
    if sys.platform != "win32" and os.getpriority(os.PRIO_PROCESS, 0) < 0:
        os.setpriority(os.PRIO_PROCESS, 0, 0)


def is_hurried(pid: int) -> bool:
    """Whether that process has what `hurry` asks for. Raises ProcessLookupError when it is gone."""
    return sys.platform != "win32" and os.getpriority(os.PRIO_PROCESS, pid) <= NICE
