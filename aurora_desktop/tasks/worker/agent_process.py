"""The agent's own process with its pipes: started from an argument list, read and written by threads."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from aurora_desktop.core.errors import PASSING_ERRORS, AuroraError, NotNowError
from aurora_desktop.supervisor.processes import SERVICE_MARKER, SPAWN_MARKER, STATE_MARKER
from aurora_desktop.supervisor.variables import passed_on
from aurora_desktop.supervisor.windows_job import put_in_job
from aurora_desktop.tasks.adapters.adapter import Launch
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.worker.inbox import Inbox
from aurora_desktop.tasks.worker.kept import HeadAndTail
from aurora_desktop.tasks.worker.posted import Closed, Exited, Output, Stream

_READ_BYTES = 131_072
MOST_UNREAD = 8
"""Reads of each stream that wait for the main loop: more makes the agent wait, not our memory grow."""
_PIPE_BYTES = 1_048_576
_MARKERS = (SPAWN_MARKER, STATE_MARKER, SERVICE_MARKER)


def own_marker(own: Mapping[str, str]) -> str:
    """What names our tree: the supervisor's mark, or one of our own where nobody supervises us."""
    return own.get(SPAWN_MARKER) or f"worker-{os.getpid()}"


def agent_environment(own: Mapping[str, str], names: Sequence[str] | None, launch: Launch) -> dict[str, str]:
    """What the agent gets of our variables: all (None) or those named and the basic ones; our marks always."""
    env = passed_on(own, names)
    env.update({name: own[name] for name in _MARKERS if name in own})
    return {**env, **launch.env, SPAWN_MARKER: own_marker(own)}


def start(launch: Launch, cwd: str, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start it in a session of its own. Raises AuroraError in words that name what was at fault.

    NotNowError: the machine is short of something, which passes.
    """
    try:
        child = subprocess.Popen(
            _resolved(launch.argv, env),
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE if launch.stdin == "pipe" else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=sys.platform != "win32",
            creationflags=0x00000200 if sys.platform == "win32" else 0,  # CREATE_NEW_PROCESS_GROUP
        )
    except OSError as error:
        raise _explained(error, launch.argv[0], cwd, env) from error
    except ValueError as error:
        raise AuroraError(f"cannot be started: {error}", hint="Take NUL out of arguments and folder.") from error
    put_in_job(env[SPAWN_MARKER], child.pid)
    return child


def _resolved(argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """On Windows a program may be a script (`claude.cmd`), which is found by PATHEXT alone."""
    if sys.platform != "win32":
        return list(argv)
    import shutil

    return [shutil.which(argv[0], path=env.get("PATH")) or argv[0], *argv[1:]]


def _explained(error: OSError, program: str, cwd: str, env: Mapping[str, str]) -> AuroraError:
    if error.errno in PASSING_ERRORS:  # before any import, which takes a file and memory
        return NotNowError(f"cannot be started now: {error.strerror}")

    import errno
    from pathlib import Path

    from aurora_desktop.supervisor.spawn import explained  # late: it brings the settings along

    if error.errno == errno.E2BIG:
        return AuroraError(
            "the prompt is too long for an argument",
            "Linux takes at most 131,071 bytes in one.",
            "Give the agent its prompt by `prompt: stdin` or `prompt: file`.",
        )
    return explained(error, program, Path(cwd), env)


class Streams:
    """The threads around one agent: they read what it prints, write what it is told, and wait for its end."""

    def __init__(self, child: "subprocess.Popen[bytes]", run: Run, inbox: Inbox, kept: Mapping[Stream, HeadAndTail]):
        self._lines: dict[Stream, int] = {"stdout": 0, "stderr": 0}
        self._ends_midline: dict[Stream, bool] = {"stdout": False, "stderr": False}
        self._child = child
        self._run = run
        self._inbox = inbox
        self._kept = kept
        self._abandoned = False
        self._room: dict[Stream, threading.Semaphore] = {
            "stdout": threading.Semaphore(MOST_UNREAD),
            "stderr": threading.Semaphore(MOST_UNREAD),
        }
        self._to_write: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def start(self, launch: Launch) -> None:
        """Begin to read, write what it is to read first, and wait for its end."""
        if self._child.stdout is not None:
            self._thread("stdout", self._read, "stdout", self._child.stdout)
        if self._child.stderr is not None:
            self._thread("stderr", self._read, "stderr", self._child.stderr)
        if self._child.stdin is not None:
            self._thread("stdin", self._write, self._child.stdin)
        self._thread("exit", self._wait)
        self.write(launch.first)
        if launch.closes_stdin:
            self.close_stdin()

    def _thread(self, name: str, target: Callable[..., None], *args: object) -> None:
        threading.Thread(target=target, args=args, name=f"agent-{name}", daemon=True).start()

    def write(self, data: bytes) -> None:
        if data and self._child.stdin is not None:
            self._to_write.put(data)

    def close_stdin(self) -> None:
        """Once all is written that is to be."""
        self._to_write.put(None)

    def lines(self, stream: Stream) -> int:
        """So many there were; the last needs no end."""
        return self._lines[stream] + self._ends_midline[stream]

    def done(self, stream: Stream) -> None:
        """One `Output` was dealt with."""
        self._room[stream].release()

    def abandon(self) -> None:
        """Read no more: something that is no part of the tree holds the pipes open."""
        self._abandoned = True
        self.close_stdin()
        for room in self._room.values():
            room.release()

    def _read(self, stream: Stream, pipe: IO[bytes]) -> None:
        fd = pipe.fileno()
        _widen(fd)
        with pipe:
            while (data := _read_some(fd)) and not self._abandoned:
                self._kept[stream].write(data)
                self._lines[stream] += data.count(b"\n")
                self._ends_midline[stream] = not data.endswith(b"\n")
                self._room[stream].acquire()
                self._inbox.post(Output(self._run, stream, data))
        self._inbox.post(Closed(self._run, stream))

    def _write(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError), pipe:  # an agent that does not want to hear it has closed its end
            while (data := self._to_write.get()) is not None:
                rest = memoryview(data)
                while rest:
                    rest = rest[pipe.write(rest) :]

    def _wait(self) -> None:
        self._inbox.post(Exited(self._run, self._child.wait()))


def _read_some(fd: int) -> bytes:
    try:
        return os.read(fd, _READ_BYTES)
    except OSError:
        return b""


def _widen(fd: int) -> None:
    """A wider pipe spares the agent and us most of the changes between each other."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
