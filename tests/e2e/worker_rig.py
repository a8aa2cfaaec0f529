"""The input worker as the guard starts it, with main's end of its socket and the guard's page in the test's hands."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from aurora_desktop.input.actions import Action
from aurora_desktop.input.messages import (
    Began,
    Cancel,
    Check,
    Checked,
    Do,
    Finished,
    FromWorker,
    Look,
    Screen,
    Seen,
    Setup,
    ToWorker,
    Up,
)
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage, create_page, read_only

from . import screen as displays
from .waiting import PATIENCE_S, eventually

GENERATION = 7
_AN_HOUR_NS = 3600 * 10**9

M = TypeVar("M")


class WorkerRig:
    """Ended with everything when the `with` block is left."""

    def __init__(
        self,
        environment: Mapping[str, str],
        pictures: Path,
        backend: str = "auto",
        events_per_s: float = 4000.0,
        max_hold_s: float = 10.0,
        *,
        failsafe_corners: bool = True,
        below: str = "",
    ) -> None:
        """`below`: a program of Python that starts the command of its arguments, to be the worker's parent."""
        self._environment = {**os.environ, **environment}
        self.setup = Setup(backend, events_per_s, max_hold_s, failsafe_corners, str(pictures))
        self._permit_fd, self._held_fd = create_page("permit"), create_page("held")
        self._pages = SharedPage(self._permit_fd, writable=True), SharedPage(self._held_fd, writable=False)
        self.permit, self.held = Permit(self._pages[0]), HeldTable(self._pages[1])
        self._below = below
        self._numbers = iter(range(1, 1_000_000))
        self._buffer = b""
        self.heard: list[FromWorker] = []
        self._decoder: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)

    def __enter__(self) -> "WorkerRig":
        self.grant()
        self.socket, theirs = socket.socketpair()
        self._permit_read_fd = read_only(self._permit_fd)
        command = [sys.executable, "-m", "aurora_desktop.input.worker"]
        names = {"socket": theirs.fileno(), "permit": self._permit_read_fd, "held": self._held_fd}
        for name, number in (*names.items(), ("generation", GENERATION)):
            command += [f"--{name}", str(number)]
        if self._below:
            command = [sys.executable, "-c", self._below, *command]
        self.process = subprocess.Popen(command, env=self._environment, pass_fds=list(names.values()))
        theirs.close()
        self.say(self.setup)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            for page in self._pages:
                page.close()
            for descriptor in (self._permit_fd, self._held_fd, self._permit_read_fd):
                os.close(descriptor)

    def grant(self, for_ns: int = _AN_HOUR_NS) -> None:
        self.permit.grant(GENERATION, time.monotonic_ns() + for_ns)

    def say(self, message: ToWorker) -> None:
        self.socket.sendall(msgspec.json.encode(message) + b"\n")

    def hear(self, kind: type[M]) -> M:
        """The next message of this kind; others are kept in `heard`."""
        while True:
            message = self._next()
            self.heard.append(message)
            if isinstance(message, kind):
                return message

    def start(self, action: Action, *, windows: tuple[int, ...] = (), focus: int = 0, linger_s: float = 0.0) -> int:
        number = next(self._numbers)
        self.say(Do(number, action, windows, focus, linger_s=linger_s))
        return number

    def began(self, action: Action) -> int:
        """Start an action and wait until it was checked."""
        number = self.start(action)
        self.hear(Began)
        return number

    def do(self, action: Action, *, windows: tuple[int, ...] = (), focus: int = 0, linger_s: float = 0.0) -> Finished:
        self.start(action, windows=windows, focus=focus, linger_s=linger_s)
        return self.finished()

    def cancel(self, number: int) -> None:
        self.say(Cancel(number))

    def look(self, *places: tuple[int, int]) -> Seen:
        self.say(Look(next(self._numbers), places))
        return self.hear(Seen)

    def check(self, text: str = "", keys: str = "") -> str:
        self.say(Check(next(self._numbers), text, keys))
        return self.hear(Checked).problem

    def up(self) -> tuple[Up, Screen]:
        return self.hear(Up), self.hear(Screen)

    def finished(self) -> Finished:
        """The end of what was started."""
        return self.hear(Finished)

    def until_events(self, count: int) -> None:
        """Until so many more primitive events were sent."""
        before = self.held.events
        eventually(lambda: self.held.events >= before + count, f"{count} events")

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE_S)

    def _next(self) -> FromWorker:
        while b"\n" not in self._buffer:
            assert select.select([self.socket], [], [], 60)[0], f"the worker said nothing more after {self.heard[-3:]}"
            chunk = self.socket.recv(65536)
            assert chunk, f"the worker hung up after {self.heard[-3:]}"
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return self._decoder.decode(line)


def run_on(screen: displays.Screen, *command: str, given: str | None = None) -> str:
    """What a program on this display says; one that is `given` its input may stay in the background (xclip)."""
    environment = screen.environment_with(LC_ALL="C.UTF-8")
    if given is not None:
        quiet = subprocess.DEVNULL
        subprocess.run(command, env=environment, input=given, text=True, stdout=quiet, stderr=quiet, check=True)
        return ""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30).stdout
