"""The stream of events for readers outside: what the journal holds, plus what it has not committed yet."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import Record

RECENT_KEPT = 512
NEWEST_SEARCHED = 20_000


class EventFeed:
    """Answers by id, and lets readers wait for the next event. Begins to listen with `open`, ends with `close`."""

    def __init__(self, bus: Bus, journal: Callable[[int, int, str | None], list[Record]]) -> None:
        self._bus = bus
        self._journal = journal
        self._recent: deque[Record] = deque(maxlen=RECENT_KEPT)
        self._news = asyncio.Event()
        self._closed = asyncio.Event()
        self._unsubscribe: Callable[[], None] = lambda: None

    def open(self) -> None:
        self._unsubscribe = self._bus.subscribe(self._hear)

    def close(self) -> None:
        """Listen no more, and wake every waiting reader."""
        self._closed.set()
        self._unsubscribe()
        self._wake()

    @property
    def last_id(self) -> int:
        return self._bus.last_id

    def _hear(self, record: Record) -> None:
        self._recent.append(record)
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def closed(self) -> None:
        """Return when the feed is closed."""
        await self._closed.wait()

    async def next_after(self, since: int, limit: int, component: str | None, wait_s: float) -> list[Record]:
        """As `after`, but wait up to `wait_s` seconds for the first one; a `since` in the future does not wait."""
        end = asyncio.get_running_loop().time() + wait_s
        while True:
            records = self.after(since, limit, component)
            left_s = end - asyncio.get_running_loop().time()
            if records or left_s <= 0 or since > self.last_id or self._closed.is_set():
                return records
            since = self.last_id
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left_s)

    def after(self, since: int, limit: int, component: str | None) -> list[Record]:
        """Records with an id above `since`, oldest first."""
        if since >= self.last_id:
            return []
        if self._recent and self._recent[0].id <= since + 1:
            return self._fresh(since, component)[:limit]
        records = self._journal(since, limit, component)
        end = records[-1].id if records else since
        return (records + self._fresh(end, component))[:limit]

    def newest(self, limit: int, component: str | None) -> list[Record]:
        """The last `limit` records, oldest first; of one component among the newest 20,000 events."""
        window = limit
        while True:
            since = max(0, self.last_id - window)
            records = self.after(since, window, component)
            if len(records) >= limit or since == 0 or window >= NEWEST_SEARCHED:
                return records[-limit:]
            window = min(window * 4, NEWEST_SEARCHED)

    def _fresh(self, since: int, component: str | None) -> list[Record]:
        return [r for r in self._recent if r.id > since and component in (None, r.event.component)]
