"""The metrics of one Aurora: what is counted, how late the loop is, and the last day by the minute."""

import asyncio
from collections.abc import Callable, Coroutine

from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.metrics import loop_lag
from aurora_desktop.api.metrics.counts import Counts
from aurora_desktop.api.metrics.history import MINUTE_S, MachineWatch, MinuteHistory
from aurora_desktop.api.metrics.snapshot import Snapshot, take
from aurora_desktop.api.streams.hub import Hub
from aurora_desktop.healing.machine.readings import machine_of


class Telemetry:
    """Counts from the moment that it is made; measures between `begin` and `end`."""

    def __init__(self, context: ApiContext, hub: Hub) -> None:
        self.counts = Counts()
        self.history = MinuteHistory()
        self._context = context
        self._hub = hub
        self._machine = MachineWatch(machine_of(context.paths.root))
        self._rounds: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = context.bus.subscribe(self.counts.read)

    def begin(self) -> None:
        rounds: tuple[Coroutine[None, None, None], ...] = (
            loop_lag.measure(self.counts.loop_lag_s.observe),
            self._remember(),
        )
        self._rounds = [asyncio.get_running_loop().create_task(round_) for round_ in rounds]

    async def end(self) -> None:
        self._unsubscribe()
        for round_ in self._rounds:
            round_.cancel()
        await asyncio.gather(*self._rounds, return_exceptions=True)

    def snapshot(self) -> Snapshot:
        return take(self._context, self.counts, self._hub)

    async def _remember(self) -> None:
        await asyncio.to_thread(self._machine.look)  # the first minute has a beginning, too
        while True:
            await asyncio.sleep(MINUTE_S)
            machine = await asyncio.to_thread(self._machine.look)
            self.history.add(self.snapshot(), machine)
