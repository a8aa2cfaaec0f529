"""Which folders are never cleared, whatever the settings say."""

import os
from collections.abc import Iterable
from pathlib import Path

from aurora_desktop.core.errors import AuroraError

_SYSTEM = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/proc", "/root", "/sbin", "/sys",
    "/usr", "/System", "/Library", "/Applications", "/private/etc", "C:\\Windows", "C:\\Program Files",
)  # fmt: skip
"""These and all that is below them, but for what `_TEMPORARY` names."""
_EXACTLY = (
    "/home",
    "/media",
    "/mnt",
    "/private",
    "/private/var",
    "/run",
    "/run/user",
    "/srv",
    "/var",
    "/var/lib",
    "/Users",
)
_TEMPORARY = ("/dev/shm", "/usr/tmp")  # noqa: S108 - named as places that may be cleared, nothing is made there
_OF_A_USER = (
    ".config", ".local", ".local/share", ".local/state", ".ssh", ".gnupg", "Desktop", "Documents", "Downloads", "Music",
    "Pictures", "Videos", "Library",
)  # fmt: skip


def refuse_dangerous(folder: Path, ours: Iterable[Path] = ()) -> Path:
    """The folder with all links followed. Raises AuroraError when clearing it could cost more than temporary files.

    `ours` are Aurora's own folders: neither they nor what holds them is a temporary folder.
    """
    if not folder.is_absolute():
        raise _refused(folder, "it is not an absolute path")
    try:
        found = folder.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _refused(folder, getattr(error, "strerror", None) or "its links lead nowhere") from error
    if reason := _danger(found, [path.resolve() for path in ours]):
        raise _refused(folder, reason)
    return found


def _danger(folder: Path, ours: list[Path]) -> str:
    """Why it may not be cleared, or ""."""
    home = Path.home().resolve()
    if folder == Path(folder.anchor):
        return "it is the root of the file system"
    if folder == home or folder in home.parents:
        return "it is, or holds, your home folder"
    if folder in [home / name for name in _OF_A_USER]:
        return "it is where your own files lie"
    if str(folder) in _EXACTLY or _is_of_the_system(folder, home):
        return "it belongs to the system"
    if any(folder == path or folder in path.parents or path in folder.parents for path in ours):
        return "Aurora keeps its own files there"
    return ""


def _is_of_the_system(folder: Path, home: Path) -> bool:
    def below(root: str) -> bool:
        return folder == Path(root) or Path(root) in folder.parents

    if any(below(root) for root in _TEMPORARY) or home in folder.parents:  # root's home is `/root`
        return False
    return any(below(root) for root in _SYSTEM)


def _refused(folder: Path, reason: str) -> AuroraError:
    return AuroraError(
        "This folder is not cleared",
        f"{os.fspath(folder)}: {reason}",
        "Name a folder that holds temporary files alone in `healing.infrastructure.temp_folders`.",
    )
