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
from aurora_desktop.supervisor.turns import Turns

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
    _turns: Turns | None = None
    _snapshot: Snapshot | None = None
    _begun_at: float = float("-inf")
    _read_at: float = float("-inf")

    @property
    def turns(self) -> Turns:
        """Of the loop, shared by all who may have much to do at once."""
        self._turns = self._turns or Turns(self.clock, self.loop)
        return self._turns

    def processes(self, not_before: float = float("-inf")) -> Snapshot:
        """Every process of the machine; the reading began after the monotonic time given, and ended 10 ms ago at most.

        So a hundred services that stop together share one pass over the process table.
        """
        now = self.clock.monotonic()
        if self._snapshot is None or self._begun_at <= not_before or now - self._read_at > _SNAPSHOT_S:
            return self._read()
        return self._snapshot

    def processes_after(self, earlier: Snapshot) -> Snapshot:
        """The same by a reading that began after that one had ended."""
        return self._read() if self._snapshot is earlier else self.processes()

    async def processes_apart(self) -> Snapshot:
        """The same by a reading of its own that begins now, beside the loop."""
        self._census = self._census or Census(self.table)
        return await self._census.take_apart()

    def _read(self) -> Snapshot:
        self._census = self._census or Census(self.table)
        self._begun_at = self.clock.monotonic()
        self._snapshot = self._census.take()
        self._read_at = self.clock.monotonic()
        return self._snapshot
