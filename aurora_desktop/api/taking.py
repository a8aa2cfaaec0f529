"""A client that does not take what it is sent: its connection is cut off after a while, and nothing waits for it."""

import asyncio
from typing import TYPE_CHECKING

TAKE_TIMEOUT_S = 30.0

if TYPE_CHECKING:

    class _Protocol(asyncio.Protocol):
        loop: asyncio.AbstractEventLoop
        transport: asyncio.Transport
else:
    _Protocol = object


class TakesInTime(_Protocol):
    """For a protocol of uvicorn. To close the connection would wait for the rest to be taken; so it is aborted."""

    _take_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._take_timer = self.loop.call_later(TAKE_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget()

    def _forget(self) -> None:
        if self._take_timer is not None:
            self._take_timer.cancel()
            self._take_timer = None
