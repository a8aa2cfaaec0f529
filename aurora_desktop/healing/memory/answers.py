"""The answer of the failure memory in words: when, where, what was tried, what worked, how often, how long. Pure."""

import time
from collections.abc import Sequence
from itertools import accumulate

from aurora_desktop.healing.view import FailureGroup

MAX_SHOWN_QUERY = 80


def answer(query: str, groups: Sequence[FailureGroup], total: int, now: float) -> str:
    """Two to four sentences about all that was found; the details are in the groups."""
    asked = " ".join(query.split())
    asked = asked if len(asked) <= MAX_SHOWN_QUERY else f"{asked[:MAX_SHOWN_QUERY]}…"
    if not groups:
        return f"Nothing like “{asked}” is remembered." if asked else "No failure is remembered yet."
    kinds = f", in {len(groups)} different ways" if len(groups) > 1 else ""
    first_at, last_at = min(g.first_at for g in groups), max(g.last_at for g in groups)
    places = list(dict.fromkeys(name for group in groups for name in group.components))
    began = f"Seen {times(total)}{kinds}, on {_listed([place(name) for name in places])}"
    when = (
        f"last {moment(last_at, now)}" if total == 1 else f"first {moment(first_at, now)}, last {moment(last_at, now)}"
    )
    return " ".join(filter(None, (f"{began}: {when}.", tried(groups), how_long(groups))))


def tried(groups: Sequence[FailureGroup]) -> str:
    """What worked and what did not: `free_port worked 9 of 10 times; restart never worked in 3.`"""
    worked, all_of = _sums(groups)
    if not all_of:
        return "No remedy was tried."
    ordered = sorted(all_of, key=lambda name: (-worked[name] / all_of[name], -all_of[name], name))
    return f"{'; '.join(_how_often(name, worked[name], all_of[name]) for name in ordered[:4])}."


def how_long(groups: Sequence[FailureGroup]) -> str:
    """Until it was well again, in the middle; weighted by how often each came."""
    known = sorted((g.median_downtime_s, g.count) for g in groups if g.median_downtime_s is not None)
    if not known:
        return ""
    half, seen = sum(count for _, count in known) / 2, accumulate(count for _, count in known)
    middle = next(seconds for (seconds, _), so_far in zip(known, seen, strict=True) if so_far >= half)
    return f"It took {span(middle)} to be well again (median)."


def _sums(groups: Sequence[FailureGroup]) -> tuple[dict[str, int], dict[str, int]]:
    """By remedy how often it worked, and how often it was tried."""
    worked: dict[str, int] = {}
    all_of: dict[str, int] = {}
    for group in groups:
        for name in {*group.worked, *group.failed}:
            good, bad = group.worked.get(name, 0), group.failed.get(name, 0)
            worked[name] = worked.get(name, 0) + good
            all_of[name] = all_of.get(name, 0) + good + bad
    return worked, all_of


def _how_often(remedy: str, worked: int, of: int) -> str:
    if worked == 0:
        return f"{remedy} never worked" + (f" in {of}" if of > 1 else "")
    return f"{remedy} worked" + ("" if worked == of == 1 else f" {worked} of {of} times")


def place(component: str) -> str:
    """`service:web` as a person says it: `web`."""
    return component.partition(":")[2] or component


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def moment(at: float, now: float) -> str:
    """`today at 14:02`, `on 3 May at 14:02`, `on 3 May 2025`."""
    try:
        then, today = time.localtime(at), time.localtime(now)
    except (OverflowError, OSError, ValueError):
        return "at an unknown time"
    clock = time.strftime("%H:%M", then)
    if then[:3] == today[:3]:
        return f"today at {clock}"
    day = f"{then.tm_mday} {time.strftime('%B', then)}"
    return f"on {day} at {clock}" if then.tm_year == today.tm_year else f"on {day} {then.tm_year}"


def span(seconds: float) -> str:
    """`4.2 s`, `3 min`, `2 h 5 min`, `3 d`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(hours / 24)} d"


def _listed(names: Sequence[str], most: int = 3) -> str:
    """`web, db and 4 more`."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else "nothing"
