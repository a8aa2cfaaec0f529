"""Asynchronous work begun by a click: references kept until it is done, errors told to a person."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from aurora_desktop.core.errors import AuroraError

ErrorShown = Callable[[AuroraError], None]

log = logging.getLogger(__name__)


class Tasks:
    """Runs coroutines on the loop; what they raise goes to `show_error`, unless the call names another."""

    def __init__(self, show_error: ErrorShown) -> None:
        self._show_error = show_error
        self._running: set[asyncio.Task[Any]] = set()

    def run(self, work: Coroutine[Any, Any, Any], on_error: ErrorShown | None = None) -> None:
        """Begin `work` now."""
        task = asyncio.ensure_future(self._guarded(work, on_error or self._show_error))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before its first step, it was never awaited

    def cancel(self) -> None:
        """End everything that still runs."""
        for task in tuple(self._running):
            task.cancel()

    async def _guarded(self, work: Coroutine[Any, Any, Any], show: ErrorShown) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - every failure of a click must reach the person who clicked
            show(as_aurora_error(error))


def as_aurora_error(error: Exception) -> AuroraError:
    """The error itself, or one that names an unexpected failure and logs it."""
    if isinstance(error, AuroraError):
        return error
    log.error("unexpected failure", exc_info=error)
    return AuroraError("Something went wrong", f"{type(error).__name__}: {error}", "The program's log says more.")
