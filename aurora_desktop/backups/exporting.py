"""The state as one JSON value, for people and programs, and back. Blocking.

    {"format": "aurora-state", "schema_version": 12, "exported_at": 1795828213.2, "tables": {"tasks": [{...}]}}

Every table is there, the shadow tables of the full-text index too; bytes are `{"base64": "..."}`.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import apsw
import msgspec
from msgspec import Meta, Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.opening import open_reader, open_sound, register_checksums

MOST_BYTES = 512 * 2**20
_NAMES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite_%' ORDER BY name"
)

Row = dict[str, Any]


class Export(Struct, frozen=True, forbid_unknown_fields=True):
    """`exported_at` in Unix time."""

    format: Literal["aurora-state"]
    schema_version: Annotated[int, Meta(ge=1)]
    exported_at: Annotated[float, Meta(ge=0)]
    tables: dict[str, list[Row]]


class Summary(NamedTuple):
    """What a database holds: rows by table."""

    schema_version: int
    bytes: int
    rows: dict[str, int]


def export(state_db: Path, at: float) -> Export:
    """All of it as of one moment, whether Aurora runs or not. Raises AuroraError."""
    with _Reading(state_db) as connection:
        tables = {name: _rows(connection, name) for name in _names(connection)}
        return Export("aurora-state", _version(connection), at, tables)


def summary(state_db: Path) -> Summary:
    """How much of what is there. Raises AuroraError."""
    with _Reading(state_db) as connection:
        rows = {name: _count(connection, name) for name in _names(connection)}
        return Summary(_version(connection), state_db.stat().st_size, rows)


def read_export(path: Path) -> Export:
    """A file that `export` wrote. Raises AuroraError, which names the field that is wrong."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise AuroraError("The file is too large", f"{path}: more than {MOST_BYTES // 2**20} MiB")
        return msgspec.json.decode(path.read_bytes(), type=Export)
    except OSError as error:
        raise AuroraError("The file cannot be read", f"{path}: {words(error)}") from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        hint = "`aurora state export FILE` writes such files"
        raise AuroraError("The file is no export of a state", f"{path}: {error}", hint) from error


def build(given: Export, target: Path, migrations: Sequence[str], application_id: int) -> None:
    """A database of `given`, of its own version, at `target`. Raises AuroraError, which names the field; apsw.Error."""
    if given.schema_version > len(migrations):
        detail = f"`schema_version` is {given.schema_version}, and this Aurora knows {len(migrations)}"
        raise AuroraError("The export is of a newer Aurora", detail, "Start that one")
    connection, _ = open_sound(target, migrations[: given.schema_version], application_id)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        known = set(_names(connection))
        with connection:
            for name, rows in given.tables.items():
                if name not in known:
                    raise _wrong(f"tables.{name}", "there is no such table in this version")
                _fill(connection, name, rows)
        _empty_what_is_missing(connection, known - set(given.tables))
    finally:
        connection.close()


def _fill(connection: apsw.Connection, name: str, rows: list[Row]) -> None:
    columns = {str(row[1]) for row in connection.execute(f"PRAGMA table_info({name})")}
    connection.execute(f"DELETE FROM {name}")  # noqa: S608 - a name of our own schema
    for place, row in enumerate(rows):
        where = f"tables.{name}[{place}]"
        if unknown := next((field for field in row if field not in columns), None):
            raise _wrong(f"{where}.{unknown}", "there is no such column")
        values = [_plain(value, f"{where}.{field}") for field, value in row.items()]
        marks = ", ".join("?" * len(values))
        try:
            connection.execute(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", values)  # noqa: S608 - as above
        except apsw.Error as error:
            raise _wrong(where, str(error)) from error


def _empty_what_is_missing(connection: apsw.Connection, names: set[str]) -> None:
    with connection:
        for name in sorted(names):
            connection.execute(f"DELETE FROM {name}")  # noqa: S608 - a name of our own schema


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, dict) and set(value) == {"base64"}:
        try:
            return base64.b64decode(value["base64"], validate=True)
        except (ValueError, TypeError) as error:
            raise _wrong(where, f"no base64: {error}") from error
    raise _wrong(where, f"expected text, a number, null or base64, found {type(value).__name__}")


def _wrong(where: str, what: str) -> AuroraError:
    return AuroraError("The export cannot be taken in", f"`{where}`: {what}", "Nothing was changed")


def _rows(connection: apsw.Connection, name: str) -> list[Row]:
    cursor = connection.execute(f"SELECT * FROM {name}")  # noqa: S608 - a name out of the schema
    rows: list[Row] = []
    for row in cursor:
        columns = [str(column[0]) for column in cursor.get_description()]
        rows.append(dict(zip(columns, map(_portable, row), strict=True)))
    return rows


def _portable(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _names(connection: apsw.Connection) -> list[str]:
    return [str(row[0]) for row in connection.execute(_NAMES)]


def _count(connection: apsw.Connection, name: str) -> int:
    return int(str(connection.execute(f"SELECT count(*) FROM {name}").get))  # noqa: S608 - a name out of the schema


def _version(connection: apsw.Connection) -> int:
    return int(str(connection.pragma("user_version")))


class _Reading:
    """A connection with one snapshot, and the words for what goes wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> apsw.Connection:
        if not self._path.exists():
            raise AuroraError("There is no state yet", f"{self._path} does not exist", "Start Aurora once")
        register_checksums()
        try:
            self._connection = open_reader(self._path)
            self._connection.execute("BEGIN")
            is_empty = not _version(self._connection)
        except apsw.Error as error:
            raise self._unreadable(error) from error
        if is_empty:
            self._connection.close()
            raise AuroraError(
                "The state is empty", f"{self._path} holds no tables", "Restart Aurora: it is repaired then"
            )
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, apsw.Error):
            raise self._unreadable(error) from error

    def _unreadable(self, error: apsw.Error) -> AuroraError:
        hint = "Restart Aurora: a damaged file is repaired then"
        return AuroraError("The state cannot be read", f"{self._path}: {error}", hint)
