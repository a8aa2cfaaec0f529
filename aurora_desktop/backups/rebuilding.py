"""Builds a database anew: out of a backup or nothing, and what can be read of the one that it replaces."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

from aurora_desktop.backups import copying, replaying, salvage
from aurora_desktop.backups.salvage import Taken
from aurora_desktop.core.storage.journal import ID_STEP_AFTER_LOSS
from aurora_desktop.core.storage.opening import VFS, open_sound

EVENT = "event"
SAFETY_UNKNOWN = """
    INSERT OR REPLACE INTO safety VALUES ('confirmed_settings', '"unknown"'), ('confirmed_work', '"unknown"');
    DELETE FROM safety WHERE key = 'proven_hotkey';
"""
"""Values that are not understood: everything that is looser than the defaults waits for the operator's held press."""

Settle = Callable[[apsw.Connection], str]
"""What a room makes of rows that are of an earlier moment than the world; a sentence about it, or ""."""


class Plan(NamedTuple):
    """`old`: what is replaced, or None; `logs`: the JSONL logs. `wanted`: families of tables to take over from `old`.

    `settle` is called with the rebuilt database when it holds rows of the backup's tables of the family `task`.
    """

    migrations: Sequence[str]
    application_id: int
    old: Path | None
    logs: Path
    wanted: Callable[[str], bool] = lambda _: True
    settle: Settle | None = None


class Rebuilt(NamedTuple):
    """What was taken over from the old file, how many events the logs added, and what else is to be told."""

    taken: Taken
    replayed: int = 0
    notes: tuple[str, ...] = ()


def rebuild(work: Path, plan: Plan) -> Rebuilt:
    """Bring `work` (a restored backup, or nothing) up to date, proven sound, in one synced file.

    Raises apsw.Error, OSError, AuroraError, copying.UnsoundCopyError.
    """
    opened, quarantine = open_sound(work, plan.migrations, plan.application_id)
    opened.close()
    if quarantine is not None:
        copying.remove(quarantine.moved_to)
        raise copying.UnsoundCopyError(quarantine.reason)
    # Only with addresses allowed can the old file be attached without being written to.
    connection = apsw.Connection(str(work), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI, vfs=VFS)
    try:
        connection.pragma("synchronous", "off")  # nobody relies on it before it is whole, and then it is synced
        rebuilt = _fill(connection, plan)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        copying.as_one_file(connection)
    finally:
        connection.close()
    copying.examine(work)
    with work.open("r+b") as file:
        os.fsync(file.fileno())
    return rebuilt


def _fill(connection: apsw.Connection, plan: Plan) -> Rebuilt:
    is_journal = bool(connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (EVENT,)).fetchall())
    taken = _taken(connection, plan, is_journal=is_journal)
    if is_journal:
        replayed = replaying.replay(connection, plan.logs)
        _skip_ids(connection, plan.logs)
        return Rebuilt(taken, replayed)
    settled = plan.settle(connection) if plan.settle is not None and "task" not in taken.families else ""
    doubted = _doubt_safety(connection) if "safety" not in taken.families else ""
    return Rebuilt(taken, 0, tuple(filter(None, (settled, doubted))))


def _doubt_safety(connection: apsw.Connection) -> str:
    """What the operator confirmed last is not known: an older yes must not stand in for it. Words about it, or ""."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'safety'").fetchall():
        return ""
    with connection:
        connection.execute(SAFETY_UNKNOWN).fetchall()
    return "what was confirmed of safety could not be read, so looser settings wait for you"


def _taken(connection: apsw.Connection, plan: Plan, *, is_journal: bool) -> Taken:
    """An old file without content is not opened: SQLite would remove its write-ahead log, which may be all there is."""
    if plan.old is None or not plan.old.exists() or not plan.old.stat().st_size:
        return Taken((), ())
    try:
        with salvage.attached(connection, plan.old):
            if not _is_of_the_same_kind(connection, plan):
                return Taken((), ())
            taken = salvage.take_tables(connection, lambda name: name != EVENT and plan.wanted(name))
            if not is_journal:
                return taken
            is_whole = salvage.take_rows(connection, EVENT, "id")
            return Taken((*taken.families, EVENT) if is_whole else taken.families, (() if is_whole else (EVENT,)))
    except apsw.Error:  # not even its first page can be read
        return Taken((), (EVENT,) if is_journal else ())


def _is_of_the_same_kind(connection: apsw.Connection, plan: Plan) -> bool:
    owner, version = (
        int(str(connection.execute(f"PRAGMA old.{name}").get)) for name in ("application_id", "user_version")
    )
    return owner == plan.application_id and version == len(plan.migrations)


def _skip_ids(connection: apsw.Connection, logs: Path) -> None:
    """So that an id that some reader holds is never given to another event."""
    here = connection.execute("SELECT coalesce(max(id), 0) FROM event").get
    known = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'").get
    last_id = max(int(here), int(known), replaying.newest_id(logs))
    if not last_id:
        return
    beyond = (last_id // ID_STEP_AFTER_LOSS + 1) * ID_STEP_AFTER_LOSS
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'event'")
    connection.execute("INSERT INTO sqlite_sequence(name, seq) VALUES ('event', ?)", (beyond,))
