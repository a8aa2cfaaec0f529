"""A database file of ours: one writer thread with group commit, reads from any thread."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import apsw

from aurora_desktop.core.storage.opening import Care, Quarantine, cannot_open, is_damage, open_reader, open_sound
from aurora_desktop.core.storage.writer import Writer

__all__ = ["GROUP_COMMIT_S", "Database", "Quarantine", "is_damage"]

GROUP_COMMIT_S = 0.05

T = TypeVar("T")


class Database:
    """Durable once a future is resolved: WAL, `synchronous=FULL`, a checksum on every page.

    `quarantine` tells that the file at this path could not be used and was moved aside.
    """

    def __init__(self, path: Path, writing: apsw.Connection, quarantine: Quarantine | None = None) -> None:
        self.path = path
        self.quarantine = quarantine
        self._reader = open_reader(path)
        self._reading = threading.Lock()
        self._writer = Writer(writing, path)

    @classmethod
    def open(
        cls,
        path: Path,
        migrations: Sequence[str],
        application_id: int,
        wall: Callable[[], float] = time.time,
        care: Care | None = None,
    ) -> "Database":
        """Open or create the file (mode 0600); blocks, about 0.1 s for each 100 MB, as every page is verified.

        `migrations[n]` is the SQL that leads from version n to n + 1; `care` repairs a damaged file. Raises AuroraError
        when the folder or the disk does not let us, and for a file of a newer version.
        """
        writing, quarantine = open_sound(path, migrations, application_id, wall, care)
        try:
            return cls(path, writing, quarantine)
        except apsw.Error as error:
            writing.close()
            raise cannot_open(path, error) from error

    def submit(self, work: Callable[[apsw.Connection], T], within_s: float = 0.0) -> Future[T]:
        """Perform `work` in the writer's thread, in a savepoint; the future is resolved after the commit.

        With `within_s` (GROUP_COMMIT_S for writes that nobody waits for) it may wait that long for company.
        Errors of the work, of the disk and of a damaged file (`is_damage`) reach the future.
        """
        return self._writer.submit(work, within_s)

    def read(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query over what is committed. Raises apsw.Error."""
        with self._reading:
            return self._reader.execute(sql, tuple(args)).fetchall()

    def checkpoint(self) -> Future[None]:
        """Move the write-ahead log into the file, so that space that was freed returns to the disk."""
        return self._writer.submit(_checkpoint, in_transaction=False)

    def close(self) -> None:
        """Perform what is queued, then close; later submits fail with apsw.ConnectionClosedError."""
        with self._reading:
            self._reader.close()
        self._writer.close()


def _checkpoint(connection: apsw.Connection) -> None:
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
