"""What is kept of a text marked secret: how long it is, and a digest under a key of this installation."""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from aurora_desktop.input.errors import AuditError

KEY_BYTES = 32


class SecretText:
    """Tells two equal secrets from two different ones, and nothing else.

    A plain digest of a short password is guessed in seconds; this one only by who has the key file as well.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def load(cls, path: Path) -> "SecretText":
        """With the key of the file (0600), which is made at the first use. Blocks; raises AuditError."""
        try:
            with contextlib.suppress(FileExistsError):
                _create(path)
            return cls(_read(path))
        except (OSError, ValueError) as error:
            raise AuditError(
                "the key of the audit log cannot be used", f"{path}: {error}", "remove the file; a new one is made"
            ) from error

    def told(self, text: str) -> dict[str, Any]:
        """What stands in for the text in views and records: `length` in characters and `hmac_sha256`."""
        content = text.encode("utf-8", "surrogatepass")
        digest = hmac.new(self._key, content, hashlib.sha256).hexdigest()
        return {"secret": True, "length": len(text), "hmac_sha256": digest}


def _create(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        if not os.path.lexists(path):
            os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("it is no ordinary file")
        key = os.read(file, KEY_BYTES + 1)
    finally:
        os.close(file)
    if len(key) != KEY_BYTES:
        raise ValueError(f"it does not hold {KEY_BYTES} bytes")
    return key
