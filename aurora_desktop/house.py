"""The house without its front: every part below the window, built once, in order, and taken down in reverse.

It runs on any asyncio loop; `app.py` gives it one, with or without Qt.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import apsw
from msgspec.structs import replace

from aurora_desktop import __version__
from aurora_desktop.api.files import remove_address
from aurora_desktop.backups.care import FirstAid
from aurora_desktop.core.bus import Bus
from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.ending import Ending
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import (
    AnyEvent,
    AuroraStarted,
    AuroraStopped,
    AuroraStopping,
    PartFailed,
    SettingsApplied,
    SettingsRefused,
)
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.settings.diff import Changes, changes
from aurora_desktop.core.settings.problems import Problem, SettingsError
from aurora_desktop.core.settings.watch import Applied, Refused, SettingsSource
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.journal import Journal
from aurora_desktop.core.storage.trouble import quarantined
from aurora_desktop.core.storage_events import BackupFailed, DamageFound
from aurora_desktop.desktop import systemd
from aurora_desktop.desktop.launch import check_replaceable
from aurora_desktop.desktop.shell_path import login_shell_path, needs_login_path
from aurora_desktop.desktop.shutdown_watch import ShutdownWatch
from aurora_desktop.healing.stalls.override import Override
from aurora_desktop.heartbeat.health import Health, assess
from aurora_desktop.heartbeat.own_problems import OwnProblems
from aurora_desktop.heartbeat.pulse import Pulse
from aurora_desktop.migrations import STATE_APPLICATION_ID, StateMigrations
from aurora_desktop.safety.in_force import InForce
from aurora_desktop.safety.latch import Latch
from aurora_desktop.safety.store import SafetyStore
from aurora_desktop.supervisor.engine import Supervisor
from aurora_desktop.supervisor.ledger import Ledger
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.tasks.address import token_file, workers_address
from aurora_desktop.tasks.workforce import worker_services

if TYPE_CHECKING:
    from aurora_desktop.api.context import ApiContext
    from aurora_desktop.api.local import LocalApi
    from aurora_desktop.backups.keeper import Keeper
    from aurora_desktop.backups.rebuilding import Settle
    from aurora_desktop.parts import Parts

SETTINGS_POLL_S = 1.0
PRUNE_S = 3600.0
SHUTDOWN_MARGIN_S = 2.5
"""What killing what is left, a hurried backup and the last records take of the time that the machine waits."""
API_CLOSE_S = 10.0
LAST_BACKUP_S = 20.0
"""What the end may wait for its backup: enough for a gigabyte on a quiet machine."""

log = logging.getLogger(__name__)


class House:
    """Everything that runs below the window. `open` builds, `begin` starts, `close` takes down.

    `environment` is passed on to the services; `own` is what speaks to systemd as ours alone.
    `on_furnished` is called once all parts are there; `front` brings the window to the front, once there is one.
    `is_replaced`: once it is closed, a successor follows in the same process.
    """

    def __init__(
        self,
        paths: StatePaths,
        source: SettingsSource,
        environment: Mapping[str, str],
        own: Mapping[str, str],
        mode: Literal["desktop", "headless"],
        stall_override: Override | None = None,
    ) -> None:
        """Blocking (the journal is opened); called with the loop that it is to run in already current."""
        self.paths = paths
        self.source = source
        self.mode = mode
        self._environment = environment
        self._own = own
        self._clock = SystemClock()
        self._began_at = self._clock.monotonic()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._quit = self._loop.create_future()
        self._ending = Ending()
        # Told before `begin`; None from then on.
        self._early: list[AnyEvent] | None = []
        settings = source.current()  # what may be held back concerns none of the following
        self._care = FirstAid(paths, settings.backups, self._clock.wall, self._settle_tasks)
        self._care.finish_restore()
        self.journal = Journal(
            paths,
            settings.journal,
            settings.logs,
            self._clock,
            on_trouble=self._publish,
            call_soon=self._call_soon,
            care=self._care,
        )
        self.bus = Bus(self.journal.open(), keeps_backlog=True)
        self.own_problems = OwnProblems(self._clock)
        self.pulse = Pulse(self.bus, self._clock, self._views, self.health, settings.heartbeat.interval_s)
        for reader in (self.journal.append, self.own_problems.read, self.pulse.read):
            self.bus.subscribe(reader)
        self._state = Database.open(
            paths.state_db, StateMigrations(), STATE_APPLICATION_ID, self._clock.wall, self._care
        )
        self._safety = SafetyStore(self._state)
        self._in_force = InForce(self._safety, self._clock, source.written())
        source.hold_back(self._in_force.want)
        settings = source.current()
        workers = worker_services(settings.tasks, workers_address(paths), token_file(paths))
        self.supervisor = Supervisor(
            replace(settings, services=settings.services | workers),
            clock=self._clock,
            ledger=Ledger(self._state),
            paths=paths,
            publish=self.bus.publish,
            environment=self._environment,
        )
        if Latch(paths.clearance, self._safety, self._clock).stopped_by:
            self.supervisor.latch("the emergency stop is latched")
        self._stall_override = stall_override or Override()
        self._parts: Parts | None = None
        self._backups: Keeper | None = None
        self._api: LocalApi | None = None
        self.on_furnished: Callable[[Parts], None] | None = None
        self.front: Callable[[], bool] | None = None
        self._shutdown_watch = ShutdownWatch(self._hear_of_shutdown)
        self.is_replaced = False
        self._left_to_successor = False
        self._is_closed = False

    # --- up ---------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Tell what was found, start the services, open the door, and keep the rounds going."""
        at = self._now()
        self._tell_what_was_found(
            AuroraStarted(at=at, component="aurora", version=__version__, pid=os.getpid(), mode=self.mode)
        )
        await self._take_over_login_path()
        await self.supervisor.begin()
        parts = await self._furnish()
        await self._open_door(parts)
        for rounds in (
            *parts.rounds(),
            self.pulse.run(),
            self._settings_rounds(),
            self._prune_rounds(),
            self._watchdog_rounds(),
            self._look_at_rows(),
        ):
            self._run(rounds)
        self._shutdown_watch.start()
        self.bus.forget_backlog()
        systemd.notify("READY=1", self._own)

    async def _furnish(self) -> "Parts":
        """The rest of the house. The services need not wait for its modules: they take as long as all before them."""
        await asyncio.to_thread(import_module, "aurora_desktop.parts")
        from aurora_desktop.parts import Parts

        self._parts = parts = Parts(
            self.paths,
            self.source,
            clock=self._clock,
            bus=self.bus,
            journal=self.journal,
            database=self._state,
            safety=self._safety,
            in_force=self._in_force,
            confirmed=self._put_in_force,
            supervisor=self.supervisor,
            environment=self._environment,
            mode=self.mode,
            call_soon=self._call_soon,
            stall_override=self._stall_override,
            backups=self._keeper(),
            health=self.health,
        )
        self.pulse.link = parts.link.view
        if self.on_furnished is not None:
            self.on_furnished(parts)
        return parts

    def _tell_what_was_found(self, *first: AnyEvent) -> None:
        early, self._early = self._early or [], None
        for event in (*first, *early):
            self._publish(event)
        if moved := self._state.quarantine:
            self._publish(quarantined(self._now(), moved))
        for trouble in self._care.troubles:
            self._publish(BackupFailed(at=self._now(), component="aurora", detail=trouble))

    def _settle_tasks(self, at: float) -> "Settle":
        """Asked for when a backup is restored at the start; the journal is open by then."""
        from aurora_desktop.tasks.restored import settle

        moved = self.journal.quarantine
        is_whole = moved is None or (moved.rescued is not None and not moved.rescued.lost)
        return settle(self.paths.journal, at, is_whole=is_whole)

    async def _take_over_login_path(self) -> None:
        """A program started by the tray's session or systemd lacks the PATH that the operator's shell has."""
        if not needs_login_path(self._environment):
            return
        path = await asyncio.to_thread(login_shell_path)
        if path:
            self.supervisor.set_path(path)

    async def _open_door(self, parts: "Parts") -> None:
        await asyncio.to_thread(import_module, "aurora_desktop.api.local")
        from aurora_desktop.api.local import LocalApi

        self._api = LocalApi(self._api_context(parts))
        try:
            await self._api.start()
        except AuroraError as error:
            detail = f"{error.title}: {error.detail}. {error.hint}"
            self._publish(PartFailed(at=self._now(), component="aurora", detail=detail))

    def _api_context(self, parts: "Parts") -> "ApiContext":
        from aurora_desktop.api.context import ApiContext

        return ApiContext(
            supervisor=self.supervisor,
            health=self.health,
            heartbeat=lambda: self.pulse.last,
            bus=self.bus,
            since=self.journal.since,
            paths=self.paths,
            settings=self.source.current,
            raise_window=self._raise_window,
            quit=self.quit,
            restart=self.restart,
            started_at=self._began_at,
            mode=self.mode,
            database=self._state,
            control=parts.brake.control,
            input=parts.brake.input,
            healing=parts.healer,
            alerts=parts.alerts,
            tasks=parts.tasks,
            link=parts.link,
        )

    # --- what it is -------------------------------------------------------------------------------------------

    def health(self) -> Health:
        """The health of the whole, now."""
        of_parts = self._parts.problems() if self._parts is not None else ()
        problems = (*self.own_problems.current(), *of_parts)
        return assess(self._views(), problems, paused=self.supervisor.paused)

    def _views(self) -> tuple[ServiceView, ...]:
        return self.supervisor.views()

    def refused(self, error: SettingsError) -> None:
        """The file was refused at the start already: the last good settings are in force."""
        self._tell_refused(error.problems)

    # --- down -------------------------------------------------------------------------------------------------

    def quit(self, reason: str) -> None:
        """Begin the ordered stop; returns at once. Asked again, it kills what is still there."""
        if not self._quit.done():
            self._quit.set_result(reason)
        elif self._is_closed:
            return  # Qt says so, too, once the loop that ran in it has come to its end
        elif self.is_replaced:
            self.is_replaced = False
        else:
            self._ending.hurry()
            self.supervisor.hurry()
            self._keeper().hurry()

    def restart(self, reason: str) -> None:
        """Begin to make room for a successor in this process, which takes over the services; returns at once.

        Raises AuroraError where none could follow.
        """
        check_replaceable()
        if not self._quit.done():
            self.is_replaced = True
            self._quit.set_result(reason)

    def _hear_of_shutdown(self, delay_s: float) -> None:
        """In the thread of the watch."""
        self._call_soon(partial(self._machine_goes, delay_s))

    def _machine_goes(self, delay_s: float) -> None:
        """It waits for us so long; before that is over, what is left is shortened, but not at once."""
        if not self._quit.done() or self.is_replaced:  # no successor could begin any more
            self.quit("the machine shuts down")
        self._loop.call_later(max(0.0, delay_s - SHUTDOWN_MARGIN_S), self.quit, "the machine shuts down")

    def _restart_if_possible(self, reason: str) -> None:
        """By Aurora itself: where none could follow, this one goes on."""
        try:
            self.restart(reason)
        except AuroraError as error:
            log.warning("%s: %s", error.title, error.detail)

    async def quit_requested(self) -> str:
        """The reason, once somebody asked to quit."""
        return str(await self._quit)

    async def close(self, reason: str) -> None:
        """Stop the services in order (or leave them, as set), close the door, write the last records."""
        systemd.notify("RELOADING=1" if self.is_replaced else "STOPPING=1", self._own)
        self._publish(AuroraStopping(at=self._now(), component="aurora", reason=reason))
        if self.is_replaced:
            await self._back_up(f"before a new start: {reason}")  # while the services are still looked after
        if self._parts is not None:
            await self._parts.close_first(self._ending)
        self._left_to_successor = self.is_replaced
        leave = self._left_to_successor or self.source.current().supervisor.on_quit == "leave"
        if self._parts is not None:
            self._parts.tasks.quits(leave=leave)
        try:
            await self.supervisor.end(leave=leave)
        except Exception:  # what was written so far is to be kept, whatever became of the services
            log.exception("the services could not be stopped in order; the next start finds them")
        if self._parts is not None:
            await self._parts.close_last(self._ending)
        for task in tuple(self._tasks):
            task.cancel()
        if self._api is not None:
            await self._ending.end("the local API", self._api.stop(), API_CLOSE_S)
        if not self._left_to_successor:
            await self._back_up(f"at quit: {reason}")
        uptime_s = round(self._clock.monotonic() - self._began_at, 1)
        self._publish(AuroraStopped(at=self._now(), component="aurora", reason=reason, uptime_s=uptime_s))
        await asyncio.to_thread(self.journal.close)
        await asyncio.to_thread(self._state.close)
        self._shutdown_watch.close()
        self._is_closed = True

    def _keeper(self) -> "Keeper":
        """Who makes the backups; a house that only ends what was left to it has one too, for the last of them."""
        from aurora_desktop.backups.keeper import Keeper

        if self._backups is None:
            self._backups = Keeper(
                self.paths,
                self.source.current().backups,
                clock=self._clock,
                publish=self.bus.publish,
                restart=self._restart_if_possible,
                checkpoint=self._checkpoint,
            )
        return self._backups

    async def _back_up(self, reason: str) -> None:
        """The last state, with all that was told so far."""
        await asyncio.to_thread(self.journal.flush)
        await self._keeper().make_last(reason[:200], LAST_BACKUP_S)

    async def _checkpoint(self) -> None:
        for moving in (self._state.checkpoint(), self.journal.checkpoint()):
            if moving is not None:
                await asyncio.wrap_future(moving)

    @property
    def owes_an_end(self) -> bool:
        """Whether the services were left to a successor that is not to come: it was asked to quit after that."""
        return self._left_to_successor and not self.is_replaced

    def abandon(self) -> None:
        """Let go of everything without a loop; the services run on, to be taken over."""
        self.supervisor.disown()
        self._shutdown_watch.close()
        if self._parts is not None:
            self._parts.abandon()
        remove_address(self.paths)
        self.journal.close()
        self._state.close()

    async def succeed_to_end(self, reason: str) -> None:
        """Take over from a house that was abandoned, and only stop everything in order."""
        self._tell_what_was_found()
        await self.supervisor.take_over()
        await self.close(reason)

    # --- rounds -----------------------------------------------------------------------------------------------

    async def _settings_rounds(self) -> None:
        while True:
            await asyncio.sleep(SETTINGS_POLL_S)
            match await self.source.poll():
                case Applied(old=old, new=new):
                    self._apply(changes(old, new))
                case Refused(problems=problems):
                    self._tell_refused(problems)

    def _tell_refused(self, problems: Sequence[Problem]) -> None:
        told = tuple(str(problem) for problem in problems)
        path = str(self.source.path)
        self._publish(SettingsRefused(at=self._now(), component="aurora", path=path, problems=told))

    def _put_in_force(self) -> None:
        """The operator confirmed what waited."""
        applied = self.source.look_again()
        self._apply(changes(applied.old, applied.new))

    def _apply(self, difference: Changes) -> None:
        settings = self.source.current()
        if self._parts is not None:
            self._parts.apply(settings)
        self.pulse.interval_s = settings.heartbeat.interval_s
        self.journal.configure(settings.journal, settings.logs)
        self._publish(
            SettingsApplied(
                at=self._now(),
                component="aurora",
                path=str(self.source.path),
                added=difference.added,
                changed=difference.changed,
                removed=difference.removed,
                waiting=self._in_force.pending(),
            )
        )
        keep_last_good(self.paths, self.source.path)

    async def _look_at_rows(self) -> None:
        """Once: a row that nobody understands is told, for whoever reads it passes it over."""
        await asyncio.to_thread(import_module, "aurora_desktop.state_rows")
        from aurora_desktop.state_rows import in_words, misread

        found = await asyncio.to_thread(misread, self._state.read)
        if not found:
            return
        remedy = "it is left as it is, and passed over; `aurora backup restore` goes back to an earlier state"
        path, detail = str(self.paths.state_db), in_words(found)
        self._publish(DamageFound(at=self._now(), component="aurora", path=path, detail=detail, remedy=remedy))

    async def _prune_rounds(self) -> None:
        while True:
            try:
                await asyncio.wrap_future(self.journal.prune())
            except (OSError, apsw.Error) as error:
                log.warning("old events could not be removed: %s", words(error))
            await asyncio.sleep(PRUNE_S)

    async def _watchdog_rounds(self) -> None:
        """Under systemd's watchdog: tell it that this loop runs."""
        interval_s = systemd.watchdog_interval_s(self._own)
        while interval_s is not None:
            systemd.notify("WATCHDOG=1", self._own)
            await asyncio.sleep(interval_s)

    # --- small change -----------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._part_ended)

    def _part_ended(self, task: "asyncio.Task[None]") -> None:
        """No part ends in silence."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of Aurora failed", exc_info=error)
            detail = f"a part of Aurora failed: {type(error).__name__}: {error}"
            self._publish(PartFailed(at=self._now(), component="aurora", detail=detail))

    def _publish(self, event: AnyEvent) -> None:
        if self._early is not None:
            self._early.append(event)
        else:
            self.bus.publish(event)

    def _call_soon(self, call: Callable[[], None]) -> object:
        with contextlib.suppress(RuntimeError):  # the loop has closed: the last records are being written
            return self._loop.call_soon_threadsafe(call)
        return None

    def _now(self) -> float:
        return self._clock.wall()

    def _raise_window(self) -> bool:
        return self.front is not None and self.front()


def last_good_copy(paths: StatePaths, source_path: Path) -> Path:
    """Where the copy of the last accepted settings lies; same ending, since JSON is told by it."""
    return paths.last_good_settings.with_suffix(source_path.suffix)


def keep_last_good(paths: StatePaths, source_path: Path) -> None:
    """Copy the accepted file into the state dir, for a start with a file that is refused."""
    with contextlib.suppress(OSError):
        replace_content(last_good_copy(paths, source_path), source_path.read_bytes())
