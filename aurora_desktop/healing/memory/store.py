"""The failure memory: takes what happens on the loop's thread, answers from others."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import apsw
import msgspec

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.healing_events import RemedyOutcome
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.trouble import Trouble
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.memory import reading, writing
from aurora_desktop.healing.memory.answers import answer
from aurora_desktop.healing.memory.importing import Told, read_lines
from aurora_desktop.healing.memory.schema import MIGRATIONS
from aurora_desktop.healing.memory.signature import message_of, signature_of
from aurora_desktop.healing.memory.statistics import statistics
from aurora_desktop.healing.memory.writing import Attempt, Failure
from aurora_desktop.healing.view import FailurePlace, Imported, SearchAnswer, Statistics

__all__ = ["MIGRATIONS", "FailureMemory"]

MAX_GROUPS = 100
PRUNE_S = 6 * 3600.0
BETWEEN_PRUNES_S = 0.5
_DAY_S = 86_400.0

T = TypeVar("T")
log = logging.getLogger(__name__)


def _call_directly(function: Callable[[], None]) -> None:
    function()


class FailureMemory:
    """Implements `Memory`; all calls on the loop's thread. A disk that is full, or a file that is damaged, costs what
    could not be written and disturbs nobody: it is told once, until it works again.

    `publish` is called by way of `call_soon`, since it is the writer's thread that finds out.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        max_days: float,
        *,
        call_soon: Callable[[Callable[[], None]], object] = _call_directly,
    ) -> None:
        """Blocking: reads the last number. Raises apsw.Error."""
        self._database = database
        self._clock = clock
        self._max_days = max_days
        self._call_soon = call_soon
        self._trouble = Trouble(database.path, clock, publish, "the failure memory")
        self._news = asyncio.Event()
        # The highest of both, so that no attempt of a failure whose row was lost is taken for another's.
        [(last,)] = database.read(
            "SELECT coalesce(max(id), 0) FROM"
            " (SELECT max(id) AS id FROM failure UNION ALL SELECT max(failure) FROM failure_attempt)"
        )
        self._last_id = int(last)
        known = database.read("SELECT remedy, worked + failed, worked FROM failure_success WHERE worked + failed > 0")
        self._counts: dict[str, tuple[int, int]] = {remedy: (tried, worked) for remedy, tried, worked in known}

    @property
    def counts(self) -> Mapping[str, tuple[int, int]]:
        """How often each remedy was tried and worked, over everything, by its name; now."""
        return self._counts

    # --- what happens -----------------------------------------------------------------------------------------

    def remember(self, fault: Fault) -> Fault:
        """The same fault with its number and signature, now remembered."""
        self._last_id += 1
        known = msgspec.structs.replace(fault, failure_id=self._last_id, signature=signature_of(fault))
        failure = _failure(known)
        self._write(lambda db: writing.add_failure(db, failure))
        return known

    def tried(self, fault: Fault, remedy: str, outcome: RemedyOutcome, sentence: str, duration_s: float) -> None:
        """What was done about a fault that is remembered, and how it ended."""
        failure = _failure(fault)
        attempt = Attempt(
            remedy=remedy, at=self._clock.wall(), outcome=outcome, sentence=sentence, duration_s=duration_s
        )
        self._count(remedy, outcome)
        self._write(lambda db: writing.add_attempt(db, failure, attempt))

    def recovered(self, component: str, at: float, downtime_s: float) -> None:
        """The component is well again: the failures of this outage ended."""
        self._write(lambda db: writing.end_failures(db, component, at, downtime_s))

    # --- questions --------------------------------------------------------------------------------------------

    async def success_of(self, signature: str, remedies: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        """`{remedy: (worked, failed)}`; as if none was ever tried when the memory cannot be read."""
        try:
            return await asyncio.to_thread(reading.success_of, self._database.read, signature, remedies)
        except apsw.Error as error:
            log.warning("the failure memory cannot be asked what worked: %s", words(error))
            return dict.fromkeys(remedies, (0, 0))

    async def search(self, query: str, limit: int = 20, after: FailurePlace | None = None) -> SearchAnswer:
        """The failures that a question in words asks for. Raises AuroraError when the memory cannot be read."""
        limit = min(max(limit, 1), MAX_GROUPS)
        page = await self._read(lambda read: reading.groups(read, query, limit, after))
        return SearchAnswer(
            query=query[:1000],
            sentence=answer(query, page.groups, page.total, self._clock.wall()),
            groups=tuple(page.groups),
            total=page.total,
            next_cursor=str(page.last) if page.last is not None else "",
        )

    async def statistics(self) -> Statistics:
        """Raises AuroraError when the memory cannot be read."""
        return await self._read(lambda read: statistics(reading.remembered(read)))

    # --- earlier systems --------------------------------------------------------------------------------------

    async def import_failures(self, source: str, lines: Sequence[str]) -> Imported:
        """Remember what the lines of an earlier system's log tell; what is there already is not added again.

        `source`: the log's name. Raises AuroraError when the memory cannot be written.
        """
        told, skipped = await asyncio.to_thread(read_lines, source, lines, self._clock.wall())
        first_id = self._last_id + 1
        self._last_id += len(told)
        try:
            write = self._database.submit(lambda db: _add_told(db, told, first_id), GROUP_COMMIT_S)
            added = await asyncio.wrap_future(write)
        except (apsw.Error, OSError) as error:
            raise AuroraError(
                "The failures could not be remembered", words(error), "See `aurora status`; import the file again then"
            ) from error
        for one in added:
            if one.attempt is not None:
                self._count(one.attempt.remedy, one.attempt.outcome)
        return Imported(read=len(lines), imported=len(added), known=len(told) - len(added), skipped=skipped)

    # --- its rounds -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Forget what is too old, now and then; where nothing can be written, see whether it can again."""
        prune_at = self._clock.monotonic()
        while True:
            self._news.clear()
            if self._trouble.is_failing:
                self._write(_touch)
            elif self._clock.monotonic() >= prune_at:
                prune_at = self._clock.monotonic() + PRUNE_S
                await self._prune_or_say()
            wait_s = self._trouble.retry_s if self._trouble.is_failing else prune_at - self._clock.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), max(0.0, wait_s))

    async def _prune_or_say(self) -> None:
        try:
            await self._prune_all()
        except (apsw.Error, OSError) as error:
            log.warning("old failures could not be forgotten: %s", words(error))

    async def _prune_all(self) -> None:
        """In small portions: the same writer's thread serves those that have to adopt services later."""
        gone = await self.prune()
        while gone:
            await asyncio.sleep(BETWEEN_PRUNES_S)
            gone = await self.prune()

    async def prune(self) -> int:
        """Forget some of what is too old; how many rows went, 0 when nothing is left to forget. Raises apsw.Error."""
        before = self._clock.wall() - self._max_days * _DAY_S
        return await asyncio.wrap_future(self._database.submit(lambda db: writing.prune(db, before)))

    def apply(self, settings: Settings) -> None:
        self._max_days = settings.healing.memory_max_days

    # ----------------------------------------------------------------------------------------------------------

    def _count(self, remedy: str, outcome: RemedyOutcome) -> None:
        if outcome != "refused":
            tried, worked = self._counts.get(remedy, (0, 0))
            self._counts[remedy] = (tried + 1, worked + (outcome == "worked"))

    async def _read(self, work: Callable[[reading.Read], T]) -> T:
        try:
            return await asyncio.to_thread(work, self._database.read)
        except apsw.Error as error:
            raise AuroraError(
                "The failure memory cannot be read",
                f"{self._database.path}: {words(error)}",
                "Restart Aurora: a damaged file is then set aside and a new one begun.",
            ) from error

    def _write(self, work: Callable[[apsw.Connection], Any]) -> None:
        self._database.submit(work, GROUP_COMMIT_S).add_done_callback(self._written)

    def _written(self, write: "Future[Any]") -> None:
        """In the writer's thread."""
        error = write.exception()
        if error is not None or self._trouble.is_failing:
            self._call_soon(partial(self._took, error))

    def _took(self, error: BaseException | None) -> None:
        """An outage is told once, and its end; what could not be written meanwhile is not kept."""
        was_failing = self._trouble.is_failing
        if error is None:
            self._trouble.succeed(1, 0)
            return
        self._trouble.fail(error)
        if not was_failing:
            log.warning("the failure memory cannot be written: %s", error)
            self._news.set()


def _touch(db: apsw.Connection) -> None:
    """A write that changes nothing: page 1 is written anew."""
    db.pragma("user_version", int(str(db.pragma("user_version"))))


def _failure(fault: Fault) -> Failure:
    return Failure(
        id=fault.failure_id,
        at=fault.sighting.at,
        component=fault.component,
        kind=fault.kind,
        signature=fault.signature or signature_of(fault),
        sentence=fault.sentence,
        message=message_of(fault),
    )


def _add_told(db: apsw.Connection, told: Sequence[Told], first_id: int) -> list[Told]:
    """Those of them that were not there yet."""
    added = []
    for number, one in enumerate(told, first_id):
        failure = msgspec.structs.replace(one.failure, id=number)
        if not writing.add_failure(db, failure):
            continue
        added.append(one)
        if one.attempt is not None:
            writing.add_attempt(db, failure, one.attempt)
    return added
