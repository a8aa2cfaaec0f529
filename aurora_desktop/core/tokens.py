"""The tokens of the local API: one file for each scope, for this user alone. Whoever can read the file may enter."""

import logging
import os
import secrets
import stat
import sys
from collections.abc import Mapping
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
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW

_Stamp = tuple[int, ...] | None

log = logging.getLogger(__name__)


def load_tokens(paths: StatePaths) -> dict[Scope, str]:
    """The token of each scope, made where there is none yet. Raises AuroraError for a file not to be trusted."""
    try:
        paths.tokens.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {scope: _load(paths.tokens / scope) for scope in SCOPES}
    except OSError as error:
        raise _unusable(paths, error) from error


def rotate_token(paths: StatePaths, scope: Scope) -> str:
    """Put a new token in the place of the old one, by an atomic replace. Raises AuroraError."""
    try:
        paths.tokens.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _create(paths.tokens / scope)
    except OSError as error:
        raise _unusable(paths, error) from error


class Tokens:
    """The tokens as the files have them now: one that was rotated is refused from the next request on."""

    def __init__(self, paths: StatePaths) -> None:
        """Makes what is missing. Raises AuroraError for a file not to be trusted."""
        self._folder = paths.tokens
        loaded = load_tokens(paths)
        self._stamps = {scope: self._stamp(scope) for scope in SCOPES}
        self._tokens = {scope: token.encode() for scope, token in loaded.items()}

    def current(self) -> Mapping[Scope, bytes]:
        """Costs three calls of `stat`. A file that is gone, or not to be trusted any more, opens nothing."""
        for scope in SCOPES:
            stamp = self._stamp(scope)
            if stamp != self._stamps[scope]:
                self._stamps[scope] = stamp
                self._read_anew(scope)
        return self._tokens

    def _read_anew(self, scope: Scope) -> None:
        self._tokens.pop(scope, None)
        try:
            token = _read(self._folder / scope)
        except (AuroraError, OSError) as error:
            log.warning("the token `%s` is refused until it is rotated: %s", scope, error)
            return
        if token is None:
            log.warning("the token `%s` is refused until it is rotated: its file is no token for us alone", scope)
        else:
            self._tokens[scope] = token.encode()

    def _stamp(self, scope: Scope) -> _Stamp:
        """What is another after each change of the file; None where there is none."""
        try:
            found = os.stat(self._folder / scope, follow_symlinks=False)
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode, found.st_uid)


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
    return token if len(token) == _TOKEN_LENGTH and token.isascii() and not mode & 0o077 else None


def _trusted_mode(path: Path, status: os.stat_result) -> int:
    """The permission bits that count; raises AuroraError for what is not a plain file of ours."""
    if not stat.S_ISREG(status.st_mode):
        raise _untrusted(path, "it is not a plain file")
    if sys.platform == "win32":
        return 0
    if status.st_uid != os.geteuid():
        raise _untrusted(path, f"it belongs to the user with id {status.st_uid}")
    return stat.S_IMODE(status.st_mode)


def _create(path: Path) -> str:
    """A symbolic link at this path is replaced, not followed."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, CREATE, 0o600), "w", encoding="ascii") as file:
            file.write(token + "\n")
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return token


def _untrusted(path: Path, why: str) -> AuroraError:
    return AuroraError(
        "A token file of the local API cannot be trusted",
        f"{path}: {why}",
        "Find out who put it there, remove it, and start Aurora again",
    )


def _unusable(paths: StatePaths, error: OSError) -> AuroraError:
    return AuroraError(
        "The tokens of the local API cannot be read or written",
        f"{error.filename or paths.tokens}: {error.strerror}",
        "Give this folder back to your user, with room on its disk",
    )
