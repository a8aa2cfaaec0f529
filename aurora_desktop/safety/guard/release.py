"""Releases whatever synthetic devices hold, and ends: for when guard and worker are both gone.

python -m aurora_desktop.safety.guard.release HELD_FD
"""

import os
import sys

from aurora_desktop.safety.guard.cleanup import Cleanup
from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.guard.presses import RawInput
from aurora_desktop.safety.guard.x11.eyes import X11Eyes
from aurora_desktop.safety.permit import HeldTable, SharedPage

PATIENCE_S = 1.0


class Releaser:
    """Waits for the display, once."""

    def __init__(self, held: HeldTable) -> None:
        self._loop = Loop(self._fail)
        self._eyes = X11Eyes(self._loop, self, os.environ)
        self._cleanup = Cleanup(self._loop, self._eyes, held)
        self.is_done = False

    def run(self) -> bool:
        """Whether nothing is held any more."""
        self._eyes.open()
        self._loop.call_later(PATIENCE_S, self._loop.stop)
        self._loop.run()
        return self.is_done

    def display_up(self) -> None:
        self._cleanup.run(self._finish)

    def _finish(self, _released: int, problem: str) -> None:
        self.is_done = not problem
        self._loop.stop()

    def display_lost(self, why: str) -> None:
        os.write(2, f"release: {why}\n".encode())
        self._loop.stop()

    def _fail(self, error: Exception) -> None:
        os.write(2, f"release: {error!r}\n".encode())
        self._loop.stop()

    def saw_input(self, event: RawInput) -> None:
        """Nobody is watched for here."""

    def saw_hotkey(self, *, physical: bool) -> None:
        """There is nothing left to stop."""

    def saw_pointer(self, *, in_corner: bool) -> None:
        """Nor a corner to mind."""


if __name__ == "__main__":
    sys.exit(not Releaser(HeldTable(SharedPage(int(sys.argv[1]), writable=False))).run())
