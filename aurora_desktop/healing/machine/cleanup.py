"""Makes room on a disk that runs low: old temporary files go, logs are rotated and compressed. Nothing else is touched.

Temporary files come first: removing needs no room, so that it works on a disk with none left, and what they give back
lets the logs be compressed.
"""

import asyncio
import gzip
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.rotation import COMPRESSION, compress_archives, copy_truncate, rotate
from aurora_desktop.healing.machine.dangerous import refuse_dangerous
from aurora_desktop.healing.machine.open_files import open_files
from aurora_desktop.healing.machine.temp_folders import Limits, clear, until
from aurora_desktop.supervisor.outcome import format_bytes

ROTATE_FROM_BYTES = 1_000_000
"""A smaller log is left alone: it gives little, and each rotation lets go of the oldest archive."""
OWN_LOGS = ("heartbeat.log", "recovery_events.log", "aurora.log")
"""Not the audit log: its chain is kept by the one who writes it."""
TIMEOUT_S = 20.0
_SAMPLE_BYTES = 262_144


class LogFile(Struct, frozen=True):
    """A log and how many archives of it are kept; `held_open`: by a child of ours, so that it cannot be renamed."""

    path: Path
    keep: int
    held_open: bool


class OldFiles(Struct, frozen=True):
    """A folder in which files go that nobody used for `older_than_s` seconds."""

    path: Path
    older_than_s: float


class CleanUp(Struct, frozen=True):
    """What may be cleaned up; `ours` are Aurora's own folders, never taken for temporary ones."""

    logs: tuple[LogFile, ...] = ()
    folders: tuple[OldFiles, ...] = ()
    ours: tuple[Path, ...] = ()


class Freed(Struct):
    """What was gained: `done` and `refused` say in words what was done, and what was not and why."""

    freed_bytes: int = 0
    files: int = 0
    done: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        if not self.done:
            return "nothing could be freed" + (f": {'; '.join(self.refused)}" if self.refused else "")
        return f"freed {format_bytes(self.freed_bytes)}: {', '.join(self.done)}"


def clean_up_of(settings: Settings, paths: StatePaths) -> CleanUp:
    """What the settings allow: Aurora's own and the services' logs, and the named temp folders."""
    own = [LogFile(paths.logs / name, settings.logs.keep, held_open=False) for name in OWN_LOGS]
    services = [
        LogFile(paths.service_log(name), service.log.keep, held_open=True)
        for name, service in settings.services.items()
    ]
    folders = [
        OldFiles(Path(folder.path).expanduser(), folder.older_than_hours * 3600.0)
        for folder in settings.healing.infrastructure.temp_folders
    ]
    return CleanUp((*own, *services), tuple(folders), (paths.root,))


async def free_space(what: CleanUp, now: float, timeout_s: float = TIMEOUT_S) -> Freed:
    """Clean up in a thread, for `timeout_s` at the most, and tell what it gained. `now`: Unix time, ages count from it.

    Raises nothing for what cannot be done: that is in `refused`.
    """
    cancelled = threading.Event()
    try:
        return await asyncio.to_thread(_free_space, what, now, time.monotonic() + timeout_s, cancelled)
    finally:
        cancelled.set()


def _free_space(what: CleanUp, now: float, deadline: float, cancelled: threading.Event) -> Freed:
    is_over = until(deadline, cancelled.is_set)
    freed = Freed()
    open_now = open_files() if what.folders else frozenset()
    for folder in what.folders:
        _clear(folder, what.ours, Limits(now - folder.older_than_s, open_now, is_over), freed)
    for log in what.logs:
        if is_over():
            freed.refused += ("the time for it was over; the rest is for the next time",)
            break
        _shrink(log, freed)
    return freed


def _clear(folder: OldFiles, ours: Sequence[Path], limits: Limits, freed: Freed) -> None:
    try:
        cleared = clear(refuse_dangerous(folder.path, ours), limits)
    except AuroraError as error:
        freed.refused += (error.detail,)
        return
    if cleared.files:
        freed.files += cleared.files
        freed.freed_bytes += cleared.freed_bytes
        freed.done += (f"{cleared.files} old files in {folder.path} removed",)
    if cleared.detail:
        freed.refused += (f"{folder.path}: {cleared.detail}",)


def _shrink(log: LogFile, freed: Freed) -> None:
    """Compress what lies beside the log, and the log itself if it is worth it and there is room for the archive."""
    before = _on_disk(log.path)
    try:
        compress_archives(log.path, log.keep)
        if log.keep and _size(log.path) > ROTATE_FROM_BYTES:
            _rotate(log)
    except (OSError, AuroraError) as error:
        reason = error.detail if isinstance(error, AuroraError) else words(error)
        freed.refused += (f"{log.path.name} was not compressed: {reason}",)
    if (gained := before - _on_disk(log.path)) > 0:
        freed.files += 1
        freed.freed_bytes += gained
        freed.done += (f"{log.path.name} compressed",)


def _rotate(log: LogFile) -> None:
    """Raises OSError, and AuroraError where there is no room: what is in the log must not be lost for it."""
    if not log.held_open:
        rotate(log.path, log.keep)
    elif _room(log.path) < _needed(log.path):
        raise AuroraError("No room", "there is no room for the archive", "")
    else:
        copy_truncate(log.path, ROTATE_FROM_BYTES, log.keep)


def _needed(path: Path) -> int:
    """Room that the compressed log will take at the most, going by its end, and half as much again."""
    size = _size(path)
    with path.open("rb") as file:
        file.seek(max(0, size - _SAMPLE_BYTES))
        sample = file.read(_SAMPLE_BYTES)
    ratio = len(gzip.compress(sample, COMPRESSION)) / max(1, len(sample))
    return int(1.5 * ratio * size) + _SAMPLE_BYTES


def _room(path: Path) -> int:
    return shutil.disk_usage(path).free


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _on_disk(path: Path) -> int:
    """Bytes on the disk of a log with its archives."""
    found = 0
    for entry in path.parent.glob(f"{path.name}*"):
        with_suffix = entry.name.removeprefix(path.name)
        if not with_suffix or with_suffix.startswith("."):
            found += _blocks(entry)
    return found


def _blocks(path: Path) -> int:
    try:
        found = path.stat()
    except OSError:
        return 0
    return getattr(found, "st_blocks", 0) * 512 or found.st_size
