"""What the supervisor shows and tells can be handed on as it is: to the API, and to the journal and back."""

import asyncio
import os
from pathlib import Path

import msgspec

from aurora_desktop.core.clock import StallMeter, SystemClock
from aurora_desktop.core.events import AnyEvent, LimitWarning
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.core.storage.jsonl import to_json
from aurora_desktop.supervisor.ledger import Ledger
from aurora_desktop.supervisor.presenting import present
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.sampling import Sampler
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.tree import Identity, Tree


class NoDatabase:
    """A ledger's database that is never asked."""

    def submit(self, work: object) -> None:
        raise AssertionError(f"nothing is spawned here: {work}")

    def read(self, sql: str, arguments: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        raise AssertionError(f"nothing is adopted here: {sql} {arguments}")


class Running(Runner):
    """Its processes are whatever the test says."""

    tree: Tree | None = None


def limited_runner(root: Path, told: list[AnyEvent]) -> tuple[Running, Surroundings]:
    """A service with a memory limit of 1000 bytes, and what it publishes."""
    clock = SystemClock()
    around = Surroundings(
        clock=clock,
        stalls=StallMeter(clock),
        loop=asyncio.get_running_loop(),
        table=process_table(),
        ledger=Ledger(NoDatabase()),  # type: ignore[arg-type] # never asked
        paths=StatePaths(root),
        publish=told.append,
        environment={},
        notify_address="",
    )
    spec = Service(command=Command(["program"]), memory_max=ByteSize(1000))
    return Running("limited", spec, around, lambda _: (), lambda _: None), around


def test_a_view_with_a_memory_limit_becomes_json(tmp_path: Path) -> None:
    async def shown() -> bytes:
        return msgspec.json.encode(present(*limited_runner(tmp_path, [])))

    assert msgspec.json.decode(asyncio.run(shown()))["memory_max"] == 1000


def test_a_warning_of_the_memory_limit_is_read_back_from_the_journal(tmp_path: Path) -> None:
    told: list[AnyEvent] = []

    async def over_the_limit() -> None:
        runner, around = limited_runner(tmp_path, told)
        me = around.table.read(os.getpid())
        assert me is not None
        runner.tree = Tree(around.table, "marker", Identity(me.pid, me.started))
        Sampler(around).check_memory([runner])

    asyncio.run(over_the_limit())
    (warning,) = told
    assert isinstance(warning, LimitWarning)
    assert msgspec.json.decode(to_json(warning), type=AnyEvent) == warning
