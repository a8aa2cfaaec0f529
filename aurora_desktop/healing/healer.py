"""All of healing put together: one reader of the stream, one face for the window, the door and the command."""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AGENT_PREFIX, SERVICE_PREFIX, AnyEvent, Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.ladder import store as ladder_store
from aurora_desktop.healing.machine import machine_store
from aurora_desktop.healing.machine.part import MachinePart
from aurora_desktop.healing.machine.tuning import SetOption
from aurora_desktop.healing.memory import store as memory_store
from aurora_desktop.healing.memory.store import FailureMemory
from aurora_desktop.healing.remedies import store as remedy_store
from aurora_desktop.healing.remedies.builtin import FAULT_KINDS, remedies_with
from aurora_desktop.healing.remedies.builtin.known_good import KnownGood
from aurora_desktop.healing.remedies.engine import RemedyEngine
from aurora_desktop.healing.remedies.gated import GatedFixes
from aurora_desktop.healing.remedies.kinds import KindRegistry
from aurora_desktop.healing.stalls.override import Override
from aurora_desktop.healing.stalls.watch import StallWatch
from aurora_desktop.healing.supervised_yard import SupervisedYard
from aurora_desktop.healing.view import (
    AgentView,
    Checked,
    EscalationView,
    FailurePlace,
    HealingView,
    Imported,
    MachineAction,
    RemedyTrial,
    RemedyView,
    SearchAnswer,
    Statistics,
)
from aurora_desktop.supervisor.engine import Supervisor

MIGRATIONS = (
    *machine_store.MIGRATIONS,
    *memory_store.MIGRATIONS,
    *remedy_store.MIGRATIONS,
    *ladder_store.MIGRATIONS,
)
_MACHINE_HISTORY = 200


class Healer:
    """Implements `HealingFace`. `read` is a reader of the bus; `rounds` go on for ever; `close` comes before the quit.

    `recent(limit)` answers the newest events of the machine from the journal; `prune` prunes it.
    """

    def __init__(
        self,
        settings: Settings,
        paths: StatePaths,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        call_soon: Callable[[Callable[[], None]], object],
        database: Database,
        supervisor: Supervisor,
        environment: Mapping[str, str],
        config_folder: Path,
        set_option: SetOption,
        prune: Callable[[], Awaitable[int]],
        recent: Callable[[int], list[Record]],
        stall_override: Override,
    ) -> None:
        """Blocking: reads what was kept."""
        self._settings = settings
        self._supervisor = supervisor
        self._environment = environment
        self._memory = FailureMemory(database, clock, publish, settings.healing.memory_max_days, call_soon=call_soon)
        self._yard = SupervisedYard(supervisor.tending, clock)
        self._known_good = KnownGood(settings, clock, paths.known_good)
        self._engine = RemedyEngine(
            settings,
            clock=clock,
            publish=publish,
            yard=self._yard,
            tending=supervisor.tending,
            memory=self._memory,
            store=remedy_store.RemedyStore(database),
            gate=GatedFixes(paths.fixes),
            kinds=KindRegistry(FAULT_KINDS),
            remedies=remedies_with(self._known_good, lambda: self._machine.infrastructure.clean_up()),
        )
        self._stalls = StallWatch(
            settings,
            clock=clock,
            publish=publish,
            services=supervisor,
            store=ladder_store.LadderStore(database),
            memory=self._memory,
            config_folder=config_folder,
            environment_of=self._environment_of,
            override=stall_override,
        )
        self._machine = MachinePart(
            settings,
            paths,
            database,
            clock=clock,
            publish=publish,
            supervisor=supervisor,
            restart=self._yard.restart,
            prune=prune,
            set_option=set_option,
        )
        self._machine.remember(recent(_MACHINE_HISTORY))
        self._readers = (
            self._yard.read,
            self._known_good.read,
            self._engine.read,
            self._stalls.read,
            self._machine.read,
        )

    # --- its life ---------------------------------------------------------------------------------------------

    def rounds(self) -> tuple[Coroutine[None, None, None], ...]:
        """The endless loops, to be run as tasks once the services were begun: one that fails ends no other."""
        own = (self._engine, self._memory, self._known_good, self._stalls)
        return (*(part.run() for part in own), *self._machine.rounds())

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        for read in self._readers:
            read(record)

    def apply(self, settings: Settings) -> None:
        """Changed settings, once the supervisor has them."""
        self._settings = settings
        for part in (self._known_good, self._engine, self._memory, self._stalls, self._machine):
            part.apply(settings)

    async def close(self) -> None:
        """Aurora quits: what is half done is undone, or told."""
        await self._engine.close()

    # --- what it shows ----------------------------------------------------------------------------------------

    def view(self) -> HealingView:
        return self._view(self._stalls.views())

    async def view_apart(self) -> HealingView:
        agents = await asyncio.to_thread(self._stalls.views)
        return self._view(agents)

    def _view(self, agents: tuple[AgentView, ...]) -> HealingView:
        infrastructure, foresight = self._machine.infrastructure, self._machine.foresight
        return HealingView(
            enabled=self._settings.healing.enabled,
            agents=agents,
            offers=self._engine.offers(),
            escalations=self.escalations(),
            machine=infrastructure.views(),
            permissions=infrastructure.permissions(),
            predictions=foresight.views(),
            proposals=self._machine.tuner.proposals(),
            predictions_made=foresight.made,
            predictions_false=foresight.false,
        )

    def troubles(self) -> HealingView:
        """Of the view what is wrong, or waits for the operator: quick, for it goes into the health of the whole."""
        return HealingView(
            agents=self._stalls.stuck(),
            offers=self._engine.offers(),
            escalations=self.escalations(),
            machine=tuple(view for view in self._machine.infrastructure.views() if view.is_breached),
        )

    def escalations(self) -> tuple[EscalationView, ...]:
        """Newest first, of services and agents alike."""
        both = (*self._engine.escalations(), *self._stalls.escalations())
        return tuple(sorted(both, key=lambda escalation: -escalation.at))

    def machine_history(self) -> tuple[MachineAction, ...]:
        return self._machine.infrastructure.history()

    def watch(self, on_change: Callable[[], None]) -> None:
        self._machine.foresight.watch(on_change)

    def remedies(self) -> tuple[RemedyView, ...]:
        return self._engine.remedies()

    # --- what it is asked -------------------------------------------------------------------------------------

    async def test_remedy(self, text: str, service: str | None) -> RemedyTrial:
        return await self._engine.test(text, service)

    async def heal(self, name: str | None, *, check_now: bool) -> Checked:
        agents, services = await self._who(name)
        findings: tuple[str, ...] = ()
        if agents:
            findings += await self._stalls.check_now(name, heal=not check_now)
        if services:
            findings += await self._engine.heal_now(name and name.removeprefix(SERVICE_PREFIX), apply=not check_now)
        return Checked(findings=findings)

    async def _who(self, name: str | None) -> tuple[bool, bool]:
        """Whether an agent (or a rule of stalls), and whether a service is meant. Raises AuroraError for neither."""
        if name is None:
            return True, True
        services = self._supervisor.tending.names()
        is_service = not name.startswith(AGENT_PREFIX) and name.removeprefix(SERVICE_PREFIX) in services
        if not is_service and not self._stalls.is_watched(name):
            await self._stalls.check_once()  # an agent may have come since the last look
        is_watched = self._stalls.is_watched(name)
        if not is_service and not is_watched:
            raise self._nobody(name, services)
        return is_watched, is_service

    def _nobody(self, name: str, services: Sequence[str]) -> AuroraError:
        known = [*services, *(view.component.partition(":")[2] for view in self._stalls.views())]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "`aurora ps` lists the services; agents are in the settings."
        return AuroraError(f"There is no service or agent `{name}`", "", hint)

    async def search(self, query: str, limit: int = 20, after: FailurePlace | None = None) -> SearchAnswer:
        return await self._memory.search(query, limit, after)

    async def statistics(self) -> Statistics:
        return await self._memory.statistics()

    async def import_failures(self, source: str, lines: Sequence[str]) -> Imported:
        return await self._memory.import_failures(source, lines)

    def _environment_of(self, service: str | None) -> Mapping[str, str]:
        """What commands beside an agent are started with: its service's, or Aurora's own."""
        is_known = service is not None and self._yard.service(service) is not None
        return self._yard.environment(service) if service and is_known else self._environment

    # --- the operator's words -----------------------------------------------------------------------------------

    def accept(self, offer_id: int) -> None:
        self._engine.accept(offer_id)

    def decline(self, offer_id: int) -> None:
        self._engine.decline(offer_id)

    def clear_escalation(self, component: str, by: str) -> None:
        """An agent's, or the remedies' of a service; both where a service has both."""
        stalled = {escalation.component for escalation in self._stalls.escalations()}
        if component in stalled:
            self._stalls.clear_escalation(component, by)
        self._engine.clear_escalation(component, by)

    def answer_proposal(self, proposal_id: int, *, apply: bool) -> None:
        self._machine.tuner.answer(proposal_id, apply=apply)
