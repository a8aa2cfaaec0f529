"""The anchor: how far the audit log had come when it last was safe on the disk, kept in `state.db`."""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any, Protocol

import apsw
from msgspec import Struct

from aurora_desktop.core.storage.opening import open_reader, register_checksums
from aurora_desktop.input.audit.chain import Head
from aurora_desktop.input.errors import AuditError

MIGRATIONS = (
    """
    CREATE TABLE audit_anchor (
        log TEXT PRIMARY KEY,
        seq INTEGER NOT NULL,
        hash TEXT NOT NULL,
        size INTEGER NOT NULL,
        first_seq INTEGER NOT NULL
    ) STRICT
    """,
)
LOG = "input_agent.log"
STORE_TIMEOUT_S = 10.0
_SELECT = "SELECT seq, hash, size, first_seq FROM audit_anchor WHERE log = ?"


class Anchored(Struct, frozen=True):
    """The record `seq` was safe when the log had `size` bytes; `first_seq` is the oldest that must still be there."""

    seq: int
    hash: str
    size: int
    first_seq: int = 1

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)


class Anchor(Protocol):
    """Where the anchor is kept."""

    def load(self) -> Anchored | None:
        """The last one stored; None if there never was one. Blocks; raises AuditError."""
        ...

    def store(self, anchored: Anchored) -> None:
        """Keep it; safe on the disk when this returns. Blocks; raises AuditError."""
        ...


class AnchorDatabase(Protocol):
    """The part of the database that the anchor uses."""

    def submit(self, work: Callable[[Any], Any], within_s: float = 0.0) -> "Future[Any]": ...

    def read(self, sql: str, args: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]: ...


class StoredAnchor:
    """The row of the input agent's log in the table `audit_anchor`."""

    def __init__(self, database: AnchorDatabase) -> None:
        self._database = database

    def load(self) -> Anchored | None:
        try:
            rows = self._database.read(_SELECT, (LOG,))
        except apsw.Error as error:
            raise _failed(error) from error
        return Anchored(*rows[0]) if rows else None

    def store(self, anchored: Anchored) -> None:
        row = (LOG, anchored.seq, anchored.hash, anchored.size, anchored.first_seq)
        try:
            stored = self._database.submit(
                lambda db: db.execute("INSERT OR REPLACE INTO audit_anchor VALUES (?, ?, ?, ?, ?)", row)
            )
            stored.result(STORE_TIMEOUT_S)
        except (apsw.Error, RuntimeError, TimeoutError, CancelledError) as error:
            raise _failed(error) from error


def read_anchor(state_db: Path) -> Anchored | None:
    """The anchor as the file holds it, whether Aurora runs or not; None if there is none. Raises AuditError."""
    if not state_db.exists():
        return None
    register_checksums()
    try:
        connection = open_reader(state_db)
        try:
            rows: list[Any] = connection.execute(_SELECT, (LOG,)).fetchall()
        finally:
            connection.close()
    except apsw.SQLError:  # no such table: a state.db from before there was an audit log
        return None
    except apsw.Error as error:
        raise AuditError("the anchor of the audit log cannot be read", f"{state_db}: {error}") from error
    return Anchored(*rows[0]) if rows else None


def _failed(error: Exception) -> AuditError:
    why = str(error) or type(error).__name__
    return AuditError("the audit log cannot be anchored", f"state.db: {why}", "make room on the disk")
