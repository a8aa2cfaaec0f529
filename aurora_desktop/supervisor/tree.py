"""The processes that belong to one service: what marker, session and ancestry name together."""

import contextlib
import os
import signal as signals
import sys
from collections.abc import Iterable

from msgspec import Struct

from aurora_desktop.supervisor.census import Census, Snapshot
from aurora_desktop.supervisor.processes import ProcessInfo, ProcessTable
from aurora_desktop.supervisor.windows_job import job_pids


class Identity(Struct, frozen=True):
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: int


class Tree:
    """The process tree of one spawn; `main` is the process that we started, `marker` its AURORA_SPAWN,
    `taken_at` the monotonic time at which it was spawned or adopted.

    A member is the main process and whatever descends from a member, shares a member's own session, carries the
    marker in its environment or (Windows) is in its job; sessions once seen are remembered, so that an orphan is
    found by its own.
    """

    def __init__(self, table: ProcessTable, marker: str, main: Identity, taken_at: float = 0.0) -> None:
        self._table = table
        self.marker = marker
        self.main = main
        self.taken_at = taken_at
        self._sessions = {main.pid: main.started} if sys.platform != "win32" else {}

    def members(self, everyone: Snapshot | None = None) -> dict[int, ProcessInfo]:
        """All living (not zombie) members by pid, out of one reading of the process table."""
        everyone = Census(self._table).take() if everyone is None else everyone
        roots = set(everyone.by_marker.get(self.marker, ()) if self.marker else ())
        roots.update(pid for session in self._living_sessions(everyone) for pid in everyone.by_session[session])
        roots.update(pid for pid in job_pids(self.marker) if pid in everyone)
        main = everyone.get(self.main.pid)
        if main is not None and main.started == self.main.started:
            roots.add(main.pid)
        pids = everyone.with_descendants(roots - {os.getpid()})
        found = {pid: everyone[pid] for pid in pids if not everyone[pid].is_zombie}
        self._sessions.update(
            {sid: everyone[sid].started for sid in {i.session for i in found.values()} & found.keys()}
        )
        return found

    def _living_sessions(self, everyone: Snapshot) -> list[int]:
        """Those of our sessions that still have members; one that ended is forgotten, as its number is used again.

        A leader that started at another time than ours is a stranger's: no number is given to two sessions at once.
        """
        self._sessions = {
            session: started
            for session, started in self._sessions.items()
            if session in everyone.by_session and (session not in everyone or everyone[session].started == started)
        }
        return list(self._sessions)

    def main_is_alive(self) -> bool:
        info = self._table.read(self.main.pid)
        if info is None:
            return _exists(self.main.pid)  # it may be we who could not read, for want of file descriptors
        return info.started == self.main.started and not info.is_zombie


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def signal_all(members: Iterable[ProcessInfo], number: int, table: ProcessTable) -> int:
    """Send a signal to each member that still is who it was; returns how many got it.

    SIGTERM and its like are followed by SIGCONT, since they stay pending on a stopped process.
    """
    reached = 0
    for info in members:
        now = table.read(info.pid)
        if now is None or now.started != info.started:
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(info.pid, number)
            reached += 1
            if sys.platform != "win32" and now.is_stopped and number not in _NO_WAKE:
                os.kill(info.pid, signals.SIGCONT)
    return reached


if sys.platform == "win32":
    _NO_WAKE: frozenset[int] = frozenset()
else:
    _NO_WAKE = frozenset({signals.SIGKILL, signals.SIGSTOP, signals.SIGCONT})


def freeze(tree: Tree) -> None:
    """Stop every process of the tree where it stands, until none is left that runs."""
    running = _running(tree)
    while running:
        for info in running:
            _suspend(info.pid)
        running = [info for info in _running(tree) if info not in running]


def thaw(tree: Tree) -> None:
    """Let every process of the tree go on."""
    for info in tree.members().values():
        _resume(info.pid)


def _running(tree: Tree) -> list[ProcessInfo]:
    return [info._replace(cpu_s=0.0, memory_bytes=0) for info in tree.members().values() if not info.is_stopped]


if sys.platform == "win32":
    import psutil

    def _suspend(pid: int) -> None:
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).suspend()

    def _resume(pid: int) -> None:
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).resume()

else:

    def _suspend(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signals.SIGSTOP)

    def _resume(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signals.SIGCONT)
