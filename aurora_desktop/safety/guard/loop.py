"""One loop over descriptors and timers, in which no callback can keep the next one from running by raising."""

import heapq
import itertools
import selectors
import time
from collections.abc import Callable

Callback = Callable[[], None]


class Timer:
    """A call that is to come; `cancel()` may be called at any time."""

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """`on_fault` is told of whatever a callback raises."""

    def __init__(self, on_fault: Callable[[Exception], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._on_fault = on_fault
        self._running = True

    @staticmethod
    def now() -> float:
        """Seconds on the monotonic clock."""
        return time.monotonic()

    def watch(self, fd: int, on_readable: Callback | None, on_writable: Callback | None = None) -> None:
        """Call back while `fd` can be read or written; replaces what was asked for it before, None is off."""
        events = (selectors.EVENT_READ if on_readable else 0) | (selectors.EVENT_WRITE if on_writable else 0)
        known = fd in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(fd)
        elif known:
            self._selector.modify(fd, events, (on_readable, on_writable))
        else:
            self._selector.register(fd, events, (on_readable, on_writable))

    def unwatch(self, fd: int) -> None:
        """To be called before `fd` is closed."""
        self.watch(fd, None)

    def call_later(self, delay_s: float, callback: Callback) -> Timer:
        """Call once, `delay_s` seconds from now."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.now() + delay_s, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callback) -> Timer:
        """Call once, in the next turn."""
        return self.call_later(0.0, callback)

    def run(self) -> None:
        """Until `stop()`."""
        while self._running:
            self.turn()

    def stop(self) -> None:
        self._running = False

    def turn(self) -> None:
        """Wait for the next thing to do, and do it."""
        for key, events in self._selector.select(self._patience_s()):
            on_readable, on_writable = key.data
            if events & selectors.EVENT_READ and on_readable is not None and self._is_watched(key):
                self._run(on_readable)
            if events & selectors.EVENT_WRITE and on_writable is not None and self._is_watched(key):
                self._run(on_writable)
        self._run_due()

    def _is_watched(self, key: selectors.SelectorKey) -> bool:
        """An earlier callback of this turn may have closed the descriptor."""
        return key.fd in self._selector.get_map()

    def _patience_s(self) -> float | None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - self.now()) if self._timers else None

    def _run_due(self) -> None:
        now = self.now()
        due = []
        while self._timers and self._timers[0][0] <= now:
            due.append(heapq.heappop(self._timers)[2])
        for timer in due:
            if timer.callback is not None:
                callback, timer.callback = timer.callback, None
                self._run(callback)

    def _run(self, callback: Callback) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - the brake must outlive every fault of its own parts
            self._on_fault(error)
