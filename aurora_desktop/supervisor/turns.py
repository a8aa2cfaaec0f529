"""The turns of the loop: what comes by the hundred is spread over several, so that the loop is never held for long."""

import asyncio

from aurora_desktop.core.clock import Clock

SLICE_S = 0.01


class Turns:
    """Asked before each piece of work of a millisecond or so, by everybody who may have many of them at once.

    The lease of the emergency stop is kept in the same loop: it must not wait for a hundred services.
    """

    def __init__(self, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._loop = loop
        self._began: float | None = None

    def has_time(self) -> bool:
        """Whether this turn may go on: always for the first that asks in it, for 10 ms from then on."""
        now = self._clock.monotonic()
        if self._began is None:
            self._began = now
            self._loop.call_soon(self._over)
        return now - self._began <= SLICE_S

    async def mine(self) -> None:
        """Return in a turn that has time."""
        while not self.has_time():  # noqa: ASYNC110 - an event would wake all in one turn, to ask again anyway
            await asyncio.sleep(0)

    def _over(self) -> None:
        self._began = None
