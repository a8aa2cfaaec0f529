"""Made series of a service's memory: leaks, and everything that looks a little like one. All from fixed seeds."""

import math
from collections.abc import Callable, Iterator
from random import Random

STEP_S = 60.0
HOURS = 72
MB = 1_000_000.0

Values = list[float]
Shape = Callable[[Random], Values]
"""72 hours of resident bytes, one each minute."""


def _minutes() -> range:
    return range(int(HOURS * 3600 / STEP_S))


def _flat(random: Random) -> Values:
    base, noise = random.uniform(50, 400) * MB, random.uniform(0.1, 5) * MB
    return [base + random.gauss(0, noise) for _ in _minutes()]


def _sawtooth(random: Random) -> Values:
    base, height = random.uniform(50, 300) * MB, random.uniform(20, 200) * MB
    period = random.choice([7, 30, 90, 240, 600])
    return [base + height * ((m % period) / period) + random.gauss(0, MB) for m in _minutes()]


def _steps(random: Random) -> Values:
    at = sorted(random.randrange(len(_minutes())) for _ in range(random.randrange(1, 5)))
    heights = [random.uniform(-20, 120) * MB for _ in at]
    base = random.uniform(100, 300) * MB
    return [
        base + sum(h for a, h in zip(at, heights, strict=True) if m >= a) + random.gauss(0, 2 * MB) for m in _minutes()
    ]


def _daily(random: Random) -> Values:
    base, height, phase = random.uniform(80, 300) * MB, random.uniform(20, 120) * MB, random.uniform(0, 2 * math.pi)
    day = [height * (1 + math.sin(2 * math.pi * m / 1440 + phase)) / 2 for m in _minutes()]
    return [base + tide + random.gauss(0, 3 * MB) for tide in day]


def _wandering(random: Random) -> Values:
    """A random walk that is drawn back to its middle, within hours."""
    base, pull, value, values = random.uniform(100, 300) * MB, 1 / random.uniform(120, 720), 0.0, []
    for _ in _minutes():
        value += random.gauss(0, 1.5 * MB) - pull * value
        values.append(base + value)
    return values


def _warm_up(random: Random) -> Values:
    base, height, tau = random.uniform(40, 200) * MB, random.uniform(30, 200) * MB, random.uniform(30, 400)
    return [base + height * (1 - math.exp(-m / tau)) + random.gauss(0, MB) for m in _minutes()]


def _bursts(random: Random) -> Values:
    base, values, burst = random.uniform(80, 300) * MB, [], 0.0
    for _ in _minutes():
        if random.random() < 1 / 300:
            burst = random.uniform(20, 300) * MB
        burst *= 0.97
        values.append(base + burst + random.gauss(0, MB))
    return values


INNOCENT: dict[str, Shape] = {
    "flat": _flat,
    "sawtooth": _sawtooth,
    "step": _steps,
    "daily rhythm": _daily,
    "wandering": _wandering,
    "warm-up": _warm_up,
    "bursts": _bursts,
}
LEAKS_MB_H = (2, 5, 10, 20, 50)


def leak(mb_per_h: float, random: Random) -> Values:
    """On top of noise and, one in three each, a collector's sawtooth or a daily rhythm."""
    base, noise = random.uniform(60, 250) * MB, random.uniform(0.2, 2) * MB
    kind, period = random.choice(["plain", "sawtooth", "daily"]), random.choice([5, 20, 45])
    begins = random.uniform(0, 120)

    def at(minute: int) -> float:
        value = base + max(0.0, minute - begins) * mb_per_h * MB / 60
        if kind == "sawtooth":
            value += 30 * MB * (minute % period) / period
        if kind == "daily":
            value += 15 * MB * (1 + math.sin(2 * math.pi * minute / 1440))
        return value + random.gauss(0, noise)

    return [at(minute) for minute in _minutes()]


def innocent(seeds: range) -> Iterator[tuple[str, Values, float]]:
    """Kind, series, and a limit that it never reaches, from a little to far above its peak."""
    for kind, shape in INNOCENT.items():
        for seed in seeds:
            random = Random(f"{kind} {seed}")
            values = shape(random)
            yield kind, values, max(values) * random.uniform(1.15, 3.0)


def leaks(seeds: range) -> Iterator[tuple[int, Values, float]]:
    """Rate in MB/h, series, and the limit that it reaches after 30 to 66 hours, or sooner where it is fast."""
    for rate in LEAKS_MB_H:
        for seed in seeds:
            random = Random(f"leak {rate} {seed}")
            values = leak(rate, random)
            hours = random.uniform(30, 66) if rate < 20 else random.uniform(6, 40)
            yield rate, values, values[int(hours * 60)] + 2 * MB
