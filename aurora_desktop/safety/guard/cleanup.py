"""After a worker is gone: everything that synthetic devices hold is released, and looked after again."""

from collections.abc import Callable

from aurora_desktop.safety.guard.eyes import Eyes
from aurora_desktop.safety.guard.loop import Loop, Timer
from aurora_desktop.safety.permit import HeldTable

SWEEPS_AGAIN_S = (0.01, 0.03)
PATIENCE_S = 0.1
_ROUNDS = 20

Done = Callable[[int, str], None]


class Cleanup:
    """Sweeps at once until nothing is held, and twice later for what was still under way to the display."""

    def __init__(self, loop: Loop, eyes: Eyes, held: HeldTable) -> None:
        self._loop, self._eyes, self._held = loop, eyes, held
        self._waiting: list[Done] = []
        self._patience: Timer | None = None
        self._released = 0
        self._rounds = 0
        self._later = 0

    @property
    def is_running(self) -> bool:
        """Until the last sweep was made; no worker may be started meanwhile."""
        return bool(self._waiting) or self._later > 0

    def run(self, done: Done) -> None:
        """`done(released, problem)`: how many keys and buttons were let go; the problem in words, or ""."""
        if not self._waiting:
            self._released = self._rounds = 0
            self._patience = self._loop.call_later(PATIENCE_S, self._give_up)
        self._waiting.append(done)
        self._sweep(self._swept)
        for delay_s in SWEEPS_AGAIN_S:
            self._later += 1
            self._loop.call_later(delay_s, self._sweep_again)

    def _sweep(self, done: Callable[[int], None]) -> None:
        self._eyes.release(self._held.remapped(), done)

    def _swept(self, released: int) -> None:
        self._released += released
        self._rounds += 1
        if released and self._rounds < _ROUNDS:
            self._sweep(self._swept)
        elif self._waiting:
            self._finish("" if not released else "something is pressed again and again")

    def _sweep_again(self) -> None:
        self._later -= 1
        self._sweep(lambda _released: None)

    def _give_up(self) -> None:
        if self._waiting:
            self._finish("the display does not answer: what is held is released once it does")

    def _finish(self, problem: str) -> None:
        if self._patience is not None:
            self._patience.cancel()
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(self._released, problem)
