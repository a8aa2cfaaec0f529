"""Opens a database file that is sound; one that is not is moved aside, never deleted, and repaired or begun anew.

Every page carries a checksum (SQLite's cksumvfs), which finds flipped bits that `integrity_check` does not
see. Checksums reach the pages of the file; its write-ahead log is looked at here, because SQLite itself silently
forgets every commit from a damaged frame on (`wal.py` and `acknowledged.py` say how that is found). A program that
writes to the file without cksumvfs breaks it; reading it with any SQLite is fine.
"""

import contextlib
import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import apsw
import apsw.sqlite_extra
import msgspec

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.storage import acknowledged
from aurora_desktop.core.storage.full_disk import is_full
from aurora_desktop.core.storage.wal import lost_commits

VFS = "cksmvfs"
CHECKSUM_BYTES = 8
BUSY_TIMEOUT_MS = 5000
_MAGIC = b"SQLite format 3\0"
SIDE_FILES = ("-wal", "-shm", "-journal", acknowledged.SUFFIX)
_DAMAGE_CODES = {apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS}
_vfs_lock = threading.Lock()


Remains = Literal["file and log", "file", "nothing"]
"""What of a database whose log broke off is of one moment: with what is left of the log, without it, or neither."""


class Rescued(msgspec.Struct, frozen=True):
    """What stands in the place of a file that could not be used: what it was made of, and what is lost, in words."""

    source: str
    lost: str = ""


class Quarantine(msgspec.Struct, frozen=True):
    """A file that could not be used was moved from `path` to `moved_to`; `reason` is a phrase in words.

    `rescued`: what it was replaced by; None where a new file was begun.
    """

    path: Path
    moved_to: Path
    reason: str
    rescued: Rescued | None = None
    remains: Remains = "file and log"


class Care(Protocol):
    """What somebody who knows of backups does for a file; both block, and neither raises."""

    def before_migration(self, path: Path, version: int) -> None:
        """The sound file of that version is about to be brought up to the newest."""
        ...

    def rescue(self, quarantine: Quarantine, migrations: Sequence[str], application_id: int) -> Rescued | None:
        """Put a sound file in the place of the one that was moved away; None where that cannot be."""
        ...


class _UnsoundError(Exception):
    """The file cannot be used as it is; `label` is the reason's short name, for the name of the file."""

    def __init__(self, label: str, reason: str, remains: Remains = "file and log") -> None:
        super().__init__(reason)
        self.label = label
        self.reason = reason
        self.remains = remains


def is_damage(error: BaseException) -> bool:
    """Whether a database error says that the file itself is broken, and not the disk full or the folder gone."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return True
    return isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _DAMAGE_CODES


def open_sound(
    path: Path,
    migrations: Sequence[str],
    application_id: int,
    wall: Callable[[], float] = time.time,
    care: Care | None = None,
) -> tuple[apsw.Connection, Quarantine | None]:
    """The connection for writing, with the schema at its newest.

    Raises AuroraError when the place is unusable, and for a file of a newer version, which is left alone.
    """
    try:
        quarantine = _resumed(path)
        if quarantine is None:
            try:
                return _connect(path, migrations, application_id, care), None
            except _UnsoundError as unsound:
                quarantine = _set_aside(path, unsound, wall())
        if care is not None:
            rescued = care.rescue(quarantine, migrations, application_id)
            quarantine = msgspec.structs.replace(quarantine, rescued=rescued)
        try:
            connection = _connect(path, migrations, application_id)
        except _UnsoundError as unsound:  # what was to replace it is no better
            _move(path, _name_aside(path, unsound, wall()))
            connection = _connect(path, migrations, application_id)
            quarantine = msgspec.structs.replace(quarantine, rescued=None)
        being_repaired(path).unlink(missing_ok=True)
        return connection, quarantine
    except (apsw.Error, OSError, _UnsoundError) as error:
        raise cannot_open(path, error) from error


def found_damaged(path: Path) -> Path:
    """Where it is written down that the file was found damaged while it was in use: the next opening repairs it."""
    return path.with_name(path.name + ".found-damaged")


def being_repaired(path: Path) -> Path:
    """What is being made of the file, while that is not done: a start that was broken off is gone on with."""
    return path.with_name(path.name + ".being-repaired")


def open_reader(path: Path) -> apsw.Connection:
    """A read-only connection to a file that `open_sound` holds open."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=VFS)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    return connection


def _connect(path: Path, migrations: Sequence[str], application_id: int, care: Care | None = None) -> apsw.Connection:
    _check_owner(path)
    with contextlib.suppress(FileNotFoundError):
        raise _UnsoundError("damaged", found_damaged(path).read_text("utf-8", "replace")[:300])
    is_new = _is_new(path)
    if is_new:  # else a start that is broken off would leave an empty file that seems to have been in use
        with contextlib.suppress(OSError):
            acknowledged.mark_of(path).unlink()
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # -wal and -shm take their mode from it
    register_checksums()
    connection = apsw.Connection(str(path), vfs=VFS)
    try:
        _make_ready(connection, path, migrations, application_id, is_new, care)
    except BaseException as error:
        connection.close()
        if is_damage(error):
            raise _UnsoundError("damaged", f"damaged: {error}") from error
        raise
    return connection


def _make_ready(
    connection: apsw.Connection,
    path: Path,
    migrations: Sequence[str],
    application_id: int,
    is_new: bool,
    care: Care | None,
) -> None:
    # Until it is known to be sound, closing must leave the write-ahead log as it was found.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    if is_new:
        connection.reserve_bytes("main", CHECKSUM_BYTES)  # only takes effect before the first page
        connection.pragma("auto_vacuum", 2)
    else:
        version = _examine(connection, path, application_id, len(migrations))
        if care is not None and 0 < version < len(migrations):
            care.before_migration(path, version)
    if connection.readonly("main"):
        raise apsw.ReadOnlyError("the file is read-only")
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("journal_size_limit", 4 * 2**20)
    _migrate(connection, migrations, application_id)
    if not has_checksums(connection):
        raise _UnsoundError("damaged", "damaged: its pages carry no checksums")
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def register_checksums() -> None:
    """Make the checksum VFS known to this process; raises AuroraError when apsw came without it."""
    with _vfs_lock:
        if VFS in apsw.vfs_names():
            return
        try:
            apsw.sqlite_extra.load(apsw.Connection(":memory:"), "cksumvfs")
        except (apsw.Error, apsw.sqlite_extra.NotAvailable, LookupError) as error:
            raise AuroraError(
                "The checksum extension of the database cannot be loaded",
                f"apsw {apsw.apsw_version()}: {error}",
                "Install apsw from its official wheel.",
            ) from error


def has_checksums(connection: apsw.Connection) -> bool:
    """Whether each page is written with a checksum and verified when it is read."""
    return str(connection.pragma("checksum_verification")) == "1"


def _is_new(path: Path) -> bool:
    """Whether there is no database yet; raises _UnsoundError for what is not one."""
    head = _head(path)
    if head.startswith(_MAGIC):
        return False
    if head:
        raise _UnsoundError("not-a-database", "not a database")
    wal = acknowledged.log_of(path)
    if wal.exists() and wal.stat().st_size:
        raise _UnsoundError("truncated", "truncated: only its write-ahead log is left")
    if path.exists() and acknowledged.mark_of(path).exists():
        raise _UnsoundError("truncated", "truncated: it is empty")
    return True


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC))
    except FileNotFoundError:
        return b""


def _examine(connection: apsw.Connection, path: Path, application_id: int, known_version: int) -> int:
    """The version of the file. Raises _UnsoundError; AuroraError for a newer one."""
    version = int(str(connection.pragma("user_version")))
    owner = int(str(connection.pragma("application_id")))
    begun = bool(connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall())
    if owner != application_id and (owner or version or begun):
        raise _UnsoundError("foreign", f"belongs to another program (application id {owner})")
    if version > known_version:
        raise AuroraError(
            f"{path.name} was written by a newer Aurora",
            f"{path}: its version is {version}, and this Aurora knows {known_version}. The file is left as it is",
            "Start the newer Aurora, or go back to a backup of this one: `aurora backup list`",
        )
    if not has_checksums(connection):
        raise _UnsoundError("damaged", "damaged: its pages carry no checksums")
    _check_pages(connection, path)
    return version


def _check_pages(connection: apsw.Connection, path: Path) -> None:
    frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    _check_log(path, max(frames, 0))
    # A partial last page reads as zeros and passes every other check; after a crash the log may hold it whole.
    if frames <= 0 and path.stat().st_size % int(str(connection.pragma("page_size"))):
        raise _UnsoundError("truncated", "truncated: its last page is cut off")
    findings = connection.execute("PRAGMA quick_check(1)").fetchall()
    if findings != [("ok",)]:
        words = str(findings[0][0]).splitlines()[-1] if findings else "no answer"
        raise _UnsoundError("damaged", f"damaged: {words}")


def _check_log(path: Path, frames: int) -> None:
    """`frames` are what SQLite accepts. What it should have accepted is told by the mark, or by what lies behind."""
    mark = acknowledged.read_mark(path)
    remains: Remains = "file and log"
    if mark is not None and mark.in_file > frames:  # its pages in the file are younger than those that are left
        remains = "file" if mark.in_file >= mark.frames else "nothing"
    if mark is not None and mark.frames > frames:
        raise _UnsoundError("damaged", "damaged: its write-ahead log broke off before what was acknowledged", remains)
    if lost := lost_commits(acknowledged.log_of(path), frames):
        words = f"damaged: {lost} commits lie behind a broken frame of its write-ahead log"
        raise _UnsoundError("damaged", words, remains)


def _migrate(connection: apsw.Connection, migrations: Sequence[str], application_id: int) -> None:
    done = int(str(connection.pragma("user_version")))
    for version, script in enumerate(migrations[done:], done + 1):
        with connection:  # all of a migration or nothing of it
            connection.execute(script).fetchall()
            connection.pragma("application_id", application_id)
            connection.pragma("user_version", version)


class _Repair(msgspec.Struct, frozen=True):
    """The file is to be moved to the name `moved_to`, and to be replaced."""

    moved_to: str
    reason: str
    remains: Remains


def _set_aside(path: Path, unsound: _UnsoundError, at: float) -> Quarantine:
    """From here until it is replaced, a crash must not lead to a start that finds nothing and begins anew."""
    target = _name_aside(path, unsound, at)
    repair = _Repair(target.name, unsound.reason, unsound.remains)
    with contextlib.suppress(OSError):  # a full disk: then that crash is what must not happen
        replace_content(being_repaired(path), msgspec.json.encode(repair))
    _move(path, target)
    return Quarantine(path, target, unsound.reason, remains=unsound.remains)


def _resumed(path: Path) -> Quarantine | None:
    """The repair that was begun and not finished."""
    note = being_repaired(path)
    try:
        repair = msgspec.json.decode(note.read_bytes(), type=_Repair)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        note.unlink(missing_ok=True)
        return None
    target = path.with_name(repair.moved_to)
    if target.exists() and path.exists():  # what is to replace it is in its place
        note.unlink()
        return None
    _move(path, target)
    return Quarantine(path, target, repair.reason, remains=repair.remains)


def _name_aside(path: Path, unsound: _UnsoundError, at: float) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    target = path.with_name(f"{path.name}.quarantined-{stamp}-{unsound.label}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.quarantined-{stamp}-{unsound.label}-{number}")
    return target


def _move(path: Path, target: Path) -> None:
    """The file first: without it, what is left of it is never taken for the whole."""
    for side in ("", *SIDE_FILES):
        source = path.with_name(path.name + side)
        if source.exists():
            source.rename(target.with_name(target.name + side))
    found_damaged(path).unlink(missing_ok=True)


def _check_owner(path: Path) -> None:
    """Raises AuroraError for a file of another user: what we write to it would be lost to one of us."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(FileNotFoundError):
        if (owner := path.stat().st_uid) != os.geteuid():
            raise AuroraError(
                f"{path.name} belongs to another user",
                f"{path}: its owner is user {owner}, and Aurora runs as user {os.geteuid()}",
                "Start Aurora as that user, or name another folder with --state-dir",
            )


def cannot_open(path: Path, error: Exception) -> AuroraError:
    """The error of a place that does not let us, in words that a person can act on."""
    return AuroraError(f"{path.name} cannot be opened", f"{path}: {error}", _hint(error))


def _hint(error: Exception) -> str:
    if is_full(error):
        return "Free some space on the disk."
    if isinstance(error, apsw.ReadOnlyError) or (isinstance(error, OSError) and error.errno == errno.EROFS):
        return "The disk or the file is read-only: mount it for writing, or name another folder with --state-dir."
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return "Another program holds it open; close that program."
    return "Check that the disk has space and that you may write to the folder."
