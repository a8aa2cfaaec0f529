"""The measured child: a small C program, compiled here, that says when its main() was reached."""

import os
import selectors
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("child.c")
COMPILERS = ("gcc", "cc", "clang")
BIRTH_TIMEOUT_S = 60.0
SWEEP_TIMEOUT_S = 10.0


class Said(NamedTuple):
    """One line of a child: `what` (`born`, `listening`, `breach`), and when, on the monotonic clock."""

    what: str
    name: str
    pid: int
    at_ns: int


class NoCompilerError(Exception):
    """There is no C compiler, and a shell cannot take its place."""


class Nursery:
    """Makes the commands of children and hears what they say, through one named pipe."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fifo = folder / "said"
        os.mkfifo(self.fifo, 0o600)
        # Both ends: reading never meets the end, and a child never blocks on opening it.
        self._fd = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._fd, selectors.EVENT_READ)
        self._rest = b""
        self._heard: list[Said] = []
        self._sleep = str(1_000_000 + os.getpid())
        self.program = compiled(folder)

    def close(self) -> None:
        self.sweep()
        self._selector.close()
        os.close(self._fd)

    @property
    def kind(self) -> str:
        """What the child is, in words."""
        return "a C program" if self.program else "sh (no C compiler found; born is when its line was read)"

    def command(self, name: str, *mode: str) -> list[str]:
        """Raises NoCompilerError for a mode that only the C program has."""
        if self.program is not None:
            return [str(self.program), str(self.fifo), name, *mode]
        if mode:
            raise NoCompilerError(f"no C compiler ({', '.join(COMPILERS)}) for the child that this needs")
        script = f'echo "born $1 $$ 0" >"$0"; exec sleep {self._sleep}'
        return ["/bin/sh", "-c", script, str(self.fifo), name]

    def wait(self, what: str, name: str, timeout_s: float = BIRTH_TIMEOUT_S) -> Said:
        """The next that `name` says of this kind. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            for said in self._heard:
                if (said.what, said.name) == (what, name):
                    self._heard.remove(said)
                    return said
            self._listen(deadline - time.monotonic(), f"{name} was not {what} within {timeout_s:g} s")

    def wait_all(self, what: str, count: int, timeout_s: float = BIRTH_TIMEOUT_S) -> list[Said]:
        """The first `count` that are said of this kind. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while len(found := [said for said in self._heard if said.what == what]) < count:
            self._listen(deadline - time.monotonic(), f"{len(found)} of {count} were {what} within {timeout_s:g} s")
        for said in found:
            self._heard.remove(said)
        return found

    def forget(self) -> None:
        """Nothing that was said so far counts."""
        self._read()
        self._heard.clear()

    def sweep(self) -> None:
        """Kill the children that nobody stopped, until none is left; they are told by their command line."""
        marks = (os.fsencode(self.fifo), b"\0" + self._sleep.encode() + b"\0")
        deadline = time.monotonic() + SWEEP_TIMEOUT_S
        while (left := _carrying(marks)) and time.monotonic() < deadline:
            for pid in left:
                kill(pid)
            time.sleep(0.01)
        self.forget()

    def _listen(self, timeout_s: float, otherwise: str) -> None:
        if timeout_s <= 0 or not self._selector.select(timeout_s):
            raise TimeoutError(otherwise)
        self._read()

    def _read(self) -> None:
        try:
            content = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        now = time.monotonic_ns()
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            what, name, pid, at = line.decode().split()
            self._heard.append(Said(what, name, int(pid), int(at) or now))


def compiled(folder: Path, source: Path = SOURCE) -> Path | None:
    """A program of one file, compiled into the folder; `None` without a compiler."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        return None
    program = folder / source.stem
    done = subprocess.run([compiler, "-O2", "-o", program, source], capture_output=True, check=False)
    return program if done.returncode == 0 else None


def kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def _carrying(marks: tuple[bytes, ...]) -> list[int]:
    numbers = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [int(entry.name) for entry in numbers if _carries(entry, marks)]


def _carries(process: Path, marks: tuple[bytes, ...]) -> bool:
    try:
        line = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return any(mark in line for mark in marks)
