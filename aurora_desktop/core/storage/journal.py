"""The journal: keeps every event of the bus, in order, in `journal.db` and in the two JSONL logs."""

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import apsw
import msgspec

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import JournalSettings, LogSettings
from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database
from aurora_desktop.core.storage.event_logs import EventLogs
from aurora_desktop.core.storage.jsonl import to_json
from aurora_desktop.core.storage.opening import Care, Quarantine, cannot_open
from aurora_desktop.core.storage.pending import MOST_IN_A_BURST, MOST_PENDING, PendingRecords
from aurora_desktop.core.storage.pruning import MIGRATION as PRUNING_TABLE
from aurora_desktop.core.storage.pruning import Pruner
from aurora_desktop.core.storage.trouble import StorageEvent, Trouble, quarantined

APPLICATION_ID = 0x4155524A  # "AURJ"
MIGRATIONS = (
    """
    CREATE TABLE event(
        id INTEGER PRIMARY KEY AUTOINCREMENT,  -- AUTOINCREMENT remembers the highest id over pruning
        at REAL NOT NULL,
        component TEXT NOT NULL,
        recovery INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX event_by_age ON event(at);
    CREATE INDEX event_by_component ON event(component, id);
    CREATE INDEX event_by_recovery ON event(id) WHERE recovery;
    """
    + PRUNING_TABLE,
)
BATCH = 500
MORE_AT_ONCE_S = 0.001
ID_STEP_AFTER_LOSS = 100_000
INSERT = "INSERT OR IGNORE INTO event(id, at, component, recovery, body) VALUES (?, ?, ?, ?, ?)"

log = logging.getLogger(__name__)
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def _call_directly(function: Callable[[], None]) -> None:
    function()


class Journal:
    """Subscribed to the bus with `append`; read with `since` and `recent` from any thread.

    What the disk does not take is kept in memory (bounded) and tried again with backoff. `on_trouble` is told
    of that once, of its end once, and of a quarantine at `open`; it is handed over through `call_soon`, since
    it is the writer's thread that finds out.
    """

    def __init__(
        self,
        paths: StatePaths,
        journal: JournalSettings,
        logs: LogSettings,
        clock: Clock,
        *,
        on_trouble: Callable[[StorageEvent], None] = lambda _: None,
        call_soon: Callable[[Callable[[], None]], object] = _call_directly,
        care: Care | None = None,
    ) -> None:
        self._paths = paths
        self._clock = clock
        self._on_trouble = on_trouble
        self._call_soon = call_soon
        self._care = care
        self._trouble = Trouble(paths.journal, clock, self._tell)
        self._pending = PendingRecords()
        self._logs = EventLogs(paths.logs, logs, clock, self._tell)
        self._pruner = Pruner(journal, clock)
        self._lock = threading.Lock()
        self._writes_queued = 0
        self._write_due = math.inf
        self._database: Database | None = None

    def open(self) -> int:
        """Open or begin the journal; returns the last id given. Blocks; raises AuroraError."""
        try:
            self._paths.make()
        except OSError as error:
            raise cannot_open(self._paths.journal, error) from error
        database = Database.open(self._paths.journal, MIGRATIONS, APPLICATION_ID, self._clock.wall, self._care)
        last_id = self._begin(database)
        self._logs.open()
        self._database = database
        if moved := database.quarantine:
            self._tell(quarantined(self._clock.wall(), moved))
        return last_id

    def append(self, record: Record) -> None:
        """Keep the record; a reader of the bus: neither blocks nor raises."""
        try:
            most = MOST_PENDING if self._trouble.is_failing else MOST_IN_A_BURST
            self._trouble.drop(self._pending.add(record, row(record), most))
            self._logs.add(record)
        except Exception:  # an event that msgspec, SQLite or a log cannot take must not stop those that follow
            log.exception("event %d cannot be kept as it is", record.id)
        if not (self._trouble.is_failing and self._writes_queued):
            self._queue_write(GROUP_COMMIT_S)

    def since(self, id: int, limit: int = 1000, component: str | None = None) -> list[Record]:  # noqa: A002 - the field's name
        """The first `limit` records behind `id`, oldest first. Raises AuroraError."""
        pending = [r for r in self._pending.records() if r.id > id and component in (None, r.event.component)]
        return _merged(self._stored(id, limit, component), pending)[: max(limit, 0)]

    def recent(self, limit: int, *, recovery_only: bool = False, component: str | None = None) -> list[Record]:
        """The last `limit` records, oldest first. Raises AuroraError."""
        if limit <= 0:
            return []
        pending = [
            r
            for r in self._pending.records()
            if component in (None, r.event.component) and (r.event.recovery or not recovery_only)
        ]
        return _merged(self._stored_last(limit, recovery_only, component), pending)[-limit:]

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Write what waits; whether all of it is safe. Blocks; not for the writer's thread."""
        deadline = time.monotonic() + timeout_s
        while len(self._pending) or self._logs.waiting():
            attempt = self._queue_write(0.0)
            try:
                if attempt is None or not attempt.result(deadline - time.monotonic()):
                    return False
            except TimeoutError:
                return False
        return True

    def prune(self) -> Future[int]:
        """Remove what is over age or size, in the writer's thread; the future tells how many events went."""
        if self._database is None:
            raise RuntimeError("the journal is not open")
        return self._pruner.prune(self._database)

    @property
    def quarantine(self) -> Quarantine | None:
        """What was moved aside at `open`."""
        return self._database.quarantine if self._database is not None else None

    def checkpoint(self) -> Future[None] | None:
        """Move its write-ahead log into the file, in the writer's thread; None while it is not open."""
        return self._database.checkpoint() if self._database is not None else None

    def configure(self, journal: JournalSettings, logs: LogSettings) -> None:
        """Apply changed settings: to the next prune and the next line of a log."""
        self._pruner.settings = journal
        self._logs.configure(logs)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what waits and close the files; whether all of it is safe."""
        database = self._database
        if database is None:
            return not len(self._pending)
        is_safe = self.flush(timeout_s)
        self._database = None
        database.close()
        self._logs.close()
        return is_safe

    def _queue_write(self, within_s: float) -> Future[bool] | None:
        """Let the writer's thread write what waits, unless it is to do so by then; resolved with its success."""
        database = self._database
        due = time.monotonic() + within_s
        with self._lock:
            if database is None or (within_s and due >= self._write_due):
                return None
            self._write_due = min(self._write_due, due)
            self._writes_queued += 1
        attempt: Future[bool] = Future()
        write = database.submit(self._write, within_s)
        write.add_done_callback(lambda write: attempt.set_result(self._written(write)))
        return attempt

    def _write(self, connection: apsw.Connection) -> list[int]:
        rows = self._pending.first(BATCH)
        connection.executemany(INSERT, rows)
        return [row[0] for row in rows]

    def _written(self, write: Future[list[int]]) -> bool:
        """In the writer's thread, behind each commit or failure of one; whether all of it succeeded."""
        with self._lock:
            self._writes_queued -= 1
            self._write_due = math.inf  # all that are queued are performed together
        if error := write.exception():
            self._pending.rescued([])
            self._trouble.fail(error)
        else:
            ids = write.result()
            rescued = self._pending.rescued(ids)
            written = self._pending.remove(ids) + rescued
            self._trouble.succeed(written, len(self._pending), rescued)
        self._logs.write()
        if len(self._pending) or self._logs.waiting():
            self._queue_write(self._retry_s())
        return error is None and not self._logs.is_failing

    def _retry_s(self) -> float:
        waits = [t.retry_s for t in (self._trouble, *self._logs.troubles) if t.is_failing]
        return min(waits) if waits and (self._trouble.is_failing or not len(self._pending)) else MORE_AT_ONCE_S

    def _stored(self, after: int, limit: int, component: str | None) -> list[Record]:
        wanted, args = ("AND component = ?", (component,)) if component is not None else ("", ())
        sql = f"SELECT id, body FROM event WHERE id > ? {wanted} ORDER BY id LIMIT ?"  # noqa: S608 - constant parts
        return self._page(sql, after, args, limit)

    def _stored_last(self, limit: int, recovery_only: bool, component: str | None) -> list[Record]:
        conditions = ["id < ?"] + ["recovery"] * recovery_only + ["component = ?"] * (component is not None)
        sql = f"SELECT id, body FROM event WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"  # noqa: S608 - constant parts
        return self._page(sql, 2**63 - 1, () if component is None else (component,), limit)

    def _page(self, sql: str, bound: int, args: tuple[str, ...], limit: int) -> list[Record]:
        """`limit` records that can be decoded, from `bound` on in the order of the query."""
        found: list[Record] = []
        while (room := limit - len(found)) > 0:
            rows = self._read(sql, (bound, *args, room))
            found += _decoded(rows)
            if len(rows) < room:
                break
            bound = rows[-1][0]
        return found

    def _read(self, sql: str, args: tuple[object, ...]) -> list[tuple[int, str]]:
        if self._database is None:
            return []
        try:
            return [(int(row[0]), str(row[1])) for row in self._database.read(sql, args)]
        except apsw.Error as error:
            raise AuroraError(
                "The journal cannot be read",
                f"{self._paths.journal}: {error}",
                "Restart Aurora: a damaged journal is then set aside and a new one begun.",
            ) from error

    def _begin(self, database: Database) -> int:
        try:
            database.submit(self._pruner.begin).result()
            return database.submit(self._find_last_id).result()
        except apsw.Error as error:
            database.close()
            raise cannot_open(self._paths.journal, error) from error

    def _find_last_id(self, connection: apsw.Connection) -> int:
        """The highest id ever given; after a loss of the journal a round number well above the logs' last id.

        So an id that some reader holds is never given to another event.
        """
        known: int | None = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").get
        if known is not None:
            return known
        logged = self._logs.last_id()
        last_id = (logged // ID_STEP_AFTER_LOSS + 1) * ID_STEP_AFTER_LOSS if logged else 0
        connection.execute("INSERT INTO sqlite_sequence(name, seq) VALUES ('event', ?)", (last_id,))
        return last_id

    def _tell(self, event: StorageEvent) -> None:
        try:
            self._call_soon(lambda: self._on_trouble(event))
        except Exception:  # the listener is not ours; the writer's thread lives on, whatever that raises
            log.exception("nobody could be told: %s", event)


def row(record: Record) -> tuple[int, float, str, bool, str]:
    event = record.event
    component = event.component.encode("utf-8", "replace").decode()
    return (record.id, event.at, component, event.recovery, to_json(event).decode())


def _decoded(rows: list[tuple[int, str]]) -> list[Record]:
    """The rows that today's code understands; a type that a newer version wrote is passed over."""
    found = []
    for id_, body in rows:
        try:
            found.append(Record(id_, _decoder.decode(body)))
        except msgspec.DecodeError:
            log.debug("event %d is of a kind that this version does not know", id_)
    return found


def _merged(stored: list[Record], pending: list[Record]) -> list[Record]:
    """Each record once, by id; one that was committed between the two looks is in both."""
    return sorted({r.id: r for r in (*stored, *pending)}.values(), key=lambda r: r.id)
