"""What the machine itself says of processes: read from /proc, without asking Aurora."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .waiting import eventually

_BEGINS_S = 5.0


class Seen(NamedTuple):
    """One process; `service` and `spawn` are the markers that Aurora put into its environment."""

    pid: int
    parent: int
    session: int
    state: str
    service: str
    spawn: str
    program: str


def _stat(pid: int) -> list[str]:
    """`proc_pid_stat(5)` from the state on; empty when there is no such process."""
    raw = _read(pid, "stat").decode(errors="replace")
    return raw[raw.rindex(")") + 2 :].split() if raw else []


def _read(pid: int, name: str) -> bytes:
    """A file of /proc; empty when the process is gone, or goes while it is read."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def state_of(pid: int) -> str:
    """`R`, `S`, `T`, `Z`, ...; "" when there is no such process."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def is_alive(pid: int) -> bool:
    return state_of(pid) not in ("", "Z", "X")


def marked(digest: str) -> list[Seen]:
    """Every living process that carries the marker of this state dir, however it got away."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        raw = _environment(int(entry))
        if b"AURORA_STATE=" + digest.encode() not in raw:
            continue
        env = dict(item.partition("=")[::2] for item in raw.decode(errors="replace").split("\0"))
        fields = _stat(int(entry))
        if env.get("AURORA_STATE") == digest and fields and fields[0] not in ("Z", "X"):
            found.append(_seen(int(entry), fields, env))
    return found


def _environment(pid: int) -> bytes:
    """What it was given. Of one that has just begun its program the kernel shows nothing for a moment: neither this nor
    its command line, which no other process lacks that has a program."""
    deadline = time.monotonic() + _BEGINS_S
    while not _read(pid, "environ") and not _read(pid, "cmdline") and _has_program(pid):
        if time.monotonic() > deadline:
            break
        time.sleep(0.001)
    return _read(pid, "environ")


def _has_program(pid: int) -> bool:
    """Threads of the kernel and those that have ended have none."""
    try:
        return bool(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return False


def _seen(pid: int, fields: list[str], env: dict[str, str]) -> Seen:
    return Seen(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        state=fields[0],
        service=env.get("AURORA_SERVICE", ""),
        spawn=env.get("AURORA_SPAWN", ""),
        program=_read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace"),
    )


def children(pid: int) -> list[int]:
    """The direct children, zombies included."""
    pids = []
    for thread in _listed(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            pids += [int(word) for word in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()]
    return pids


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def zombies(parent: int) -> list[int]:
    """Children of `parent` that ended and were not collected."""
    return [pid for pid in children(parent) if state_of(pid) == "Z"]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """A signal to a process that may have gone meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """SIGSTOP for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: state_of(pid) in ("T", "Z", ""), "the process is stopped")
    try:
        yield
    finally:
        kill(pid, signal.SIGCONT)
