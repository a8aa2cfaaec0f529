"""Statistics of failures and of what was done about them, from counts. Pure."""

import math
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from aurora_desktop.healing.view import (
    AgentHealing,
    ComponentStatistics,
    RemedyStatistics,
    Statistics,
    Together,
    Tried,
)

TOGETHER_WITHIN_S = 60.0
MIN_TOGETHER = 5
"""Fewer coincidences than this prove nothing."""
MIN_LIFT = 2.0
MIN_SPAN_S = 3600.0
MAX_KINDS = 50
MIN_FAILURES = 3
"""Two intervals: fewer say nothing of their mean."""
TOGETHER_SHOWN = 20


class Attempts(NamedTuple):
    """How often a remedy worked and failed on a component."""

    remedy: str
    component: str
    worked: int
    failed: int


class Component(NamedTuple):
    """`downtime_s` in sum over `recoveries`."""

    name: str
    failures: int
    first_at: float
    last_at: float
    recoveries: int
    downtime_s: float


class Remembered(Struct, frozen=True, kw_only=True):
    """The counts of the memory; `newest`: time and kind of the newest failures, oldest first."""

    attempts: Sequence[Attempts] = ()
    median_s: Mapping[str, float | None] = {}
    recent: Sequence[Tried] = ()
    components: Sequence[Component] = ()
    kinds: Mapping[str, int] = {}
    hours: Mapping[int, int] = {}
    newest: Sequence[tuple[float, str]] = ()


def statistics(known: Remembered) -> Statistics:
    successful = sum(row.worked for row in known.attempts)
    failed = sum(row.failed for row in known.attempts)
    return Statistics(
        total_actions=successful + failed,
        successful=successful,
        failed=failed,
        success_rate=_rate(successful, failed),
        by_agent=_by_component(known.attempts),
        recent_actions=tuple(known.recent),
        components=tuple(map(_of_component, known.components)),
        remedies=_by_remedy(known.attempts, known.median_s),
        kinds=dict(sorted(known.kinds.items(), key=lambda item: (-item[1], item[0]))),
        by_hour=tuple(known.hours.get(hour, 0) for hour in range(24)),
        together=together(known.newest),
    )


def _rate(successful: int, failed: int) -> float:
    """Percent."""
    return round(100 * successful / (successful + failed), 1) if successful + failed else 0.0


def _summed(rows: Sequence[Attempts], key: str) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        worked, failed = sums.get(getattr(row, key), (0, 0))
        sums[getattr(row, key)] = (worked + row.worked, failed + row.failed)
    return dict(sorted(sums.items(), key=lambda item: (-sum(item[1]), item[0])))


def _by_component(rows: Sequence[Attempts]) -> dict[str, AgentHealing]:
    """An agent under its own name, as the earlier system has it; all others under their component's."""
    return {
        name.removeprefix("agent:"): AgentHealing(total=worked + failed, successful=worked, failed=failed)
        for name, (worked, failed) in _summed(rows, "component").items()
    }


def _by_remedy(rows: Sequence[Attempts], median_s: Mapping[str, float | None]) -> tuple[RemedyStatistics, ...]:
    return tuple(
        RemedyStatistics(
            remedy=remedy,
            total=worked + failed,
            successful=worked,
            failed=failed,
            success_rate=_rate(worked, failed),
            median_s=median_s.get(remedy),
        )
        for remedy, (worked, failed) in _summed(rows, "remedy").items()
    )


def _of_component(known: Component) -> ComponentStatistics:
    span_s = known.last_at - known.first_at
    return ComponentStatistics(
        component=known.name,
        failures=known.failures,
        mtbf_s=span_s / (known.failures - 1) if known.failures >= MIN_FAILURES and span_s > 0 else None,
        mttr_s=known.downtime_s / known.recoveries if known.recoveries else None,
    )


# --- what comes together ------------------------------------------------------------------------------------------


def together(failures: Sequence[tuple[float, str]]) -> tuple[Together, ...]:
    """Pairs of kinds that come within TOGETHER_WITHIN_S of each other, the most remarkable first.

    `failures`: time and kind, oldest first. A pair is counted by its *outbreaks*: what follows its like within the
    window belongs to the same one, so that a program that fails each second does not count a hundred times. The lift
    is how many outbreaks of the rarer kind had one of the other beside them, over how many would have had it by
    chance, were the other strewn evenly over the whole time.
    """
    if not failures or (span_s := failures[-1][0] - failures[0][0]) < MIN_SPAN_S:
        return ()
    often = {kind for kind, _ in Counter(kind for _, kind in failures).most_common(MAX_KINDS)}
    outbreaks = _outbreaks([(at, kind) for at, kind in failures if kind in often])
    counts = Counter(kind for _, kind in outbreaks)
    found = []
    for (first, second), count in _coincidences(outbreaks).items():
        rarer, other = sorted((first, second), key=lambda kind: counts[kind])
        by_chance = counts[rarer] * -math.expm1(-2 * TOGETHER_WITHIN_S * counts[other] / span_s)
        lift = count / by_chance
        if count >= MIN_TOGETHER and lift >= MIN_LIFT:
            found.append(Together(first=first, second=second, count=count, lift=round(lift, 1)))
    return tuple(sorted(found, key=lambda pair: (-pair.lift, pair.first, pair.second))[:TOGETHER_SHOWN])


def _outbreaks(failures: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """The first of each row of failures of a kind that are no further apart than the window."""
    last: dict[str, float] = {}
    begun = []
    for at, kind in failures:
        if at - last.get(kind, -math.inf) > TOGETHER_WITHIN_S:
            begun.append((at, kind))
        last[kind] = at
    return begun


def _coincidences(outbreaks: Sequence[tuple[float, str]]) -> Counter[tuple[str, str]]:
    """How many outbreaks of the rarer of two kinds had one of the other within the window."""
    near: dict[tuple[str, str], tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    window: deque[tuple[int, float, str]] = deque()
    for number, (at, kind) in enumerate(outbreaks):
        while window and at - window[0][1] > TOGETHER_WITHIN_S:
            window.popleft()
        for earlier, _, other in window:
            pair = (kind, other) if kind < other else (other, kind)
            mine, others = near[pair] if kind < other else near[pair][::-1]
            mine.add(number)
            others.add(earlier)
        window.append((number, at, kind))
    return Counter({pair: min(map(len, both)) for pair, both in near.items()})
