"""Where the workers find main, the same over restarts of Aurora, and the token that lets them in.

`/path` is a unix socket, `@name` one without a file (Linux, where the path would be too long), `127.0.0.1:port` TCP on
loopback, where there is no other.
"""

import contextlib
import os
import secrets
import socket
import sys
from pathlib import Path

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

LOOPBACK = "127.0.0.1"
_LONGEST_PATH = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def workers_address(paths: StatePaths) -> str:
    """Blocking, a moment."""
    path = paths.root.absolute() / "workers.sock"
    if hasattr(socket, "AF_UNIX") and sys.platform != "win32" and len(os.fsencode(path)) <= _LONGEST_PATH:
        return str(path)
    if sys.platform == "linux":
        return f"@aurora-desktop-workers-{paths.digest}"
    return f"{LOOPBACK}:{_kept_port(paths.root / 'workers.port')}"


def token_file(paths: StatePaths) -> Path:
    return paths.tokens / "workers"


def workers_token(path: Path) -> str:
    """A new token for each Aurora would lock out workers that are to be adopted: the one of the file, if it is ours.

    Raises AuroraError when it can be neither read nor made.
    """
    try:
        if (token := _read(path)) is not None:
            return token
        token = secrets.token_urlsafe(32)
        _write(path, token)
    except OSError as error:
        detail = f"{path}: {error.strerror}"
        raise AuroraError(
            "The token of the workers cannot be read or written", detail, "Give its folder back to your user"
        ) from error
    return token


def _read(path: Path) -> str | None:
    """None for a file that is not there, cut short, or one that others could have read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    with open(descriptor, encoding="ascii", errors="replace") as file:
        token = file.read(1024).strip()
        is_open = sys.platform != "win32" and os.fstat(descriptor).st_mode & 0o077
    return token if len(token) >= 40 and not is_open else None


def _write(path: Path, text: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(path, _CREATE, 0o600), "w", encoding="ascii") as file:
        file.write(text + "\n")


def _kept_port(path: Path) -> int:
    """A free port is chosen once, and kept, so that workers of an earlier Aurora still know it."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    _write(path, str(port))
    return port
