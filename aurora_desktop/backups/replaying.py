"""Events out of `recovery_events.log` and `heartbeat.log`, for a journal that lost them."""

import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import msgspec

from aurora_desktop.core.events import AnyEvent, Record
from aurora_desktop.core.storage.journal import INSERT, row
from aurora_desktop.core.storage.rotation import archives

LOGS = ("recovery_events.log", "heartbeat.log")
_ENVELOPE = frozenset({"timestamp", "type", "last_heartbeat", "running", "id"})
_MOST_LINE_BYTES = 2**20


def replay(connection: apsw.Connection, logs: Path) -> int:
    """Add to the journal's table the events that the logs in `logs` know and it does not; how many."""
    before = connection.total_changes()
    with connection:
        for record in _records(logs):
            connection.execute(INSERT, row(record))
    return connection.total_changes() - before


def newest_id(logs: Path) -> int:
    """The highest id that any line has."""
    return max((record.id for record in _records(logs)), default=0)


def _records(logs: Path) -> Iterator[Record]:
    for name in LOGS:
        path = logs / name
        for file in (*archives(path), path):
            for line in _lines(file):
                if (record := record_of(line)) is not None:
                    yield record


def record_of(line: bytes) -> Record | None:
    """The event of a line of either log; None for one that is torn, or of a kind that nobody knows any more."""
    try:
        content = msgspec.json.decode(line, type=dict[str, Any])
        if content.get("type") == "heartbeat":
            fields = {name: value for name, value in content.items() if name not in _ENVELOPE}
            kind, component = "heartbeat", "heartbeat"
        else:
            fields, kind, component = dict(content["details"]), content["event_type"], content["component"]
        at = datetime.fromisoformat(content["timestamp"]).timestamp()
        event: AnyEvent = msgspec.convert({**fields, "type": kind, "at": at, "component": component}, AnyEvent)
        return Record(int(content["id"]), event)
    except (msgspec.MsgspecError, UnicodeError, ValueError, TypeError, LookupError, OverflowError):
        return None


def _lines(path: Path) -> Iterator[bytes]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            while line := file.readline(_MOST_LINE_BYTES):
                yield line
    except (OSError, EOFError, ValueError):  # what of it can be read is read
        return
