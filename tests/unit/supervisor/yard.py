"""Real processes for the tests: they tell through a pipe what they do, and none outlives its test."""

import asyncio
import contextlib
import ctypes
import functools
import gc
import os
import select
import signal as signals
import subprocess
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ParamSpec

from aurora_desktop.supervisor.exits import owned
from aurora_desktop.supervisor.processes import ProcessInfo, process_table

WAIT_S = 10.0
"""How long a test waits for what must come; never reached where all is well."""
TEST_MARKER = "AURORA_TEST"

P = ParamSpec("P")


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run the test in a loop of its own; it fails when it leaves a task behind or an error in the loop."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(_checked(test(*args, **kwargs)))

    return run


async def _checked(test: Coroutine[Any, Any, None]) -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    async with asyncio.timeout(4 * WAIT_S):
        await test
    for _ in range(3):  # what was cancelled ends in the next turns
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    gc.collect()
    assert not left, f"tasks left behind: {left}"
    assert not errors, f"errors in the loop: {errors}"


async def readable(fd: int) -> None:
    """Wait until there is something to read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        async with asyncio.timeout(WAIT_S):
            await ready.wait()
    finally:
        loop.remove_reader(fd)


class Yard:
    """The processes of one test. They inherit `environment`, tell by `echo words >"$TELL"`, and wait to be let go
    on by `read word <"$HOLD"`."""

    def __init__(self, root: Path) -> None:
        self._table = process_table()
        self._pipe = root / "tell"
        os.mkfifo(self._pipe)
        # Open for writing too, so that it never ends when a writer does.
        self._fd = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        hold = root / "hold"
        os.mkfifo(hold)
        self._hold = os.open(hold, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._heard = b""
        self._mark = uuid.uuid4().hex
        self._noted: set[tuple[int, int]] = set()
        self._children: list[subprocess.Popen[bytes]] = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "TELL": str(self._pipe),
            "HOLD": str(hold),
            TEST_MARKER: self._mark,
        }

    # --- starting ---------------------------------------------------------------------------------------------

    def start(
        self, *command: str, env: dict[str, str] | None = None, own_session: bool = True
    ) -> "subprocess.Popen[bytes]":
        """A child of this test; `env` comes on top of the yard's."""
        child = subprocess.Popen(
            command,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=own_session,
        )
        self._children.append(child)
        self.note(child.pid)
        return child

    def sh(self, script: str, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
        return self.start("sh", "-c", script, env=env)

    def orphan(self, script: str, env: dict[str, str] | None = None) -> int:
        """A process in a session of its own that is nobody's child here; its pid. The script tells `$$` first."""
        starter = self.sh(f"setsid sh -c '{script}' &", env)
        starter.wait()
        pid = int(self.hear().split()[-1])
        self.note(pid)
        return pid

    def note(self, pid: int) -> int:
        """Remember a process that cannot be told by its environment."""
        info = self._table.read(pid)
        if info is not None:
            self._noted.add((pid, info.started))
        return pid

    def let_go(self) -> None:
        """Let one of those that wait go on."""
        os.write(self._hold, b"go\n")

    # --- listening --------------------------------------------------------------------------------------------

    def hear(self) -> str:
        """The next line that a process told."""
        while (line := self._line()) is None:
            assert select.select([self._fd], [], [], WAIT_S)[0], f"nothing was told; so far {self._heard!r}"
        return line

    async def heard(self) -> str:
        """The same, in a loop."""
        while (line := self._line()) is None:
            await readable(self._fd)
        return line

    async def heard_pid(self) -> int:
        return int((await self.heard()).split()[-1])

    def heard_nothing(self) -> bool:
        return self._line() is None

    def _line(self) -> str | None:
        with contextlib.suppress(BlockingIOError):
            self._heard += os.read(self._fd, 65536)
        line, found, rest = self._heard.partition(b"\n")
        if not found:
            return None
        self._heard = rest
        return line.decode()

    # --- looking ----------------------------------------------------------------------------------------------

    def info(self, pid: int) -> ProcessInfo:
        found = self._table.read(pid)
        assert found is not None, f"process {pid} is gone"
        return found

    def is_alive(self, pid: int) -> bool:
        info = self._table.read(pid)
        return info is not None and not info.is_zombie

    def mine(self) -> list[int]:
        """The living processes of this test."""
        return [info.pid for info in self._table.all().values() if not info.is_zombie and self._is_mine(info)]

    def _is_mine(self, info: ProcessInfo) -> bool:
        if info.pid == os.getpid():
            return False
        if (info.pid, info.started) in self._noted:
            return True
        for _ in range(50):
            environment = self._table.environment(info.pid)
            if environment or not info.memory_bytes:
                break
            os.sched_yield()  # it is empty during an exec, and always where it may not be read
        return environment.get(TEST_MARKER) == self._mark

    # --- ending -----------------------------------------------------------------------------------------------

    def end(self) -> None:
        """End every process of this test, by pid, and collect those that became our children."""
        for _ in range(10):
            mine = self.mine()
            if not mine:
                break
            for pid in mine:
                kill(pid, signals.SIGKILL)
                wait_dead(pid)
        for child in self._children:
            child.wait()
        self._collect()
        os.close(self._fd)
        os.close(self._hold)

    def _collect(self) -> None:
        for info in self._table.all().values():
            if info.parent == os.getpid() and info.is_zombie and info.session != os.getsid(0):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(info.pid, os.WNOHANG)
                owned.discard(info.pid)


def kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_dead(pid: int) -> None:
    """Until the process has ended (it may be a zombie still)."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], WAIT_S)[0], f"process {pid} does not end"
    finally:
        os.close(fd)


async def dead(pid: int) -> None:
    """The same, in a loop."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await readable(fd)
    finally:
        os.close(fd)


def wait_stopped(pid: int) -> None:
    """Until our own child stands still."""
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


def wait_zombie(pid: int) -> None:
    """Until our own child has ended, without collecting it."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def no_subreaper() -> None:
    """Undo `become_subreaper` for the tests that follow."""
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)
