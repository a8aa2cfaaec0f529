"""What the machine's part of healing keeps over restarts, in `state.db`: samples, and a few values as JSON."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import apsw
import msgspec
from msgspec import Struct

from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database

MIGRATIONS = (
    """
    CREATE TABLE machine_samples (
        series TEXT PRIMARY KEY,
        pid INTEGER NOT NULL,
        started_at REAL NOT NULL,
        saved_at REAL NOT NULL,
        clock REAL NOT NULL,
        times BLOB NOT NULL,
        numbers BLOB NOT NULL
    );
    CREATE TABLE machine_values (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
)

log = logging.getLogger(__name__)

T = TypeVar("T")


class Kept(Struct, frozen=True):
    """The samples of one series, as `Series.kept` gives them; `clock` is what its clock said at `saved_at` (Unix time).

    `pid` and `started_at` (Unix time) name the process that they are of: of another one they are of no use.
    """

    series: str
    pid: int
    started_at: float
    saved_at: float
    clock: float
    points: tuple[bytes, bytes]


class MachineStore:
    """Reads block and are made once, at the start; writes are not waited for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def samples(self) -> dict[str, Kept]:
        """By the name of their series. Blocks."""
        rows = self._database.read(
            "SELECT series, pid, started_at, saved_at, clock, times, numbers FROM machine_samples"
        )
        return {row[0]: Kept(row[0], row[1], row[2], row[3], row[4], (row[5], row[6])) for row in rows}

    def keep_samples(self, kept: Sequence[Kept]) -> None:
        """In place of all that was kept before."""
        rows = [(one.series, one.pid, one.started_at, one.saved_at, one.clock, *one.points) for one in kept]

        def write(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM machine_samples")
            connection.executemany("INSERT INTO machine_samples VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        self._submit(write)

    def value(self, key: str, kind: type[T]) -> T | None:
        """None when there is none, or it is not understood. Blocks."""
        rows = self._database.read("SELECT value FROM machine_values WHERE key = ?", (key,))
        try:
            return msgspec.json.decode(rows[0][0], type=kind) if rows else None
        except msgspec.MsgspecError:
            log.warning("the value of `%s` in state.db is not understood", key)
            return None

    def keep(self, key: str, value: object) -> None:
        text = msgspec.json.encode(value).decode()

        def write(connection: apsw.Connection) -> None:
            connection.execute(
                "INSERT INTO machine_values VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, text),
            )

        self._submit(write)

    def _submit(self, write: Any) -> None:
        try:
            self._database.submit(write, GROUP_COMMIT_S).add_done_callback(_report)
        except (RuntimeError, apsw.Error) as error:
            log.warning("what is known of the machine cannot be kept: %s", error)


def _report(future: "Future[Any]") -> None:
    if (error := future.exception()) is not None:
        log.warning("what is known of the machine cannot be kept: %s", error)
