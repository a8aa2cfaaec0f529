"""Backups as a part of the running house: by interval and at the end, the slow look for damage, what is told."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path

import apsw

from aurora_desktop.backups import scrub
from aurora_desktop.backups.asking import ask, ask_at_once
from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.backups.keeping import Rule
from aurora_desktop.backups.messages import DATABASES, Failed, Made, Request
from aurora_desktop.backups.scrub import Damage
from aurora_desktop.backups.view import BackupsView
from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema_backups import BackupSettings
from aurora_desktop.core.storage.opening import found_damaged
from aurora_desktop.core.storage_events import BackupFailed, BackupMade, DamageFound

LOOK_S = 30.0
FIRST_S = 120.0
"""The start of a session has better things to do."""
RETRY_S = 600.0
HURRIED_S = 1.5
"""For the last one, once somebody is in a hurry: enough for some megabytes."""
LONGEST_S = 600.0
"""A gigabyte takes 20 s."""
OVERDUE_INTERVALS = 3.0
SLOWEST_STEP_S = 1.0
_STEP_BYTES = 128 * 1024
_COMPONENT = "aurora"

log = logging.getLogger(__name__)


def due_in_s(now: float, last_at: float | None, interval_s: float) -> float:
    """Seconds until the next backup, by the wall clock; one that lies in the future counts as never made."""
    if last_at is None or last_at > now:
        return 0.0
    return max(0.0, last_at + interval_s - now)


def folders(paths: StatePaths, settings: BackupSettings) -> tuple[BackupFolder, ...]:
    """Its own, and the second if one is set."""
    second = [Path(settings.path).expanduser()] if settings.path else []
    return tuple(BackupFolder(folder, paths.digest) for folder in (paths.backups, *second))


def request(paths: StatePaths, settings: BackupSettings, reason: str, at: float) -> Request:
    """What is asked of the process that makes one."""
    second = str(Path(settings.path).expanduser()) if settings.path else ""
    rule = Rule(settings.keep_hourly, settings.keep_daily, settings.keep_weekly, int(settings.max_bytes))
    return Request(str(paths.root), str(paths.backups), second, reason, rule, at)


class Keeper:
    """`restart` is called with a reason when a database is damaged: the next start repairs it.

    `checkpoint` moves the write-ahead logs into their files.
    """

    def __init__(
        self,
        paths: StatePaths,
        settings: BackupSettings,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        restart: Callable[[str], object],
        checkpoint: Callable[[], Awaitable[object]],
    ) -> None:
        self._paths, self._settings = paths, settings
        self._clock, self._publish, self._restart = clock, publish, restart
        self._checkpoint = checkpoint
        self._last_at: float | None = None
        self._began_at = clock.monotonic()
        self._failed_at: float | None = None
        self._failure: Failed | None = None
        self._trouble = ""
        self._damaged: dict[Path, str] = {}
        self._making: asyncio.Task[Made | Failed] | None = None
        self._is_hurried = False

    def apply(self, settings: BackupSettings) -> None:
        """From the next look on."""
        self._settings = settings

    def rounds(self) -> tuple[Coroutine[None, None, None], ...]:
        """What is to be run as tasks."""
        return (self._backup_rounds(), self._scrub_rounds())

    def view(self) -> BackupsView:
        """How it stands, now."""
        if not self._settings.enabled:
            return BackupsView(enabled=False)
        failure = self._failure
        return BackupsView(
            enabled=True,
            last_at=self._last_at,
            failing=failure.detail if failure else "",
            hint=failure.hint if failure else "",
            trouble=self._trouble,
            damaged=next(iter(self._damaged.values()), ""),
            overdue_s=self._overdue_s(),
        )

    async def make(self, reason: str, timeout_s: float = LONGEST_S) -> Made | Failed:
        """One backup now; it is told, and never raises."""
        under_way = self._making
        if under_way is not None and not under_way.done():
            await asyncio.wait((under_way,))
            if not under_way.cancelled():
                return under_way.result()
        at = self._clock.wall()
        making = asyncio.ensure_future(self._ask(request(self._paths, self._settings, reason, at), timeout_s))
        self._making = making
        try:
            outcome = await making
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise  # it is the caller that was cancelled, and not the backup alone
            outcome = Failed("The backup was broken off", "there was no time for it", "")
        finally:
            self._making = None
        self._tell(outcome, reason, at)
        return outcome

    async def _ask(self, request: Request, timeout_s: float) -> Made | Failed:
        # What the write-ahead logs hold from now on is younger than the backup: should one of them break, what can be
        # read of it is never older.
        with contextlib.suppress(apsw.Error, OSError):
            await self._checkpoint()
        return await ask(request, timeout_s)

    def hurry(self) -> None:
        """Break off the one that is being made: what is half-made has no name, and goes. The last one gets no time."""
        self._is_hurried = True
        if self._making is not None:
            self._making.cancel()

    async def make_last(self, reason: str, timeout_s: float) -> None:
        """At the end, if backups are wanted. The time is for the one that is under way as well."""
        if not self._settings.enabled:
            return
        deadline = self._clock.monotonic() + timeout_s
        try:
            await self._break_off(timeout_s)
            left_s = deadline - self._clock.monotonic()
            await self.make(reason, HURRIED_S if self._is_hurried else max(HURRIED_S, left_s))
        except Exception:  # a fault of ours here must not keep the state from being closed
            log.exception("the last backup could not be made")

    async def _break_off(self, patience_s: float) -> None:
        """One that is under way may end; what is asked for now must be younger."""
        under_way = self._making
        if under_way is None or under_way.done():
            return
        _, late = await asyncio.wait((under_way,), timeout=patience_s)
        if late:
            under_way.cancel()
            await asyncio.wait(late)

    # --- rounds -----------------------------------------------------------------------------------------------

    async def _backup_rounds(self) -> None:
        self._last_at = await asyncio.to_thread(self._newest)
        await asyncio.sleep(FIRST_S)
        while True:
            if self._is_due():
                await self.make("by interval")
            await asyncio.sleep(LOOK_S)

    def _newest(self) -> float | None:
        good = BackupFolder(self._paths.backups, self._paths.digest).good()
        return good[0][1].at if good else None

    def _is_due(self) -> bool:
        if not self._settings.enabled:
            return False
        if self._failed_at is not None and self._clock.monotonic() - self._failed_at < RETRY_S:
            return False
        return not due_in_s(self._clock.wall(), self._last_at, self._settings.interval_s)

    async def _scrub_rounds(self) -> None:
        while True:
            await asyncio.sleep(FIRST_S)
            if self._settings.enabled:
                await self._scrub()

    async def _scrub(self) -> None:
        """All of it once, spread over its interval."""
        folder = BackupFolder(self._paths.backups, self._paths.digest)
        self._damaged.clear()
        looks = [scrub.pages(self._paths.root / name) for name in DATABASES] + [scrub.backups(folder, _STEP_BYTES)]
        size = await asyncio.to_thread(self._size)
        pace_s = min(SLOWEST_STEP_S, self._settings.scrub_interval_s * _STEP_BYTES / max(size, 1))
        began_at = self._clock.monotonic()
        for look in looks:
            await self._follow(look, pace_s)
        await asyncio.sleep(max(0.0, self._settings.scrub_interval_s - (self._clock.monotonic() - began_at)))

    async def _follow(self, look: Iterator[Damage | None], pace_s: float) -> None:
        end = object()
        while (found := await asyncio.to_thread(next, look, end)) is not end:
            if isinstance(found, Damage):
                self.found(found)
            await asyncio.sleep(pace_s)

    def _size(self) -> int:
        with contextlib.suppress(OSError):
            of_state = sum((self._paths.root / name).stat().st_size for name in DATABASES)
            return of_state + sum(
                m.packed_bytes for _, m in BackupFolder(self._paths.backups, self._paths.digest).good()
            )
        return 0

    # --- telling ----------------------------------------------------------------------------------------------

    def found(self, damage: Damage) -> None:
        """A damaged database is repaired by a start, which leaves the services running; a backup is only told."""
        at = self._clock.wall()
        path = str(damage.path)
        if damage.is_backup:
            remedy = "it is not used for a repair; the others are"
            self._damaged[damage.path] = f"{damage.path.name}: {damage.detail}"
            self._publish(DamageFound(at=at, component=_COMPONENT, path=path, detail=damage.detail, remedy=remedy))
            return
        remedy = "Aurora starts anew and repairs it; the services run on"
        self._publish(DamageFound(at=at, component=_COMPONENT, path=path, detail=damage.detail, remedy=remedy))
        with contextlib.suppress(OSError):
            found_damaged(damage.path).write_text(f"damaged: {damage.detail}, found while it was in use", "utf-8")
        self._restart(f"{damage.path.name} is damaged: {damage.detail}")

    def _tell(self, outcome: Made | Failed, reason: str, at: float) -> None:
        now = self._clock.wall()
        if isinstance(outcome, Made):
            self._last_at, self._failure, self._failed_at, self._trouble = at, None, None, outcome.trouble
            self._publish(
                BackupMade(
                    at=now, component=_COMPONENT, backup_id=outcome.id, reason=reason, size_bytes=outcome.bytes,
                    duration_s=outcome.duration_s, trouble=outcome.trouble,
                )
            )  # fmt: skip
            return
        is_new = self._failure is None
        self._failure, self._failed_at = outcome, self._clock.monotonic()
        if is_new:
            detail = f"{outcome.title}: {outcome.detail}"
            self._publish(BackupFailed(at=now, component=_COMPONENT, detail=detail, hint=outcome.hint))
        if outcome.damaged:
            self.found(Damage(self._paths.root / outcome.damaged, outcome.detail, is_backup=False))

    def _overdue_s(self) -> float:
        """Beyond a few intervals without one, counted from the start at the earliest."""
        now = self._clock.wall()
        ran_s = self._clock.monotonic() - self._began_at
        since_s = ran_s if self._last_at is None or self._last_at > now else min(ran_s, now - self._last_at)
        return max(0.0, since_s - OVERDUE_INTERVALS * self._settings.interval_s)


def before_migration(paths: StatePaths, settings: BackupSettings, at: float) -> Callable[[int], str]:
    """Makes a backup of the file as it is; why there is none, or "". For a start: blocking."""

    def make(version: int) -> str:
        if not settings.enabled:
            return ""
        outcome = ask_at_once(request(paths, settings, f"before the migration from version {version}", at), LONGEST_S)
        return "" if isinstance(outcome, Made) else f"{outcome.title}: {outcome.detail}"

    return make
