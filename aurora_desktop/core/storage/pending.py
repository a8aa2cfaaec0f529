"""Records that are not on disk yet, in order and bounded: heartbeats go first, then the oldest."""

import threading
from collections import OrderedDict
from itertools import islice

from aurora_desktop.core.events import Heartbeat, Record

MOST_PENDING = 10_000
MOST_IN_A_BURST = 50_000  # while the disk takes what it is given
Row = tuple[int, float, str, bool, str]


class PendingRecords:
    """Used from any thread; no call takes longer than a walk over the records it holds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, tuple[Record, Row]] = OrderedDict()
        self._heartbeats = 0
        # Given up since the last attempt to write; that attempt may have taken them along before.
        self._given_up: set[int] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, record: Record, row: Row, most: int = MOST_PENDING) -> int:
        """Keep the record, and at most `most`; returns how many had to go."""
        with self._lock:
            self._entries[record.id] = (record, row)
            self._heartbeats += isinstance(record.event, Heartbeat)
            surplus = max(0, len(self._entries) - most)
            for _ in range(surplus):
                least = self._least_wanted()
                self._given_up.add(least)
                self._take(least)
            return surplus

    def records(self) -> list[Record]:
        """All of them, oldest first."""
        with self._lock:
            return [record for record, _ in self._entries.values()]

    def first(self, most: int) -> list[Row]:
        """The oldest rows."""
        with self._lock:
            return [row for _, row in islice(self._entries.values(), most)]

    def remove(self, ids: list[int]) -> int:
        """Forget what is on disk; returns how many of the ids were still here."""
        with self._lock:
            return sum(self._take(id_) for id_ in ids)

    def rescued(self, ids: list[int]) -> int:
        """After an attempt that wrote `ids` (none if it failed): how many of them had been given up meanwhile."""
        with self._lock:
            rescued = len(self._given_up.intersection(ids))
            self._given_up.clear()
            return rescued

    def _take(self, id_: int) -> bool:
        entry = self._entries.pop(id_, None)
        if entry is None:
            return False
        self._heartbeats -= isinstance(entry[0].event, Heartbeat)
        return True

    def _least_wanted(self) -> int:
        if self._heartbeats:
            return next(i for i, (record, _) in self._entries.items() if isinstance(record.event, Heartbeat))
        return next(iter(self._entries))
