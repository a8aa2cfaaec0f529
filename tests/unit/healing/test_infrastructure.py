"""The infrastructure agent: what it tells of a machine that runs short, and what it does about it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from core.clocks import FakeClock
from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, Record
from aurora_desktop.core.healing_events import ResourceBreached, ResourceRelieved, SpaceFreed
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Service, Settings
from aurora_desktop.core.settings.schema_healing import HealingSettings, InfrastructureSettings, TempFolder
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.healing.machine.culprits import Programs, cpu_words, memory_words, programs_of
from aurora_desktop.healing.machine.infrastructure import AGAIN_S, Hands, Infrastructure
from aurora_desktop.healing.machine.permissions import find_out
from aurora_desktop.healing.machine.readings import Reading, cpu_percent, machine_of
from aurora_desktop.supervisor.processes import ProcessInfo
from aurora_desktop.supervisor.view import ServiceView

MB = 1_000_000
INTERVAL_S = 30.0


class Rig:
    """An agent over a machine that a test sets."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.clock = FakeClock(wall=time.time())
        self.told: list[AnyEvent] = []
        self.restarted: list[str] = []
        self.views: list[ServiceView] = []
        self.memory: dict[str, int] = {}
        self.reading = quiet()
        self.busy = 0.0
        self.paths = StatePaths(folder / "state")
        self.paths.make()
        hands = Hands(
            machine=self._machine,
            services=lambda: tuple(self.views),
            restart=self._restart,
            memory_of=self._memory_of,
            prune=self._prune,
            programs=self._programs,
        )
        self.agent = Infrastructure(settings, self.paths, clock=self.clock, publish=self._publish, hands=hands)
        self.prune_error: OSError | None = None

    def _machine(self) -> Reading:
        return self.reading

    async def _memory_of(self, name: str) -> int | None:
        return self.memory.get(name)

    def _restart(self, name: str, cause: str) -> None:
        self.restarted.append(name)

    async def _prune(self) -> int:
        if self.prune_error:
            raise self.prune_error
        return 7

    async def _programs(self) -> Programs:
        return Programs({"cc1plus": 180.0, "idle": 0.1}, {"browser": 3000 * MB})

    def _publish(self, event: AnyEvent) -> None:
        self.told.append(event)
        self.agent.read(Record(len(self.told), event))

    def look(self, times: int, reading: Callable[[int], Reading]) -> None:
        async def all_looks() -> None:
            for number in range(times):
                self.reading = reading(number)
                await self.agent.look()
                self.clock.advance(INTERVAL_S)

        asyncio.run(all_looks())

    def of(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        return [event for event in self.told if isinstance(event, kind)]


def quiet(busy: float = 0.0, number: int = 0, memory: float = 50.0, disk: float = 50.0) -> Reading:
    """`busy`, `memory` and `disk` in percent."""
    return Reading(
        (busy * number, 100.0 * number),
        1000 * MB,
        int((100 - memory) * 10 * MB),
        1000 * MB,
        int((100 - disk) * 10 * MB),
    )


def settings(**infrastructure: object) -> Settings:
    options = InfrastructureSettings(**infrastructure)  # type: ignore[arg-type] # a test names options by keyword
    services = {
        "web": Service(command=Command(["web"]), memory_high=ByteSize(100 * MB)),
        "db": Service(command=Command(["db"])),
    }
    return Settings(services=services, healing=HealingSettings(infrastructure=options))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path, settings())


def view(name: str, memory: int = 0, cpu: float = 0.0) -> ServiceView:
    return ServiceView(name=name, state="running", cause="", since=0.0, memory_bytes=memory, cpu_percent=cpu)


def test_a_quiet_machine_is_only_shown(rig: Rig) -> None:
    rig.look(5, lambda n: quiet(30.0, n))
    assert rig.told == []
    assert [(v.resource, v.percent) for v in rig.agent.views()] == [("cpu", 30.0), ("memory", 50.0), ("disk", 50.0)]
    assert len(rig.agent.views()[1].history) == 5


def test_a_busy_cpu_is_told_with_its_culprits(rig: Rig) -> None:
    rig.views = [view("web", cpu=95.0), view("db", cpu=2.0)]
    rig.look(8, lambda n: quiet(97.0, n))
    (breached,) = rig.of(ResourceBreached)
    assert isinstance(breached, ResourceBreached)
    assert (breached.resource, breached.value, breached.limit, breached.lasting_s) == ("cpu", 97.0, 90.0, 90.0)
    assert "service web (95 % of a core)" in breached.cause
    assert "`cc1plus` (180 % of a core)" in breached.cause
    assert "db" not in breached.cause
    assert rig.agent.views()[0].breached_s >= 90.0


def test_the_end_of_a_breach_is_told(rig: Rig) -> None:
    rig.look(12, lambda n: quiet(memory=95.0 if n < 5 else 40.0))
    assert [type(event) for event in rig.told] == [ResourceBreached, ResourceRelieved]
    assert rig.agent.views()[0].breached_s == 0.0


def test_the_service_that_is_most_over_its_own_mark_is_restarted(rig: Rig) -> None:
    rig.views = [view("web", 300 * MB), view("db", 500 * MB)]
    rig.memory["web"] = 290 * MB
    rig.look(5, lambda _: quiet(memory=95.0))
    assert rig.restarted == ["web"]
    assert "restarting web" in rig.told[0].cause  # type: ignore[union-attr] # a breach has a cause


def test_memory_that_is_shared_costs_no_restart(rig: Rig) -> None:
    rig.views = [view("web", 300 * MB)]
    rig.memory["web"] = 80 * MB
    rig.look(5, lambda _: quiet(memory=95.0))
    assert rig.restarted == []


def test_while_it_goes_on_healing_is_tried_again_after_a_while(rig: Rig) -> None:
    rig.views = [view("web", 300 * MB)]
    rig.memory["web"] = 290 * MB
    rig.look(4 + int(AGAIN_S / INTERVAL_S) + 1, lambda _: quiet(memory=95.0))
    assert rig.restarted == ["web", "web"]


def test_a_full_disk_is_cleaned_up_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    (folder / "old").write_bytes(b"x" * 100_000)
    options = [TempFolder(path=str(folder), older_than_hours=0.001), TempFolder(path="/etc")]
    rig = Rig(tmp_path, settings(temp_folders=options))
    rig.clock.advance(3600.0)
    rig.look(5, lambda _: quiet(disk=95.0))
    (freed,) = rig.of(SpaceFreed)
    assert isinstance(freed, SpaceFreed)
    assert (freed.files, freed.freed_bytes >= 100_000) == (1, True)
    assert "7 old events" in freed.cause
    assert "/etc" in freed.cause
    assert "may not clear /etc" in rig.told[0].cause  # type: ignore[union-attr] # a breach has a cause
    assert [action.action for action in rig.agent.history()] == ["resource_breached", "space_freed"]
    assert rig.agent.history()[1].freed_bytes == freed.freed_bytes


def test_a_clock_that_is_set_ahead_makes_no_file_old(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    (folder / "new").write_bytes(b"x" * 100_000)
    rig = Rig(tmp_path, settings(temp_folders=[TempFolder(path=str(folder))]))
    rig.clock.jump(10 * 86_400.0)
    rig.look(5, lambda _: quiet(disk=95.0))
    assert (folder / "new").exists()


def test_a_journal_that_cannot_be_pruned_keeps_nothing_else_back(rig: Rig) -> None:
    rig.prune_error = OSError(28, "No space left on device")
    rig.look(5, lambda _: quiet(disk=95.0))
    (freed,) = rig.of(SpaceFreed)
    assert isinstance(freed, SpaceFreed)
    assert freed.cause == "nothing could be freed: the journal was not pruned: the disk is full"


def test_switched_off_it_only_tells(tmp_path: Path) -> None:
    off = settings()
    off = Settings(services=off.services, healing=HealingSettings(enabled=False))
    rig = Rig(tmp_path, off)
    rig.views, rig.memory["web"] = [view("web", 300 * MB)], 290 * MB
    rig.look(5, lambda _: quiet(memory=95.0, disk=95.0))
    assert [type(event) for event in rig.told] == [ResourceBreached, ResourceBreached]
    assert rig.restarted == []


def test_a_restart_that_is_refused_is_no_end(rig: Rig) -> None:
    def refuse(name: str, cause: str) -> None:
        raise AuroraError("The emergency stop holds this back")

    rig.agent._hands = replace(rig.agent._hands, restart=refuse)
    rig.views, rig.memory["web"] = [view("web", 300 * MB)], 290 * MB
    rig.look(6, lambda _: quiet(memory=95.0))
    assert len(rig.told) == 1


def test_changed_limits_hold_from_the_next_look(rig: Rig) -> None:
    rig.agent.apply(settings(memory_percent=40.0))
    rig.look(5, lambda _: quiet(memory=50.0))
    assert len(rig.of(ResourceBreached)) == 1


def test_a_machine_that_cannot_be_read_is_no_end(rig: Rig) -> None:
    def gone() -> Reading:
        raise OSError(5, "Input/output error")

    rig.agent._hands = replace(rig.agent._hands, machine=gone)
    asyncio.run(rig.agent.look())
    assert rig.agent.views() == ()


# --- reading, and permissions -------------------------------------------------------------------------------------


def test_the_real_machine_is_read(tmp_path: Path) -> None:
    reading = machine_of(tmp_path)()
    assert 0.0 < reading.memory_percent < 100.0
    assert 0.0 < reading.disk_percent <= 100.0
    assert reading.times[0] <= reading.times[1]


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [
        (None, (1.0, 2.0), None),
        ((1.0, 2.0), (1.0, 2.0), None),
        ((0.0, 0.0), (3.0, 4.0), 75.0),
        ((5.0, 0.0), (3.0, 4.0), 0.0),
    ],
)
def test_cpu_is_what_was_busy_in_between(
    before: tuple[float, float] | None, after: tuple[float, float], percent: float | None
) -> None:
    assert cpu_percent(before, after) == percent


def process(pid: int, program: str, cpu_s: float, memory: int = 0, started: int = 1) -> ProcessInfo:
    return ProcessInfo(
        pid, 1, pid, started, program, is_zombie=False, is_stopped=False, cpu_s=cpu_s, memory_bytes=memory
    )


def test_programs_are_summed_up_by_name() -> None:
    before = {1: process(1, "cc", 10.0), 2: process(2, "cc", 0.0)}
    after = {1: process(1, "cc", 10.5, 60 * MB), 2: process(2, "cc", 0.5, 60 * MB), 3: process(3, "new", 1.0)}
    programs = programs_of(before, after, 2.0)
    assert (programs.cpu["cc"], programs.cpu["new"], programs.memory["cc"]) == (50.0, 50.0, 120 * MB)


def test_nobody_is_named_for_a_trifle() -> None:
    assert (cpu_words([view("web", cpu=1.0)], Programs()), memory_words([view("web", MB)], Programs())) == ("", "")


def test_permissions_are_found_out(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    paths = StatePaths(tmp_path / "state")
    paths.make()
    options = [TempFolder(path=str(folder)), TempFolder(path=str(tmp_path / "gone")), TempFolder(path="/etc")]
    found = {p.what: p for p in find_out(settings(temp_folders=options), paths)}
    assert found["compress the logs"].allowed
    assert found[f"clear {folder} of files unused for 24 h"].allowed
    assert "No such file" in found[f"clear {tmp_path / 'gone'} of files unused for 24 h"].why
    assert "belongs to the system" in found["clear /etc of files unused for 24 h"].why
    assert found["restart services that use too much memory"].why == "over their `memory_high`: web"
    assert not found["end programs that Aurora did not start"].allowed


def test_without_folders_and_marks_it_says_so(tmp_path: Path) -> None:
    whys = [p.why for p in find_out(Settings(), StatePaths(tmp_path / "none")) if not p.allowed]
    assert any("names no folder" in why for why in whys)
    assert any("no service has a `memory_high`" in why for why in whys)
    assert any("is not there" in why for why in whys)
