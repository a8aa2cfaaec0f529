"""A terminal as a screen: drawn whole, keys read one by one, and left as it was found."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from aurora_desktop.cli.console import harmless

_OTHER_SCREEN, _BACK = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


class Terminal:
    """Between `with` and its end the terminal's other screen is shown, without a cursor."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Terminal":
        self._stack.enter_context(_keys_at_once())
        self._stack.callback(self._write, _BACK)
        self._write(_OTHER_SCREEN)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def size(self) -> os.terminal_size:
        """As it is now; not what the variables COLUMNS and LINES once said."""
        with contextlib.suppress(OSError, ValueError):
            size = os.get_terminal_size(self._out.fileno())
            if size.columns and size.lines:
                return size
        return os.terminal_size((80, 24))

    def draw(self, lines: list[str]) -> None:
        """Line by line over what is there, so that nothing flickers."""
        shown = (harmless(line, keep_colours=True) + _REST_OF_LINE for line in lines)
        self._write(_HOME + "\r\n".join(shown) + _REST_OF_SCREEN)

    def key(self, timeout_s: float) -> str:
        """The next key, "" if none is pressed in time. Raises KeyboardInterrupt at Ctrl+C."""
        return _next_key(timeout_s)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


if sys.platform == "win32":
    import msvcrt
    import time

    @contextlib.contextmanager
    def _keys_at_once() -> Iterator[None]:
        yield

    def _next_key(timeout_s: float) -> str:
        if not msvcrt.kbhit():
            time.sleep(timeout_s)
        return msvcrt.getwch() if msvcrt.kbhit() else ""

else:
    import select
    import termios
    import time
    import tty

    @contextlib.contextmanager
    def _keys_at_once() -> Iterator[None]:
        """Without waiting for Enter, and without showing them. Ctrl+C stays what it is."""
        if not sys.stdin.isatty():
            yield
            return
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    def _next_key(timeout_s: float) -> str:
        if not sys.stdin.isatty():  # nobody can press a key; Ctrl+C still comes
            time.sleep(timeout_s)
            return ""
        ready, _, _ = select.select([sys.stdin], [], [], timeout_s)
        return os.read(sys.stdin.fileno(), 1).decode("latin-1") if ready else ""
