"""The three parts of the machine, put together over the real machine."""

import asyncio
from pathlib import Path

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, Record
from aurora_desktop.core.healing_events import ResourceBreached
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import HealingSettings, InfrastructureSettings, PredictionSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.machine.machine_store import MIGRATIONS
from aurora_desktop.healing.machine.part import MachinePart
from aurora_desktop.supervisor.measures import Measures
from aurora_desktop.supervisor.view import ServiceView


class NoServices:
    paused = True

    def views(self) -> tuple[ServiceView, ...]:
        return ()

    def measures(self, name: str) -> Measures:
        return Measures()

    async def memory_of(self, name: str) -> int | None:
        return None


def test_they_run_side_by_side_and_share_stream_and_settings(tmp_path: Path) -> None:
    clock = FakeClock()
    told: list[AnyEvent] = []
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1, clock.wall)

    async def prune() -> int:
        return 0

    async def set_option(name: str, keys: tuple[str, ...], value: object) -> object:
        return None

    def restart(name: str, cause: str) -> None:
        raise AssertionError("nothing is to be restarted")

    part = MachinePart(
        Settings(),
        StatePaths(tmp_path),
        database,
        clock=clock,
        publish=told.append,
        supervisor=NoServices(),
        restart=restart,
        prune=prune,
        set_option=set_option,
    )

    async def play() -> None:
        running = asyncio.create_task(part.run())
        await part.infrastructure.look()
        assert part.infrastructure.views()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(play())
    with pytest.raises(AuroraError, match="paused"):
        part.infrastructure._hands.restart("web", "memory")
    database.close()
    breached = ResourceBreached(
        at=0.0, component="machine", resource="cpu", value=95.0, limit=90.0, lasting_s=90.0, cause="busy"
    )
    part.remember([Record(1, breached)])
    part.read(Record(2, breached))
    assert [action.id for action in part.infrastructure.history()] == [1, 2]
    options = HealingSettings(
        infrastructure=InfrastructureSettings(memory_percent=12.0), prediction=PredictionSettings(enabled=False)
    )
    part.apply(Settings(healing=options))
    assert [view.limit for view in part.infrastructure.views() if view.resource == "memory"] == [12.0]
