"""One reader's place in the stream. It holds no events, only the id that it has come to."""

import asyncio
from collections.abc import AsyncIterator

from aurora_desktop.api.event_filter import EventFilter
from aurora_desktop.api.streams.hub import BATCH_S, Hub
from aurora_desktop.api.streams.pieces import Gap, Piece, Reset, Sent, encoded
from aurora_desktop.api.streams.ring import take
from aurora_desktop.core.events import Record

PAGE = 500
# Between two pages of the journal: 25,000 events a second at the most.
PAGE_PAUSE_S = 0.02


async def pieces(hub: Hub, wanted: EventFilter, since: int | None, my_turn_s: float) -> AsyncIterator[Sent]:
    """Everything wanted behind `since` (None: from now on), until the hub closes. For those that joined the hub.

    A piece at most each tenth of a second; an empty one after `keep_alive_s` of the hub without any. Raises AuroraError
    when the journal cannot be read.
    """
    reader = _Reader(hub, wanted, hub.last_id if since is None else since, my_turn_s)
    if reader.at > hub.last_id:
        yield Reset(reader.at, hub.last_id)
        reader.at = hub.last_id
    while not hub.is_closed:
        sent = await reader.next()
        if sent is not None:
            yield sent


class _Reader:
    def __init__(self, hub: Hub, wanted: EventFilter, at: int, my_turn_s: float) -> None:
        self.at = at
        self._hub = hub
        self._wanted = wanted
        self._my_turn_s = my_turn_s
        self._was_live = False
        self._is_behind = False
        self._told_at = asyncio.get_running_loop().time()

    async def next(self) -> Sent | None:
        """What is to be told next; None when it was nothing."""
        left_s = self._told_at + self._hub.keep_alive_s - _now()
        if left_s <= 0 or not await self._hub.news(self.at, left_s):
            return self._tell(Piece((), self.at))
        await self._wait_for_turn()
        if self._hub.is_closed:
            return None
        sent = await self._from_journal() if self.at < self._hub.ring.begins_after else self._from_ring()
        return None if isinstance(sent, Piece) and not sent.records else self._tell(sent)

    def _tell(self, sent: Sent) -> Sent:
        self._told_at = _now()
        return sent

    async def _wait_for_turn(self) -> None:
        if self._is_behind:
            await asyncio.sleep(PAGE_PAUSE_S)
        else:
            await asyncio.sleep(BATCH_S - (_now() - self._my_turn_s) % BATCH_S)

    def _from_ring(self) -> Piece:
        self._was_live, self._is_behind = True, False
        piece = self._hub.ring.after(self.at, self._wanted)
        self.at = piece.last_id
        return piece

    async def _from_journal(self) -> Sent:
        """A page; before the first one, what is missing."""
        async with self._hub.readings:
            if not self._is_behind:
                self._is_behind = True
                if (gap := await self._missing()) is not None:
                    return gap
            up_to = self._hub.last_id
            piece = await asyncio.to_thread(self._page, self.at, up_to)
        self.at = piece.last_id
        return piece

    async def _missing(self) -> Gap | None:
        """What the journal has not any more, or what this reader was too slow for."""
        next_one = await asyncio.to_thread(self._hub.journal, self.at, 1, None)
        first = next_one[0].id if next_one else self._hub.ring.begins_after + 1
        is_kept = first == self.at + 1
        if is_kept and not self._was_live:
            return None
        self._hub.gaps += 1
        gap = Gap(self.at, self._hub.ring.begins_after + 1 if is_kept else first, is_kept)
        self.at = first - 1
        return gap

    def _page(self, at: int, up_to: int) -> Piece:
        """The next of the journal behind `at`. For a thread."""
        records = self._hub.journal(at, PAGE, self._wanted.only_component)
        end = records[-1].id if len(records) == PAGE else max(up_to, _last(records))
        return take([encoded(record) for record in records], self._wanted, end)


def _last(records: list[Record]) -> int:
    return records[-1].id if records else 0


def _now() -> float:
    return asyncio.get_running_loop().time()
