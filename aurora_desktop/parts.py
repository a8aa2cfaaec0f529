"""What the house gets once its services are begun: brake, alerts, healing, tasks, backups and link, built in order.

A module of its own, so that nothing of it is imported before the services run.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Literal

import apsw
from msgspec.structs import replace

from aurora_desktop.backups.keeper import Keeper
from aurora_desktop.brake import Brake
from aurora_desktop.core.bus import Bus
from aurora_desktop.core.clock import Clock
from aurora_desktop.core.ending import Ending
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, PartFailed
from aurora_desktop.core.link_events import LinkMessageReceived
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_tasks import CliAgent
from aurora_desktop.core.settings.watch import SettingsSource
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.journal import Journal
from aurora_desktop.healing.alerts.alerts import Alerts
from aurora_desktop.healing.healer import Healer
from aurora_desktop.healing.stalls.override import Override
from aurora_desktop.heartbeat.health import Health, Problem
from aurora_desktop.heartbeat.part_problems import (
    of_alerts,
    of_backups,
    of_control,
    of_healing,
    of_link,
    of_tasks,
)
from aurora_desktop.link.surroundings import Surroundings
from aurora_desktop.link.switch import LinkSwitch
from aurora_desktop.safety.in_force import InForce
from aurora_desktop.safety.store import SafetyStore
from aurora_desktop.supervisor.engine import Supervisor
from aurora_desktop.tasks.coordinator import Coordinator, Helpers
from aurora_desktop.tasks.from_messages import MessageTasks
from aurora_desktop.tasks.input_tasks import InputTasks
from aurora_desktop.tasks.records.keeping import RecordKeeping
from aurora_desktop.tasks.records.logs import Queue
from aurora_desktop.tasks.verification import Checked, Verification

BRAKE_CLOSE_S = 5.0
PART_CLOSE_S = 15.0
"""More than any of them gives itself."""
MESSAGES_LOOKED_AT = 5000

log = logging.getLogger(__name__)


class Parts:
    """Each reads the stream from its first event on; `rounds` go on for ever; `close` comes before the services end."""

    def __init__(
        self,
        paths: StatePaths,
        source: SettingsSource,
        *,
        clock: Clock,
        bus: Bus,
        journal: Journal,
        database: Database,
        safety: SafetyStore,
        in_force: InForce,
        confirmed: Callable[[], object],
        supervisor: Supervisor,
        environment: Mapping[str, str],
        mode: Literal["desktop", "headless"],
        call_soon: Callable[[Callable[[], None]], object],
        stall_override: Override,
        backups: Keeper,
        health: Callable[[], Health],
    ) -> None:
        """Blocking: reads what was kept; called with the loop already current."""
        settings = source.current()
        publish: Callable[[AnyEvent], object] = bus.publish
        self.brake = Brake(
            paths,
            source.path,
            settings,
            clock=clock,
            publish=publish,
            state=database,
            store=safety,
            in_force=in_force,
            confirmed=confirmed,
            supervisor=supervisor,
            environment=environment,
            mode=mode,
        )
        self.alerts = Alerts(settings, clock=clock, publish=publish, database=database, secrets_folder=paths.secrets)
        self.healer = Healer(
            settings,
            paths,
            clock=clock,
            publish=publish,
            call_soon=call_soon,
            database=database,
            supervisor=supervisor,
            environment=environment,
            config_folder=source.path.parent,
            set_option=source.set_option,
            prune=lambda: asyncio.wrap_future(journal.prune()),
            recent=lambda limit: journal.recent(limit, recovery_only=True, component="machine"),
            stall_override=stall_override,
        )
        self.backups = backups
        self._clock, self._publish, self._supervisor, self._database = clock, publish, supervisor, database
        self._verification = Verification(supervisor.table, clock, publish)
        self.tasks = Coordinator(
            settings.tasks,
            paths,
            clock=clock,
            publish=publish,
            database=database,
            workforce=supervisor,
            helpers=Helpers(self._verify, InputTasks(self.brake.input, clock)),
        )
        self.tasks.on_services_changed = lambda: self._tell_supervisor(source.current())
        backend = self.tasks.book.backend
        queue = Queue(self.tasks.book.here, backend.finished, backend.texts, self._state_settled)
        self._task_records = RecordKeeping(paths, source.current, clock=clock, publish=publish, queue=queue)
        self._source, self._health = source, health
        self.link = LinkSwitch(
            settings.link,
            Surroundings(
                clock=clock,
                publish=publish,
                database=database,
                secrets_folder=paths.secrets,
                tasks=MessageTasks(self.tasks, source.current),
                journal=_ToldMessages(journal),
                shared=self._shared,
            ),
        )
        for reader in (self.brake.read, self.alerts.read, self.healer.read, self.tasks.read, self._task_records.read):
            bus.subscribe(reader)
        self._open_to_workers()

    def _open_to_workers(self) -> None:
        try:
            self.tasks.open()
        except AuroraError as error:
            detail = f"{error.title}: {error.detail}. {error.hint}"
            self._publish(PartFailed(at=self._clock.wall(), component="aurora", detail=detail))

    async def _verify(self, name: str, agent: CliAgent) -> Checked:
        return await self._verification.check(name, agent, self._supervisor.tending.inherited())

    def _tell_supervisor(self, settings: Settings) -> None:
        """What the supervisor has: the operator's services, and the workers."""
        services = settings.services | self.tasks.services(settings.tasks)
        self._supervisor.apply(replace(settings, services=services))

    def _shared(self) -> tuple[str, str]:
        """What the server at the other end of the link may be told: what is done here, and how it is."""
        share = self._source.current().link.share
        task = thought = ""
        if share.tasks:
            at_work = self.tasks.tasks(limit=200, statuses=("queued", "leased", "running"))
            task = f"{sum(t.status == 'running' for t in at_work)} tasks run, {len(at_work)} are open"
        if share.health:
            health = self._health()
            thought = f"{health.verdict}: {health.sentence}"
        return task, thought

    async def _state_settled(self) -> None:
        """Once what was written to the state until now is on the disk, or cannot be."""
        with contextlib.suppress(apsw.Error):
            await asyncio.wrap_future(self._database.submit(lambda _: None))

    def rounds(self) -> tuple[Coroutine[None, None, None], ...]:
        """What is to be run as tasks: one that fails ends no other."""
        of_tasks = (*self.tasks.rounds(), *self._task_records.rounds())
        of_others = (*self.backups.rounds(), self.link.run())
        return (self.brake.begin(), self.alerts.run(), *self.healer.rounds(), *of_tasks, *of_others)

    def apply(self, settings: Settings) -> None:
        """Changed settings, also for the supervisor."""
        self._tell_supervisor(settings)
        self.tasks.apply(settings.tasks)
        self._task_records.configure(settings.logs)
        self.brake.apply(settings)
        self.alerts.apply(settings)
        self.healer.apply(settings)
        self.backups.apply(settings.backups)
        self.link.apply(settings.link)

    def problems(self) -> tuple[Problem, ...]:
        """What keeps them from being well, now."""
        return (
            *of_control(self.brake.control.view()),
            *of_alerts(self.alerts.view()),
            *of_healing(self.healer.troubles()),
            *of_tasks(self.tasks.troubles()),
            *of_backups(self.backups.view()),
            *of_link(self.link.view()),
        )

    async def close_first(self, ending: Ending) -> None:
        """What ends before the services, the brake above all: whatever becomes of it, they are stopped in order."""
        self.tasks.quits(leave=True)  # nothing new is begun from now on; what becomes of the rest is decided later
        try:
            async with asyncio.timeout(BRAKE_CLOSE_S):
                await self.brake.close()
        except Exception:  # a fault of ours there must not keep the services running
            log.exception("the brake could not be taken down in order; the guard ends what is left of it")
        await ending.end("healing", self.healer.close(), PART_CLOSE_S)
        await ending.end("the link", self.link.close(), PART_CLOSE_S)

    async def close_last(self, ending: Ending) -> None:
        """Write down how the workers ended."""
        await ending.end("the queue of tasks", self.tasks.close(), PART_CLOSE_S)
        await ending.end("the records of tasks", self._task_records.close(), PART_CLOSE_S)

    def abandon(self) -> None:
        """Let go of everything without a loop."""
        self.brake.abandon()
        self._task_records.abandon()


class _ToldMessages:
    """What the link asks of the journal, beside the loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def has_told(self, message_ids: set[str]) -> set[str]:
        """Among the newest events of the link: what was told just before Aurora ended."""
        records = await asyncio.to_thread(self._journal.recent, MESSAGES_LOOKED_AT, component="link")
        told = {r.event.message_id for r in records if isinstance(r.event, LinkMessageReceived)}
        return told & message_ids

    async def settled(self) -> bool:
        return await asyncio.to_thread(self._journal.flush)
