"""The guard as main starts it, with main's end of its channel, the pages and the clearance in the test's hands."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.messages import (
    LEASE_RENEW_S,
    Arm,
    Armed,
    Channel,
    Configure,
    FromGuard,
    NotArmed,
    Ready,
    Renew,
    ToGuard,
)
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage, create_page

from . import machine
from .waiting import PATIENCE_S, eventually

HOTKEY = "ctrl+alt+shift+escape"
WORKER = Path(__file__).with_name("programs") / "stand_in_worker.py"
SHIFT, LETTER = 50, 38  # keycodes that every X server has there

M = TypeVar("M")


class GuardRig:
    """Ended with everything when the `with` block is left. `messages`: all that the guard has said."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.clearance, self.socket = folder / "clearance.json", folder / "guard.sock"
        self._environment = {**os.environ, **environment}
        self._fds = create_page("permit"), create_page("held")
        self._pages = [SharedPage(fd, writable=False) for fd in self._fds]
        self.permit, self.held = Permit(self._pages[0]), HeldTable(self._pages[1])
        self.messages: list[FromGuard] = []
        self._heard = threading.Condition()
        self._renewing = threading.Event()
        self._ended = threading.Event()
        self._generation = 0

    def __enter__(self) -> "GuardRig":
        self.folder.mkdir(mode=0o700, exist_ok=True)
        Clearance(self.clearance).grant("the operator")
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.leave()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        for page in self._pages:
            page.close()
        for fd in self._fds:
            os.close(fd)

    def _start(self) -> None:
        self.link, theirs = socket.socketpair()
        with theirs, (self.folder / "guard.log").open("ab") as log:
            fds = (theirs.fileno(), *self._fds)
            options = zip(("--channel", "--permit", "--held"), map(str, fds), strict=True)
            places = ("--socket", str(self.socket), "--clearance", str(self.clearance))
            command = (sys.executable, "-P", "-m", "aurora_desktop.safety.guard", *sum(options, ()), *places)
            self.process = subprocess.Popen(
                command, env=self._environment, stderr=log, pass_fds=fds, start_new_session=True
            )
        self._threads = [threading.Thread(target=work) for work in (self._listen, self._renew)]
        for thread in self._threads:
            thread.start()

    # --- talking ------------------------------------------------------------------------------------------------

    def send(self, message: ToGuard) -> None:
        self.send_raw(msgspec.json.encode(message) + b"\n")

    def send_raw(self, data: bytes) -> None:
        self.link.sendall(data)

    def leave(self) -> None:
        """Main is gone, from one moment to the next."""
        self._renewing.clear()
        with contextlib.suppress(OSError):
            self.link.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        decoder = msgspec.json.Decoder(FromGuard)
        with contextlib.suppress(ConnectionResetError), self.link.makefile("rb") as lines:
            for line in lines:
                with self._heard:
                    self.messages.append(decoder.decode(line))
                    self._heard.notify_all()
        self.link.close()

    def _renew(self) -> None:
        while not self._ended.wait(LEASE_RENEW_S):
            if self._renewing.is_set():
                with contextlib.suppress(OSError):
                    self.send(Renew())

    def until(self, kind: type[M], since: int = 0, timeout_s: float = PATIENCE_S) -> M:
        """The first message of this kind from place `since` on."""
        with self._heard:
            found = self._heard.wait_for(lambda: self.said(kind, since), timeout_s)
        assert found, f"no {kind.__name__} came, but {self.messages[since:]}; {self.log()}"
        return found[0]

    def said(self, kind: type[M], since: int = 0) -> list[M]:
        return [message for message in self.messages[since:] if isinstance(message, kind)]

    def mark(self) -> int:
        return len(self.messages)

    def log(self) -> str:
        return (self.folder / "guard.log").read_text()

    # --- what main does -----------------------------------------------------------------------------------------

    def prepare(self, *, corners: bool = True, operator_first: bool = True, pynput: bool = False) -> None:
        """Tell it how to watch, and wait until it does."""
        self.until(Ready)
        self.send(Configure(HOTKEY, corners, operator_first, pynput))
        eventually(lambda: any(message.listening for message in self.said(Channel)), "the guard listens")

    def ask_to_arm(self, manner: str = "obedient", codes: tuple[int, ...] = (SHIFT, LETTER)) -> None:
        self._generation += 1
        command = (sys.executable, "-P", str(WORKER), manner, ",".join(map(str, codes)))
        message = msgspec.json.encode(Arm(self._generation, command, "act")) + b"\n"
        ours, workers = socket.socketpair()
        with ours, workers:
            socket.send_fds(self.link, [message], [workers.fileno()])

    def arm(self, manner: str = "obedient", codes: tuple[int, ...] = (SHIFT, LETTER)) -> int:
        """Armed, and the worker has pressed its keys and the left button; its pid."""
        mark = self.mark()
        self.start_renewing()
        self.ask_to_arm(manner, codes)
        eventually(lambda: self.said(Armed, mark) or self.said(NotArmed, mark), "an answer came")
        assert not self.said(NotArmed, mark), self.said(NotArmed, mark)
        pid = self.said(Armed, mark)[0].worker_pid
        eventually(lambda: 1 in self.held.buttons() and self.held.events >= len(codes), "the worker holds its keys")
        return pid

    def start_renewing(self) -> None:
        self._renewing.set()

    def stop_renewing(self) -> None:
        """Main stands still."""
        self._renewing.clear()

    @contextlib.contextmanager
    def visitor(self) -> Iterator[socket.socket]:
        """A connection to the guard's own socket."""
        eventually(self.socket.exists, "the guard's socket is there")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(PATIENCE_S)
            link.connect(str(self.socket))
            yield link

    def ask(self, words: str) -> dict[str, object]:
        """What it answers at its own socket."""
        with self.visitor() as link:
            link.sendall(words.encode() + b"\n")
            answer = link.makefile("rb").readline()
        return dict(msgspec.json.decode(answer))

    def until_gone(self) -> None:
        self.process.wait(PATIENCE_S)

    @staticmethod
    def has_ended(pid: int) -> bool:
        return not machine.is_alive(pid)
