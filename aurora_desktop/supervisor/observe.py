"""Watching one running process: its probes and its watchdog, reported as stimuli of the policy."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

from aurora_desktop.core.events import ProbeKind
from aurora_desktop.core.settings.schema import Probe, Service
from aurora_desktop.supervisor.measures import Measures
from aurora_desktop.supervisor.probes import Prober, Result, Target
from aurora_desktop.supervisor.status import needs_signal_of_readiness
from aurora_desktop.supervisor.stimuli import NotReady, Ready, Started, Stimulus, Unwell
from aurora_desktop.supervisor.surroundings import Surroundings

OnProbe = Callable[[ProbeKind, str], None]
"""Called with what is wrong, or "" when the probe succeeded."""


class Observation:
    """The probes and the watchdog of one spawn, from `begin` to `end`.

    Order: the startup probe alone first; then readiness; liveness once the service is up.
    """

    def __init__(
        self,
        spec: Service,
        target: Target,
        around: Surroundings,
        feed: Callable[[Stimulus], None],
        on_probe: OnProbe,
        measures: Measures | None = None,
    ) -> None:
        self._spec = spec
        self._target = target
        self._around = around
        self._feed = feed
        self._on_probe = on_probe
        self._measures = measures or Measures()
        self._tasks: set[asyncio.Task[None]] = set()
        self._liveness_runs = False
        self._watchdog: asyncio.TimerHandle | None = None
        self._last_ping = 0.0
        self._stalled_at_ping = 0.0

    def begin(self, *, is_up: bool) -> None:
        """Start watching a process that was just spawned, or adopted (`is_up`: it was ready before)."""
        if self._spec.startup_probe is not None and not is_up:
            self._run(self._startup(self._spec.startup_probe))
            return
        self._after_startup()
        if is_up or not needs_signal_of_readiness(self._spec):
            self.is_up()

    def is_up(self) -> None:
        """The service is up: liveness and watchdog count from now."""
        if self._liveness_runs:
            return
        self._liveness_runs = True
        if self._spec.liveness_probe is not None:
            self._run(self._liveness(self._spec.liveness_probe))
        if self._spec.watchdog_sec is not None:
            self.ping()

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._liveness_runs = False  # a late WATCHDOG=1 begins nothing any more
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def ping(self) -> None:
        """WATCHDOG=1 arrived, or the watchdog begins."""
        self._last_ping = self._around.clock.monotonic()
        self._stalled_at_ping = self._around.stalls.total_s()
        if self._watchdog is None and self._spec.watchdog_sec is not None and self._liveness_runs:
            self._watch_for(self._spec.watchdog_sec)

    def _watch_for(self, delay_s: float) -> None:
        self._watchdog = self._around.loop.call_later(delay_s, self._watchdog_due)

    def _watchdog_due(self) -> None:
        limit_s = self._spec.watchdog_sec or 0.0
        stalled_s = self._around.stalls.total_s() - self._stalled_at_ping
        silent_s = self._around.clock.monotonic() - self._last_ping - stalled_s
        # Qt's timers may fire a little early; a millisecond is not worth another round.
        if silent_s < limit_s - 0.001:
            self._watch_for(limit_s - silent_s)
            return
        self._watchdog = None
        self._feed(Unwell("watchdog", f"no WATCHDOG=1 for {limit_s:g} s (watchdog_sec)"))

    def _run(self, probing: Coroutine[None, None, None]) -> None:
        task = self._around.loop.create_task(probing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _after_startup(self) -> None:
        if self._spec.readiness_probe is not None:
            self._run(self._readiness(self._spec.readiness_probe))

    async def _startup(self, probe: Probe) -> None:
        async for good, detail in self._verdicts("startup", probe):
            if not good:
                self._feed(Unwell("startup", f"startup probe: {detail}"))
                return
            self._after_startup()
            if self._spec.type != "notify":
                self._feed(Started())
            return

    async def _readiness(self, probe: Probe) -> None:
        async for good, detail in self._verdicts("readiness", probe):
            self._feed(Ready() if good else NotReady(f"readiness probe: {detail}"))

    async def _liveness(self, probe: Probe) -> None:
        await asyncio.sleep(probe.period_sec)
        async for good, detail in self._verdicts("liveness", probe):
            if not good:
                self._feed(Unwell("liveness", f"liveness probe: {detail}"))

    async def _measured(self, kind: ProbeKind, probe: Probe, prober: Prober) -> Result:
        """One check; how long it took is noted unless we ourselves stood still meanwhile."""
        began, stalled_s = self._around.clock.monotonic(), self._around.stalls.total_s()
        result = await prober.check()
        took_s = self._around.clock.monotonic() - began
        if result.verdict == "failed":
            self._measures.went_wrong(kind, timed_out=took_s >= probe.timeout_sec)
        elif result.verdict == "ok" and self._around.stalls.total_s() == stalled_s:
            self._measures.answered(kind, took_s)
        return result

    async def _verdicts(self, kind: ProbeKind, probe: Probe) -> AsyncIterator[tuple[bool, str]]:
        """Yield (good, detail) whenever a threshold is reached, and again while the failing goes on."""
        prober = Prober(probe, self._target, self._around.clock, self._around.stalls)
        good = bad = 0
        while True:
            result = await self._measured(kind, probe, prober)
            if result.verdict == "ok":
                good, bad = good + 1, 0
                if good == probe.success_threshold:
                    self._on_probe(kind, "")
                    yield True, ""
            elif result.verdict == "failed":
                good, bad = 0, bad + 1
                if bad >= probe.failure_threshold:
                    self._on_probe(kind, result.detail)
                    yield False, result.detail
            await asyncio.sleep(probe.period_sec)
