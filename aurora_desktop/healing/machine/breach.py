"""When a resource of the machine counts as short: a pure rule, with the clock passed in.

A breach is a value over its limit that lasts; a relief is one that lies `RELIEF_POINTS` below and lasts as well. Only
time that was really observed counts: after a gap (Aurora stood still, the machine slept) nobody knows what was
meanwhile.
"""

from typing import Literal

from msgspec import Struct

RELIEF_POINTS = 5.0
"""Percentage points below the limit that end a breach: a value that wavers around the limit is one breach."""
LONGEST_GAP = 2.0
"""Readings that are more than so many intervals apart have a gap between them."""

Change = Literal["breached", "relieved"]


class Watched(Struct, frozen=True):
    """One resource as the rule knows it; times are monotonic seconds.

    `is_breached` is what was told; `lasts_s` for how long the opposite was observed without interruption, and
    `breached_s` for how long it has been over the limit in all.
    """

    is_breached: bool = False
    lasts_s: float = 0.0
    breached_s: float = 0.0
    seen_at: float | None = None
    was_opposite: bool = False


class Rule(Struct, frozen=True):
    """`limit` in percent; `lasting_s` of observation make a breach or a relief; readings come every `interval_s`."""

    limit: float
    lasting_s: float
    interval_s: float


def judge(before: Watched, percent: float, now: float, rule: Rule) -> tuple[Watched, Change | None]:
    """Take one reading; a single one never changes anything."""
    is_opposite = _is_relief(percent, rule) if before.is_breached else percent > rule.limit
    observed_s = _observed_s(before, now, rule)
    goes_on = is_opposite and before.was_opposite
    lasts_s = before.lasts_s + observed_s if goes_on else 0.0
    if goes_on and lasts_s >= rule.lasting_s:
        if before.is_breached:
            return Watched(seen_at=now), "relieved"
        return Watched(is_breached=True, breached_s=lasts_s, seen_at=now), "breached"
    breached_s = before.breached_s + observed_s if before.is_breached else lasts_s
    return Watched(before.is_breached, lasts_s, breached_s, now, is_opposite), None


def _is_relief(percent: float, rule: Rule) -> bool:
    return percent <= max(rule.limit - RELIEF_POINTS, rule.limit / 2)


def _observed_s(before: Watched, now: float, rule: Rule) -> float:
    """Seconds since the reading before, none after a gap."""
    if before.seen_at is None:
        return 0.0
    passed_s = now - before.seen_at
    return passed_s if passed_s <= LONGEST_GAP * rule.interval_s else 0.0
