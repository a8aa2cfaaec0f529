"""One remedy on one fault, from its plan to its outcome; what did not help is undone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.healing_events import RemedyOutcome
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError, Remedy
from aurora_desktop.healing.yard import Yard

APPLY_S = 1800.0
"""For a remedy that forgot a time-out of its own: an installation may take long, but not for ever."""
VERIFY_S = 900.0
UNDO_S = 300.0
UNDO_AT_QUIT_S = 5.0

T = TypeVar("T")
log = logging.getLogger(__name__)


class Ended(Struct, frozen=True):
    """How an attempt ended, in words; `hint`: the next step of one that may do nothing itself."""

    outcome: RemedyOutcome
    sentence: str
    hint: str = ""


class Attempt:
    """`approved` is the plan that the operator saw and accepted: nothing else is done then.

    `on_start` is called with the plan right before it is carried out. `run` never raises but CancelledError, after
    which `interrupted` says, and mends, what was half done.
    """

    def __init__(
        self, remedy: Remedy, fault: Fault, yard: Yard, on_start: Callable[[Plan], None], approved: Plan | None = None
    ) -> None:
        self._remedy = remedy
        self._fault = fault
        self._yard = yard
        self._on_start = on_start
        self._approved = approved
        self._applying = False
        self._done: Done | None = None

    async def run(self) -> Ended | None:
        """None when the remedy is not for this fault after all."""
        try:
            plan = await self._remedy.plan(self._fault, self._yard)
            if plan is None:
                return None
            if self._approved is not None and plan.command != self._approved.command:
                return Ended("refused", "what would be run is not what was offered any more, so nothing was done")
            return await self._carried_out(plan)
        except RefusedError as error:
            return Ended("refused", in_words(error), error.hint)
        except (AuroraError, OSError, TimeoutError) as error:
            return Ended("failed", in_words(error))
        except Exception as error:  # a fault of the remedy itself: told, and the next one comes
            log.exception("the remedy %s failed", self._remedy.name)
            return Ended("failed", f"a fault of the remedy itself: {type(error).__name__}: {error}")

    async def _carried_out(self, plan: Plan) -> Ended:
        self._on_start(plan)
        self._applying = True
        self._done = await _within(APPLY_S, self._remedy.apply(self._fault, self._yard), "carrying it out")
        if await self._helped(self._done):
            return Ended("worked", self._done.sentence)
        return await self._undone(f"{self._done.sentence}; it did not help")

    async def _helped(self, done: Done) -> bool:
        try:
            return await _within(
                VERIFY_S, self._remedy.verify(self._fault, done, self._yard), "looking whether it helped"
            )
        except (AuroraError, OSError, TimeoutError) as error:
            log.info("the verification of %s failed: %s", self._remedy.name, error)
            return False
        except Exception:  # a fault of the remedy itself must not leave behind what it did
            log.exception("the verification of %s failed", self._remedy.name)
            return False

    async def _undone(self, why: str, timeout_s: float = UNDO_S) -> Ended:
        done, self._done = self._done, None
        if done is None:
            return Ended("failed", why)
        try:
            await _within(timeout_s, self._remedy.undo(self._fault, done, self._yard), "undoing it")
        except (AuroraError, OSError, TimeoutError) as error:
            return Ended("undo_failed", f"{why}, and could not be undone: {in_words(error)}")
        except Exception as error:  # a fault of the remedy itself, told like any other
            log.exception("undoing %s failed", self._remedy.name)
            return Ended("undo_failed", f"{why}, and could not be undone: {type(error).__name__}: {error}")
        return Ended("undone", f"{why}; {self._remedy.undoes}")

    async def interrupted(self, why: str, *, leave_alone: bool, timeout_s: float = UNDO_AT_QUIT_S) -> Ended | None:
        """After a cancellation: undone within the time, or (`leave_alone`: nothing may be touched) only told.

        None when nothing had been done yet.
        """
        if not self._applying:
            return None
        if self._done is None:
            return Ended("failed", f"interrupted while it was carried out: {why}; look at what it had done by then")
        if leave_alone:
            return Ended("undo_failed", f"{self._done.sentence}; interrupted: {why}, so it was not undone")
        return await self._undone(f"{self._done.sentence}; interrupted: {why}", timeout_s)


def in_words(error: BaseException) -> str:
    """The three parts of an error of ours on one line, else what the system says."""
    if isinstance(error, AuroraError):
        return error.in_one_line
    return words(error)


async def _within(timeout_s: float, work: Awaitable[T], what: str) -> T:
    try:
        async with asyncio.timeout(timeout_s):
            return await work
    except TimeoutError as error:
        raise TimeoutError(f"{what} took longer than {timeout_s:g} s") from error
