"""What threads hand to the main loop: one queue, and a socket that wakes `select` (also on Windows)."""

import contextlib
import signal
import socket
from collections import deque
from typing import Literal

from msgspec import Struct

from aurora_desktop.tasks.messages import Run

Stream = Literal["stdout", "stderr"]


class Output(Struct, frozen=True):
    """Bytes of the agent; its reader has room for as many more once they are dealt with."""

    run: Run
    stream: Stream
    data: bytes


class Closed(Struct, frozen=True):
    """The agent and all that it started have closed this stream."""

    run: Run
    stream: Stream


class Exited(Struct, frozen=True):
    """The agent's own process ended; `code` by Python's convention: negative is a signal."""

    run: Run
    code: int


Item = Output | Closed | Exited


class Inbox:
    """`post` from any thread; `take` and `waked` for the main loop. Signals wake it too, once `hear_signals`."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._wakes, self._waked = socket.socketpair()
        self._wakes.settimeout(0)
        self._waked.settimeout(0)

    @property
    def waked(self) -> socket.socket:
        """What to `select` for reading."""
        return self._waked

    def hear_signals(self) -> None:
        """A signal's handler runs in the main thread, which `select` would keep from it."""
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)

    def post(self, item: Item) -> None:
        self._items.append(item)
        with contextlib.suppress(OSError):  # full: the loop is awake anyway; or closed: it has ended
            self._wakes.send(b"\0")

    def take(self) -> list[Item]:
        """All that is there."""
        try:
            while len(self._waked.recv(4096)) == 4096:
                pass
        except BlockingIOError:
            pass
        return [self._items.popleft() for _ in range(len(self._items))]

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._wakes.close()
        self._waked.close()
