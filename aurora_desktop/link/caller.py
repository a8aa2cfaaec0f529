"""Every request that needs a token: at its turn, with one that holds, and counted."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aurora_desktop.core.clock import Clock
from aurora_desktop.link.credentials import Credentials
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.throttle import Figures, Throttle

T = TypeVar("T")

_DOWN = ("unreachable", "server", "odd", "certificate")


class Caller:
    """`on_outcome` is told of each answer (None) and failure. `failures`: in a row, of those that are the server's."""

    def __init__(
        self,
        credentials: Credentials,
        throttle: Throttle,
        clock: Clock,
        chance: Callable[[], float],
        on_outcome: Callable[[LinkError | None], None],
    ) -> None:
        self._credentials, self.throttle, self._clock, self._chance = credentials, throttle, clock, chance
        self._on_outcome = on_outcome
        self.figures = Figures()
        self.failures = 0

    async def __call__(self, do: Callable[[str], Awaitable[T]]) -> T:
        """`do` with a token; once more with another one where it is not taken. Raises LinkError."""
        token = await self._credentials.current()
        try:
            return await self._counted(do, token)
        except LinkError as failure:
            if failure.kind != "refused":
                raise
        self._credentials.reject(token)
        return await self._counted(do, await self._credentials.current())

    async def _counted(self, do: Callable[[str], Awaitable[T]], token: str) -> T:
        await self._turn()
        begun = self._clock.monotonic()
        try:
            result = await do(token)
        except LinkError as failure:
            self._failed(failure)
            raise
        self.failures = 0
        self.figures.answered(self._clock.monotonic() - begun)
        self._on_outcome(None)
        return result

    async def _turn(self) -> None:
        while (wait_s := self.throttle.wait_s(self._clock.monotonic())) > 0:  # noqa: ASYNC110 - a time, and no event
            await asyncio.sleep(wait_s)
        self.throttle.took(self._clock.monotonic())

    def _failed(self, failure: LinkError) -> None:
        self.figures.failed()
        if failure.kind == "throttled":
            self.throttle.close(self._clock.monotonic(), failure.retry_after_s * (1 + 0.1 * self._chance()))
        if failure.kind in _DOWN:
            self.failures += 1
        self._on_outcome(failure)
