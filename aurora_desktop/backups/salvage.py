"""Takes out of a database, sound or damaged, what can be read of it: each page of that is proven by its checksum.

The database is attached as `old` to the one that is being rebuilt. What is read is read as of one moment; a table that
cannot be read to its end is left as it was, together with those of its family, so that what belongs together stays so.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw

_SMALLEST_SPAN = 1
_TABLES = "SELECT name, sql FROM {}.sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite_%'"


class Taken(NamedTuple):
    """Families whose tables were taken over, and those of which a page could not be read."""

    families: tuple[str, ...]
    missed: tuple[str, ...]


def family(table: str) -> str:
    """What tables of one room have in common: `task` of `tasks` and `task_run`."""
    return table.partition("_")[0].rstrip("s")


@contextlib.contextmanager
def attached(connection: apsw.Connection, old: Path) -> Iterator[None]:
    """For the time of the block. Raises apsw.Error."""
    connection.execute("ATTACH ? AS old", (f"{old.absolute().as_uri()}?mode=ro",))
    try:
        yield
    finally:
        connection.execute("DETACH old")


def take_tables(connection: apsw.Connection, is_wanted: Callable[[str], bool] = lambda _: True) -> Taken:
    """Replace the rows of each family that `is_wanted` and reads whole in `old`."""
    here = dict(_tables(connection, "main"))
    there = dict(_tables(connection, "old"))
    families: dict[str, list[str]] = {}
    for name, sql in here.items():
        if is_wanted(family(name)) and there.get(name) == sql:
            families.setdefault(family(name), []).append(name)
    taken = [name for name, tables in families.items() if _take(connection, tables)]
    missed = {family(name) for name in here if is_wanted(family(name))} - set(taken)
    return Taken(tuple(sorted(taken)), tuple(sorted(missed)))


def take_rows(connection: apsw.Connection, table: str, key: str) -> bool:
    """Add the rows of `table` that are not here yet, as far as they can be read; whether all could be.

    `key` is its INTEGER PRIMARY KEY. A broken page costs the rows on it, which lie side by side.
    """
    try:
        rows: list[Any] = connection.execute(f"SELECT min({key}), max({key}) FROM old.{table}").fetchall()  # noqa: S608 - names of ours
        low, high = rows[0]
    except apsw.Error:
        low, high = 0, 2**40
    if low is None:
        return True
    insert = f"INSERT OR IGNORE INTO main.{table} SELECT * FROM old.{table} WHERE {key} BETWEEN ? AND ?"  # noqa: S608 - as above
    return _take_span(connection, insert, low, high)


def _take_span(connection: apsw.Connection, insert: str, low: int, high: int) -> bool:
    try:
        with connection:
            connection.execute(insert, (low, high))
    except apsw.Error:
        if high - low < _SMALLEST_SPAN:
            return False
        middle = (low + high) // 2
        lower = _take_span(connection, insert, low, middle)
        upper = _take_span(connection, insert, middle + 1, high)
        return lower and upper
    return True


def _tables(connection: apsw.Connection, schema: str) -> list[tuple[str, str]]:
    try:
        rows = connection.execute(_TABLES.format(schema)).fetchall()
    except apsw.Error:
        return []
    return [(str(name), str(sql)) for name, sql in rows]


def _take(connection: apsw.Connection, tables: list[str]) -> bool:
    """All of them, or none; triggers, which keep one table by another, have run when the rows were written first."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    try:
        with connection:
            for table in tables:
                connection.execute(f"DELETE FROM main.{table}")  # noqa: S608 - a name of our own schema
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table}")  # noqa: S608 - as above
                _take_sequence(connection, table)
    except apsw.Error:
        return False
    finally:
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
    return True


def _take_sequence(connection: apsw.Connection, table: str) -> None:
    """A number once given is not given again, be its row long gone."""
    rows: list[Any] = connection.execute("SELECT seq FROM old.sqlite_sequence WHERE name = ?", (table,)).fetchall()
    if rows:
        connection.execute("UPDATE main.sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (rows[0][0], table))
        if not connection.changes():
            connection.execute("INSERT INTO main.sqlite_sequence(name, seq) VALUES (?, ?)", (table, rows[0][0]))
