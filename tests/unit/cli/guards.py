"""A guard's socket with somebody small behind it."""

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

assert sys.platform != "win32"  # for the type checker: there are no such sockets


class FakeGuard:
    """Takes one line of each caller and answers with `answer`; None leaves the caller waiting."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.lines: list[str] = []
        self._answer = answer
        self._done = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, name="fake guard")
        self._thread.start()

    def close(self) -> None:
        self._done.set()
        with contextlib.suppress(OSError):  # it may have had its one caller
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                with caller, caller.makefile("r") as lines:
                    self.lines.append(lines.readline())
                    if self._answer is None:
                        self._done.wait()
                    else:
                        caller.sendall(self._answer)


@contextlib.contextmanager
def guard_at(path: Path, answer: bytes | None = b'{"stopped": true, "latency_ms": 3.24}\n') -> Iterator[FakeGuard]:
    guard = FakeGuard(path, answer)
    try:
        yield guard
    finally:
        guard.close()
