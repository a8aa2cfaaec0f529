"""Removes events by age and by size, a few at a time, and gives the space back to the disk.

Age is judged by `at` against a reference that cannot be thrown forward: it follows the wall clock at
CATCH_UP times the speed of the monotonic one (a day for each hour that Aurora runs), and is kept over
restarts. So a wall clock that is years ahead for an hour takes one day's worth of events at the most, while
after a long absence the reference is soon right again. A wall clock that went back takes nothing, as the
earlier of the two counts. Whatever the clocks say, the size is bounded, oldest id first.
"""

import math
from concurrent.futures import Future

import apsw

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.settings.schema import JournalSettings
from aurora_desktop.core.storage.database import Database

MIGRATION = "CREATE TABLE mark(name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT, WITHOUT ROWID;"
CATCH_UP = 24.0
CHUNK = 2000
FILL_AFTER_PRUNING = 0.9
_DAY_S = 86_400.0


class Pruner:
    """Prunes the journal's database; `settings` may be replaced at any time."""

    def __init__(self, settings: JournalSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._followed_at = clock.monotonic()

    def begin(self, connection: apsw.Connection) -> None:
        """Set the reference of a new journal."""
        self._followed_at = self._clock.monotonic()
        connection.execute("INSERT OR IGNORE INTO mark VALUES ('prune_reference', ?)", (self._clock.wall(),))

    def prune(self, database: Database) -> Future[int]:
        """Prune in the writer's thread, with room for other work in between; tells how many events went."""
        outcome: Future[int] = Future()
        outcome.set_running_or_notify_cancel()  # a waiter that is cancelled at quit cancels no pruning
        self._go_on(database, outcome, 0)
        return outcome

    def _go_on(self, database: Database, outcome: Future[int], before: int) -> None:
        def done(step: Future[tuple[int, bool]]) -> None:
            if error := step.exception():
                outcome.set_exception(error)
                return
            removed, has_more = step.result()
            total = before + removed
            if has_more:
                self._go_on(database, outcome, total)
            elif total:
                database.checkpoint().add_done_callback(lambda _: outcome.set_result(total))
            else:
                outcome.set_result(0)

        database.submit(self._prune_some).add_done_callback(done)

    def _prune_some(self, connection: apsw.Connection) -> tuple[int, bool]:
        """Remove at most CHUNK events; how many, and whether there may be more to remove."""
        oldest_at = self._reference(connection) - self.settings.max_age_days * _DAY_S
        removed = _remove(connection, "at < ? ORDER BY at", oldest_at, CHUNK)
        if removed < CHUNK and (surplus := _surplus(connection, self.settings.max_bytes)):
            removed += _remove(connection, "id > ? ORDER BY id", 0, min(surplus, CHUNK - removed))
        if removed:
            connection.execute("PRAGMA incremental_vacuum").fetchall()
        return removed, removed > 0

    def _reference(self, connection: apsw.Connection) -> float:
        """The time that ages are measured against: the wall clock's, or less."""
        reached: float = connection.execute("SELECT value FROM mark WHERE name = 'prune_reference'").get
        ran_s = self._clock.monotonic() - self._followed_at
        self._followed_at += ran_s
        now = self._clock.wall()
        reference = max(reached, min(now, reached + ran_s * CATCH_UP))
        connection.execute("UPDATE mark SET value = ? WHERE name = 'prune_reference'", (reference,))
        return min(now, reference)


def _remove(connection: apsw.Connection, condition: str, bound: float, most: int) -> int:
    connection.execute(
        f"DELETE FROM event WHERE id IN (SELECT id FROM event WHERE {condition} LIMIT ?)",  # noqa: S608 - constant parts
        (bound, most),
    )
    return connection.changes()


def _surplus(connection: apsw.Connection, max_bytes: int) -> int:
    """About how many of the oldest events must go for the file to be well below `max_bytes`."""
    pages, free, page_size = (
        int(str(connection.pragma(name))) for name in ("page_count", "freelist_count", "page_size")
    )
    used = (pages - free) * page_size
    if used <= max_bytes:
        return 0
    span: int = connection.execute("SELECT coalesce(max(id) - min(id) + 1, 0) FROM event").get
    return math.ceil(span * (used - max_bytes * FILL_AFTER_PRUNING) / used)
