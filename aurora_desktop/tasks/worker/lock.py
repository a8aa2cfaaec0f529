"""No two workers of one name: a lock in the state dir, held as long as the process lives."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aurora_desktop.core.errors import AuroraError


class NameTakenError(AuroraError):
    """Another worker of this name runs."""


@contextmanager
def hold_name(name: str, token_file: str) -> Iterator[None]:
    """Hold `worker-<name>.lock` beside the token file. Raises NameTakenError; OSError when it cannot be made."""
    path = os.path.join(os.path.dirname(os.path.abspath(token_file)), f"worker-{name}.lock")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        _lock(fd, name, path)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, name: str, path: str) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise NameTakenError(f"A worker `{name}` runs already", f"{path} is locked") from error
