"""Which backups are kept: the last few, and the newest of each of the last hours, days and weeks, within a size."""

from collections.abc import Sequence
from typing import NamedTuple

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S
RECENT = 3
"""Kept whatever the hour: what was made a minute ago may hold the mistake already."""


class Kept(NamedTuple):
    """One backup as the rule sees it: `number` grows with each, `at` in Unix time, `bytes` on the disk."""

    id: str
    number: int
    at: float
    bytes: int


class Rule(NamedTuple):
    """How many of each; `max_bytes` of all together."""

    hourly: int
    daily: int
    weekly: int
    max_bytes: int


def to_remove(backups: Sequence[Kept], rule: Rule) -> list[str]:
    """The ids that may go, oldest first; never the newest, which is what a repair begins with.

    Hours, days and weeks without a backup do not count: after a long absence the old ones stay until new ones replace
    them.
    """
    newest_first = sorted(backups, key=_number, reverse=True)
    wanted = {backup.id: backup for backup in newest_first[:RECENT]}
    for most, length_s in ((rule.hourly, HOUR_S), (rule.daily, DAY_S), (rule.weekly, WEEK_S)):
        spans: set[int] = set()
        for backup in newest_first:
            span = int(backup.at // length_s)
            if span not in spans and len(spans) < most:
                spans.add(span)
                wanted[backup.id] = backup
    kept = _within(sorted(wanted.values(), key=_number, reverse=True), rule.max_bytes)
    if newest_first:
        kept.add(newest_first[0].id)
    return [backup.id for backup in reversed(newest_first) if backup.id not in kept]


def _within(newest_first: Sequence[Kept], most_bytes: int) -> set[str]:
    ids: set[str] = set()
    used = 0
    for backup in newest_first:
        used += backup.bytes
        if used > most_bytes:
            break
        ids.add(backup.id)
    return ids


def _number(backup: Kept) -> int:
    return backup.number
