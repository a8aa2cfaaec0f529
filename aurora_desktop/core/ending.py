"""Takes parts down one after the other: none that fails or hangs keeps the next from being taken down."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

HURRIED_S = 0.5
LET_GO_S = 1.0

log = logging.getLogger(__name__)


class Ending:
    """For one end; to be made in the loop. Once it is hurried, nobody gets more than HURRIED_S."""

    def __init__(self) -> None:
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        self._hurried.set()

    async def end(self, what: str, ending: Coroutine[Any, Any, object], within_s: float) -> None:
        """Wait for it; one that is late is cancelled, and one that fails is written down."""
        task: asyncio.Task[Any] = asyncio.create_task(ending)
        await self._wait(task, within_s)
        if not task.done():
            log.warning("%s did not end in time, and is left", what)
            task.cancel()
            await asyncio.wait({task}, timeout=LET_GO_S)
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s could not be ended in order", what, exc_info=error)

    async def _wait(self, task: "asyncio.Task[Any]", within_s: float) -> None:
        hurried: asyncio.Task[Any] = asyncio.create_task(self._hurried.wait())
        try:
            await asyncio.wait({task, hurried}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if self._hurried.is_set():
                await asyncio.wait({task}, timeout=HURRIED_S)
        finally:
            hurried.cancel()
