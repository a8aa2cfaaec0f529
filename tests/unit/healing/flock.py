"""Agents and services under a stall watch, with a clock of the test's own and nothing real but the folders."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from core.clocks import FakeClock
from msgspec.structs import replace

from aurora_desktop.core.errors import UnknownServiceError
from aurora_desktop.core.events import AnyEvent, FailureKind
from aurora_desktop.core.healing_events import RemedyFinished, RemedyOutcome
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import AgentsSettings, StallRule
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.ladder.store import MIGRATIONS, LadderStore
from aurora_desktop.healing.stalls.watch import StallWatch
from aurora_desktop.supervisor.processes import ProcessTable, process_table
from aurora_desktop.supervisor.tree import Identity, Tree
from aurora_desktop.supervisor.view import ServiceView

E = TypeVar("E")
NOBODY = 2**22 + 1
"""No process has this pid."""


class FakeServices:
    """A supervisor by its word alone: `up` are the markers of the services that may be judged."""

    def __init__(self) -> None:
        self.paused = False
        self.latched = False
        self.stood_still_s = 0.0
        self.up: dict[str, str] = {}
        self.logs: dict[str, Path] = {}
        self.replaced: list[tuple[str, FailureKind, str]] = []
        self.on_replaced: Callable[[str], None] = lambda _: None

    @property
    def table(self) -> ProcessTable:
        return process_table()

    def views(self) -> tuple[ServiceView, ...]:
        return tuple(
            ServiceView(name=name, state="running", cause="", since=0.0, log_path=str(path))
            for name, path in self.logs.items()
        )

    def tree(self, name: str) -> Tree | None:
        return Tree(self.table, self.up[name], Identity(NOBODY, 0)) if name in self.up else None

    def unwell(self, name: str, kind: FailureKind, cause: str) -> None:
        if name not in self.up:
            raise UnknownServiceError(f"There is no service `{name}`")
        self.replaced.append((name, kind, cause))
        self.on_replaced(name)


class FakeMemory:
    """Remembers in lists; `success` is what it knows."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.outcomes: list[tuple[str, RemedyOutcome]] = []
        self.ended: list[tuple[str, float]] = []
        self.success: dict[str, tuple[int, int]] = {}

    def remember(self, fault: Fault) -> Fault:
        self.faults.append(replace(fault, failure_id=len(self.faults) + 1, signature=f"of {fault.kind}"))
        return self.faults[-1]

    def tried(self, fault: Fault, remedy: str, outcome: RemedyOutcome, sentence: str, duration_s: float) -> None:
        assert sentence
        assert duration_s >= 0
        self.outcomes.append((remedy, outcome))

    def recovered(self, component: str, at: float, downtime_s: float) -> None:
        self.ended.append((component, downtime_s))

    async def success_of(self, signature: str, remedies: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        assert signature
        return {name: self.success[name] for name in remedies if name in self.success}


class Flock:
    """`root` holds the workspaces; `events` is all that was told."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir(exist_ok=True)
        self.clock = FakeClock()
        self.services = FakeServices()
        self.memory = FakeMemory()
        self.events: list[AnyEvent] = []
        self.happened = asyncio.Event()
        self.database = database
        self.watch = self.begin(self.settings())

    def settings(self, **more: Any) -> Settings:
        """`agents.root` with the default rule; `agents` and `sections` as given."""
        agents = AgentsSettings(**{"root": str(self.root), **more.pop("agents", {})})
        return Settings(agents=agents, **more)

    def begin(self, settings: Settings, **more: Any) -> StallWatch:
        """A watch as after a start of Aurora."""
        self.watch = StallWatch(
            settings,
            clock=self.clock,
            publish=self._take,
            services=self.services,
            store=LadderStore(self.database),
            memory=self.memory,
            config_folder=self.folder,
            environment_of=lambda _: {"PATH": "/usr/bin:/bin"},
            **more,
        )
        return self.watch

    def _take(self, event: AnyEvent) -> None:
        self.events.append(event)
        self.happened.set()

    def saved(self) -> None:
        """Everything that was kept is in the database."""
        self.database.submit(lambda _: None).result()

    def agent(self, name: str = "Agent-1", **status: Any) -> Path:
        """A workspace with a status and an inbox."""
        workspace = self.root / name
        (workspace / "inbox").mkdir(parents=True)
        content = {"agent_id": name, "status": "ACTIVE_AGENT_MODE", "last_updated": "2026-01-31 12:00:00", **status}
        (workspace / "status.json").write_text(json.dumps(content))
        return workspace

    async def look(self) -> None:
        """A check, and all that follows from it."""
        await self.watch.check_once()
        await self.watch.settled()

    async def later(self, seconds: float, every_s: float = 30.0) -> None:
        """Time passes, with a check at each interval."""
        while seconds > 0:
            self.clock.advance(min(every_s, seconds))
            seconds -= every_s
            await self.look()

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def rungs(self) -> list[tuple[str, str]]:
        """Each rung that was tried, and its outcome."""
        return [(event.remedy, event.outcome) for event in self.told(RemedyFinished)]

    def state(self, component: str = "agent:Agent-1") -> str:
        return next(view.state for view in self.watch.views() if view.component == component)

    def sentence(self, component: str = "agent:Agent-1") -> str:
        return next(view.sentence for view in self.watch.views() if view.component == component)


@asynccontextmanager
async def flocking(folder: Path) -> AsyncIterator[Flock]:
    database = await asyncio.to_thread(Database.open, folder / "state.db", MIGRATIONS, 1)
    try:
        yield Flock(folder, database)
    finally:
        await asyncio.to_thread(database.close)


def status_of(workspace: Path) -> dict[str, Any]:
    return dict(json.loads((workspace / "status.json").read_text()))


def rule(**keys: Any) -> StallRule:
    return StallRule(**keys)
