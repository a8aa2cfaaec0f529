"""A locked SQLite database: a stray of ours that holds it is ended; else the service waits a moment and tries again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, named, typed
from aurora_desktop.healing.remedies.builtin.places import within
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Holder, Yard

KIND = "database_locked"
PAUSE_S = 2.0
_HEADER = b"SQLite format 3\0"
_MOST_FILES = 2000
_MOST_DATABASES = 20
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Database locked",
        sentence="{service}: its database is locked",
        next_step="See who has the database open (`fuser -v` with its file) and end that, or give {service} a longer"
        " busy timeout (`PRAGMA busy_timeout`)",
        patterns=(
            r"(?i)database (?:table )?(?:file )?(?P<path>'[^']{1,500}' )?is locked(?:: (?P<table>\w{1,60}))?",
            r"\bSQLITE_(?:BUSY|LOCKED)\b|\bDatabaseBusy\b|SQLite3::BusyException",
        ),
        hints=("locked", "sqlite", "busy"),
        priority=70,
    ),
)


class ReleaseDatabase(Helping):
    """Ends the strays of ours that have the database open, and restarts the service after a pause."""

    name: ClassVar[str] = "release_database"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.RESTART
    summary: ClassVar[str] = "Ends a stray of ours that holds the database, and restarts the service after a pause"

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, _ = named(fault, yard)
        strays = await _strays(fault, yard)
        if strays:
            return Plan(f"End {_listed(strays)}, a stray of ours that has the database open, and restart {name}")
        return Plan(f"Restart {name} after {self._pause_s:g} s: nobody else has its database open (any more)")

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, _ = named(fault, yard)
        strays = await _strays(fault, yard)
        for holder in strays:
            if not await yard.end_stray(holder):
                raise _held_by(holder, name)
        if not strays:
            await asyncio.sleep(self._pause_s)
        yard.restart(name, "its database was locked")
        return Done(f"ended {_listed(strays)} and restarted {name}" if strays else f"restarted {name} after a pause")


async def _strays(fault: Fault, yard: Yard) -> list[Holder]:
    """The strays that have a database of the service open. Raises RefusedError for holders that are none of ours."""
    name, spec = named(fault, yard)
    if spec.cwd is None:
        return []
    strays: dict[int, Holder] = {}
    for path in await asyncio.to_thread(_databases, yard.folder(name), fault.facts.get("path", "").strip("' ")):
        for holder in await yard.holders_of_file(path):
            if holder.is_stray:
                strays[holder.pid] = holder
            elif holder.service != name:
                raise _held_by(holder, name)
    return list(strays.values())


def _databases(folder: Path, text: str) -> list[Path]:
    """The database that the text names, else all in the service's folder."""
    path = within(folder, text) if text else None
    return [path] if path is not None else list(_found(folder))


def _found(folder: Path) -> Iterator[Path]:
    ahead, seen, found = [(folder, 0)], 0, 0
    while ahead:
        current, depth = ahead.pop(0)
        for path in _entries(current):
            seen += 1
            if seen > _MOST_FILES or found >= _MOST_DATABASES:
                return
            if path.is_symlink():
                continue
            if path.is_dir() and depth < 2 and not path.name.startswith(".") and path.name not in _SKIPPED:
                ahead.append((path, depth + 1))
            elif path.is_file() and _is_database(path):
                found += 1
                yield path


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def _held_by(holder: Holder, name: str) -> RefusedError:
    if holder.service:
        return RefusedError(
            f"{holder.service} has the database of {name} open",
            f"pid {holder.pid} ({holder.program}) is a service that runs as it should",
            f"Let the two not write at the same time, or restart it: {typed(('aurora', 'restart', holder.service))}",
        )
    return RefusedError(
        f"pid {holder.pid} ({holder.program}) has the database of {name} open",
        "Aurora did not start it, and does not end it",
        f"Close it, or end it if it is not needed: `kill {holder.pid}`",
    )


def _listed(holders: list[Holder]) -> str:
    return ", ".join(f"pid {holder.pid} ({holder.program})" for holder in holders)


REMEDIES = (ReleaseDatabase(),)
