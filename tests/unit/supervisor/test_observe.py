"""Watching one process: the order of its probes, their thresholds, and the watchdog."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.clocks import FakeClock

from aurora_desktop.core.clock import StallMeter
from aurora_desktop.core.settings.schema import FileAgeProbe, Probe, Service
from aurora_desktop.core.settings.values import Command
from aurora_desktop.supervisor.observe import Observation
from aurora_desktop.supervisor.probes import Prober, Target
from aurora_desktop.supervisor.stimuli import NotReady, Ready, Started, Stimulus, Unwell
from supervisor.stage import next_checks, surroundings
from supervisor.yard import WAIT_S, in_loop

PERIOD_S = 0.002


def exists(name: str, **keys: Any) -> Probe:
    """A probe that succeeds while the file is there: nothing but a fact that a test makes true or false."""
    age = FileAgeProbe(path=name, max_age_sec=1e9)
    return Probe(file_age=age, **{"period_sec": PERIOD_S, "failure_threshold": 1, **keys})


def spec(**keys: Any) -> Service:
    return Service(command=Command(["program"]), **keys)


class Timers:
    """Stands in for the loop's timers: `call_later` is remembered, and due when the fake clock says so."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.due: list[tuple[float, Timer]] = []

    def call_later(self, delay_s: float, call: Callable[[], None]) -> "Timer":
        timer = Timer(call)
        self.due.append((self._clock.monotonic() + delay_s, timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass, in order, with every timer in its time."""
        until = self._clock.monotonic() + seconds
        while ready := [(at, timer) for at, timer in self.due if at <= until]:
            at, timer = min(ready, key=lambda pair: pair[0])
            self.due.remove((at, timer))
            self._clock.advance(max(0.0, at - self._clock.monotonic()))
            timer.fire()
        self._clock.advance(max(0.0, until - self._clock.monotonic()))


class Timer:
    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def fire(self) -> None:
        if not self.is_cancelled:
            self._call()


class Play:
    """One observation, and what came of it."""

    def __init__(self, root: Path, service: Service, **around: Any) -> None:
        self.root = root
        self.fed: list[Stimulus] = []
        self.said: list[tuple[str, str]] = []
        self._happened = asyncio.Event()
        target = Target(folder=root, environment={}, log_path=root / "web.log")
        self.around = surroundings(root / "state", **around)
        self.observation = Observation(service, target, self.around, self._take, self._say)

    def begin(self, *, is_up: bool = False) -> "Play":
        self.observation.begin(is_up=is_up)
        return self

    def _take(self, stimulus: Stimulus) -> None:
        self.fed.append(stimulus)
        self._happened.set()

    def _say(self, kind: str, wrong: str) -> None:
        self.said.append((kind, wrong))
        self._happened.set()

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not holds():
                self._happened.clear()
                await self._happened.wait()

    def make(self, name: str) -> None:
        (self.root / name).touch()

    def kinds(self) -> list[type[Stimulus]]:
        return [type(stimulus) for stimulus in self.fed]

    def end(self) -> None:
        self.observation.end()


# --- the order of the probes ------------------------------------------------------------------------------------

ALL = {"startup_probe": "started", "readiness_probe": "ready", "liveness_probe": "alive"}


def with_all(**keys: Any) -> Service:
    """Failing startup checks are patient, so that the others could come first if they wanted to."""
    probes = {key: exists(name) for key, name in ALL.items()}
    return spec(**{**probes, "startup_probe": exists("started", failure_threshold=10_000), **keys})


@in_loop
async def test_the_startup_probe_comes_alone_and_first(tmp_path: Path) -> None:
    play = Play(tmp_path, with_all()).begin()
    await next_checks(5)
    assert (play.fed, play.said) == ([], [])
    play.make("started")
    await play.until(lambda: play.kinds()[:1] == [Started] and NotReady in play.kinds())
    assert play.said[0] == ("startup", "")
    assert ("liveness", "") not in play.said
    play.end()


@in_loop
async def test_liveness_comes_once_it_is_up(tmp_path: Path) -> None:
    play = Play(tmp_path, with_all()).begin()
    play.make("started")
    play.make("ready")
    await play.until(lambda: Ready in play.kinds())
    assert "liveness" not in [kind for kind, _ in play.said]
    play.observation.is_up()
    await play.until(lambda: Unwell in play.kinds())
    (unwell,) = (s for s in play.fed[: play.kinds().index(Unwell) + 1] if isinstance(s, Unwell))
    assert (unwell.kind, unwell.cause) == ("liveness", f"liveness probe: {tmp_path / 'alive'} does not exist")
    play.end()


@in_loop
async def test_what_was_up_before_skips_the_startup_probe(tmp_path: Path) -> None:
    play = Play(tmp_path, with_all()).begin(is_up=True)
    await play.until(lambda: Unwell in play.kinds() and NotReady in play.kinds())
    assert "startup" not in [kind for kind, _ in play.said]
    assert Started not in play.kinds()
    play.end()


@in_loop
async def test_without_a_sign_of_readiness_liveness_begins_at_once(tmp_path: Path) -> None:
    play = Play(tmp_path, spec(liveness_probe=exists("alive"))).begin()
    await play.until(lambda: Unwell in play.kinds())
    play.end()


@in_loop
async def test_a_startup_probe_that_fails_replaces_the_service_once(tmp_path: Path) -> None:
    play = Play(tmp_path, spec(startup_probe=exists("started", failure_threshold=2))).begin()
    await play.until(lambda: play.fed)
    await asyncio.wait(play.observation._tasks, timeout=WAIT_S)
    cause = f"startup probe: {tmp_path / 'started'} does not exist"
    assert play.fed == [Unwell("startup", cause)]
    play.end()


@in_loop
async def test_a_notify_service_tells_itself_that_it_has_started(tmp_path: Path) -> None:
    play = Play(tmp_path, spec(type="notify", startup_probe=exists("started"))).begin()
    play.make("started")
    await play.until(lambda: ("startup", "") in play.said)
    await asyncio.sleep(0)
    assert play.fed == []
    play.end()


@in_loop
async def test_up_twice_is_watched_once(tmp_path: Path) -> None:
    play = Play(tmp_path, spec(liveness_probe=exists("alive"))).begin()
    before = len(asyncio.all_tasks())
    play.observation.is_up()
    assert len(asyncio.all_tasks()) == before
    play.end()


# --- thresholds -------------------------------------------------------------------------------------------------


@contextmanager
def looking(look: Callable[[], Coroutine[Any, Any, str]]) -> Iterator[None]:
    """What a check sees is given, not looked for."""
    original = Prober._look
    Prober._look = lambda self: look()  # type: ignore[method-assign] # put back below
    try:
        yield
    finally:
        Prober._look = original  # type: ignore[method-assign] # as it was


async def verdicts(root: Path, checks: str, **thresholds: int) -> list[bool]:
    """The verdicts of a readiness probe over a series of checks: `1` succeeds, `0` fails."""
    play = Play(root, spec(readiness_probe=exists("there", **thresholds)))
    series, done = iter(checks), asyncio.Event()

    async def look() -> str:
        outcome = next(series, "")
        if not outcome:
            done.set()
            await asyncio.sleep(WAIT_S)
        return "" if outcome == "1" else "wrong"

    with looking(look):
        play.begin()
        async with asyncio.timeout(WAIT_S):
            await done.wait()
    play.end()
    return [isinstance(stimulus, Ready) for stimulus in play.fed]


@in_loop
async def test_one_failure_is_not_yet_two(tmp_path: Path) -> None:
    assert await verdicts(tmp_path, "0101010", failure_threshold=2, success_threshold=1) == [True, True, True]


@in_loop
async def test_failures_in_a_row_count_from_the_threshold_on(tmp_path: Path) -> None:
    assert await verdicts(tmp_path, "1000", failure_threshold=2) == [True, False, False]


@in_loop
async def test_successes_in_a_row_count_once(tmp_path: Path) -> None:
    assert await verdicts(tmp_path, "11111", success_threshold=3) == [True]
    assert await verdicts(tmp_path, "110110111", success_threshold=3, failure_threshold=5) == [True]


@in_loop
async def test_a_service_that_comes_and_goes_is_told_each_time(tmp_path: Path) -> None:
    assert await verdicts(tmp_path, "1010", failure_threshold=1) == [True, False, True, False]


class StoodStill(StallMeter):
    """Each reading finds a stall more."""

    def total_s(self) -> float:
        last_beat, total_s = self._so_far
        self._so_far = last_beat, total_s + 1.0
        return total_s + 1.0


@in_loop
async def test_checks_that_prove_nothing_count_neither_way(tmp_path: Path) -> None:
    clock = FakeClock()
    probe = Probe(file_age=FileAgeProbe(path="x", max_age_sec=1.0), period_sec=PERIOD_S, timeout_sec=0.001)
    play = Play(tmp_path, spec(readiness_probe=probe), clock=clock, stalls=StoodStill(clock))
    checks = 0
    enough = asyncio.Event()

    async def hang() -> str:
        nonlocal checks
        checks += 1
        if checks == 5:
            enough.set()
        await asyncio.sleep(WAIT_S)
        return ""

    with looking(hang):
        play.begin()
        async with asyncio.timeout(WAIT_S):
            await enough.wait()
    assert (play.fed, play.said) == ([], [])
    play.end()


# --- the watchdog -----------------------------------------------------------------------------------------------


class Watchdog:
    """A service with `watchdog_sec: 10` on a clock that the test moves."""

    def __init__(self, root: Path) -> None:
        self.clock = FakeClock()
        self.stalls = StallMeter(self.clock)
        self.play = Play(root, spec(watchdog_sec=10.0), clock=self.clock, stalls=self.stalls)
        self.timers = Timers(self.clock)
        self.play.around.loop = self.timers  # type: ignore[assignment] # its timers alone are used
        self.play.begin()

    def wait(self, seconds: float) -> "Watchdog":
        """Time passes, our own loop beating all the while."""
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            self.timers.advance(min(left, self.stalls.interval_s))
            self.stalls.beat()
        return self

    def stall(self, seconds: float) -> "Watchdog":
        """Our own loop stands still: then every timer that is due fires at once, before the next beat."""
        self.clock.advance(seconds)
        self.timers.advance(0.0)
        self.stalls.beat()
        return self

    def ping(self) -> "Watchdog":
        self.play.observation.ping()
        return self

    @property
    def barked(self) -> bool:
        return bool(self.play.fed)


@in_loop
async def test_a_service_that_sends_nothing_is_replaced_in_time(tmp_path: Path) -> None:
    watchdog = Watchdog(tmp_path).wait(9.9)
    assert not watchdog.barked
    watchdog.wait(0.2)
    assert watchdog.play.fed == [Unwell("watchdog", "no WATCHDOG=1 for 10 s (watchdog_sec)")]


@in_loop
async def test_each_sign_of_life_begins_the_time_anew(tmp_path: Path) -> None:
    watchdog = Watchdog(tmp_path)
    for _ in range(5):
        watchdog.wait(9.0).ping()
    assert not watchdog.barked
    assert watchdog.wait(10.1).barked


@in_loop
async def test_a_stall_of_ours_is_not_held_against_it(tmp_path: Path) -> None:
    watchdog = Watchdog(tmp_path).wait(5.0).stall(100.0)
    assert not watchdog.barked
    assert not watchdog.wait(4.0).barked
    assert watchdog.wait(2.0).barked


@in_loop
async def test_a_stall_before_the_last_sign_of_life_gives_no_more_time(tmp_path: Path) -> None:
    watchdog = Watchdog(tmp_path).stall(100.0).ping().wait(9.9)
    assert not watchdog.barked
    assert watchdog.wait(0.2).barked


@in_loop
async def test_it_barks_once(tmp_path: Path) -> None:
    watchdog = Watchdog(tmp_path).wait(50.0)
    assert len(watchdog.play.fed) == 1


@in_loop
async def test_a_sign_of_life_after_it_barked_begins_again(tmp_path: Path) -> None:
    """It was told during a pause of supervision, say, and the service came to itself."""
    watchdog = Watchdog(tmp_path).wait(11.0).ping().wait(9.0)
    assert len(watchdog.play.fed) == 1
    watchdog.wait(2.0)
    assert len(watchdog.play.fed) == 2


@in_loop
async def test_a_sign_of_life_before_it_is_up_begins_nothing(tmp_path: Path) -> None:
    play = Play(tmp_path, spec(type="notify", watchdog_sec=10.0)).begin()
    play.observation.ping()
    assert play.observation._watchdog is None


# --- what is measured -------------------------------------------------------------------------------------------


@in_loop
async def test_each_check_is_measured_as_what_it_came_to(tmp_path: Path) -> None:
    play = Play(tmp_path, spec(readiness_probe=exists("ready")))
    play.begin()
    await play.until(lambda: NotReady in play.kinds())
    play.make("ready")
    await play.until(lambda: Ready in play.kinds())
    play.end()
    latencies = play.observation._measures.probes["readiness"]
    assert latencies.failed >= 1
    assert latencies.answered >= 1
    assert latencies.timed_out == 0


# --- the end ----------------------------------------------------------------------------------------------------


@in_loop
async def test_the_end_cancels_everything(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    play = Play(tmp_path, with_all(watchdog_sec=10.0)).begin(is_up=True)
    assert asyncio.all_tasks() - before
    play.end()
    play.end()
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert play.fed == []


@in_loop
async def test_a_sign_of_life_after_the_end_wakes_no_watchdog(tmp_path: Path) -> None:
    """A datagram that was under way when the service was frozen must not bite once it is thawed."""
    watchdog = Watchdog(tmp_path).wait(5.0)
    watchdog.play.end()
    watchdog.ping().wait(50.0)
    assert not watchdog.barked


@in_loop
async def test_a_probe_may_end_its_own_observation(tmp_path: Path) -> None:
    """As it happens when a failed check ends the service."""
    play = Play(tmp_path, spec(liveness_probe=exists("alive")))
    original = play.observation._feed

    def end(stimulus: Stimulus) -> None:
        original(stimulus)
        play.end()

    play.observation._feed = end
    play.begin()
    await play.until(lambda: play.fed)
    assert play.kinds() == [Unwell]
