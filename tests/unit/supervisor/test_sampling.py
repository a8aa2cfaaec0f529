"""Memory and CPU of whole trees, and what follows."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.events import AnyEvent, LimitWarning
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.supervisor.presenting import present
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.sampling import CPU_LASTING_S, MEMORY_HIGH_REPEAT_S, Sampler
from aurora_desktop.supervisor.status import Status
from aurora_desktop.supervisor.stimuli import Stimulus, Unwell
from aurora_desktop.supervisor.tree import Identity, Tree
from supervisor.machine import FakeTable, marks, process
from supervisor.stage import Listening, surroundings
from supervisor.yard import Yard

LIMIT = 1000


class Play:
    """One service on a made-up machine: main process 100 and a child 101."""

    def __init__(self, root: Path, **keys: Any) -> None:
        self.clock = FakeClock()
        self.table = FakeTable()
        self.told: list[AnyEvent] = []
        self.around = surroundings(root, clock=self.clock, publish=self.told.append)
        self.around.table = self.table
        self.runner = Listening(Service(command=Command(["program"]), **keys), self.around)
        self.sampler = Sampler(self.around)
        self.spawn("m")

    def spawn(self, marker: str) -> None:
        self.marker = marker
        self.runner.tree = Tree(self.table, marker, Identity(100, 1))
        self.uses()

    def uses(self, memory: int = 0, cpu_s: float = 0.0, child_memory: int = 0, child_cpu_s: float = 0.0) -> None:
        self.table.put(process(100, memory_bytes=memory, cpu_s=cpu_s), marks(self.marker))
        self.table.put(process(101, parent=100, session=100, memory_bytes=child_memory, cpu_s=child_cpu_s))

    def sample(self, after_s: float = 10.0) -> None:
        self.clock.advance(after_s)
        self.sampler.sample([self.runner])

    def check(self) -> None:
        self.sampler.check_memory([self.runner])

    def warnings(self) -> list[LimitWarning]:
        return [event for event in self.told if isinstance(event, LimitWarning)]

    def unwell(self) -> list[Stimulus]:
        return [stimulus for stimulus in self.runner.fed if isinstance(stimulus, Unwell)]


@pytest.fixture
def in_a_loop() -> Iterator[None]:
    """`surroundings` asks for the running loop; nothing here waits for anything."""
    with asyncio.Runner() as runner:
        asyncio.events._set_running_loop(runner.get_loop())
        yield
        asyncio.events._set_running_loop(None)


@pytest.fixture
def play(in_a_loop: None, tmp_path: Path) -> Play:
    return Play(tmp_path, memory_max=ByteSize(LIMIT), cpu_max_percent=50.0)


# --- figures ----------------------------------------------------------------------------------------------------


def test_memory_is_that_of_the_whole_tree(play: Play) -> None:
    play.uses(memory=300, child_memory=40)
    play.sample()
    assert list(play.runner.memory_history) == [340]


def test_cpu_is_that_of_the_whole_tree_since_the_sample_before(play: Play) -> None:
    play.uses(cpu_s=1.0, child_cpu_s=2.0)
    play.sample()
    assert list(play.runner.cpu_history) == []
    play.uses(cpu_s=2.0, child_cpu_s=4.0)
    play.sample(after_s=10.0)
    assert list(play.runner.cpu_history) == [30.0]


def test_a_member_that_ended_makes_no_negative_cpu(play: Play) -> None:
    play.uses(cpu_s=1.0, child_cpu_s=50.0)
    play.sample()
    play.table.remove(101)
    play.sample()
    assert list(play.runner.cpu_history) == [0.0]


def test_a_new_spawn_begins_to_count_anew(play: Play) -> None:
    play.uses(cpu_s=50.0)
    play.sample()
    play.spawn("the next")
    play.uses(cpu_s=51.0)
    play.sample()
    assert list(play.runner.cpu_history) == []


def test_two_samples_at_one_instant_are_one(play: Play) -> None:
    play.sample()
    play.sample(after_s=0.0)
    assert list(play.runner.cpu_history) == []


def test_a_service_that_does_not_run_is_passed_over(play: Play) -> None:
    play.runner.tree = None
    play.sample()
    play.check()
    assert (list(play.runner.memory_history), play.told, play.runner.fed) == ([], [], [])


def test_a_real_tree_is_measured(in_a_loop: None, yard: Yard, tmp_path: Path) -> None:
    grab = "block = bytearray(os.urandom(1 << 20)) * 40"
    script = f"import os\n{grab}\nopen(os.environ['TELL'], 'w').write('up\\n')\nimport signal; signal.pause()"
    main = yard.start("sh", "-c", '"$0" -S -c "$1" & wait', sys.executable, script)
    yard.hear()
    around = surroundings(tmp_path / "state")
    runner = Listening(Service(command=Command(["program"])), around)
    runner.tree = Tree(process_table(), "", Identity(main.pid, yard.info(main.pid).started))
    Sampler(around).sample([runner])
    assert 40_000_000 < runner.memory_history[0] < 80_000_000


# --- memory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", ["sample", "check"])
def test_a_tree_over_its_limit_is_replaced(look: str, play: Play) -> None:
    play.uses(memory=900, child_memory=600)
    getattr(play, look)()
    cause = "over memory limit: 1.5 kB of 1.0 kB (memory_max)"
    assert play.runner.fed == [Unwell("memory", cause)]
    (warning,) = play.warnings()
    assert (warning.resource, warning.value, warning.limit, warning.cause) == ("memory", 1500.0, 1000.0, cause)


def test_shared_pages_are_counted_once_before_it_costs_a_restart(play: Play) -> None:
    play.uses(memory=900, child_memory=600)
    play.table.proportional = 950
    play.check()
    assert play.unwell() == []
    assert [warning.value for warning in play.warnings()] == [950.0]


def test_a_single_process_shares_with_nobody_of_its_own(play: Play) -> None:
    play.uses(memory=1500)
    play.table.remove(101)
    play.table.proportional = 1
    play.check()
    assert len(play.unwell()) == 1


def test_a_tree_whose_shares_nobody_may_read_is_replaced_all_the_same(play: Play) -> None:
    play.uses(memory=900, child_memory=600)
    play.table.proportional = 0
    play.check()
    assert len(play.unwell()) == 1


def test_near_the_limit_it_is_warned_once(play: Play) -> None:
    play.uses(memory=950)
    for _ in range(5):
        play.check()
    play.sample()
    assert [warning.cause for warning in play.warnings()] == ["near its memory limit: 950 B of 1.0 kB"]
    assert play.runner.warning == "near its memory limit: 950 B of 1.0 kB"


def test_a_warning_ends_only_when_it_is_calm(play: Play) -> None:
    play.uses(memory=950)
    play.check()
    play.uses(memory=850)
    play.check()
    assert play.runner.warning
    play.uses(memory=700)
    play.check()
    assert play.runner.warning == ""
    play.uses(memory=950)
    play.check()
    assert len(play.warnings()) == 2


def test_below_the_limit_there_is_nothing_to_say(play: Play) -> None:
    play.uses(memory=899)
    play.check()
    assert (play.told, play.runner.fed, play.runner.warning) == ([], [], "")


def test_without_a_limit_nothing_is_checked(in_a_loop: None, tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.uses(memory=10**12)
    play.check()
    play.sample()
    assert (play.told, play.runner.fed) == ([], [])


def test_a_service_that_is_stopping_is_not_warned_of(play: Play) -> None:
    play.runner.status = Status(state="stopping")
    play.uses(memory=5000)
    play.check()
    assert play.told == []


@pytest.mark.parametrize("state", ["unhealthy", "frozen"])
def test_a_breach_that_may_not_be_acted_on_is_told_once(state: Any, play: Play) -> None:
    """Supervision is paused, or the service is frozen: it stays over its limit, looked at four times a second."""
    play.runner.status = Status(state=state)
    play.uses(memory=5000)
    for _ in range(20):
        play.check()
    assert len(play.warnings()) == 1


def test_after_a_breach_the_successor_has_no_problem(play: Play) -> None:
    play.uses(memory=5000)
    play.check()
    play.spawn("the next")
    play.uses(memory=100)
    play.check()
    play.sample()
    assert play.runner.warning == ""


def test_a_second_breach_is_told_again(play: Play) -> None:
    for marker in ("first", "second"):
        play.spawn(marker)
        play.uses(memory=5000)
        play.check()
        play.runner.tree = None
        play.sample()
    assert len(play.warnings()) == 2


def test_a_service_that_was_stopped_keeps_no_warning(play: Play) -> None:
    play.uses(memory=950)
    play.check()
    play.runner.tree = None
    play.runner.status = Status(state="stopped")
    play.sample()
    assert present(play.runner, play.around).problem == ""


# --- cpu --------------------------------------------------------------------------------------------------------


def busy(play: Play, percent: float, seconds: float) -> None:
    """It uses so much of a core for so long, sampled each 10 s."""
    for _ in range(int(seconds / 10)):
        used = play.table.infos[100].cpu_s + percent / 10
        play.uses(cpu_s=used)
        play.sample()


def test_cpu_over_the_limit_is_warned_of_when_it_lasts(play: Play) -> None:
    play.sample()
    busy(play, 80, CPU_LASTING_S)
    assert play.warnings() == []
    busy(play, 80, 10)
    (warning,) = play.warnings()
    assert (warning.resource, warning.limit) == ("cpu", 50.0)
    assert warning.cause == "uses 80 % of a core for over a minute (cpu_max_percent: 50)"
    assert play.runner.fed == []


def test_cpu_is_warned_of_once_until_it_is_calm(play: Play) -> None:
    play.sample()
    busy(play, 80, 300)
    assert len(play.warnings()) == 1
    busy(play, 10, 10)
    assert play.runner.warning == ""
    busy(play, 80, 100)
    assert len(play.warnings()) == 2


def test_a_calm_moment_begins_the_minute_anew(play: Play) -> None:
    play.sample()
    for _ in range(5):
        busy(play, 80, 50)
        busy(play, 10, 10)
    assert play.warnings() == []


def test_a_service_that_was_stopped_keeps_no_warning_of_its_cpu(play: Play) -> None:
    play.sample()
    busy(play, 80, 100)
    assert play.runner.warning
    play.runner.tree = None
    play.runner.status = Status(state="stopped")
    play.sample()
    assert present(play.runner, play.around).problem == ""


def test_calm_cpu_does_not_hide_that_memory_is_near_its_limit(play: Play) -> None:
    play.sample()
    busy(play, 80, 30)
    play.uses(memory=950, cpu_s=play.table.infos[100].cpu_s)
    play.sample()
    assert play.runner.warning.startswith("near its memory limit")


# --- memory_high ------------------------------------------------------------------------------------------------


@pytest.fixture
def high(in_a_loop: None, tmp_path: Path) -> Play:
    return Play(tmp_path, memory_high=ByteSize(LIMIT))


@pytest.mark.parametrize("look", ["sample", "check"])
def test_over_memory_high_it_is_told_and_goes_on(look: str, high: Play) -> None:
    high.uses(memory=900, child_memory=600)
    for _ in range(3):
        getattr(high, look)()
    (warning,) = high.warnings()
    cause = "over memory_high: 1.5 kB of 1.0 kB"
    assert (warning.resource, warning.value, warning.limit, warning.cause) == ("memory", 1500.0, 1000.0, cause)
    assert (high.runner.fed, high.runner.warning) == ([], cause)


def test_over_memory_high_for_long_it_is_told_again(high: Play) -> None:
    high.uses(memory=1500)
    high.check()
    high.clock.advance(MEMORY_HIGH_REPEAT_S - 1)
    high.check()
    assert len(high.warnings()) == 1
    high.clock.advance(1)
    high.check()
    assert len(high.warnings()) == 2


def test_calm_again_memory_high_is_told_anew(high: Play) -> None:
    high.uses(memory=1500)
    high.check()
    high.uses(memory=700)
    high.check()
    assert high.runner.warning == ""
    high.uses(memory=1500)
    high.check()
    assert len(high.warnings()) == 2


def test_a_memory_high_that_is_taken_out_of_the_settings_warns_no_more(high: Play) -> None:
    high.uses(memory=1500)
    high.check()
    high.runner.spec = Service(command=Command(["program"]))
    high.sample()
    assert high.runner.warning == ""


def test_the_hard_limit_holds_beside_memory_high(in_a_loop: None, tmp_path: Path) -> None:
    play = Play(tmp_path, memory_high=ByteSize(LIMIT), memory_max=ByteSize(2 * LIMIT))
    play.uses(memory=1500)
    play.check()
    assert play.unwell() == []
    play.uses(memory=2500)
    play.check()
    assert [type(stimulus) for stimulus in play.unwell()] == [Unwell]
