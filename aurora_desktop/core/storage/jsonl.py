"""The JSONL logs that scripts read: `heartbeat.log` and `recovery_events.log`, one JSON object per line."""

import errno
import json
import os
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec

from aurora_desktop.core.events import Heartbeat, Record
from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.storage.rotation import rotate

_ENVELOPE = ("at", "component", "type")


def timestamp(at: float) -> str:
    """Unix time as UTC ISO 8601 with milliseconds and `Z`. Raises ValueError, OverflowError, OSError."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def to_json(value: object) -> bytes:
    """The value as one line of JSON; what JSON cannot hold is written as its `repr`, lone surrogates as `?`."""
    try:
        return msgspec.json.encode(value, enc_hook=repr)
    except (TypeError, ValueError, UnicodeError):
        plain = msgspec.to_builtins(value, enc_hook=repr, str_keys=True)
        return json.dumps(plain, ensure_ascii=False, default=repr).encode("utf-8", "replace")


def heartbeat_line(record: Record, event: Heartbeat) -> bytes:
    """The record as a line of `heartbeat.log`, newline included."""
    at = timestamp(event.at)
    head = {"timestamp": at, "type": "heartbeat", "last_heartbeat": at, "running": True}
    return to_json({**head, **_fields(event), "id": record.id}) + b"\n"


def recovery_line(record: Record) -> bytes:
    """The record as a line of `recovery_events.log`, newline included."""
    event = record.event
    line = {
        "timestamp": timestamp(event.at),
        "component": event.component,
        "event_type": event.event_type(),
        "details": _fields(event),
        "id": record.id,
    }
    return to_json(line) + b"\n"


def _fields(event: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__ if name not in _ENVELOPE}


class JsonlLog:
    """Appends whole lines, each by one unbuffered write; used from one thread at a time.

    Whenever it is opened, a torn tail is repaired; a file that somebody removed is begun anew.
    """

    def __init__(self, path: Path, settings: LogSettings) -> None:
        self.path = path
        self.settings = settings
        self._file: FileIO | None = None

    def open(self) -> FileIO:
        """Open the file unless it is; `write` does so by itself. Raises OSError."""
        if self._file and not _is_same(self._file, self.path):
            self.close()
        if not self._file:
            repair_tail(self.path)
            self._file = FileIO(self.path, "a", opener=_private)
        return self._file

    def write(self, line: bytes) -> None:
        """Append one line that ends in a newline, whole or not at all. Raises OSError."""
        file = self.open()
        size = os.fstat(file.fileno()).st_size
        if size and size + len(line) > self.settings.max_bytes:
            self.close()
            rotate(self.path, self.settings.keep)
            file, size = self.open(), 0
        self._append(file, line, size)

    def close(self) -> None:
        """Let go of the file; the next write opens it again."""
        if self._file:
            self._file.close()
            self._file = None

    def _append(self, file: FileIO, line: bytes, size: int) -> None:
        try:
            if file.write(line) != len(line):
                file.truncate(size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        except OSError:
            self.close()  # opened again, and so repaired, before the next line
            raise


def repair_tail(path: Path) -> bytes:
    """Make the file end with a whole line; returns what was torn off, which is kept in `<name>.torn`.

    A whole record that lacks nothing but its newline is given one. Raises OSError.
    """
    try:
        with FileIO(path, "r+") as file:
            start = _start_of_last_line(file)
            file.seek(start)
            torn = file.read()
            if not torn:
                return b""
            if _is_record(torn):
                file.write(b"\n")
                return b""
            _keep_torn(path.with_name(path.name + ".torn"), torn)
            file.truncate(start)
            return torn
    except FileNotFoundError:
        return b""


def last_id(path: Path) -> int:
    """The id in the newest record of a JSONL log of ours; 0 when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 2**18))
            lines = file.read().split(b"\n")
    except OSError:
        return 0
    return next((found for line in reversed(lines) if (found := _id_in(line))), 0)


def _id_in(line: bytes) -> int:
    try:
        return msgspec.json.decode(line, type=_Numbered).id
    except (msgspec.DecodeError, UnicodeError):
        return 0


class _Numbered(msgspec.Struct):
    id: int = 0


def _start_of_last_line(file: FileIO) -> int:
    """The offset behind the last newline."""
    end = file.seek(0, 2)
    while end > 0:
        start = max(0, end - 2**16)
        file.seek(start)
        if (found := file.read(end - start).rfind(b"\n")) >= 0:
            return start + found + 1
        end = start
    return 0


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeError):
        return False


def _keep_torn(path: Path, torn: bytes) -> None:
    with FileIO(path, "a", opener=_private) as file:
        file.write(torn + b"\n")
        os.fsync(file.fileno())


def _is_same(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
