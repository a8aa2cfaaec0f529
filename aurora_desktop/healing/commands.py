"""Running one command of a remedy: bounded in time and output, and nothing of it is left behind."""

import asyncio
import contextlib
import os
import select
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from aurora_desktop.healing.yard import Ran
from aurora_desktop.supervisor.ending import SIGKILL
from aurora_desktop.supervisor.exits import owned, reap, reap_orphans, watch_exit
from aurora_desktop.supervisor.processes import ProcessInfo, ProcessTable
from aurora_desktop.supervisor.spawn import resolved
from aurora_desktop.supervisor.tree import Identity, Tree, signal_all

COMMAND_MARKER = "AURORA_COMMAND"
"""In the environment of one command and of all that it starts, wherever that goes; unlike AURORA_SPAWN no later Aurora
would take it for a service."""
MOST_OUTPUT = 16_384
_SIGTERM = 15
_GRACE_S = 1.0
_ROUNDS = 20
_LOOK_MS = 100
_PIPE_BYTES = 65_536  # pipe(7)
_NOT_FOUND, _NOT_RUN = 127, 126  # as shells have it


async def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_s: float, table: ProcessTable
) -> Ran:
    """The command's exit code and the last MOST_OUTPUT bytes that it printed; code None after `timeout_s`.

    One that cannot be started ends with 127 or 126, as in a shell, and the reason as its output. Cancelled, it is
    ended like one that is too late.
    """
    mark = uuid.uuid4().hex
    env = {**environment, COMMAND_MARKER: mark}
    reading, writing = os.pipe()
    try:
        child = _start(command, folder, env, writing)
    except (OSError, ValueError) as error:
        os.close(reading)
        refused = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUN
        return Ran(refused, f"{command[0]} cannot be run in {folder}: {getattr(error, 'strerror', None) or error}")
    finally:
        os.close(writing)
    running = _watched(child, mark, table)
    is_over = threading.Event()
    draining = asyncio.get_running_loop().run_in_executor(None, _drained, reading, is_over)
    try:
        is_in_time = await running.ended(timeout_s)
    finally:
        try:
            code = await asyncio.shield(asyncio.get_running_loop().create_task(running.nothing_left()))
        finally:
            is_over.set()
    return Ran(code if is_in_time else None, (await draining).decode("utf-8", "replace"))


def _start(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], writing: int
) -> "subprocess.Popen[bytes]":
    child = subprocess.Popen(  # ended by `_Command`, not by a `with` block
        resolved(command, folder, environment),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
        start_new_session=sys.platform != "win32",
    )
    owned.add(child.pid)
    return child


def _watched(child: "subprocess.Popen[bytes]", mark: str, table: ProcessTable) -> "_Command":
    """Raises AuroraError for want of file descriptors; then nothing of it goes on."""
    try:
        return _Command(child, mark, table)
    except BaseException:
        child.kill()
        reap(child)
        raise


def _drained(reading: int, is_over: threading.Event) -> bytes:
    """The end of what comes, in a thread: until nobody holds the other end any more, or the command is over.

    One that got away, without our mark (`sudo` and daemons that write over their environment), may hold it for ever.
    """
    kept, was_over = b"", False
    with open(reading, "rb", buffering=0) as pipe:
        while not was_over:  # what is in a pipe then comes with one read
            was_over = is_over.is_set()
            if not _comes(pipe, is_over) or not (chunk := pipe.read(_PIPE_BYTES)):
                break
            kept = (kept + chunk)[-MOST_OUTPUT:]
    return kept


def _comes(pipe: IO[bytes], is_over: threading.Event) -> bool:
    """Wait until there is something to read, or the end; False once the command is over and nothing is there."""
    if sys.platform == "win32":  # nothing there tells without reading
        return True
    looking = select.poll()
    looking.register(pipe, select.POLLIN)
    while True:
        was_over = is_over.is_set()
        if looking.poll(0 if was_over else _LOOK_MS):
            return True
        if was_over:
            return False


class _Command:
    """One that runs; `mark` is in the environment of all that belongs to it."""

    def __init__(self, child: "subprocess.Popen[bytes]", mark: str, table: ProcessTable) -> None:
        self._child = child
        self._mark = mark
        self._table = table
        info = table.read(child.pid)
        self._started = info.started if info is not None else 0
        self._tree = Tree(table, "", Identity(child.pid, self._started))
        self._ended = asyncio.Event()
        self._watch = watch_exit(child.pid, self._ended.set, asyncio.get_running_loop())

    async def ended(self, timeout_s: float) -> bool:
        """Whether its main process ends within the time; if not, all of it is asked to end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), timeout_s)
            return True
        await asyncio.to_thread(self._signal, _SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), _GRACE_S)
        return False

    async def nothing_left(self) -> int | None:
        """Kill whatever of it is there, until nothing is; the exit code of its main process."""
        for _ in range(_ROUNDS):
            if not await asyncio.to_thread(self._signal, SIGKILL):
                break
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), _GRACE_S)
        self._watch.cancel()
        code = self._collected()
        reap_orphans(self._table.children(os.getpid()), self._table.read)
        return code

    def _collected(self) -> int | None:
        if self._ended.is_set():
            return reap(self._child)
        watch_exit(self._child.pid, lambda: _reap_late(self._child), asyncio.get_running_loop())
        return None

    def _signal(self, number: int) -> int:
        """Blocking: signal all that belongs to it; how many that were."""
        members = dict(self._tree.members())
        for info in self._table.all().values():
            if info.pid not in members and self._is_marked(info):
                members[info.pid] = info
        return signal_all(members.values(), number, self._table)

    def _is_marked(self, info: ProcessInfo) -> bool:
        is_later = info.started >= self._started and not info.is_zombie and info.pid != os.getpid()
        return is_later and self._table.environment(info.pid).get(COMMAND_MARKER) == self._mark


def _reap_late(child: "subprocess.Popen[bytes]") -> None:
    reap(child)
