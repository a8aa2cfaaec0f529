"""Has the focused program read its keys? Many programs answer a ping, in the order in which events came."""

import struct
from typing import Any

from aurora_desktop.input.backends.protocol import CannotError

from .connection import Connection

PATIENCE_S = 10.0
_PROTOCOLS, _PING = "WM_PROTOCOLS", "_NET_WM_PING"
_CLIENT_MESSAGE = 33
# Answers go to the root window: to who hears of its children, by the rule, or of itself, as Qt sends them.
_SUBSTRUCTURE_NOTIFY = 0x80000
_MAX_DEPTH = 12


class ReadReceipt:
    """Pings the window that has the keyboard; a program that does not know pings never answers."""

    def __init__(self, connection: Connection) -> None:
        self._x = connection
        self._serial = 0
        self._pending: tuple[int, int, float] | None = None  # serial, number, asked at
        self._answered = 0
        self._pinged_window = 0
        self._focus: int | None = None
        connection.listeners.append(self._on_event)

    def answers(self, focus: int) -> bool:
        """Whether the window with the keyboard says that it answers pings."""
        if focus != self._focus:
            self._focus, self._pinged_window, self._pending = focus, self._find(focus), None
        return self._pinged_window != 0

    def read_up_to(self, number: int, now: float) -> int:
        """Ask about the keys up to use `number`; the highest that is known to be read. Raises CannotError."""
        self._x.pump()
        if self._pending is None:
            if self._answered < number:
                self._ping(number, now)
        elif now - self._pending[2] > PATIENCE_S:
            self._pending = None
            raise CannotError("the window does not answer, so it cannot be known what it has read")
        return self._answered

    def forget(self) -> None:
        """The count begins anew; hear no more of the root window's children."""
        self._pending, self._answered, self._focus = None, 0, None
        self._x.hear_of_root()

    def _ping(self, number: int, now: float) -> None:
        self._serial = self._serial % 0x7FFFFFFF + 1
        self._pending = (self._serial, number, now)
        self._x.hear_of_root(_SUBSTRUCTURE_NOTIFY)
        window = self._pinged_window
        data = (self._x.atom(_PING), self._serial, window, 0, 0)
        message = struct.pack("=BB2xII5I", _CLIENT_MESSAGE, 32, window, self._x.atom(_PROTOCOLS), *data)
        self._x.core.SendEvent(False, window, 0, message)  # noqa: FBT003 - X's own order: propagate
        self._x.sync()

    def _on_event(self, event: Any) -> None:
        if self._pending is None or type(event).__name__ != "ClientMessageEvent" or event.window != self._x.root:
            return
        serial, number, _ = self._pending
        if event.type == self._x.atom(_PROTOCOLS) and list(event.data.data32)[:2] == [self._x.atom(_PING), serial]:
            self._answered, self._pending = number, None

    def _find(self, focus: int) -> int:
        """The window itself or the nearest one around it that answers; 0 if none does."""
        window = focus
        for _ in range(_MAX_DEPTH):
            if window in (0, 1, self._x.root):
                return 0
            if self._x.atom(_PING) in self._x.numbers(window, _PROTOCOLS):
                return window
            tree = self._x.maybe(self._x.core.QueryTree(window))
            window = 0 if tree is None else tree.parent
        return 0
