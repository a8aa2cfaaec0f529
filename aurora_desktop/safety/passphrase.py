"""The passphrase that stands in for a physical press where a session cannot tell one from a synthetic one."""

import contextlib
import hashlib
import hmac
import math
import os
import secrets
import stat
import sys
import threading
import unicodedata
from pathlib import Path

import msgspec
from msgspec import Struct

from aurora_desktop.core.clock import Clock, SystemClock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content

MIN_CHARACTERS = 8
MAX_CHARACTERS = 1024
MAX_FILE_BYTES = 4096

# OWASP's password storage cheat sheet: N=2^14, r=8, p=5 is as hard as its first choice, with 16 MiB of memory.
COST, BLOCK, PARALLEL = 2**14, 8, 5
_MAX_MEMORY = 64 * 2**20

FREE_TRIES = 3
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0


class WrongPassphraseError(AuroraError):
    """It did not match, or was not looked at because of wrong tries before; `wait_s` until the next is."""

    def __init__(self, title: str, wait_s: float) -> None:
        super().__init__(title, "", f"try again in {math.ceil(wait_s)} s" if wait_s else "try again")
        self.wait_s = wait_s


class _Stored(Struct, forbid_unknown_fields=True):
    salt: bytes
    digest: bytes
    cost: int
    block: int
    parallel: int
    wrong_tries: int = 0


_decoder = msgspec.json.Decoder(_Stored)


def wait_after(wrong_tries: int) -> float:
    """Seconds in which no further try is looked at: none at first, then doubled with each one."""
    if wrong_tries < FREE_TRIES:
        return 0.0
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(wrong_tries - FREE_TRIES, 30))


class Passphrase:
    """The digest in its file, and the wrong tries so far, which a restart does not forget.

    `set` and `check` take about 0.2 s by intent: call them in a thread. One at a time is looked at.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path = path
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._tries = 0
        self._not_before: float | None = None

    def is_set(self) -> bool:
        """Whether there is one, be it unusable: what lies there is never replaced silently."""
        return os.path.lexists(self.path)

    def set(self, passphrase: str) -> None:
        """Store the first one. Raises AuroraError where there is one, for a bad one, and when the disk refuses."""
        with self._lock:
            if self.is_set():
                raise AuroraError("there is a passphrase already", str(self.path), "remove this file to set a new one")
            _refuse_bad(passphrase)
            salt = secrets.token_bytes(16)
            stored = _Stored(salt, _digest(passphrase, salt, COST, BLOCK, PARALLEL), COST, BLOCK, PARALLEL)
            try:
                self._write(stored)
            except OSError as error:
                raise AuroraError("the passphrase cannot be stored", f"{self.path}: {error.strerror}") from error

    def check(self, passphrase: str) -> None:
        """Raises WrongPassphraseError unless it matches, AuroraError when there is none that could be used."""
        with self._lock:
            stored = self._load()
            self._refuse_too_early(stored)
            self._count(stored, stored.wrong_tries + 1)  # before the look: a crash in between must not make it free
            if not _matches(passphrase, stored):
                raise WrongPassphraseError("this is not the passphrase", wait_after(self._tries))
            self._count(stored, 0)

    def _load(self) -> _Stored:
        try:
            stored = _decoder.decode(_content(self.path))
        except FileNotFoundError as error:
            raise AuroraError("there is no passphrase yet", "", "set one in the window") from error
        except (OSError, ValueError, msgspec.DecodeError) as error:
            raise _unusable(self.path, str(error)) from error
        if not _is_sane(stored):
            raise _unusable(self.path, "it was altered")
        stored.wrong_tries = max(stored.wrong_tries, self._tries)
        return stored

    def _refuse_too_early(self, stored: _Stored) -> None:
        now = self._clock.monotonic()
        if self._not_before is None:  # the wait of an earlier run begins anew: its clock is not ours
            self._not_before = now + wait_after(stored.wrong_tries)
        if (wait_s := self._not_before - now) > 0:
            raise WrongPassphraseError("too many wrong passphrases", wait_s)

    def _count(self, stored: _Stored, tries: int) -> None:
        """In memory first: a full disk must not make a try free."""
        self._tries = stored.wrong_tries = tries
        self._not_before = self._clock.monotonic() + wait_after(tries)
        with contextlib.suppress(OSError):
            self._write(stored)

    def _write(self, stored: _Stored) -> None:
        replace_content(self.path, msgspec.json.encode(stored) + b"\n")


def _refuse_bad(passphrase: str) -> None:
    length = len(passphrase.strip())
    if length < MIN_CHARACTERS:
        raise AuroraError("this passphrase is too short", f"{length} characters", f"use {MIN_CHARACTERS} or more")
    if len(passphrase) > MAX_CHARACTERS:
        raise AuroraError("this passphrase is too long", "", f"use {MAX_CHARACTERS} characters at the most")


def _matches(passphrase: str, stored: _Stored) -> bool:
    given = _digest(passphrase[: MAX_CHARACTERS + 1], stored.salt, stored.cost, stored.block, stored.parallel)
    return hmac.compare_digest(given, stored.digest)


def _digest(passphrase: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    """Of its composed form: two keyboards may write the same letter in two ways."""
    text = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=cost, r=block, p=parallel, maxmem=_MAX_MEMORY)


def _is_sane(stored: _Stored) -> bool:
    is_ours = (stored.cost, stored.block, stored.parallel) == (COST, BLOCK, PARALLEL)
    return is_ours and len(stored.salt) == 16 and len(stored.digest) == 64 and stored.wrong_tries >= 0


def _content(path: Path) -> bytes:
    """Raises OSError, ValueError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no ordinary file")
        if sys.platform != "win32" and (status.st_uid != os.geteuid() or status.st_mode & 0o077):
            raise ValueError("other users may read or write it")
        return os.read(file, MAX_FILE_BYTES)
    finally:
        os.close(file)


def _unusable(path: Path, why: str) -> AuroraError:
    return AuroraError("the passphrase cannot be used", f"{path}: {why}", "remove this file and set a new one")
