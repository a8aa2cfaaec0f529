"""The readers of the stream, and what they share: the ring of the newest events, and the way to the journal."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.streams.ring import Ring
from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import Record

# Leaves room below `server.MAX_CONNECTIONS` for requests, a stop above all.
MAX_READERS = 100
# Readings of the journal at once: more would take the threads that others need.
MAX_READINGS = 2
BATCH_S = 0.1
KEEP_ALIVE_S = 15.0

Journal = Callable[[int, int, str | None], list[Record]]


class Hub:
    """Reads the bus only while there are readers. `gaps` counts those that were told to anybody.

    `keep_alive_s`: a reader hears at least so often that it is not forgotten.
    """

    def __init__(self, bus: Bus, journal: Journal) -> None:
        self.journal = journal
        self.readings = asyncio.Semaphore(MAX_READINGS)
        self.readers = 0
        self.gaps = 0
        self.is_closed = False
        self.keep_alive_s = KEEP_ALIVE_S
        self._bus = bus
        self._ring: Ring | None = None
        self._news = asyncio.Event()
        self._joined = 0
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def last_id(self) -> int:
        return self._bus.last_id

    @property
    def ring(self) -> Ring:
        """For readers between `joined` and its end."""
        if self._ring is None:
            raise RuntimeError("nobody reads")
        return self._ring

    @contextlib.contextmanager
    def joined(self) -> Iterator[float]:
        """Be a reader; gives the turn of this one within each tenth of a second, so that they do not all send at once.

        Raises ProblemError 503 when there are too many.
        """
        if self.readers >= MAX_READERS:
            hint = "Close one, or ask `GET /v1/events` with `wait_s`"
            raise ProblemError(503, "Too many read the stream of events", f"{MAX_READERS} do", hint)
        if self._ring is None:
            self._ring = Ring(self.last_id)
            self._unsubscribe = self._bus.subscribe(self._read)
        self.readers += 1
        self._joined += 1
        try:
            yield turn(self._joined)
        finally:
            self.readers -= 1
            if not self.readers:
                self._unsubscribe()
                self._ring = None

    async def news(self, after: int, timeout_s: float) -> bool:
        """Whether there is something behind `after`, or the end; waits `timeout_s` for it."""
        if self.last_id <= after and not self.is_closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), timeout_s)
        return self.last_id > after or self.is_closed

    def close(self) -> None:
        """Let every reader come to its end."""
        self.is_closed = True
        self._wake()

    def _read(self, record: Record) -> None:
        self.ring.add(record)
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def turn(number: int) -> float:
    """When within each `BATCH_S` the reader `number` sends, in seconds: spread evenly by the golden ratio."""
    return (number * 0.618_033_988_75) % 1.0 * BATCH_S
