"""One Aurora per state dir, by a lock that the kernel drops however its holder ends."""

import os
import sys
from pathlib import Path
from types import TracebackType

from aurora_desktop.core.errors import AlreadyRunningError, AuroraError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# The locked byte lies far behind the pid, because Windows lets nobody read what is locked.
_LOCKED_BYTE = 1 << 20
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class InstanceLock:
    """The lock file of a state dir; it stays behind when released, for a removed file could be locked twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Raises AlreadyRunningError, or AuroraError when the file cannot be locked at all."""
        if self._fd is not None:
            return
        fd = self._open()
        try:
            _lock(fd)
        except BlockingIOError as error:
            os.close(fd)
            raise self._already_running() from error
        except OSError as error:
            os.close(fd)
            raise self._unusable(error) from error
        self._fd = fd
        _write_pid(fd)

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def holder(self) -> int | None:
        """The pid written by the last holder; it says nothing about whether that one still lives."""
        try:
            return int(self._path.read_text(encoding="ascii", errors="replace").strip())
        except (OSError, ValueError):
            return None

    def is_held(self) -> bool:
        """Whether some process holds the lock now."""
        if not self._path.exists():
            return False
        probe = InstanceLock(self._path)
        fd = probe._open(create=False)
        try:
            _lock(fd)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def __enter__(self) -> "InstanceLock":
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _open(self, *, create: bool = True) -> int:
        try:
            if create:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._path, _FLAGS if create else _FLAGS & ~os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error

    def _already_running(self) -> AlreadyRunningError:
        pid = self.holder()
        who = f"process {pid}" if pid else "another process"
        return AlreadyRunningError("Aurora is already running", f"{who} holds {self._path}", "`aurora quit` ends it")

    def _unusable(self, error: OSError) -> AuroraError:
        return AuroraError(
            "The lock of the state dir cannot be taken",
            f"{self._path}: {error.strerror or error}",
            "Give this user write access to the folder, or name another one with --state-dir",
        )


def _lock(fd: int) -> None:
    """Raises BlockingIOError when somebody else holds it, OSError when it cannot be locked."""
    if sys.platform == "win32":
        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
    else:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write_pid(fd: int) -> None:
    # A full disk must not keep Aurora from starting: the pid is for humans, the lock is what counts.
    try:
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, f"{os.getpid()}\n".encode())
    except OSError:
        return
