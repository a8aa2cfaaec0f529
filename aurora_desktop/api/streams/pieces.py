"""What a stream sends, and how it looks on the wire: as server-sent events, and as messages of a WebSocket."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from aurora_desktop.api.problems import ProblemError, encode, encode_problem
from aurora_desktop.core.event import Event
from aurora_desktop.core.events import Record

EVENT_STREAM = "text/event-stream"
RECONNECT_MS = 2000


class Encoded(NamedTuple):
    """A record as JSON and as a server-sent event, with what a filter asks of it."""

    id: int
    event: Event
    json: bytes
    frame: bytes


class Piece(NamedTuple):
    """What is sent together; up to `last_id` the reader wants nothing else. Without records: still here."""

    records: Sequence[Encoded]
    last_id: int


class Gap(Struct, frozen=True):
    """The reader was too slow for the events between `after` and `before` (neither included).

    `kept`: they follow now, from the journal; otherwise they are gone.
    """

    after: int
    before: int
    kept: bool


class Reset(Struct, frozen=True):
    """There never was an event `since`: the journal was begun anew. It goes on behind `last_id`."""

    since: int
    last_id: int


Sent = Piece | Gap | Reset


def encoded(record: Record) -> Encoded:
    json = encode(record)
    return Encoded(record.id, record.event, json, b"id: %d\ndata: %b\n\n" % (record.id, json))


def as_frames(sent: Sent) -> bytes:
    """A browser's EventSource comes back behind the last `id`; those without data are told to nobody but it."""
    if isinstance(sent, Gap):
        return b"event: gap\ndata: %b\n\n" % encode(sent)
    if isinstance(sent, Reset):
        return b"event: reset\nid: %d\ndata: %b\n\n" % (sent.last_id, encode(sent))
    if not sent.records:
        return b": still here\nid: %d\n\n" % sent.last_id
    return b"".join(record.frame for record in sent.records)


def first_frame(last_id: int) -> bytes:
    """From where on it reads, so that a reader that is cut off before the first event misses none."""
    return b"retry: %d\nid: %d\n\n" % (RECONNECT_MS, last_id)


def as_error(problem: ProblemError) -> bytes:
    """The last that is told."""
    return b"event: error\ndata: %b\n\n" % encode_problem(problem)


def as_message(sent: Sent) -> str:
    """`{"records": [...], "last_id": 17}`, `{"gap": {...}}` or `{"reset": {...}}`."""
    if isinstance(sent, Gap):
        return encode({"gap": sent}).decode()
    if isinstance(sent, Reset):
        return encode({"reset": sent}).decode()
    records = b",".join(record.json for record in sent.records)
    return (b'{"records":[%b],"last_id":%d}' % (records, sent.last_id)).decode()
