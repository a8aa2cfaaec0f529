"""The emergency stop: revoke, latch, end the worker, release, hold the marked services, tell main. In that order."""

import contextlib
import time
from collections.abc import Callable

from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.guard.cleanup import Cleanup
from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.guard.trees import MarkedTrees
from aurora_desktop.safety.messages import FromGuard, Stopped, TreesHeld
from aurora_desktop.safety.permit import HeldTable

# Services are held as soon as nothing is pressed any more, and after this at the latest.
_TREES_WAIT_S = 0.02

OnStopped = Callable[[Stopped], None]


class _Stop:
    def __init__(self, source: str, began: float) -> None:
        self.source, self.began, self.detail = source, began, ""
        self.waiting: list[OnStopped] = []
        self.has_held_trees = False


class Stopper:
    """Several sources at once are one stop. `end_worker` revokes, ends and forgets the session, if there is one."""

    def __init__(
        self,
        loop: Loop,
        clearance: Clearance,
        cleanup: Cleanup,
        trees: MarkedTrees,
        held: HeldTable,
        end_worker: Callable[[], None],
        tell: Callable[[FromGuard], None],
    ) -> None:
        self._loop, self._clearance, self._cleanup = loop, clearance, cleanup
        self._trees, self._held = trees, held
        self._end_worker, self._tell = end_worker, tell
        self._running: _Stop | None = None
        self._last: _Stop | None = None

    @property
    def is_running(self) -> bool:
        return self._running is not None

    def stop(self, source: str, began: float, on_stopped: OnStopped | None = None) -> None:
        """`began`: monotonic time of the first sign. It latches whether or not anything is armed."""
        fresh = self._running is None
        stop = self._running or _Stop(source, began)
        if on_stopped is not None:
            stop.waiting.append(on_stopped)
        if fresh:
            self._running = self._last = stop
            self._begin(stop)

    def _begin(self, stop: _Stop) -> None:
        # A fault in one of them keeps none of the others from being done, and no later stop from being heard.
        with contextlib.ExitStack() as steps:
            steps.callback(self._cleanup.run, lambda released, problem: self._finish(stop, released, problem))
            steps.callback(self._loop.call_later, _TREES_WAIT_S, lambda: self._hold_trees(stop))
            steps.callback(self._set_latch, stop)
            steps.callback(self._end_worker)

    def _set_latch(self, stop: _Stop) -> None:
        stop.detail = self._clearance.revoke_at_once()

    def _finish(self, stop: _Stop, released: int, problem: str) -> None:
        self._running = None
        stopped = Stopped(
            source=stop.source,
            latency_ms=round((self._loop.now() - stop.began) * 1000, 3),
            released=released,
            latched=not self._clearance.is_granted(),
            events=self._held.events,
            in_flight=self._held.in_flight,
            at=time.time(),
            detail="; ".join(filter(None, (stop.detail, problem))),
        )
        self._tell(stopped)
        for on_stopped in stop.waiting:
            on_stopped(stopped)
        self._hold_trees(stop)

    def _hold_trees(self, stop: _Stop) -> None:
        if not stop.has_held_trees:
            stop.has_held_trees = True
            held = self._trees.hold()
            self._tell(TreesHeld(held.frozen, held.stopped, held.failed))

    def stop_frozen(self, began: float) -> None:
        """The second press: what the first one froze is stopped."""
        if self._last is not None:
            self._hold_trees(self._last)
        held = self._trees.kill_frozen()
        self._tell(
            Stopped(
                source="hotkey",
                latency_ms=round((self._loop.now() - began) * 1000, 3),
                released=0,
                latched=not self._clearance.is_granted(),
                events=self._held.events,
                in_flight=self._held.in_flight,
                at=time.time(),
                second_press=True,
            )
        )
        self._tell(TreesHeld(stopped=held.stopped, failed=held.failed))
