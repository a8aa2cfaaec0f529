"""What healing the machine may do here, found out by looking: permissions, owners, mounts, read-only disks."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.healing.machine.cleanup import clean_up_of
from aurora_desktop.healing.machine.dangerous import refuse_dangerous
from aurora_desktop.healing.machine.temp_folders import can_clear
from aurora_desktop.healing.view import PermissionView


def find_out(settings: Settings, paths: StatePaths) -> tuple[PermissionView, ...]:
    """Look at everything that a remedy for the machine would touch. Blocks on the disk."""
    return (
        _writable("compress the logs", paths.logs),
        _writable("prune the journal", paths.root),
        *_temp_folders(settings, paths),
        _restart(settings),
        PermissionView(
            what="end programs that Aurora did not start",
            allowed=False,
            why="they may be in the middle of something: whoever started them knows; Aurora names them",
        ),
    )


def _writable(what: str, folder: Path) -> PermissionView:
    if not folder.is_dir():
        return PermissionView(what=what, allowed=False, why=f"{folder} is not there")
    if _is_read_only(folder):
        return PermissionView(what=what, allowed=False, why=f"the disk of {folder} is mounted read-only")
    if not os.access(folder, os.W_OK | os.X_OK):
        return PermissionView(what=what, allowed=False, why=f"{folder} may not be written by this user")
    return PermissionView(what=what, allowed=True, why=f"{folder} may be written")


def _temp_folders(settings: Settings, paths: StatePaths) -> Iterator[PermissionView]:
    folders = clean_up_of(settings, paths).folders
    if not folders:
        yield PermissionView(
            what="clear temporary files", allowed=False, why="`healing.infrastructure.temp_folders` names no folder"
        )
    for folder in folders:
        yield _temp_folder(folder.path, folder.older_than_s / 3600.0, paths)


def _temp_folder(path: Path, hours: float, paths: StatePaths) -> PermissionView:
    what = f"clear {path} of files unused for {hours:g} h"
    if not can_clear():
        return PermissionView(
            what=what, allowed=False, why="this platform offers no way that is safe from exchanged links"
        )
    try:
        folder = refuse_dangerous(path, (paths.root,))
    except AuroraError as error:
        return PermissionView(what=what, allowed=False, why=error.detail.removeprefix(f"{path}: "))
    found = _writable(what, folder)
    if not found.allowed:
        return found
    return PermissionView(what=what, allowed=True, why="; ".join(_remarks(folder, paths.root)) or found.why)


def _remarks(folder: Path, state: Path) -> Iterator[str]:
    """What is true of it beside that it may be written."""
    status = folder.stat()
    if sys.platform != "win32" and status.st_uid != os.geteuid():
        yield "the folder belongs to another user: files of this user alone are removed"
    if os.path.ismount(folder):
        yield "it is a mount of its own"
    if state.exists() and status.st_dev != state.stat().st_dev:
        yield "it lies on another disk than Aurora's state, which gains nothing by it"


def _restart(settings: Settings) -> PermissionView:
    what = "restart services that use too much memory"
    limited = [name for name, service in settings.services.items() if service.memory_high is not None]
    if not settings.healing.enabled:
        return PermissionView(what=what, allowed=False, why="`healing.enabled` is false")
    if not limited:
        return PermissionView(what=what, allowed=False, why="no service has a `memory_high` that says what is too much")
    return PermissionView(what=what, allowed=True, why=f"over their `memory_high`: {', '.join(limited)}")


def _is_read_only(folder: Path) -> bool:
    if sys.platform == "win32":
        return False
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
