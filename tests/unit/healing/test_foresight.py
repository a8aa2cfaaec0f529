"""Looking ahead: sampled, announced once, taken back when wrong, and kept over a restart."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.events import AnyEvent, Record, ServiceDegraded, ServiceFailed, ServiceRestarting
from aurora_desktop.core.healing_events import Predicted, PredictionKind, PredictionWithdrawn
from aurora_desktop.core.settings.schema import Service, Settings
from aurora_desktop.core.settings.schema_healing import HealingSettings, PredictionSettings
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage_events import StorageFailing
from aurora_desktop.healing.machine.announcing import CONFIRMATIONS, PATIENCE, Announcer, Said
from aurora_desktop.healing.machine.descriptors import descriptor_limit, open_descriptors
from aurora_desktop.healing.machine.machine_store import MIGRATIONS, MachineStore
from aurora_desktop.healing.machine.readings import Reading
from aurora_desktop.healing.machine.watch import Foresight, Sources
from aurora_desktop.supervisor.view import ServiceView

MB = 1_000_000
SETTINGS = Settings(services={"web": Service(command=Command(["web"]))})


class Rig:
    """A foresight over numbers that a test sets; an hour is sixty samples."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.told: list[AnyEvent] = []
        self.path = folder / "state.db"
        self.database = self.open()
        self.pid = 100
        self.started = self.clock.monotonic()
        self.memory, self.descriptors, self.disk_used = 100 * MB, 20, 100 * MB
        self.foresight = self.make()

    def open(self) -> Database:
        return Database.open(self.path, MIGRATIONS, 1, self.clock.wall)

    def make(self) -> Foresight:
        sources = Sources(
            services=self._services,
            machine=lambda: Reading((0.0, 1.0), 10_000 * MB, 9000 * MB, 1000 * MB, 1000 * MB - self.disk_used),
            open_descriptors=lambda _: self.descriptors,
            descriptor_limit=lambda _: 1024,
        )
        store = MachineStore(self.database)
        return Foresight(SETTINGS, clock=self.clock, publish=self.told.append, sources=sources, store=store)

    def _services(self) -> tuple[ServiceView, ...]:
        view = ServiceView(
            name="web",
            state="running",
            cause="",
            since=0.0,
            pid=self.pid or None,
            uptime_s=self.clock.monotonic() - self.started,
            memory_bytes=self.memory,
            memory_max=700 * MB,
        )
        return (view,)

    def hours(self, hours: float, *, memory: float = 0.0, descriptors: float = 0.0, disk: float = 0.0) -> None:
        """Let time pass; the rest grows by so much an hour."""
        begun = self.memory, self.descriptors, self.disk_used

        async def pass_time() -> None:
            for minute in range(1, int(hours * 60) + 1):
                self.clock.advance(60.0)
                self.memory = int(begun[0] + memory * minute / 60)
                self.descriptors = int(begun[1] + descriptors * minute / 60)
                self.disk_used = int(begun[2] + disk * minute / 60)
                await self.foresight.sample()

        asyncio.run(pass_time())

    def restart_aurora(self, away_s: float) -> None:
        self.foresight.save()
        self.database.close()
        self.clock.advance(away_s)
        self.database = self.open()
        self.foresight = self.make()

    def predicted(self) -> list[tuple[str, PredictionKind]]:
        return [(event.component, event.kind) for event in self.told if isinstance(event, Predicted)]

    def withdrawn(self) -> list[PredictionWithdrawn]:
        return [event for event in self.told if isinstance(event, PredictionWithdrawn)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.database.close()


LEAK: tuple[str, PredictionKind] = ("service:web", "memory_leak")


def test_a_leak_is_announced_once_with_time_and_advice(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    assert rig.predicted() == [LEAK]
    (view,) = rig.foresight.views()
    assert view.due == pytest.approx(rig.clock.wall() + 3600 * (700 * MB - rig.memory) / (50 * MB), rel=0.001, abs=900)
    assert "its memory grows by 50" in view.sentence
    assert view.advice
    assert (rig.foresight.made, rig.foresight.false) == (1, 0)


def test_quiet_hours_announce_nothing(rig: Rig) -> None:
    rig.hours(12)
    assert rig.told == []


def test_a_leak_that_ends_by_itself_was_a_false_alarm(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    rig.hours(8)
    (withdrawn,) = rig.withdrawn()
    assert not withdrawn.came_true
    assert rig.foresight.views() == ()
    assert (rig.foresight.made, rig.foresight.false) == (1, 1)


def test_a_restart_settles_it_neither_way(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    rig.pid, rig.started, rig.memory = 101, rig.clock.monotonic(), 100 * MB
    rig.hours(1)
    assert [event.cause for event in rig.withdrawn()] == ["it was started anew"]
    assert rig.foresight.false == 0


def test_its_end_by_the_limit_is_what_was_foretold(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    event = ServiceFailed(at=0.0, component="service:web", kind="memory", cause="over memory limit")
    rig.foresight.read(Record(1, event))
    assert [event.came_true for event in rig.withdrawn()] == [True]
    assert rig.foresight.false == 0


def test_descriptors_and_a_filling_disk_are_announced(rig: Rig) -> None:
    rig.hours(9, descriptors=60, disk=80 * MB)
    assert set(rig.predicted()) == {("service:web", "descriptor_growth"), ("machine", "disk_full")}


@pytest.mark.parametrize(("descriptors", "disk"), [(1024, 100 * MB), (900, 1000 * MB)])
def test_without_a_prediction_its_coming_true_is_no_news(rig: Rig, descriptors: int, disk: int) -> None:
    rig.descriptors, rig.disk_used = descriptors, disk
    rig.hours(1)
    full = StorageFailing(at=0.0, component="aurora", path="/x", detail="the disk is full")
    rig.foresight.read(Record(1, full))
    assert rig.told == []


def test_ever_more_restarts_are_announced_until_the_budget_is_spent(rig: Rig) -> None:
    gaps_h = [0.9 * 0.86**n for n in range(22)]

    async def fail() -> None:
        for gap_h in gaps_h:
            for _ in range(max(1, int(gap_h * 60))):
                rig.clock.advance(60.0)
                await rig.foresight.sample()
            event = ServiceRestarting(at=0.0, component="service:web", attempt=1, delay_s=0.0, cause="exited")
            rig.foresight.read(Record(1, event))
            failed = ServiceFailed(at=0.0, component="service:web", kind="exit", cause="exited")
            rig.foresight.read(Record(1, failed))

    asyncio.run(fail())
    rig.hours(0.4)
    assert ("service:web", "restart_rate") in rig.predicted()
    degraded = ServiceDegraded(at=0.0, component="service:web", cause="exited", attempts=5, retry_s=60.0)
    rig.foresight.read(Record(2, degraded))
    assert any(event.kind == "restart_rate" and event.came_true for event in rig.withdrawn())


def test_samples_and_what_stands_survive_a_restart_of_aurora(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    rig.restart_aurora(away_s=120.0)
    assert [view.kind for view in rig.foresight.views()] == ["memory_leak"]
    rig.hours(1, memory=50 * MB)
    assert (rig.predicted(), rig.withdrawn()) == ([LEAK], [])
    assert rig.foresight.made == 1


def test_samples_of_another_process_are_not_taken_for_its_own(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    rig.restart_aurora(away_s=120.0)
    rig.pid, rig.started, rig.memory = 101, rig.clock.monotonic(), 100 * MB
    rig.hours(1)
    assert rig.foresight.views() == ()
    assert rig.foresight.false == 0


def test_a_clock_that_jumps_changes_nothing(rig: Rig) -> None:
    rig.hours(5, memory=50 * MB)
    rig.clock.jump(86_400.0)
    rig.hours(4, memory=50 * MB)
    assert (rig.predicted(), rig.withdrawn()) == ([LEAK], [])


def test_a_service_that_stops_takes_its_prediction_along(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    rig.pid = 0
    rig.hours(0.1)
    assert [event.cause for event in rig.withdrawn()] == ["it does not run any more"]


def test_switched_off_nothing_stands(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    rig.foresight.apply(Settings(healing=HealingSettings(prediction=PredictionSettings(enabled=False))))
    assert rig.foresight.views() == ()


def test_a_new_look_of_what_stands_is_told_to_the_screen(rig: Rig) -> None:
    rig.hours(9, memory=50 * MB)
    seen: list[None] = []
    rig.foresight.watch(lambda: seen.append(None))
    rig.hours(1, memory=50 * MB)
    assert seen


def test_the_rounds_end_with_a_save(rig: Rig) -> None:
    async def run() -> None:
        task = asyncio.create_task(rig.foresight.run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    rig.hours(1)
    asyncio.run(run())
    rig.database.close()
    rig.database = rig.open()
    assert "service:web memory_leak" in MachineStore(rig.database).samples()


# --- announcing ---------------------------------------------------------------------------------------------------

SAID = Said(3600.0, 0.8, "it grows", "look")


@pytest.fixture
def announcer() -> Announcer:
    return Announcer(FakeClock(), lambda event: None)


def test_one_look_is_not_enough(announcer: Announcer) -> None:
    for said in [SAID] * (CONFIRMATIONS - 1) + [None, SAID]:
        announcer.look(LEAK, said)
    assert announcer.views() == ()


def test_one_blank_look_takes_nothing_back(announcer: Announcer) -> None:
    for said in [SAID] * CONFIRMATIONS + [None] * (PATIENCE - 1) + [SAID] + [None] * (PATIENCE - 1):
        announcer.look(LEAK, said)
    assert len(announcer.views()) == 1


def test_what_does_not_come_in_twice_its_time_was_wrong() -> None:
    clock = FakeClock()
    announcer = Announcer(clock, lambda event: None)
    for _ in range(CONFIRMATIONS):
        announcer.look(LEAK, SAID)
    clock.advance(7300.0)
    announcer.look(LEAK, SAID)
    assert (announcer.views(), announcer.tally.false) == ((), 1)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil tells")
def test_our_own_descriptors_are_counted() -> None:
    before = open_descriptors(os.getpid())
    with open(os.devnull, encoding="ascii"):
        after = open_descriptors(os.getpid())
    assert before is not None
    assert after == before + 1
    assert (descriptor_limit(os.getpid()) or 0) > 0
    assert (open_descriptors(2**22 + 1), descriptor_limit(2**22 + 1)) == (None, None)


def test_values_that_are_not_understood_are_as_if_not_there(rig: Rig) -> None:
    store = MachineStore(rig.database)
    store.keep("predictions_tally", "nonsense")
    rig.restart_aurora(1.0)
    rig.database.submit(lambda db: db.execute("UPDATE machine_values SET value = '{'")).result(10)
    assert rig.make().made == 0
