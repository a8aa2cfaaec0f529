"""Child processes of the guard: started with the descriptors that they need, ended at once, never forgotten."""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence

from aurora_desktop.safety.guard.loop import Loop

if sys.platform == "win32":
    raise ImportError("the guard's children are spawned and signalled as on Unix")

_POLL_S = 0.02
_SLICE_S = 0.001
_KILL_S = 0.02


def spawn(command: Sequence[str], fds: Iterable[int] = ()) -> int:
    """Start `command` with these descriptors, none else besides the standard ones; its pid. Raises OSError."""
    fds = tuple(fds)
    for fd in fds:
        os.set_inheritable(fd, True)  # noqa: FBT003 - it takes no keyword
    try:
        # What the guard ignores would else be ignored by its children too.
        usual = (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM)
        return os.posix_spawnp(command[0], list(command), os.environ, setsigdef=usual, setsigmask=())
    finally:
        for fd in fds:
            os.set_inheritable(fd, False)  # noqa: FBT003 - it takes no keyword


class Child:
    """A running child; `on_exit` is told once, in words, when it has ended by itself.

    Raises OSError when it cannot be watched; it is ended then.
    """

    def __init__(self, loop: Loop, pid: int, on_exit: Callable[[str], None]) -> None:
        self.pid = pid
        self.started_at = loop.now()
        self._loop, self._on_exit = loop, on_exit
        self._status: int | None = None
        self._pidfd = -1
        try:
            self._watch()
        except OSError:  # what cannot be watched must not run
            self.end()
            raise

    if sys.platform == "linux":

        def _watch(self) -> None:
            self._pidfd = os.pidfd_open(self.pid)
            self._loop.watch(self._pidfd, self._ended)

        def _await_exit(self, timeout_s: float) -> None:
            if self._pidfd < 0:
                time.sleep(timeout_s)
                return
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            poll.poll(timeout_s * 1000)

    else:

        def _watch(self) -> None:
            self._loop.call_later(_POLL_S, self._look)

        def _look(self) -> None:
            if self._status is None and not self._reap():
                self._loop.call_later(_POLL_S, self._look)
            elif self._status is not None:
                self._tell()

        def _await_exit(self, timeout_s: float) -> None:
            deadline = time.monotonic() + timeout_s
            while time.monotonic() < deadline and not self._reap():
                time.sleep(0.001)  # there is no descriptor to wait for on this platform

    def end(self, grace_s: float = 0.0, needs_grace: Callable[[], bool] = lambda: True) -> bool:
        """SIGKILL, once `grace_s` is over or it needs no grace any more; whether it is gone.

        `on_exit` is not called.
        """
        self._on_exit = _nobody
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline and needs_grace():
            if self._wait(_SLICE_S):
                return True
        self.kill()
        return self._wait(_KILL_S)

    def kill(self) -> None:
        """SIGKILL, if it is there; its pid is ours until it was reaped."""
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _wait(self, timeout_s: float) -> bool:
        if self._status is None and not self._reap() and timeout_s > 0:
            self._await_exit(timeout_s)
            self._reap()
        return self._status is not None

    def _ended(self) -> None:
        if self._reap():
            self._tell()

    def _tell(self) -> None:
        on_exit, self._on_exit = self._on_exit, _nobody
        on_exit(self.words())

    def _reap(self) -> bool:
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid == 0:
                return False
            self._status = status
            if self._pidfd >= 0:
                self._loop.unwatch(self._pidfd)
                os.close(self._pidfd)
        return True

    def words(self) -> str:
        """`exited with code 3 after 2.1 s`."""
        lived = f"after {self._loop.now() - self.started_at:.1f} s"
        if self._status is None:
            return f"runs {lived}"
        if os.WIFSIGNALED(self._status):
            return f"killed by {signal.Signals(os.WTERMSIG(self._status)).name} {lived}"
        return f"exited with code {os.waitstatus_to_exitcode(self._status)} {lived}"


def _nobody(_words: str) -> None:
    """Nobody is to be told any more."""
