"""What the supervisor does again and again: its own heartbeat, checks, samples, log sizes."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Callable, Coroutine

from aurora_desktop.core.events import Stalled
from aurora_desktop.core.settings.schema import SupervisorSettings
from aurora_desktop.supervisor.exits import reap_orphans
from aurora_desktop.supervisor.glance import memory_glance
from aurora_desktop.supervisor.logs import LogKeeper
from aurora_desktop.supervisor.presenting import check_of
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.sampling import Sampler
from aurora_desktop.supervisor.surroundings import Surroundings

SAMPLE_S = 10.0
MEMORY_CHECK_S = 0.25
LOG_CHECK_S = 1.0
_FIRST_SAMPLE_S = 1.0
_NO_LIMITS_S = 2.0
_TOLD_STALL_S = 2.0


class Rounds:
    """`all` gives the endless loops, to be run as tasks; `runners` and `settings` give what is in force now."""

    def __init__(
        self,
        around: Surroundings,
        runners: Callable[[], tuple[Runner, ...]],
        settings: Callable[[], SupervisorSettings],
    ) -> None:
        self._around = around
        self._runners = runners
        self._settings = settings
        self._glance = memory_glance(around.table)
        self._sampler = Sampler(around, self._glance)
        self._logs = LogKeeper(around)

    def all(self) -> tuple[Coroutine[None, None, None], ...]:
        return self._beats(), self._checks(), self._samples(), self._memory_checks(), self._log_checks()

    async def _beats(self) -> None:
        """Measure our own stalls and move the children's deadlines on by them."""
        stalls = self._around.stalls
        while True:
            await asyncio.sleep(stalls.interval_s)
            if (stall_s := stalls.beat()) > 0:
                self._stalled(stall_s)

    def _stalled(self, stall_s: float) -> None:
        if stall_s >= _TOLD_STALL_S:
            at = self._around.clock.wall()
            self._around.publish(Stalled(at=at, component="aurora", stall_s=round(stall_s, 1)))
        for runner in self._runners():
            runner.stalled(stall_s)

    async def _checks(self) -> None:
        table = self._around.table
        while True:
            await asyncio.sleep(self._settings().check_interval_s)
            reap_orphans(table.children(os.getpid()), table.read)
            for runner in self._runners():
                runner.verify_alive()
                runner.checks.append(check_of(runner))

    async def _samples(self) -> None:
        """Soon after the start, again at the first check, then at leisure: figures come early, the cost stays low."""
        delays_s = itertools.chain((_FIRST_SAMPLE_S, self._settings().check_interval_s), itertools.repeat(SAMPLE_S))
        for delay_s in delays_s:
            await asyncio.sleep(delay_s)
            with contextlib.suppress(OSError):  # no file descriptor just now
                self._sampler.sample(self._runners())

    async def _memory_checks(self) -> None:
        """Often where a service has a limit: what grows without end takes a gigabyte a second."""
        try:
            while True:
                limited = [r for r in self._runners() if (r.spec.memory_high or r.spec.memory_max) is not None]
                await asyncio.sleep(MEMORY_CHECK_S if limited else _NO_LIMITS_S)
                self._sampler.check_memory(limited)
        finally:
            if self._glance is not None:
                self._glance.close()

    async def _log_checks(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            await self._logs.check((runner.name, runner.log_path, runner.spec.log) for runner in self._runners())
