"""A real worker process, and a main that the test speaks for, over a real socket."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Acknowledge, Began, Ended, FromWorker, Hello, Run, ToWorker
from aurora_desktop.tasks.view import Entry

T = TypeVar("T")
PATIENCE_S = 20.0
TOKEN = "t0k3n"


class Main:
    """The socket of main: hears one worker at a time. `heard` is all that it said on the present connection."""

    def __init__(self, address: Path | str | tuple[str, int]) -> None:
        """A path, an abstract name that begins with `@`, or host and port."""
        if isinstance(address, tuple):
            self._listening = socket.create_server(address)
        else:
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(os.fspath(address).replace("@", "\0", 1) if isinstance(address, str) else str(address))
        self._listening.listen()
        self._listening.settimeout(PATIENCE_S)
        self._connection: socket.socket | None = None
        self._unread = b""
        self.heard: list[FromWorker] = []

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def accept(self) -> Hello:
        self.hang_up()
        self._connection, _ = self._listening.accept()
        self._connection.settimeout(PATIENCE_S)
        self._unread, self.heard = b"", []
        return self.hear(Hello)

    def hear(self, kind: type[T], having: Callable[[T], bool] = lambda message: True) -> T:
        """The next message of this kind, passing over others."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            message = self._next()
            if isinstance(message, kind) and having(message):
                return message
        raise AssertionError(f"no {kind.__name__} was heard, but {self.heard[-5:]}")

    def _next(self) -> FromWorker:
        while b"\n" not in self._unread:
            assert self._connection is not None
            data = self._connection.recv(65536)
            assert data, f"the worker hung up after {self.heard[-5:]}"
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        message: FromWorker = msgspec.json.decode(line, type=FromWorker)
        self.heard.append(message)
        return message

    def say(self, message: ToWorker) -> None:
        self.say_bytes(msgspec.json.encode(message) + b"\n")

    def say_bytes(self, data: bytes) -> None:
        assert self._connection is not None
        self._connection.sendall(data)

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        self.hang_up()
        self._listening.close()


class Stage:
    """The folder, the main and the worker of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cwd = folder / "work"
        self.cwd.mkdir()
        self.socket_path = folder / "workers.sock"
        self.token_file = folder / "workers.token"
        self.token_file.write_text(TOKEN)
        self.main = Main(self.socket_path)
        self.marker = f"test-{uuid.uuid4().hex}"
        self.workers: list[subprocess.Popen[bytes]] = []

    def hire(self, name: str = "coder-1", address: str = "", **env: str) -> "subprocess.Popen[bytes]":
        """Start a worker, as the supervisor would."""
        arguments = [name, address or os.fspath(self.socket_path), os.fspath(self.token_file)]
        command = [sys.executable, "-P", "-m", "aurora_desktop.tasks.worker", *arguments]
        worker = subprocess.Popen(
            command,
            env={**os.environ, "AURORA_SPAWN": self.marker, **env},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.workers.append(worker)
        return worker

    def run(self, *program: str, **changes: Any) -> Run:
        """A task for a `command` agent; it is not sent."""
        task_id = changes.pop("task_id", f"task_{uuid.uuid4().hex[:12]}")
        values: dict[str, Any] = {
            "task_id": task_id,
            "attempt": 1,
            "agent": "script",
            "kind": "command",
            "program": program,
            "prompt": "do it",
            "cwd": os.fspath(self.cwd),
            "folder": os.fspath(self.folder / "tasks" / task_id),
            "timeout_s": 60.0,
            "silence_s": 60.0,
            "grace_s": 5.0,
        }
        return Run(**{**values, **changes})

    def shell(self, script: str, **changes: Any) -> Run:
        """A task whose agent is a line of shell; its prompt is `$1`."""
        return self.run("sh", "-c", script, "sh", **changes)

    def begin(self, run: Run) -> Began:
        self.main.say(run)
        return self.main.hear(Began)

    def do(self, run: Run) -> Ended:
        """Send it, and wait for its end."""
        self.main.say(run)
        return self.end_of(run)

    def end_of(self, run: Run) -> Ended:
        ended = self.main.hear(Ended, lambda message: message.task_id == run.task_id)
        self.main.say(Acknowledge(run.task_id, run.attempt))
        return ended

    def transcript(self, run: Run) -> list[Entry]:
        raw = TaskFolder(Path(run.folder)).transcript.read_bytes()
        return [msgspec.json.decode(line, type=Entry) for line in raw.splitlines()]

    def carriers(self) -> list[int]:
        """The processes that carry the marker of this stage's workers, without the workers."""
        workers = {worker.pid for worker in self.workers}
        mark = f"AURORA_SPAWN={self.marker}".encode()
        return [pid for pid in _pids() if pid not in workers and mark in _environ(pid)]

    def close(self) -> None:
        self.main.close()
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            worker.communicate()
        for pid in self.carriers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def _environ(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""


def memory_peak_bytes(pid: int) -> int:
    """The most that a process ever had resident (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
