"""The newest events in memory, each encoded once, for all readers alike: none has a buffer of its own."""

from aurora_desktop.api.event_filter import EventFilter
from aurora_desktop.api.streams.pieces import Encoded, Piece, encoded
from aurora_desktop.core.events import Record

MAX_RECORDS = 2048
MAX_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024


class Ring:
    """The newest records after `last_id`: at most `max_records`, and about `max_bytes`. Ids follow without a gap."""

    def __init__(self, last_id: int, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES) -> None:
        self.last_id = last_id
        self._held: list[Encoded] = []
        self._bytes = 0
        self._max_records = max_records
        self._max_bytes = max_bytes

    def add(self, record: Record) -> None:
        new = encoded(record)
        self._held.append(new)
        self._bytes += _size(new)
        self.last_id = record.id
        while len(self._held) > self._max_records or self._bytes > self._max_bytes:
            self._bytes -= _size(self._held.pop(0))

    @property
    def begins_after(self) -> int:
        """The newest id that is not here any more."""
        return self.last_id - len(self._held)

    def after(self, id_: int, wanted: EventFilter) -> Piece:
        """What is wanted of that behind `id_`, up to about 64 KiB. `id_` is not below `begins_after`."""
        behind = self._held[max(0, id_ - self.begins_after) :]
        return take(behind, wanted, max(id_, self.last_id))


def take(records: list[Encoded], wanted: EventFilter, up_to: int) -> Piece:
    """The first of `records` that are wanted, up to about 64 KiB; `up_to` is where they end."""
    found: list[Encoded] = []
    size = 0
    for record in records:
        if wanted.passes_all or wanted.passes(record.event):
            found.append(record)
            size += len(record.frame)
        if size >= PIECE_BYTES:
            return Piece(found, record.id)
    return Piece(found, up_to)


def _size(record: Encoded) -> int:
    return len(record.json) + len(record.frame)
