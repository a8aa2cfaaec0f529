"""Noticing that a process ended, exactly and at once: pidfd on Linux, a thread with psutil elsewhere."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.supervisor.processes import ProcessInfo

OnExit = Callable[[], None]
HasTurn = Callable[[], bool]
"""Asked when the end is seen, and again in each turn of the loop until it is the turn of `on_exit`."""

owned: set[int] = set()
"""Pids of children whose exit status somebody of ours is going to collect; all others may be reaped as orphans."""

_collected: dict[int, int] = {}
"""Exit codes of children of ours that psutil's wait has collected, by pid."""


class Watch:
    """One process being watched; `cancel` ends that."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel: Callable[[], None] | None = cancel

    def cancel(self) -> None:
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            cancel()


def _at_once() -> bool:
    return True


def watch_exit(pid: int, on_exit: OnExit, loop: asyncio.AbstractEventLoop, has_turn: HasTurn = _at_once) -> Watch:
    """Call `on_exit` once in the loop when the process `pid` ends; it need not be our child.

    Raises ProcessLookupError when it is gone already and was not our child.
    """
    if sys.platform == "linux":
        return _watch_pidfd(pid, on_exit, loop, has_turn)
    return _watch_thread(pid, on_exit, loop, has_turn)


if sys.platform == "linux":

    def _watch_pidfd(pid: int, on_exit: OnExit, loop: asyncio.AbstractEventLoop, has_turn: HasTurn) -> Watch:
        try:
            fd = os.pidfd_open(pid)
        except OSError as error:
            if isinstance(error, ProcessLookupError):
                raise
            raise AuroraError(
                "Processes cannot be watched", f"pidfd_open: {error}", "Raise the limit of open files."
            ) from error

        def close() -> None:
            loop.remove_reader(fd)
            os.close(fd)

        watch = Watch(close)

        def ended() -> None:
            if has_turn():  # else the pidfd is found readable again in the next turn
                watch.cancel()
                on_exit()

        loop.add_reader(fd, ended)
        return watch


def _watch_thread(pid: int, on_exit: OnExit, loop: asyncio.AbstractEventLoop, has_turn: HasTurn = _at_once) -> Watch:
    import psutil  # late: Linux does without it

    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(pid) from error
    cancelled = threading.Event()

    def report() -> None:
        if cancelled.is_set():
            return
        if has_turn():
            on_exit()
        else:
            loop.call_soon(report)

    def wait() -> None:
        while not cancelled.is_set():
            gone, _ = psutil.wait_procs([process], timeout=1.0)
            if gone:
                code = getattr(process, "returncode", None)
                if pid in owned and isinstance(code, int):
                    _collected[pid] = int(code)
                with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                    loop.call_soon_threadsafe(report)
                return

    threading.Thread(target=wait, name=f"exit-of-{pid}", daemon=True).start()
    return Watch(cancelled.set)


def reap(child: subprocess.Popen[bytes] | None) -> int | None:
    """The return code of our child that ended; `None` for a process that was not our child (adopted)."""
    if child is None:
        return None
    code = child.wait()
    code = _collected.pop(child.pid, code)
    owned.discard(child.pid)
    return code


def reap_orphans(children: Iterable[int], read: Callable[[int], ProcessInfo | None]) -> None:
    """Collect zombies that became ours because we are their subreaper.

    What runs in our own session was started by a library of ours, which collects it by itself.
    """
    if sys.platform == "win32":
        return
    ours = os.getsid(0)
    for pid in children:
        info = read(pid) if pid not in owned else None
        if info is not None and info.is_zombie and info.session != ours:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
