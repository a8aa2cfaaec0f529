"""What threads hand to the main loop: one queue, and a socket that wakes `select` (also on Windows)."""

import contextlib
import signal
import socket
from collections import deque

TYPE_CHECKING = False  # `typing` itself costs an idle worker 0.8 MB
if TYPE_CHECKING:
    from aurora_desktop.tasks.worker.posted import Item


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

    def post(self, item: "Item") -> None:
        self._items.append(item)
        with contextlib.suppress(OSError):  # full: the loop is awake anyway; or closed: it has ended
            self._wakes.send(b"\0")

    def take(self) -> "list[Item]":
        """All that is there."""
        with contextlib.suppress(BlockingIOError):
            while len(self._waked.recv(4096)) == 4096:
                pass
        return [self._items.popleft() for _ in range(len(self._items))]

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._wakes.close()
        self._waked.close()
