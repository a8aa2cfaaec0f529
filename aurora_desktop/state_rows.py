"""Whether the rows of `state.db` say what this version takes them for: each field is judged by its type.

A checksum proves that a row is what was written; not that who wrote it was this program.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import apsw
import msgspec

MOST_TOLD = 3

Rows = Callable[[str], Iterable[tuple[Any, ...]]]
"""Performs a query; raises apsw.Error."""


class _Kept(NamedTuple):
    """Values of `kind` as JSON in a column of a table, whose rows are named by `key`."""

    table: str
    key: str
    column: str
    kind: Any
    of_use: str = ""


def misread(rows: Rows, *, history: bool = False) -> list[str]:
    """Each row that is not understood, with its table, its key and the field that is wrong.

    Of tasks and runs those that are not finished; with `history` all of them.
    """
    found = _wrong_spawns(rows)
    for kept in _kept():
        found += _wrong(rows, kept, history=history)
    return found


def in_words(found: Sequence[str]) -> str:
    """The first few of what `misread` found, and how many more there are."""
    more = len(found) - MOST_TOLD
    return "; ".join((*found[:MOST_TOLD], *((f"and {more} more rows",) if more > 0 else ())))


def _kept() -> tuple[_Kept, ...]:
    from aurora_desktop.healing.ladder.store import Standing
    from aurora_desktop.healing.remedies.store import Offer
    from aurora_desktop.healing.view import EscalationView
    from aurora_desktop.tasks.pipelines import Run
    from aurora_desktop.tasks.task import Task

    return (
        _Kept("tasks", "id", "task", Task, "WHERE finished_at IS NULL"),
        _Kept("task_run", "id", "run", Run, "WHERE finished_at IS NULL"),
        _Kept("remedy_offers", "id", "offer", Offer),
        _Kept("remedy_escalations", "component", "escalation", EscalationView),
        _Kept("agent_ladders", "component", "standing", Standing),
    )


def _wrong(rows: Rows, kept: _Kept, *, history: bool) -> list[str]:
    decoder = msgspec.json.Decoder(kept.kind)
    sql = f"SELECT {kept.key}, {kept.column} FROM {kept.table} {'' if history else kept.of_use}"  # noqa: S608 - names of our own schema
    told = ((key, _why(partial(decoder.decode, text))) for key, text in _there(rows, sql))
    return [f"`{kept.table}` {key}: {why}" for key, why in told if why]


def _wrong_spawns(rows: Rows) -> list[str]:
    from aurora_desktop.supervisor.ledger import SELECT, entry

    return [f"`spawns` {row[0]}: {why}" for row in _there(rows, SELECT) if (why := _why(partial(entry, row)))]


def _there(rows: Rows, sql: str) -> Iterator[tuple[Any, ...]]:
    """Nothing, where there is no such table: the state is of an earlier version."""
    try:
        yield from rows(sql)
    except apsw.SQLError:
        return


def _why(read: Callable[[], object]) -> str:
    try:
        read()
    except (msgspec.MsgspecError, TypeError, UnicodeError) as error:
        return str(error)
    return ""
