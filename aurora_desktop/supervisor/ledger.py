"""What was spawned, written down so that the next Aurora finds it: the basis of adoption.

A marker is written *before* it is used: each service has its next one prepared ahead, so that a restart need not
wait for the disk. Where the ledger could not be written, the markers in the processes' environment still tell.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

import msgspec
from msgspec import Struct

SOON_S = 0.05
"""The end of a spawn is noted right before the next one: the writer must not take the loop's turn just then."""

log = logging.getLogger(__name__)

MIGRATIONS = (
    """
    CREATE TABLE spawns (
        marker TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        pid INTEGER,
        started INTEGER,
        boot_id TEXT,
        spawned_at REAL,
        ready INTEGER NOT NULL DEFAULT 0,
        frozen INTEGER NOT NULL DEFAULT 0,
        definition TEXT NOT NULL DEFAULT ''
    )
    """,
)


class Entry(Struct, frozen=True, array_like=True):
    """One spawn: `pid` and `started` are `None` while it was only prepared; `spawned_at` is Unix time."""

    marker: str
    service: str
    pid: int | None
    started: int | None
    boot_id: str | None
    spawned_at: float | None
    ready: bool
    frozen: bool
    definition: str


SELECT = f"SELECT {', '.join(Entry.__struct_fields__)} FROM spawns"  # noqa: S608 - names of our own schema


def entry(row: Sequence[Any]) -> Entry:
    """A row of SELECT. Raises msgspec.ValidationError, which names the field."""
    try:
        return msgspec.convert(row, Entry, strict=False)
    except msgspec.ValidationError as error:
        for place, name in enumerate(Entry.__struct_fields__):
            if str(error).endswith(f"`$[{place}]`"):
                raise msgspec.ValidationError(str(error).replace(f"$[{place}]", f"$.{name}")) from None
        raise


def _understood(row: Sequence[Any]) -> Entry | None:
    """Without it a service may still be found by its environment: no reason not to start."""
    try:
        return entry(row)
    except msgspec.ValidationError as error:
        log.warning("the spawn %s in state.db is not understood, and left out: %s", row[0], error)
        return None


class LedgerDatabase(Protocol):
    """The part of the database that the ledger uses."""

    def submit(self, work: Callable[[Any], Any], within_s: float = 0.0) -> "Future[Any]": ...

    def read(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]: ...


class Ledger:
    """The table of spawns. Writes go to the database's writer thread in order and are not waited for."""

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database
        self._prepared: dict[str, str] = {}
        self._said = False

    def entries(self) -> list[Entry]:
        """What earlier runs left. Blocking; called once before anything is spawned."""
        return [found for row in self._database.read(SELECT) if (found := _understood(row)) is not None]

    def prepare(self, services: Iterable[str]) -> None:
        """Write down the next marker of each service that has none prepared."""
        fresh = {name: uuid.uuid4().hex for name in services if name not in self._prepared}
        if not fresh:
            return
        self._prepared.update(fresh)
        rows = [(marker, name) for name, marker in fresh.items()]
        self._write(lambda db: db.executemany("INSERT INTO spawns (marker, service) VALUES (?, ?)", rows))

    def take(self, service: str) -> str:
        """The marker for a spawn that follows now."""
        self.prepare([service])
        return self._prepared.pop(service)

    def spawned(self, marker: str, entry: Entry) -> None:
        values = (entry.pid, entry.started, entry.boot_id, entry.spawned_at, entry.definition, marker)
        self._write(
            lambda db: db.execute(
                "UPDATE spawns SET pid=?, started=?, boot_id=?, spawned_at=?, definition=? WHERE marker=?", values
            )
        )
        self.prepare([entry.service])

    def is_ready(self, marker: str) -> None:
        self._write(lambda db: db.execute("UPDATE spawns SET ready=1 WHERE marker=?", (marker,)))

    def is_frozen(self, marker: str, *, frozen: bool) -> None:
        self._write(lambda db: db.execute("UPDATE spawns SET frozen=? WHERE marker=?", (int(frozen), marker)))

    def ended(self, marker: str) -> None:
        """Nothing of this spawn is left."""
        self._write(lambda db: db.execute("DELETE FROM spawns WHERE marker=?", (marker,)), SOON_S)

    def forget(self, markers: Iterable[str]) -> None:
        rows = [(marker,) for marker in markers]
        self._write(lambda db: db.executemany("DELETE FROM spawns WHERE marker=?", rows))

    def _write(self, work: Callable[[Any], Any], within_s: float = 0.0) -> None:
        try:
            self._database.submit(work, within_s).add_done_callback(self._report)
        except RuntimeError:
            self._say("the database is closed")

    def _report(self, future: "Future[Any]") -> None:
        error = future.exception()
        if error is not None:
            self._say(str(error))
        else:
            self._said = False

    def _say(self, reason: str) -> None:
        """Once per outage: the journal, on the same disk, tells the operator."""
        if not self._said:
            self._said = True
            log.warning("the ledger of spawns cannot be written (%s); adoption relies on the processes alone", reason)
