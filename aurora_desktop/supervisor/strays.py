"""Processes that a service of ours left behind, and that belong to nothing any more: the only ones healing may end."""

import asyncio
import contextlib
import os
import signal as signals
import sys
from collections.abc import Callable

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import StrayEnded, service_component
from aurora_desktop.supervisor.ending import SIGKILL
from aurora_desktop.supervisor.exits import owned, reap_orphans, watch_exit
from aurora_desktop.supervisor.processes import PROBE_MARKER, SERVICE_MARKER, SPAWN_MARKER, STATE_MARKER, ProcessInfo
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.tree import Identity

GRACE_S = 3.0
"""Between SIGTERM and SIGKILL."""
KILL_S = 2.0


class Strays:
    """`everyone`: all runners, also of services that were taken out of the settings and still end.

    A stray carries the marks of a spawn of this state dir in its environment (which only its ancestors could put
    there), is a member of no present tree, is no probe, and is neither Aurora nor an ancestor or a child that Aurora
    itself watches over.
    """

    def __init__(self, around: Surroundings, everyone: Callable[[], tuple[Runner, ...]]) -> None:
        self._around = around
        self._everyone = everyone

    async def service_of(self, pid: int) -> str | None:
        """The service that left this process behind, or None when it is no stray. Raises OSError: cannot be told."""
        info = self._around.table.read(pid)
        if info is None or info.is_zombie or pid in owned:
            return None
        marks = self._around.table.environment(pid)
        service = marks.get(SERVICE_MARKER, "")
        is_spawn = marks.get(SPAWN_MARKER, PROBE_MARKER) != PROBE_MARKER
        if marks.get(STATE_MARKER) != self._around.paths.digest or not is_spawn or not service:
            return None
        return None if await self._belongs_somewhere(pid) else service

    async def _belongs_somewhere(self, pid: int) -> bool:
        """By a reading of the table that begins now: what was spawned a moment ago must be seen.

        Of what comes while it is read nothing can be an ancestor of a process that was there before.
        """
        everyone = await self._around.processes_apart()
        ancestor: int | None = os.getpid()
        while ancestor:
            if ancestor == pid:
                return True
            ancestor = everyone[ancestor].parent if ancestor in everyone else None
        trees = [runner.tree for runner in self._everyone() if runner.tree is not None]
        return any(pid in tree.members(everyone) for tree in trees)

    async def end(self, stray: Identity) -> bool:
        """SIGTERM, and SIGKILL after GRACE_S; True once it is gone.

        False, and nothing is done, unless the process of this pid and start time is a stray at this moment. The pidfd
        is opened before that is looked at, so that what is signalled is what was judged.
        """
        ended = asyncio.Event()
        try:
            watch = watch_exit(stray.pid, ended.set, self._around.loop)
            pidfd = os.pidfd_open(stray.pid) if sys.platform == "linux" else None
        except (OSError, AuroraError):
            return False
        try:
            return await self._end(stray, pidfd, ended)
        finally:
            watch.cancel()
            if pidfd is not None:
                os.close(pidfd)
            reap_orphans(self._around.table.children(os.getpid()), self._around.table.read)

    async def _end(self, stray: Identity, pidfd: int | None, ended: asyncio.Event) -> bool:
        for number, patience_s in ((signals.SIGTERM, GRACE_S), (SIGKILL, KILL_S)):
            service = await self.service_of(stray.pid)
            info = self._around.table.read(stray.pid)  # afterwards: it is the same until it is signalled
            if service is None or info is None or info.started != stray.started:
                return ended.is_set()
            if number == signals.SIGTERM:
                self._tell(service, info)
            _send(info.pid, pidfd, number, is_stopped=info.is_stopped)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), patience_s)
                return True
        return False

    def _tell(self, service: str, info: ProcessInfo) -> None:
        at = self._around.clock.wall()
        self._around.publish(
            StrayEnded(at=at, component=service_component(service), pid=info.pid, program=info.program)
        )


def _send(pid: int, pidfd: int | None, number: int, *, is_stopped: bool) -> None:
    """A stopped process takes SIGTERM only once it goes on."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "linux" and pidfd is not None:
            signals.pidfd_send_signal(pidfd, number)
            if is_stopped and number != SIGKILL:
                signals.pidfd_send_signal(pidfd, signals.SIGCONT)
        else:
            os.kill(pid, number)
