"""Copies a database by SQLite's online backup, while others write to it, and looks whether a copy is sound."""

from pathlib import Path
from typing import NamedTuple

import apsw

from aurora_desktop.core.storage.opening import (
    CHECKSUM_BYTES,
    SIDE_FILES,
    VFS,
    has_checksums,
    open_reader,
    register_checksums,
)


class Facts(NamedTuple):
    """Who a database belongs to, and its version."""

    application_id: int
    schema_version: int


class UnsoundCopyError(Exception):
    """The database, or the copy of it, is not what it should be: why, in words."""


def copy(source: Path, target: Path) -> None:
    """Every page of `source` as of one moment, in one file without side files. Raises apsw.Error.

    Each page is proven by its checksum as it is read, the free ones too. `target` must not exist.
    """
    register_checksums()
    reading = open_reader(source)
    try:
        copy_of(reading, target)
    finally:
        reading.close()


def copy_of(reading: apsw.Connection, target: Path) -> None:
    """The same, of a connection."""
    writing = apsw.Connection(str(target), vfs=VFS)
    try:
        writing.pragma("journal_mode", "off")
        writing.pragma("synchronous", "off")  # whoever keeps the copy syncs it
        _begin_with_checksums(writing)
        with writing.backup("main", reading, "main") as backup:
            backup.step(-1)  # one snapshot: nobody who writes is held up, for the log of WAL keeps it
        as_one_file(writing)
    finally:
        writing.close()
        for side in SIDE_FILES:
            target.with_name(target.name + side).unlink(missing_ok=True)


def _begin_with_checksums(writing: apsw.Connection) -> None:
    """Have a first page that asks for checksums, before any other is written.

    A page that comes out of a write-ahead log has none yet. Without this it would be written without one wherever the
    copy is larger than SQLite's cache, whose pages then reach the disk before the first does.
    """
    writing.reserve_bytes("main", CHECKSUM_BYTES)
    writing.pragma("user_version", 1)  # any write: all of it is replaced by the copy


def as_one_file(connection: apsw.Connection) -> None:
    """Leave WAL, so that the file alone is the database; it comes back to WAL once it is opened to be written."""
    connection.pragma("locking_mode", "exclusive")
    connection.pragma("journal_mode", "delete")


def examine(path: Path) -> Facts:
    """Look at every page, index and rule of a copy. Raises UnsoundCopyError."""
    register_checksums()
    try:
        connection = open_copy(path)
        try:
            if not has_checksums(connection):
                raise UnsoundCopyError("its pages carry no checksums")
            _look(connection)
            return Facts(_number(connection, "application_id"), _number(connection, "user_version"))
        finally:
            connection.close()
    except apsw.Error as error:
        raise UnsoundCopyError(str(error)) from error


def why_unsound(source: Path) -> str:
    """What is wrong with a database that others use, in words; "" if nothing is. Raises apsw.Error."""
    reading = open_reader(source)
    try:
        _look(reading)
    except UnsoundCopyError as error:
        return str(error)
    finally:
        reading.close()
    return ""


def open_copy(path: Path) -> apsw.Connection:
    """Read a file that nobody writes, without leaving anything beside it. Raises apsw.Error."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"{path.absolute().as_uri()}?immutable=1", flags=flags, vfs=VFS)


def _look(connection: apsw.Connection) -> None:
    findings = connection.execute("PRAGMA quick_check(1)").fetchall()
    if findings != [("ok",)]:
        raise UnsoundCopyError(str(findings[0][0]).splitlines()[-1] if findings else "no answer")
    if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
        raise UnsoundCopyError(f"{len(broken)} rows of `{broken[0][0]}` point to nothing")


def _number(connection: apsw.Connection, pragma: str) -> int:
    return int(str(connection.pragma(pragma)))


def remove(path: Path) -> None:
    """The database with its side files. Raises OSError."""
    for side in ("", *SIDE_FILES):
        path.with_name(path.name + side).unlink(missing_ok=True)
