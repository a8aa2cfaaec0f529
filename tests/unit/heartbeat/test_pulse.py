"""The heartbeat: how late, how many missed, and what passed meanwhile."""

import asyncio
from typing import Any

import msgspec
import pytest
from core.clocks import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import (
    AnyEvent,
    ClockJumped,
    Heartbeat,
    Record,
    ServiceFailed,
    ServiceRestarting,
    SettingsRefused,
)
from aurora_desktop.heartbeat import pulse as pulse_module
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.heartbeat.pulse import CLOCK_JUMP_S, Pulse, Readings, passed
from aurora_desktop.supervisor.view import ServiceView

INTERVAL_S = 60.0
DAY_S = 86_400.0


class Machine(FakeClock):
    """Adds the clock that goes on while the machine sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.jump(seconds)

    def boot(self, monotonic: float) -> float:
        return monotonic + self.slept_s


class Play:
    """A pulse on a machine of its own; `told` is what it published."""

    def __init__(self, machine: Machine, views: tuple[ServiceView, ...] = ()) -> None:
        self.machine = machine
        self.bus = Bus()
        self.told: list[AnyEvent] = []
        self.bus.subscribe(lambda record: self.told.append(record.event))
        self.health = Health("healthy", "all 2 services run", "")
        self.pulse = Pulse(self.bus, machine, lambda: views, lambda: self.health, INTERVAL_S)
        self.bus.subscribe(self.pulse.read)

    def beat(self) -> Heartbeat:
        return self.pulse.beat(INTERVAL_S)

    def jumps(self) -> list[float]:
        return [event.delta_s for event in self.told if isinstance(event, ClockJumped)]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(pulse_module, "_boot_clock", made.boot)
    return made


@pytest.fixture
def play(machine: Machine) -> Play:
    return Play(machine)


def failed(component: str = "service:web", at: float = 1_750_000_000.5) -> ServiceFailed:
    return ServiceFailed(at=at, component=component, kind="exit", cause="exited with code 3 after 2.1 s")


def view(place: int, state: Any = "running") -> ServiceView:
    return ServiceView(name=f"service-{place}", state=state, cause="", since=0.0)


def test_the_first_beat_is_not_late(play: Play) -> None:
    play.machine.advance(500)
    beat = play.beat()
    assert (beat.lag_ms, beat.missed, beat.slept_s) == (0.0, 0, 0.0)


def test_a_beat_in_time_has_no_lag(play: Play) -> None:
    play.beat()
    play.machine.advance(INTERVAL_S)
    assert play.beat().lag_ms == 0.0


def test_a_beat_that_came_early_has_no_lag(play: Play) -> None:
    play.beat()
    play.machine.advance(INTERVAL_S - 0.5)
    assert play.beat().lag_ms == 0.0


def test_a_late_beat_says_by_how_much(play: Play) -> None:
    play.beat()
    play.machine.advance(INTERVAL_S + 0.25)
    beat = play.beat()
    assert (beat.lag_ms, beat.missed) == (250.0, 0)


@pytest.mark.parametrize(("late_s", "missed"), [(59.9, 0), (60.0, 1), (179.0, 2), (180.0, 3)])
def test_a_stall_counts_the_beats_that_were_missed(play: Play, late_s: float, missed: int) -> None:
    play.beat()
    play.machine.advance(INTERVAL_S + late_s)
    beat = play.beat()
    assert (beat.missed, beat.slept_s) == (missed, 0.0)


def test_a_sleep_of_the_machine_is_no_stall_and_no_clock_jump(play: Play) -> None:
    play.beat()
    play.machine.advance(30)
    play.machine.sleep(8 * 3600)
    play.machine.advance(30)
    beat = play.beat()
    assert (beat.missed, beat.lag_ms, beat.slept_s) == (0, 0.0, 28800.0)
    assert play.jumps() == []


def test_a_stall_and_a_sleep_together_are_told_apart(play: Play) -> None:
    play.beat()
    play.machine.sleep(100)
    play.machine.advance(INTERVAL_S + 130)
    beat = play.beat()
    assert (beat.missed, beat.lag_ms, beat.slept_s) == (2, 130_000.0, 100.0)


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_a_clock_that_is_set_by_a_day_is_told_and_changes_nothing_else(play: Play, jump_s: float) -> None:
    play.beat()
    play.machine.advance(INTERVAL_S)
    play.machine.jump(jump_s)
    beat = play.beat()
    assert play.jumps() == [jump_s]
    assert (beat.lag_ms, beat.missed, beat.slept_s) == (0.0, 0, 0.0)
    assert beat.uptime_seconds == INTERVAL_S


def test_a_clock_that_is_slewed_a_little_is_not_told(play: Play) -> None:
    play.machine.jump(CLOCK_JUMP_S)
    play.beat()
    assert play.jumps() == []


def test_a_jump_is_told_once(play: Play) -> None:
    play.machine.jump(DAY_S)
    for _ in range(3):
        play.beat()
        play.machine.advance(INTERVAL_S)
    assert play.jumps() == [DAY_S]


READINGS = st.floats(0, 1e6)


@given(awake=READINGS, slept=READINGS, jump=st.floats(-1e6, 1e6), cpu=READINGS)
def test_what_passed_is_taken_apart(awake: float, slept: float, jump: float, cpu: float) -> None:
    before = Readings(10.0, 20.0, 1e9, 1.0)
    after = Readings(10.0 + awake, 20.0 + awake + slept, 1e9 + awake + slept + jump, 1.0 + cpu)
    found = passed(before, after)
    assert found.awake_s == pytest.approx(awake, abs=1e-6)
    assert found.slept_s == pytest.approx(slept, abs=1e-6)
    assert found.clock_jump_s == pytest.approx(jump, abs=1e-5)
    assert found.cpu_s == pytest.approx(cpu, abs=1e-6)
    assert found.slept_s >= 0


def test_errors_are_counted_by_component(play: Play) -> None:
    play.bus.publish(failed())
    play.bus.publish(failed())
    play.bus.publish(failed("service:db"))
    play.bus.publish(SettingsRefused(at=1.0, component="aurora", path="aurora.yaml", problems=("wrong",)))
    play.bus.publish(ServiceRestarting(at=1.0, component="service:web", attempt=1, delay_s=0.0, cause="it ended"))
    assert play.beat().error_counts == {"service:web": 2, "service:db": 1, "aurora": 1}


def test_the_newest_recovery_events_are_kept(play: Play) -> None:
    for second in range(7):
        play.bus.publish(failed(at=1_750_000_000.0 + second))
    play.bus.publish(SettingsRefused(at=1.0, component="aurora", path="aurora.yaml", problems=("no recovery event",)))
    recent = play.beat().recent_recovery_events
    assert [event["timestamp"] for event in recent] == [f"2025-06-15T15:06:4{second}.000Z" for second in range(2, 7)]
    assert recent[0]["component"] == "service:web"
    assert recent[0]["event_type"] == "service_failed"


def test_an_earlier_beat_is_not_changed_by_later_errors(play: Play) -> None:
    play.bus.publish(failed())
    beat = play.beat()
    play.bus.publish(failed())
    assert beat.error_counts == {"service:web": 1}
    assert len(beat.recent_recovery_events) == 1


def test_the_services_are_counted_by_state(machine: Machine) -> None:
    beat = Play(machine, (view(1), view(2), view(3, "failed"))).beat()
    assert beat.services == {"running": 2, "failed": 1}


def test_the_verdict_is_that_of_the_whole(play: Play) -> None:
    play.health = Health("unhealthy", "web: failed: gone", "Start it")
    beat = play.beat()
    assert (beat.verdict, beat.sentence) == ("unhealthy", "web: failed: gone")


def test_what_aurora_itself_uses_is_told(play: Play) -> None:
    beat = play.beat()
    assert beat.memory_bytes > 1_000_000
    assert beat.cpu_percent == 0.0
    play.machine.advance(INTERVAL_S)
    assert play.beat().cpu_percent >= 0.0


def test_the_newest_beat_is_kept(play: Play) -> None:
    assert play.pulse.last is None
    play.beat()
    play.machine.advance(INTERVAL_S)
    assert play.beat() is play.pulse.last
    assert play.pulse.last is play.told[-1]


def test_a_beat_with_a_hundred_services_is_about_a_kilobyte(machine: Machine) -> None:
    play = Play(machine, tuple(view(place, "ready" if place % 2 else "running") for place in range(100)))
    for _ in range(9):
        play.bus.publish(failed())
    size = len(msgspec.json.encode(play.beat()))
    assert 300 < size < 1500


def test_it_goes_on_beating_with_the_interval_of_the_moment(play: Play) -> None:
    beats: list[Heartbeat] = []

    async def three_beats() -> None:
        enough = asyncio.Event()

        def count(record: Record) -> None:
            if isinstance(record.event, Heartbeat):
                beats.append(record.event)
                if len(beats) == 3:
                    enough.set()

        play.bus.subscribe(count)
        play.pulse.interval_s = 0.001
        task = asyncio.create_task(play.pulse.run())
        async with asyncio.timeout(20):
            await enough.wait()
        task.cancel()

    asyncio.run(three_beats())
    assert len(beats) == 3


def test_the_boot_clock_of_the_machine_never_lags_behind_the_monotonic_one() -> None:
    reading = pulse_module._boot_clock(0.0)
    assert reading >= 0.0


def test_a_changed_interval_is_followed_by_a_beat_that_is_not_late(play: Play) -> None:
    async def change() -> None:
        running = asyncio.create_task(play.pulse.run())
        await asyncio.sleep(0)
        play.machine.advance(3.0)
        second = asyncio.Event()
        play.bus.subscribe(lambda _: second.set())
        play.pulse.interval_s = 1.0
        await second.wait()
        running.cancel()

    def beats() -> list[Heartbeat]:
        return [event for event in play.told if isinstance(event, Heartbeat)]

    asyncio.run(change())
    assert [(beat.lag_ms, beat.missed) for beat in beats()] == [(0.0, 0), (0.0, 0)]
