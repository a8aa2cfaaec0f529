"""What every service's runner shares: clocks, loop, processes, ledger, bus."""

import asyncio
import random
from collections.abc import Callable, Mapping

from msgspec import Struct

from aurora_desktop.core.clock import Clock, StallMeter
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.supervisor.census import Census, Snapshot
from aurora_desktop.supervisor.ledger import Ledger
from aurora_desktop.supervisor.processes import ProcessTable

_SNAPSHOT_S = 0.01


class Surroundings(Struct, kw_only=True):
    """One per supervisor; used from the loop's thread alone.

    `environment` is Aurora's own, as it is passed on; `paused` is the operator's pause of supervision.
    `latched_by`: the emergency stop in words while it is latched: nothing with an `on_estop` starts then.
    """

    clock: Clock
    stalls: StallMeter
    loop: asyncio.AbstractEventLoop
    table: ProcessTable
    ledger: Ledger
    paths: StatePaths
    publish: Callable[[AnyEvent], object]
    environment: Mapping[str, str]
    notify_address: str
    paused: bool = False
    latched_by: str = ""
    jitter: Callable[[], float] = random.random
    _census: Census | None = None
    _snapshot: Snapshot | None = None
    _snapshot_at: float = float("-inf")

    def processes(self, not_before: float = float("-inf")) -> Snapshot:
        """Every process of the machine, read at most 10 ms ago and not before the monotonic time given.

        So a hundred services that stop together share one pass over the process table.
        """
        now = self.clock.monotonic()
        self._census = self._census or Census(self.table)
        if self._snapshot is None or self._snapshot_at < not_before or now - self._snapshot_at > _SNAPSHOT_S:
            self._snapshot_at = now
            self._snapshot = self._census.take()
        return self._snapshot
