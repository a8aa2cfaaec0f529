"""The three that look after the machine, put together: the infrastructure agent, foresight, and self-tuning."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Protocol

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.machine.culprits import look_at_programs
from aurora_desktop.healing.machine.infrastructure import Hands, Infrastructure
from aurora_desktop.healing.machine.machine_store import MachineStore
from aurora_desktop.healing.machine.readings import machine_of
from aurora_desktop.healing.machine.tuning import SetOption, Tuner
from aurora_desktop.healing.machine.watch import Foresight, Sources
from aurora_desktop.supervisor.measures import Measures
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.view import ServiceView


class Supervising(Protocol):
    """What is needed of the supervisor."""

    @property
    def paused(self) -> bool: ...

    def views(self) -> tuple[ServiceView, ...]: ...

    def measures(self, name: str) -> Measures: ...

    async def memory_of(self, name: str) -> int | None: ...


class MachinePart:
    """`restart` is the yard's; `prune` prunes the journal; `set_option` is the settings source's."""

    def __init__(
        self,
        settings: Settings,
        paths: StatePaths,
        database: Database,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        supervisor: Supervising,
        restart: Callable[[str, str], None],
        prune: Callable[[], Awaitable[int]],
        set_option: SetOption,
    ) -> None:
        """Blocking: reads what was kept."""
        store, machine, table = MachineStore(database), machine_of(paths.root), process_table()
        hands = Hands(
            machine=machine,
            services=supervisor.views,
            restart=_unless_paused(supervisor, restart),
            memory_of=supervisor.memory_of,
            prune=prune,
            programs=lambda: look_at_programs(table.all, clock),
        )
        self.infrastructure = Infrastructure(settings, paths, clock=clock, publish=publish, hands=hands)
        self.foresight = Foresight(
            settings, clock=clock, publish=publish, sources=Sources(supervisor.views, machine), store=store
        )
        self.tuner = Tuner(
            settings,
            clock=clock,
            publish=publish,
            services=supervisor.views,
            measures=supervisor.measures,
            set_option=set_option,
            store=store,
        )

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        self.infrastructure.read(record)
        self.foresight.read(record)
        self.tuner.read(record)

    def remember(self, records: Iterable[Record]) -> None:
        """The journal's newest records of `machine`, for the healing history; before the first event."""
        for record in records:
            self.infrastructure.read(record)

    def apply(self, settings: Settings) -> None:
        self.infrastructure.apply(settings)
        self.foresight.apply(settings)
        self.tuner.apply(settings)

    def rounds(self) -> tuple[Coroutine[None, None, None], ...]:
        """The endless loops, to be run as tasks: one that fails ends none of the others."""
        return self.infrastructure.run(), self.foresight.run(), self.tuner.run()

    async def run(self) -> None:
        """All of them, for ever."""
        async with asyncio.TaskGroup() as group:
            for work in self.rounds():
                group.create_task(work)


def _unless_paused(supervisor: Supervising, restart: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """The operator's pause holds for healing, too."""

    def ask(name: str, cause: str) -> None:
        if supervisor.paused:
            raise AuroraError("Supervision is paused", f"{name} is not restarted", "Resume it first.")
        restart(name, cause)

    return ask
