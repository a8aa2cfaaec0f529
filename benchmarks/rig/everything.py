"""Hours of everything at once, in the world of the end-to-end tests: the clock, the watch and the verdict."""

import random
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from aurora_desktop.core.errors import AuroraError
from rig.bench import Bench

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))

from e2e.soak.blows import CRASHED, Blows
from e2e.soak.growth import Point, growth
from e2e.soak.samples import Sample
from e2e.soak.traffic import Traffic
from e2e.soak.world import World

LOOK_S = 0.25
AURORA = "Aurora"


class Pace(NamedTuple):
    """In seconds; the dice choose around them. `warm_up_s` of each life is not judged."""

    sample_s: float
    blow_s: float
    crash_s: float
    warm_up_s: float
    task_s: float
    message_s: float


LONG = Pace(sample_s=60, blow_s=5, crash_s=3600, warm_up_s=1200, task_s=2, message_s=1)
QUICK = Pace(sample_s=1, blow_s=1, crash_s=60, warm_up_s=20, task_s=0.5, message_s=0.2)


class Limit(NamedTuple):
    """What is told of a figure of the samples, and how much of it may come on top in an hour."""

    title: str
    unit: str
    most_per_hour: float
    of: Callable[[Sample], float]


LIMITS = (
    Limit("memory, PSS", "MB", 1.0, lambda s: s.pss_mb),
    Limit("memory, RSS", "MB", 1.0, lambda s: s.rss_mb),
    Limit("file descriptors", "", 0.5, lambda s: s.descriptors),
    Limit("threads", "", 0.2, lambda s: s.threads),
    Limit("disk, without journal, logs and backups", "MB", 5.0, lambda s: s.kept_mb),
)
MOST_DISK_MB = 150.0
"""Of all: journal, logs and backups are pruned by size, the first of them once in an hour."""


class Taken(NamedTuple):
    life: int
    age_s: float
    at_s: float
    sample: Sample


class Watch(threading.Thread):
    """Asks all the time whether Aurora answers, and samples it at the pace."""

    def __init__(self, world: World, pace: Pace) -> None:
        super().__init__(name="watch", daemon=True)
        self._world, self._pace = world, pace
        self._over = threading.Event()
        self.taken: list[Taken] = []
        self.down_s = self.looked_s = 0.0
        self._began = time.monotonic()
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            due = looked = time.monotonic()
            while not self._over.wait(LOOK_S):
                is_up = self._answers()
                now = time.monotonic()
                self.looked_s += now - looked
                self.down_s += 0.0 if is_up else now - looked
                looked = now
                if is_up and now >= due:
                    due = now + self._pace.sample_s
                    self._take()
        except BaseException as fault:  # noqa: BLE001 - told by `finish`
            self.fault = fault

    def _answers(self) -> bool:
        try:
            self._world.client().get("/v1/status")
        except AuroraError:
            return False
        return True

    def _take(self) -> None:
        """Unless it was killed meanwhile: then it is of no life."""
        life, age_s = self._world.lives, self._world.age_s
        sample = self._world.sample()
        if self._answers() and self._world.lives == life:
            self.taken.append(Taken(life, age_s, time.monotonic() - self._began, sample))

    def up_percent(self, down_s: float) -> float:
        return 100 * (1 - max(down_s, 0.0) / max(self.looked_s, 1e-9))

    def finish(self) -> None:
        self._over.set()
        self.join()
        if self.fault is not None:
            raise self.fault


class Soaked(NamedTuple):
    taken: list[Taken]
    faults: list[str]
    """What was lost, twice, or not well in the end, in words."""


def soaked(bench: Bench, pace: Pace, lasts_s: float, dice: random.Random) -> Soaked:
    """Let it run so long, and note the figures."""
    with World(bench.folder) as world:
        blows = Blows(world, dice)
        watch = Watch(world, pace)
        watch.start()
        try:
            with Traffic(world, task_every_s=pace.task_s, message_every_s=pace.message_s) as traffic:
                _strike_on(blows, pace, lasts_s, dice)
            traffic.settle()
        finally:
            watch.finish()
        faults = _faults(traffic)
    _note(bench, world, watch, blows, traffic)
    return Soaked(watch.taken, [*faults, *world.complaints])


def _strike_on(blows: Blows, pace: Pace, lasts_s: float, dice: random.Random) -> None:
    end = time.monotonic() + lasts_s
    crash_at = time.monotonic() + pace.crash_s * dice.uniform(0.5, 1.0)
    while (now := time.monotonic()) < end:
        if now >= crash_at:
            blows.crash()
            crash_at = time.monotonic() + pace.crash_s * dice.uniform(0.8, 1.2)
        else:
            blows.strike()
        time.sleep(min(pace.blow_s * dice.uniform(0.2, 1.8), max(0.0, end - time.monotonic())))


def _faults(traffic: Traffic) -> list[str]:
    faults = [f"task {id_} ended as {status}" for id_, status in traffic.ended_otherwise.items()]
    faults += [f"the message `{content}` is out of its place" for content in traffic.out_of_place()]
    return faults


def _note(bench: Bench, world: World, watch: Watch, blows: Blows, traffic: Traffic) -> None:
    report = bench.report
    done = ", ".join(f"{count:,} {what}" for what, count in (*blows.struck.items(), *traffic.done.items()))
    print(f"  {done}", file=sys.stderr)
    recovered = report.figure("soak_recovered", "time to recover", "s", "target: under 5; an outage of the server: 15")
    for what, times in world.recoveries.items():
        recovered.add(what, *times)
    up = report.figure("soak_up", "answers of the API, asked four times a second", "% of the time", "target: 99.9")
    up.add(f"with {blows.struck['Aurora killed']} kills of Aurora", watch.up_percent(watch.down_s))
    up.add("without the time that these took", watch.up_percent(watch.down_s - sum(world.recoveries[CRASHED])))
    memory = report.figure("soak_memory", "memory of all processes of Aurora, PSS, window open", "MB", "target: 100")
    memory.add(AURORA, *(taken.sample.pss_mb for taken in watch.taken))
    cpu = report.figure("soak_cpu", "CPU of all processes of Aurora, between two samples", "% of a core", "target: 10")
    cpu.add(AURORA, *_loads(watch.taken))
    disk = report.figure("soak_disk", "the state folder", "MB", f"target: {MOST_DISK_MB:g}")
    disk.add(AURORA, *(taken.sample.disk_mb for taken in watch.taken))


def _loads(taken: list[Taken]) -> list[float]:
    pairs = [(a, b) for a, b in pairwise(taken) if a.life == b.life and b.age_s > a.age_s]
    return [100 * (b.sample.cpu_s - a.sample.cpu_s) / (b.age_s - a.age_s) for a, b in pairs]


def judged(soak: Soaked, pace: Pace) -> list[str]:
    """Print the verdict on each figure; what speaks against it, in words."""
    faults = list(soak.faults)
    print(f"\ngrowth in an hour, after the first {pace.warm_up_s / 60:.3g} minutes of each life")
    for limit in LIMITS:
        found = growth(_points(soak.taken, limit), limit.most_per_hour, pace.warm_up_s)
        slope = "" if found.per_hour is None else f"{found.per_hour:+.3g} {limit.unit}"
        print(f"  {limit.title:42}{slope:>12}   {found.verdict} (limit {limit.most_per_hour:g})", flush=True)
        if found.verdict == "grows":
            faults.append(f"{limit.title} grew by {slope} in an hour")
    if (most := max((taken.sample.disk_mb for taken in soak.taken), default=0.0)) > MOST_DISK_MB:
        faults.append(f"the state folder came to {most:.0f} MB")
    print("\n" + ("\n".join(f"FAULT: {fault}" for fault in faults) or "nothing lost, nothing left behind"), flush=True)
    return faults


def _points(taken: list[Taken], limit: Limit) -> list[Point]:
    """The disk outlives Aurora: it has one life."""
    if limit.title.startswith("disk"):
        return [Point(0, one.at_s, limit.of(one.sample)) for one in taken]
    return [Point(one.life, one.age_s, limit.of(one.sample)) for one in taken]
