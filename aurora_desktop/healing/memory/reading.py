"""What is read from the failure memory. Blocking: for a thread. Raises apsw.Error."""

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

from aurora_desktop.core.healing_events import RemedyOutcome
from aurora_desktop.healing.memory.question import question
from aurora_desktop.healing.memory.statistics import Attempts, Component, Remembered
from aurora_desktop.healing.view import FailureGroup, FailurePlace, PastFailure, Tried

Read = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

NEWEST_SHOWN = 5
MEDIAN_OF = 200
RECENT_ATTEMPTS = 20
COMPONENTS_SHOWN = 20
COOCCURRENCE_OF = 5000
ATTEMPTS_SHOWN = 50


class Page(NamedTuple):
    """`total`: how many failures all groups that matched have together; `last`: its last place, if more follow."""

    groups: list[FailureGroup]
    total: int
    last: FailurePlace | None


def groups(read: Read, text: str, limit: int, after: FailurePlace | None = None) -> Page:
    """The signatures that answer a question, best first, behind the place `after`.

    Those that have everything that was asked for, the last seen first; where none has, those that have most of it; all
    of them when the question names nothing.
    """
    asked = question(text)
    rows = _rows(read, asked, limit + 1, after)
    shown = rows[:limit]
    last = FailurePlace(*shown[-1][:3]) if len(rows) > limit else None
    return Page([_group(read, row[2]) for row in shown], rows[0][3] if rows else 0, last)


def _rows(read: Read, asked: list[str], limit: int, after: FailurePlace | None) -> list[tuple[Any, ...]]:
    """Parts, time, id of each, and the total. A place that has everything goes on among those that have."""
    begin = after or _BEGIN
    if not asked:
        return read(_behind(_ALL), (*begin, limit))
    found: list[tuple[Any, ...]] = []
    if begin.parts >= len(asked):
        found = read(_behind(_WITH_ALL), (len(asked), " AND ".join(asked), *begin, limit))
    if found or len(asked) == 1 or begin.parts == len(asked):
        return found
    each = " UNION ALL ".join(["SELECT rowid AS id FROM failure_words WHERE failure_words MATCH ?"] * len(asked))
    return read(_behind(_WITH_SOME.format(each=each)), (*asked, *begin, limit))


def _behind(matches: str) -> str:
    return (
        f"SELECT parts, last_at, id, total FROM ({matches}) WHERE (parts, last_at, id) < (?, ?, ?)"  # noqa: S608 - constant parts
        " ORDER BY parts DESC, last_at DESC, id DESC LIMIT ?"
    )


def _group(read: Read, signature: int) -> FailureGroup:
    [(text, kind, sentence, count, first_at, last_at)] = read(
        "SELECT text, kind, sentence, count, first_at, last_at FROM failure_signature WHERE id = ?", (signature,)
    )
    outcomes = read(
        "SELECT remedy, sum(worked), sum(failed) FROM failure_remedy WHERE signature = ? GROUP BY remedy", (signature,)
    )
    return FailureGroup(
        signature=text,
        kind=kind,
        sentence=sentence,
        count=count,
        first_at=first_at,
        last_at=last_at,
        components=_components(read, signature),
        worked={remedy: worked for remedy, worked, _ in outcomes if worked},
        failed={remedy: failed for remedy, _, failed in outcomes if failed},
        median_downtime_s=_median(
            read,
            "SELECT downtime_s FROM failure WHERE signature = ? AND downtime_s IS NOT NULL ORDER BY at DESC LIMIT ?",
            signature,
        ),
        newest=tuple(_newest(read, signature, text, kind)),
    )


def _components(read: Read, signature: int) -> tuple[str, ...]:
    rows = read(
        "SELECT c.name FROM failure_place p JOIN failure_component c ON c.id = p.component"
        " WHERE p.signature = ? AND p.count > 0 ORDER BY p.count DESC, c.name LIMIT ?",
        (signature, COMPONENTS_SHOWN),
    )
    return tuple(row[0] for row in rows)


def _newest(read: Read, signature: int, text: str, kind: str) -> list[PastFailure]:
    rows = read(
        "SELECT f.id, f.at, c.name, f.message, f.downtime_s, f.source FROM failure f"
        " JOIN failure_component c ON c.id = f.component WHERE f.signature = ? ORDER BY f.at DESC, f.id DESC LIMIT ?",
        (signature, NEWEST_SHOWN),
    )
    tried = _tried_by_failure(read, [row[0] for row in rows])
    return [
        PastFailure(
            id=number,
            at=at,
            component=component,
            kind=kind,
            message=message,
            signature=text,
            tried=tuple(tried.get(number, ())),
            downtime_s=downtime_s,
            source=source,
        )
        for number, at, component, message, downtime_s, source in rows
    ]


def _tried_by_failure(read: Read, failures: list[int]) -> dict[int, list[Tried]]:
    marks = ", ".join("?" * len(failures))
    rows = read(f"{_ATTEMPTS} WHERE failure IN ({marks}) ORDER BY at, id LIMIT ?", (*failures, ATTEMPTS_SHOWN))
    found: dict[int, list[Tried]] = {}
    for failure, *rest in rows:
        found.setdefault(failure, []).append(_as_tried(*rest))
    return found


def _as_tried(remedy: str, at: float, outcome: RemedyOutcome, sentence: str, duration_s: float) -> Tried:
    return Tried(remedy=remedy, at=at, outcome=outcome, sentence=sentence, duration_s=duration_s)


def _median(read: Read, sql: str, of: object) -> float | None:
    """Of the newest MEDIAN_OF values."""
    values = [row[0] for row in read(sql, (of, MEDIAN_OF))]
    return median(values) if values else None


def success_of(read: Read, signature: str, remedies: Sequence[str]) -> dict[str, tuple[int, int]]:
    """`{remedy: (worked, failed)}`, (0, 0) for one that was never tried."""
    rows = read(
        "SELECT remedy, sum(worked), sum(failed) FROM failure_remedy WHERE signature IN"
        " (SELECT id FROM failure_signature WHERE text = ?) GROUP BY remedy",
        (signature,),
    )
    known = {remedy: (worked, failed) for remedy, worked, failed in rows}
    return {remedy: known.get(remedy, (0, 0)) for remedy in remedies}


def remembered(read: Read) -> Remembered:
    """The counts that the statistics are made of."""
    attempts = read(
        "SELECT r.remedy, c.name, sum(r.worked), sum(r.failed) FROM failure_remedy r JOIN failure_component c"
        " ON c.id = r.component GROUP BY r.remedy, c.name",
        (),
    )
    remedies = sorted({row[0] for row in attempts})
    newest = read(
        "SELECT f.at, s.kind FROM (SELECT at, signature FROM failure ORDER BY at DESC LIMIT ?) f"
        " JOIN failure_signature s ON s.id = f.signature ORDER BY f.at",
        (COOCCURRENCE_OF,),
    )
    return Remembered(
        attempts=tuple(Attempts(*row) for row in attempts),
        median_s={remedy: _median(read, _DURATIONS, remedy) for remedy in remedies},
        recent=tuple(_as_tried(*row) for row in read(_RECENT, (RECENT_ATTEMPTS,))),
        components=tuple(Component(*row) for row in read(_COMPONENTS, ())),
        kinds=dict(read("SELECT kind, sum(count) FROM failure_signature GROUP BY kind HAVING sum(count) > 0", ())),
        hours=dict(read("SELECT hour, count FROM failure_hour", ())),
        newest=tuple((at, kind) for at, kind in newest),
    )


_BEGIN = FailurePlace(2**31, math.inf, 2**62)
_ALL = "SELECT 0 AS parts, last_at, id, sum(count) OVER () AS total FROM failure_signature WHERE count > 0"
_WITH_ALL = (
    "SELECT ? AS parts, s.last_at, s.id, sum(s.count) OVER () AS total FROM failure_words w"
    " JOIN failure_signature s ON s.id = w.rowid WHERE failure_words MATCH ? AND s.count > 0"
)
_WITH_SOME = (
    "SELECT m.parts, s.last_at, s.id, sum(s.count) OVER () AS total"
    " FROM (SELECT id, count(*) AS parts FROM ({each}) GROUP BY id) m"
    " JOIN failure_signature s ON s.id = m.id WHERE s.count > 0"
)
_DURATIONS = "SELECT duration_s FROM failure_attempt WHERE remedy = ? ORDER BY at DESC LIMIT ?"
_ATTEMPTS = "SELECT failure, remedy, at, outcome, sentence, duration_s FROM failure_attempt"
_RECENT = (
    "SELECT remedy, at, outcome, sentence, duration_s FROM failure_attempt"
    " WHERE outcome <> 'refused' ORDER BY at DESC, id DESC LIMIT ?"
)
_COMPONENTS = (
    "SELECT name, count, first_at, last_at, recoveries, downtime_s FROM failure_component"
    " WHERE count > 0 OR recoveries > 0 ORDER BY count DESC, name LIMIT 1000"
)
