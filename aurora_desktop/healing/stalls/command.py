"""Runs a command of the settings to its end, or to the end of its time; nothing of it is left behind."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from aurora_desktop.healing.yard import Ran
from aurora_desktop.supervisor.exits import owned, reap, watch_exit
from aurora_desktop.supervisor.processes import PROBE_MARKER, SPAWN_MARKER, process_table
from aurora_desktop.supervisor.tree import Identity, Tree, signal_all

MOST_OUTPUT = 64 * 1024
_SIGKILL = 9
_KILL_S = 1.0


class Runs(Protocol):
    """Run a command in a folder; `service`: whose environment it gets, or None for our own."""

    async def __call__(self, command: Sequence[str], folder: Path, timeout_s: float, service: str | None) -> Ran: ...


EnvironmentOf = Callable[[str | None], Mapping[str, str]]
"""The environment of a service by its name; of agents that no service runs (None) our own, as it is passed on."""


class OwnRuns:
    """Runs commands as children of Aurora that belong to no service."""

    def __init__(self, environment_of: EnvironmentOf) -> None:
        self._environment_of = environment_of

    async def __call__(self, command: Sequence[str], folder: Path, timeout_s: float, service: str | None) -> Ran:
        """Raises OSError when it cannot be started. What it starts in a session of its own may stay."""
        with tempfile.TemporaryFile() as output:
            child = subprocess.Popen(  # noqa: ASYNC220 - vfork, about 1 ms; asyncio's own way costs more
                list(command),
                cwd=folder,
                env={**self._environment_of(service), SPAWN_MARKER: PROBE_MARKER},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=sys.platform != "win32",
            )
            code = await _code(child, timeout_s)
            output.seek(0)
            return Ran(code, output.read(MOST_OUTPUT).decode("utf-8", "replace"))


async def _code(child: "subprocess.Popen[bytes]", timeout_s: float) -> int | None:
    """Its exit code; None when its time was over, and then it and its children are ended."""
    owned.add(child.pid)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    watch = watch_exit(child.pid, ended.set, loop)
    try:
        if await _happens(ended, timeout_s):
            return reap(child)
        await asyncio.to_thread(_end_tree, child)  # looks through all processes of the machine
        if await _happens(ended, _KILL_S):
            reap(child)
        return None
    finally:
        watch.cancel()
        if child.returncode is None:  # cancelled, or SIGKILL comes late: collected whenever it has ended
            _end_tree(child)
            watch_exit(child.pid, lambda: _collected(child), loop)


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _collected(child: "subprocess.Popen[bytes]") -> None:
    reap(child)


def _end_tree(child: "subprocess.Popen[bytes]") -> None:
    table = process_table()
    info = table.read(child.pid)
    if info is not None:
        members = Tree(table, "", Identity(child.pid, info.started)).members()
        signal_all(members.values(), _SIGKILL, table)
