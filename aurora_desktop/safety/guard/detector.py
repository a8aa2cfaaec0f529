"""The guard's side of the second hotkey detector: started, listened to, its death and its silence noticed."""

import os
import sys
from collections.abc import Callable

from aurora_desktop.safety.guard.children import Child, spawn
from aurora_desktop.safety.guard.loop import Loop, Timer
from aurora_desktop.safety.hotkey import Hotkey

if sys.platform == "win32":
    raise ImportError("the second detector speaks through a pipe of Unix")

SILENCE_S = 2.0
START_S = 8.0
_PROGRAM = ("-P", "-m", "aurora_desktop.safety.guard.second")


class SecondDetector:
    """`on_hotkey` for each press; `on_change` when it comes up (""), or is lost for good (the reason).

    It is started anew once by itself; the second loss is for good.
    """

    def __init__(self, loop: Loop, on_hotkey: Callable[[], None], on_change: Callable[[str], None]) -> None:
        self._loop, self._on_hotkey, self._on_change = loop, on_hotkey, on_change
        self._hotkey: Hotkey | None = None
        self._child: Child | None = None
        self._pipe = -1
        self._patience: Timer | None = None
        self._losses = 0
        self._inbox = b""
        self.is_up: bool = False

    @property
    def pid(self) -> int:
        """0 while there is none."""
        return self._child.pid if self._child is not None else 0

    def start(self, hotkey: Hotkey) -> None:
        """If it does not run with this hotkey already."""
        if self._child is not None and self._hotkey == hotkey:
            return
        self.stop()
        self._hotkey, self._losses = hotkey, 0
        self._spawn(hotkey)

    def stop(self) -> None:
        """End it, without telling anybody."""
        self.is_up = False
        if self._patience is not None:
            self._patience.cancel()
        if self._pipe >= 0:
            self._loop.unwatch(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
        if self._child is not None:
            self._child.end()
            self._child = None

    def _spawn(self, hotkey: Hotkey) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        try:
            text = "+".join((*hotkey.modifiers, hotkey.key))
            pid = spawn((sys.executable, *_PROGRAM, text, str(writing)), (writing,))
        except OSError as error:
            os.close(reading)
            problem = f"it cannot be started: {error.strerror}"
            self._loop.call_soon(lambda: self._on_change(problem))
            return
        finally:
            os.close(writing)
        self._pipe, self._inbox = reading, b""
        self._child = Child(self._loop, pid, self._lose)
        self._loop.watch(reading, self._read)
        self._expect_a_word(START_S)

    def _expect_a_word(self, within_s: float) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._loop.call_later(within_s, lambda: self._lose(f"silent for {within_s:g} s"))

    def _read(self) -> None:
        try:
            data = os.read(self._pipe, 4096)
        except BlockingIOError:
            return
        if not data:
            self._loop.unwatch(self._pipe)  # its end is told by its exit
            return
        *words, self._inbox = (self._inbox + data).split(b"\n")
        self._expect_a_word(SILENCE_S)
        for word in words:
            if word == b"up" and not self.is_up:
                self.is_up = True
                self._on_change("")
            elif word == b"hotkey":
                self._on_hotkey()

    def _lose(self, why: str) -> None:
        hotkey = self._hotkey
        self.stop()
        self._losses += 1
        if self._losses == 1 and hotkey is not None:
            self._spawn(hotkey)
        self._on_change(why)

    @property
    def is_lost(self) -> bool:
        """It is not up, and is not coming up either."""
        return self._child is None
