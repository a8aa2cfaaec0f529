"""A stall watch of its own, with nothing around it, for `watched.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aurora_desktop.core.events import FailureKind
from aurora_desktop.core.healing_events import RemedyOutcome
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import AgentsSettings, StallRule
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.ladder.store import MIGRATIONS, LadderStore
from aurora_desktop.healing.stalls.watch import StallWatch
from aurora_desktop.supervisor.processes import ProcessTable, process_table
from aurora_desktop.supervisor.tree import Tree
from aurora_desktop.supervisor.view import ServiceView

CHECKS_S = 0.1
"""So that everybody is due at each check, however little the clock was moved."""


class MovedClock:
    """Goes as the measurement moves it."""

    def __init__(self) -> None:
        self._now = 0.0

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def monotonic(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now


class NoServices:
    paused = False
    latched = False
    stood_still_s = 0.0

    @property
    def table(self) -> ProcessTable:
        return process_table()

    def views(self) -> tuple[ServiceView, ...]:
        return ()

    def tree(self, name: str) -> Tree | None:
        raise AssertionError(name)

    def unwell(self, name: str, kind: FailureKind, cause: str) -> None:
        raise AssertionError((name, kind, cause))


class NoMemory:
    def remember(self, fault: Fault) -> Fault:
        return fault

    def tried(self, fault: Fault, remedy: str, outcome: RemedyOutcome, sentence: str, duration_s: float) -> None:
        pass

    def recovered(self, component: str, at: float, downtime_s: float) -> None:
        pass

    async def success_of(self, signature: str, remedies: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        raise AssertionError((signature, remedies))


@contextmanager
def watching(folder: Path) -> Iterator[tuple[StallWatch, MovedClock]]:
    """A watch over `folder`/root, and the clock that it goes by."""
    clock = MovedClock()
    database = Database.open(folder / "state.db", MIGRATIONS, 1)
    watch = StallWatch(
        Settings(agents=AgentsSettings(root=str(folder / "root"), stall=StallRule(check_interval_sec=CHECKS_S))),
        clock=clock,
        publish=lambda _: None,
        services=NoServices(),
        store=LadderStore(database),
        memory=NoMemory(),
        config_folder=folder,
        environment_of=lambda _: {},
    )
    yield watch, clock
    database.close()
