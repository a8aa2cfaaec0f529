"""Events through XTEST: one at a time, each done by the server before the call returns."""

from aurora_desktop.input.backends.protocol import Around, Key

from .connection import Connection
from .keyboard import Keyboard

_KEY, _BUTTON, _MOTION = 2, 4, 6  # presses; a release is one more
_NOW = 0


class XtestBackend:
    """The X11 default. Every call may raise DisplayLostError."""

    name = "xtest"

    def __init__(self, connection: Connection, keyboard: Keyboard) -> None:
        self._x = connection
        self._xtest = connection.extension("xtest")
        self._keyboard = keyboard
        self.begin_action = self._keyboard.refresh
        self.chord, self.chord_problem = self._keyboard.chord, self._keyboard.chord_problem
        self.text_problem, self.is_ready_for = self._keyboard.text_problem, self._keyboard.is_ready_for
        self.stroke, self.is_text_read = self._keyboard.stroke, self._keyboard.is_text_read
        self.end_text = self._keyboard.end_text

    def around(self, held: frozenset[int]) -> Around:
        focus, pointer, state = self._x.ask(
            self._x.core.GetInputFocus(), self._x.core.QueryPointer(self._x.root), self._keyboard.request_state()
        )
        others = self._keyboard.see(state, focus.focus, held)
        return Around((pointer.root_x, pointer.root_y), focus.focus, others, self._keyboard.number)

    def move(self, x: int, y: int) -> tuple[int, int]:
        self._send(_MOTION, 0, x, y)
        [pointer] = self._x.ask(self._x.core.QueryPointer(self._x.root))
        return pointer.root_x, pointer.root_y

    def button(self, number: int, *, down: bool) -> None:
        self._send(_BUTTON if down else _BUTTON + 1, number)
        self._x.sync()

    def key(self, key: Key, *, down: bool) -> None:
        self._send(_KEY if down else _KEY + 1, key.code)
        self._x.sync()

    def _send(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        self._xtest.FakeInput(kind, detail, _NOW, self._x.root, x, y, 0)
