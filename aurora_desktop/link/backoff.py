"""When to try again. Pure: chance and times are passed in."""

from typing import Literal, NamedTuple

from aurora_desktop.link.failure import LinkError

BASE_S = 1.0
CONNECTING_S = 3.0
"""What an attempt may need until it is online: taken off the promise, so that it holds for the whole way."""
REFUSED_S = 900.0
"""A login that was refused is refused again: only somebody can mend that, at the server or in the settings."""
LONGEST_S = 3600.0
QUIET_AFTER = 20
"""Attempts after which the single ones are no longer told: an outage of a week is not to fill the journal."""


class Plan(NamedTuple):
    """What to do after a failure: wait so long, or (None) until somebody says so."""

    state: Literal["backing_off", "refused", "offline"]
    wait_s: float | None


def ceiling_s(attempt: int, most_s: float) -> float:
    """The most to wait before the attempt after `attempt` failed ones; 1 is the first that failed."""
    return min(most_s, BASE_S * 2.0 ** min(max(attempt, 0), 32))


def wait_s(attempt: int, spent_s: float, chance: float, most_s: float) -> float:
    """Full jitter: any time up to the ceiling, so that thousands who lost the server together come back apart.

    chance: from 0 to 1. spent_s: what the attempt took; one that begins just before the server is back may hang for
    that long, so it counts towards `most_s`, the promise for the time between two beginnings.
    """
    room_s = most_s - min(CONNECTING_S, most_s / 2) - max(spent_s, 0.0)
    return chance * max(0.0, min(ceiling_s(attempt, most_s), room_s))


def plan(
    failure: LinkError, attempt: int, spent_s: float, chance: float, most_s: float, max_attempts: int | None
) -> Plan:
    """What follows the failed attempt number `attempt`."""
    if failure.kind in ("refused", "certificate"):
        return Plan("refused", REFUSED_S)
    if max_attempts is not None and attempt >= max_attempts:
        return Plan("offline", None)
    after_s = wait_s(attempt, spent_s, chance, most_s)
    if failure.kind == "throttled":
        asked_s = min(failure.retry_after_s, LONGEST_S)
        # All who were told the same time at the same moment would else come together again, time after time.
        return Plan("backing_off", asked_s * (1 + chance) + after_s)
    return Plan("backing_off", after_s)
