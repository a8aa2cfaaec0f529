"""How far the write-ahead log had come when somebody was last told that a write is safe, kept beside the database.

SQLite takes a damaged last transaction of the log for one that a power cut tore, and forgets it. What was acknowledged
had been synced before, so a log that ends before this mark is damaged. The mark itself is not synced: it outlives a
kill, and after a power cut an older one may be found, which asks for less. So it never accuses a sound log.
"""

import contextlib
import os
import struct
import zlib
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import apsw

from aurora_desktop.core.storage.wal import salts

_MARK = struct.Struct(">8sII")  # salts of the log, frames that were acknowledged, frames that the file holds as well
_CHECK = struct.Struct(">I")
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
SUFFIX = "-acknowledged"


class Mark(NamedTuple):
    """`log` names the generation of the log; `frames` of it were acknowledged, `in_file` of them moved to the file."""

    log: bytes
    frames: int
    in_file: int


class Acknowledged:
    """Written by the one thread that commits; a mark that cannot be written (disk full) is left as it was."""

    def __init__(self, database: Path) -> None:
        self._log, self._place = log_of(database), mark_of(database)
        self._file: FileIO | None = None
        # A start that reads the log anew makes SQLite forget how much of it is in the file.
        self._before = read_mark(database)

    def note(self, connection: apsw.Connection) -> None:
        """All that `connection` has committed is about to be acknowledged. Takes some microseconds."""
        with contextlib.suppress(OSError, apsw.Error):
            frames, in_file = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            log = salts(self._log)
            known = self._before.in_file if self._before is not None and self._before.log == log else 0
            mark = _MARK.pack(log, max(frames, 0), max(in_file, known))
            if self._file is None:
                self._file = FileIO(os.open(self._place, _FLAGS, 0o600), "r+")
            self._file.seek(0)
            self._file.write(mark + _CHECK.pack(zlib.crc32(mark)))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def read_mark(database: Path) -> Mark | None:
    """The mark of the log that lies beside the database now; None if there is none, or one of an earlier log."""
    try:
        content = mark_of(database).read_bytes()[: _MARK.size + _CHECK.size]
        mark, check = content[: _MARK.size], content[_MARK.size :]
        if len(check) < _CHECK.size or _CHECK.unpack(check)[0] != zlib.crc32(mark):
            return None
        found = Mark(*_MARK.unpack(mark))
        return found if found.log == salts(log_of(database)) else None
    except OSError:
        return None


def log_of(database: Path) -> Path:
    return database.with_name(database.name + "-wal")


def mark_of(database: Path) -> Path:
    return database.with_name(database.name + SUFFIX)
