"""Where the addresses of channels that hold a password lie: in the keyring, else in a file for this user alone.

The keyring costs 13 MB and may wait for somebody to unlock it: this runs in the command, the doctor and the process
that sends, never in main.
"""

import contextlib
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from aurora_desktop.core.errors import AuroraError

SERVICE = "aurora-desktop alerts"
KEYRING_S = 8.0
MAX_BYTES = 8192
# Windows has neither flag; there the profile folder's ACL keeps other users out.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)

_ANEW = "keep the secret anew: `aurora alerts set-secret {name}`"

Kept = Literal["keyring", "file"]


class KeyringLockedError(AuroraError):
    """There is a keyring, and it gave nothing: it may later, once somebody has unlocked it."""


class Secret(NamedTuple):
    value: str
    place: Kept


class Keeping(NamedTuple):
    """Where it was put; `why` not into the keyring, where it was not."""

    place: Kept
    why: str = ""


class SecretStore:
    """Secrets by name. `folder` takes those for which there is no keyring.

    `service`: whose they are in the keyring; `anew`: how one is kept again, in words with `{name}`.
    """

    def __init__(self, folder: Path, service: str = SERVICE, anew: str = _ANEW) -> None:
        self.folder = folder
        self._service = service
        self._anew = anew

    def find(self, name: str) -> Secret | None:
        """The file first: it is only there when it is newer than what the keyring has.

        Raises AuroraError for a file not to be trusted, KeyringLockedError for a keyring that does not answer now.
        """
        value = self._read(name)
        if value is not None:
            return Secret(value, "file")
        try:
            value = _in_keyring(lambda keyring: keyring.get_password(self._service, name))
        except _NoKeyringError as error:
            if error.is_absent:
                return None
            raise KeyringLockedError("The keyring does not give its secret", str(error), self._unlock(name)) from error
        return Secret(value, "keyring") if value else None

    def keep(self, name: str, value: str) -> Keeping:
        """Raises AuroraError when it can be kept nowhere."""
        try:
            _in_keyring(lambda keyring: _put(keyring, self._service, name, value))
        except _NoKeyringError as error:
            self._write(name, value)
            return Keeping("file", str(error))
        self._remove_file(name)
        return Keeping("keyring")

    def remove(self, name: str) -> tuple[Kept, ...]:
        """The places where it was. Raises AuroraError when one of them does not let go of it."""
        removed: list[Kept] = ["file"] if self._remove_file(name) else []
        try:
            if _in_keyring(lambda keyring: _drop(keyring, self._service, name)):
                removed.append("keyring")
        except _NoKeyringError as error:
            if not error.is_absent:
                title = "The keyring does not let go of the secret"
                raise AuroraError(title, str(error), self._unlock(name)) from error
        return tuple(removed)

    def _unlock(self, name: str) -> str:
        return f"Unlock the keyring, or {self._anew.format(name=name)}"

    # --- the file ---------------------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        return self.folder / name

    def _read(self, name: str) -> str | None:
        path = self._path(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            why = "it is a symbolic link" if path.is_symlink() else error.strerror or ""
            raise self._untrusted(path, why) from error
        try:
            if why := _distrust(os.fstat(descriptor)):
                raise self._untrusted(path, why)
            return os.read(descriptor, MAX_BYTES).decode("utf-8", "replace").strip()
        finally:
            os.close(descriptor)

    def _untrusted(self, path: Path, why: str) -> AuroraError:
        hint = f"Remove it, and {self._anew.format(name=path.name)}"
        return AuroraError("The file of a secret cannot be trusted", f"{path}: {why}", hint)

    def _write(self, name: str, value: str) -> None:
        path = self._path(name)
        draft = path.with_name(f".{name}.{os.getpid()}")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW
            with open(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(value + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except OSError as error:
            hint = "Give this user the right to write there"
            raise AuroraError("The secret cannot be kept", f"{path}: {error.strerror}", hint) from error

    def _remove_file(self, name: str) -> bool:
        path = self._path(name)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise AuroraError("The secret's file cannot be removed", f"{path}: {error.strerror}", "") from error
        return True


def _distrust(status: os.stat_result) -> str:
    """Why it is no plain file of ours, closed to all others; "" when it is."""
    if not stat.S_ISREG(status.st_mode):
        return "it is not a plain file"
    if sys.platform == "win32":
        return ""
    if status.st_uid != os.geteuid():
        return f"it belongs to the user with id {status.st_uid}"
    return "others may read or write it" if status.st_mode & 0o077 else ""


# --- the keyring ------------------------------------------------------------------------------------------------


class _NoKeyringError(Exception):
    """There is none (`is_absent`), or it does not answer."""

    def __init__(self, why: str, *, is_absent: bool) -> None:
        super().__init__(why)
        self.is_absent = is_absent


def _in_keyring(ask: Callable[[Any], Any]) -> Any:
    """The answer of the platform's keyring, in a thread: a locked one may wait for ever. Raises _NoKeyringError."""
    answer: list[Any] = []
    failure: list[Exception] = []

    def work() -> None:
        try:
            answer.append(ask(_keyring()))
        except Exception as error:  # noqa: BLE001 - each backend has errors of its own, and all mean the same to us
            failure.append(error)

    thread = threading.Thread(target=work, name="keyring", daemon=True)
    thread.start()
    thread.join(KEYRING_S)
    if failure:
        raise failure[0] if isinstance(failure[0], _NoKeyringError) else _as_ours(failure[0])
    if not answer:
        raise _NoKeyringError(f"the keyring did not answer within {KEYRING_S:g} s; it may be locked", is_absent=False)
    return answer[0]


def _keyring() -> Any:
    """Raises _NoKeyringError where there is none that keeps anything."""
    import keyring
    from keyring.backends import fail, null

    chosen = keyring.get_keyring()
    if isinstance(chosen, fail.Keyring | null.Keyring):
        raise _NoKeyringError("this session has no keyring", is_absent=True)
    return chosen


def _as_ours(error: Exception) -> _NoKeyringError:
    from keyring.errors import NoKeyringError

    said = " ".join(str(error).split()) or type(error).__name__
    return _NoKeyringError(f"the keyring says: {said}", is_absent=isinstance(error, NoKeyringError))


def _put(keyring: Any, service: str, name: str, value: str) -> bool:
    """A keyring that takes a secret and does not give it back is none."""
    keyring.set_password(service, name, value)
    if keyring.get_password(service, name) != value:
        raise _NoKeyringError("the keyring took the secret and did not give it back", is_absent=False)
    return True


def _drop(keyring: Any, service: str, name: str) -> bool:
    if keyring.get_password(service, name) is None:
        return False
    keyring.delete_password(service, name)
    return True
