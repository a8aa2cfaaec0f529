"""The files by which a client finds and enters the door: `api.json` and the tokens, for this user alone."""

import contextlib
import json
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Literal

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

Scope = Literal["read", "operate", "input"]
SCOPES: tuple[Scope, ...] = ("read", "operate", "input")

_TOKEN_BYTES = 32
_TOKEN_LENGTH = len(secrets.token_urlsafe(_TOKEN_BYTES))
# Windows has neither flag; there the profile folder's ACL keeps other users out.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW


def load_tokens(paths: StatePaths) -> dict[Scope, str]:
    """The token of each scope, made where there is none yet. Raises AuroraError for a file not to be trusted."""
    try:
        paths.tokens.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {scope: _load(paths.tokens / scope) for scope in SCOPES}
    except OSError as error:
        raise AuroraError(
            "The tokens of the local API cannot be read or written",
            f"{error.filename or paths.tokens}: {error.strerror}",
            "Give this folder back to your user, with room on its disk",
        ) from error


def _load(path: Path) -> str:
    if path.is_symlink():
        raise _untrusted(path, "it is a symbolic link")
    token = _read(path)
    return _create(path) if token is None else token


def _read(path: Path) -> str | None:
    """The token of the file; None if there is none, or one that others could read or that was cut short."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    with open(descriptor, encoding="ascii", errors="replace") as file:
        mode = _trusted_mode(path, os.fstat(descriptor))
        token = file.read(1024).strip()
    return token if len(token) == _TOKEN_LENGTH and not mode & 0o077 else None


def _trusted_mode(path: Path, status: os.stat_result) -> int:
    """The permission bits that count; raises AuroraError for what is not a plain file of ours."""
    if not stat.S_ISREG(status.st_mode):
        raise _untrusted(path, "it is not a plain file")
    if sys.platform == "win32":
        return 0
    if status.st_uid != os.geteuid():
        raise _untrusted(path, f"it belongs to the user with id {status.st_uid}")
    return stat.S_IMODE(status.st_mode)


def _untrusted(path: Path, why: str) -> AuroraError:
    return AuroraError(
        "A token file of the local API cannot be trusted",
        f"{path}: {why}",
        "Find out who put it there, remove it, and start Aurora again",
    )


def _create(path: Path) -> str:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    path.unlink(missing_ok=True)
    with open(os.open(path, _CREATE, 0o600), "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token


def write_address(paths: StatePaths, port: int) -> None:
    """Tell clients the port, by an atomic replace. Raises AuroraError."""
    draft = paths.api_file.with_name(f".api.json.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, _CREATE, 0o600), "w", encoding="ascii") as file:
            json.dump({"port": port, "pid": os.getpid()}, file)
        os.replace(draft, paths.api_file)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise AuroraError(
            "The address of the local API cannot be written",
            f"{paths.api_file}: {error.strerror}",
            "Check the rights and the room on the disk of the state folder",
        ) from error


def remove_address(paths: StatePaths) -> None:
    """Take `api.json` away, if it is still ours."""
    with contextlib.suppress(OSError, ValueError):
        if json.loads(paths.api_file.read_text())["pid"] == os.getpid():
            paths.api_file.unlink()
