"""Real workers, and a main that the measurement speaks for."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from aurora_desktop.tasks.messages import Acknowledge, Ended, FromWorker, Hello, Run, ToWorker

T = TypeVar("T")
PATIENCE_S = 600.0


class WorkerLine:
    """The connection to one worker. `pid` is the worker's."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unread = bytearray()
        connection.settimeout(PATIENCE_S)
        self.pid = self.hear(Hello).pid

    def hear(self, kind: type[T]) -> T:
        """The next message of this kind, passing over others. Raises OSError: the worker hung up."""
        while True:
            while (end := self._unread.find(b"\n")) < 0:
                if not (data := self._connection.recv(262_144)):
                    raise OSError("the worker hung up")
                self._unread += data
            message = msgspec.json.decode(self._unread[:end], type=FromWorker)
            del self._unread[: end + 1]
            if isinstance(message, kind):
                return message

    def say(self, message: ToWorker) -> None:
        self._connection.sendall(msgspec.json.encode(message) + b"\n")

    def do(self, run: Run) -> Ended:
        """One task from beginning to end."""
        self.say(run)
        ended = self.hear(Ended)
        self.say(Acknowledge(run.task_id, run.attempt))
        return ended

    def close(self) -> None:
        self._connection.close()


@contextmanager
def workers(folder: Path, count: int) -> Iterator[list[WorkerLine]]:
    """So many workers, each connected; ended in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    address, token_file = folder / "workers.sock", folder / "workers.token"
    token_file.write_text("measured", encoding="ascii")
    processes: list[subprocess.Popen[bytes]] = []
    lines: list[WorkerLine] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(os.fspath(address))
        listening.listen(count)
        listening.settimeout(30.0)
        try:
            for number in range(1, count + 1):
                arguments = [f"measured-{number}", os.fspath(address), os.fspath(token_file)]
                command = [sys.executable, "-P", "-m", "aurora_desktop.tasks.worker", *arguments]
                processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True))
            lines.extend(WorkerLine(listening.accept()[0]) for _ in range(count))
            yield lines
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
            for line in lines:
                line.close()


def shell_task(folder: Path, name: str, script: str, **changes: object) -> Run:
    """A task whose agent is a line of shell."""
    values: dict[str, object] = {
        "task_id": f"task_{name}",
        "attempt": 1,
        "agent": "script",
        "kind": "command",
        "program": ("sh", "-c", script, "sh"),
        "prompt": "go",
        "cwd": os.fspath(folder),
        "folder": os.fspath(folder / "tasks" / name),
        "timeout_s": PATIENCE_S,
        "silence_s": PATIENCE_S,
        "grace_s": 5.0,
    }
    return msgspec.convert({**values, **changes}, Run)
