"""The Unix socket of the door, beside its port: in a folder that no other user can enter.

Where the path would be too long for a socket, it lies in the runtime folder of the user, or that of temporary files;
`api.json` tells where.
"""

import contextlib
import os
import socket
import stat
import sys
import tempfile
from pathlib import Path

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

LONGEST_PATH = 100
"""In bytes: `sun_path` holds 104 on macOS, 108 on Linux."""
NAME = "api.sock"


def listen(paths: StatePaths) -> socket.socket | None:
    """A bound socket, not yet listening; None on Windows. Raises AuroraError."""
    if sys.platform == "win32":
        return None
    path = socket_path(paths)
    try:
        _make_private(path.parent)
        _remove_stale(path)
        return _bound(path)
    except OSError as error:
        raise _cannot_open(path, error.strerror or str(error)) from error


def remove(listener: socket.socket) -> None:
    """Take its file away."""
    with contextlib.suppress(OSError):
        os.unlink(listener.getsockname())


def socket_path(paths: StatePaths) -> Path:
    """Where the socket is for this state dir. Raises AuroraError where every path is too long."""
    within = f"aurora-desktop-{paths.digest}"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folders = [paths.root.absolute() / "run", *([Path(runtime) / within] if runtime else [])]
    for folder in [*folders, Path(tempfile.gettempdir()) / within]:
        if len(os.fsencode(folder / NAME)) <= LONGEST_PATH:
            return folder / NAME
    raise _cannot_open(
        folders[0] / NAME, f"the path has more than {LONGEST_PATH} bytes, and so have those tried in turn"
    )


def _make_private(folder: Path) -> None:
    """Raises AuroraError for a folder that is not ours alone: somebody may have made it before us."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise _cannot_open(folder / NAME, f"{folder} is not a folder of this user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def _remove_stale(path: Path) -> None:
    """What an Aurora left that was killed: only one runs on a state dir."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise _cannot_open(path, "something else is there")
        path.unlink()


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    listener.settimeout(0)
    return listener


def _cannot_open(path: Path, why: str) -> AuroraError:
    return AuroraError("The local API cannot open its Unix socket", f"{path}: {why}", "Its port serves all the same")
