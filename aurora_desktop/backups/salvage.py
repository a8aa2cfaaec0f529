"""Takes out of a database, sound or damaged, what can be read of it: each page of that is proven by its checksum.

The database is attached as `old` to the one that is being rebuilt. What is read is read as of one moment; a table that
cannot be read to its end is left as it was, together with those of its family, so that what belongs together stays so.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw

_ROWS_AT_ONCE = 1000
_MOST_HOLES = 10_000
_FURTHEST = 2**40
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

    `key` is its INTEGER PRIMARY KEY, of 0 or more. A broken page costs the rows on it, which lie side by side.
    """
    start = 0
    for holes in range(_MOST_HOLES):
        hole = _take_from(connection, table, key, start)
        if hole is None:
            return holes == 0
        behind = _behind_hole(connection, table, key, hole)
        if behind is None:
            break
        start = behind
    return False


def _take_from(connection: apsw.Connection, table: str, key: str, start: int) -> int | None:
    """Add rows from `start` on, in order; the key that could not be read, None at the end of the table."""
    sql = f"SELECT * FROM old.{table} NOT INDEXED WHERE {key} >= ? ORDER BY {key}"  # noqa: S608 - names of ours
    rows = _rows(connection, sql, start)
    place = [str(column[1]) for column in connection.execute(f"PRAGMA old.table_info({table})")].index(key)
    insert = f"INSERT OR IGNORE INTO main.{table} VALUES ({', '.join('?' * _width(connection, table))})"  # noqa: S608 - as above
    while True:
        batch: list[Any] = []
        is_broken = False
        try:
            for row in itertools.islice(rows, _ROWS_AT_ONCE):
                batch.append(row)
        except apsw.Error:
            is_broken = True
        with connection:
            connection.executemany(insert, batch)
        start = int(batch[-1][place]) + 1 if batch else start
        if is_broken:
            return start
        if len(batch) < _ROWS_AT_ONCE:
            return None


def _rows(connection: apsw.Connection, sql: str, start: int) -> Iterator[Any]:
    """Asked for with the first of them: the first page may be the broken one."""
    yield from connection.cursor().execute(sql, (start,))


def _behind_hole(connection: apsw.Connection, table: str, key: str, hole: int) -> int | None:
    """The smallest start behind `hole` from which something can be read; None if nothing lies there."""
    gap = 1
    while not _is_readable(connection, table, key, hole + gap):
        gap *= 2
        if gap > _FURTHEST:
            return None
    low, high = hole + gap // 2, hole + gap
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_readable(connection, table, key, middle) else (middle, high)
    return high


def _is_readable(connection: apsw.Connection, table: str, key: str, start: int) -> bool:
    sql = f"SELECT {key} FROM old.{table} NOT INDEXED WHERE {key} >= ? ORDER BY {key} LIMIT 1"  # noqa: S608 - names of ours
    try:
        connection.execute(sql, (start,)).fetchall()
    except apsw.Error:
        return False
    return True


def _width(connection: apsw.Connection, table: str) -> int:
    return len(connection.execute(f"PRAGMA old.table_info({table})").fetchall())


def _tables(connection: apsw.Connection, schema: str) -> list[tuple[str, str]]:
    try:
        rows = connection.execute(_TABLES.format(schema)).fetchall()
    except apsw.Error:
        return []
    return [(str(name), str(sql)) for name, sql in rows]


def _take(connection: apsw.Connection, tables: list[str]) -> bool:
    """All of them, or none, by the tables alone: an index may be broken.

    Triggers, which keep one table by another, have run when the rows were written first.
    """
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    try:
        with connection:
            for table in tables:
                connection.execute(f"DELETE FROM main.{table}")  # noqa: S608 - a name of our own schema
                # A condition, for without one SQLite copies the pages of the indexes too, of which one may be broken.
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table} NOT INDEXED WHERE 1")  # noqa: S608 - as above
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
