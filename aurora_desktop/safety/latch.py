"""The latch of the emergency stop as main has it: the clearance on the disk, and who stopped last."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.store import LastStop, SafetyStore


class Latch:
    """Set by every stop, cleared by the operator alone."""

    def __init__(self, clearance: Path, store: SafetyStore, clock: Clock) -> None:
        self._clearance, self._store, self._clock = Clearance(clearance), store, clock
        self._stops = 0

    @property
    def is_cleared(self) -> bool:
        return self._clearance.is_granted()

    @property
    def stopped_by(self) -> str:
        """Who latched it; "" when it is cleared, or never was."""
        if self.is_cleared:
            return ""
        if (last := self._store.last_stop) is not None:
            return last.source
        return "the emergency stop" if self._store.was_cleared else ""

    @property
    def last_stop(self) -> LastStop | None:
        return self._store.last_stop

    def set(self) -> bool:
        """Latch at once; whether it is for sure."""
        self._stops += 1
        return self._clearance.revoke()

    def stopped(self, source: str, at: float) -> None:
        """A stop is through: who it was is remembered."""
        self._stops += 1
        self._store.stopped(source, at)

    async def clear(self, confirm: Callable[[], Awaitable[None]]) -> None:
        """Once `confirm` has proven the operator; a stop meanwhile wins. Raises AuroraError."""
        if self.is_cleared:
            raise AuroraError("There is nothing to reset", "No stop is latched")
        stops = self._stops
        await confirm()
        if self._stops == stops:
            await asyncio.to_thread(self._clearance.grant, "the operator")
        if self._stops != stops:
            self._clearance.revoke()
            raise AuroraError("A stop came while the latch was being cleared", "It stays latched", "Reset again")
        self._store.cleared(self._clock.wall())
