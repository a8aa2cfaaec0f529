"""What is saved until the process is killed or the power goes: state, queue and outbox; and what is left of it."""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

import apsw

from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.settings.schema_link import LinkOutbox
from aurora_desktop.link.outbox import Outbox
from aurora_desktop.tasks.store import TaskStore
from aurora_desktop.tasks.task import Task

_PEERS = 3


class Base(Protocol):
    """As much of a `Database` as is used."""

    def submit(self, work: Callable[[apsw.Connection], Any], within_s: float = 0.0) -> Future[Any]: ...

    def read(self, sql: str, args: Any = ()) -> list[tuple[Any, ...]]: ...


class Saving:
    """Does one thing after the other, and says a line of each that was acknowledged."""

    def __init__(self, database: Base, say: Callable[[str], None]) -> None:
        self._database, self._say = database, say
        self._tasks = TaskStore(database)  # type: ignore[arg-type]  # what it uses of one is there
        self._outbox = Outbox(database, SystemClock(), LinkOutbox())  # type: ignore[arg-type]  # as above

    async def once(self, number: int) -> None:
        """Raises what the disk does."""
        row = (f"k{number}", "v" * (number * 37 % 3000))
        await asyncio.wrap_future(
            self._database.submit(lambda db: db.execute("INSERT INTO alerts VALUES (?, ?)", row).fetchall())
        )
        self._say(f"save {row[0]}")
        await self._tasks.add(Task(id=f"task_{number}", number=0, agent="claude", prompt="p" * 500))
        self._say(f"task task_{number}")
        await self._send(number)

    async def _send(self, number: int) -> None:
        """A message is taken, and another leaves: a mark that is lost would send it twice."""
        view = await self._outbox.add(str(number % _PEERS), "c" * 300, "", "message", f"m{number}")
        self._say(f"message {view.key}")
        leaving, _ = self._outbox.next()
        if leaving is not None:
            self._say(f"leaving {(await self._outbox.begin(leaving)).key}")
        if leaving is not None and number % 2:
            self._outbox.arrived(leaving, f"msg_{number}")


def kept(database: Base) -> set[str]:
    """The lines that are true of what is there."""
    there = {f"save {row[0]}" for row in database.read("SELECT key FROM alerts")}
    there |= {f"task {row[0]}" for row in database.read("SELECT id FROM tasks")}
    messages = database.read("SELECT key, in_doubt OR status != 'waiting' FROM link_outbox")
    there |= {f"message {key}" for key, _ in messages}
    return there | {f"leaving {key}" for key, is_marked in messages if is_marked}


def as_program(module: str, *arguments: object) -> tuple[list[str], dict[str, str]]:
    """The command and environment that run a module of these tests in a process of its own."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return command, {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
