"""Signals as something to be read: the guard ends on SIGTERM alone, and in its own time."""

import contextlib
import signal
import socket
import sys
from collections.abc import Callable

from aurora_desktop.safety.guard.loop import Loop

if sys.platform == "win32":
    raise ImportError("these are signals of Unix")


def on_sigterm(loop: Loop, end: Callable[[], None]) -> None:
    """Call `end` in the loop for each SIGTERM; what a terminal sends is ignored. In the main thread alone."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)  # noqa: FBT003 - it takes no keyword
    writing.setblocking(False)  # noqa: FBT003 - it takes no keyword
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    signal.set_wakeup_fd(writing.detach())

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            if signal.SIGTERM in reading.recv(64):
                end()

    loop.watch(reading.fileno(), read)
