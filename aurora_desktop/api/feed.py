"""The stream of events for readers outside: the journal by id, and the bus to wait for the next one."""

import asyncio
import contextlib
from collections.abc import Callable

from aurora_desktop.api.event_filter import EventFilter
from aurora_desktop.core.bus import Bus
from aurora_desktop.core.event import Event
from aurora_desktop.core.events import Record

NEWEST_SEARCHED = 20_000
PAGE = 1000
ASK_AGAIN_S = 1.0


class EventFeed:
    """Answers by id, and lets readers wait. Begins to listen with `open`, ends with `close`."""

    def __init__(self, bus: Bus, journal: Callable[[int, int, str | None], list[Record]]) -> None:
        self._bus = bus
        self._journal = journal
        self._news = asyncio.Event()
        self._closed = asyncio.Event()
        self._unsubscribe: Callable[[], None] = lambda: None

    def open(self) -> None:
        self._unsubscribe = self._bus.subscribe(lambda _: self._wake())

    def close(self) -> None:
        """Listen no more, and wake every waiting reader."""
        self._closed.set()
        self._unsubscribe()
        self._wake()

    @property
    def last_id(self) -> int:
        return self._bus.last_id

    async def closed(self) -> None:
        """Return when the feed is closed."""
        await self._closed.wait()

    def newest(self, limit: int, wanted: EventFilter, last_id: int) -> list[Record]:
        """The last `limit` records up to `last_id`, oldest first. For a thread: that may take the loop's time.

        With a filter they are sought in the newest 20,000 events.
        """
        window = limit
        while True:
            since = max(0, last_id - window)
            found = self._journal(since, window, wanted.only_component)
            records = [record for record in found if record.id <= last_id and wanted.passes(record.event)]
            if len(records) >= limit or since == 0 or window >= NEWEST_SEARCHED:
                return records[-limit:]
            window = min(window * 4, NEWEST_SEARCHED)

    async def next_after(self, since: int, limit: int, wanted: EventFilter, wait_s: float) -> list[Record]:
        """Records after `since`, oldest first; waits up to `wait_s` seconds for the first one.

        A `since` in the future is answered at once: its reader has to begin anew from `last_id`.
        """
        end = asyncio.get_running_loop().time() + wait_s
        while True:
            last_id = self.last_id
            records = await self._first_after(since, limit, wanted) if since < last_id else []
            left_s = end - asyncio.get_running_loop().time()
            if records or left_s <= 0 or since > last_id or self._closed.is_set():
                return records
            if (since := last_id) < self.last_id:
                continue  # something came while the journal was read
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left_s)

    async def _first_after(self, since: int, limit: int, wanted: EventFilter) -> list[Record]:
        if wanted.is_of_component_alone:
            return self._journal(since, limit, wanted.only_component)
        return await asyncio.to_thread(self._sought, since, limit, wanted)

    def _sought(self, since: int, limit: int, wanted: EventFilter) -> list[Record]:
        """The first `limit` behind `since` that are wanted. For a thread: it may go through the whole journal."""
        found: list[Record] = []
        while len(found) < limit:
            page = self._journal(since, PAGE, wanted.only_component)
            found += [record for record in page if wanted.passes(record.event)]
            if len(page) < PAGE:
                break
            since = page[-1].id
        return found[:limit]

    async def until(self, is_so: Callable[[], bool], concerns: Callable[[Event], bool]) -> None:
        """Return once `is_so`: asked now, after each event that `concerns` it, and each second."""
        news = asyncio.Event()
        unsubscribe = self._bus.subscribe(lambda record: news.set() if concerns(record.event) else None)
        try:
            while not is_so():
                news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), ASK_AGAIN_S)
        finally:
            unsubscribe()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
