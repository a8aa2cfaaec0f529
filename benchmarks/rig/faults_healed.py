"""Faults that are injected for real: how long until the service works again, without a person."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct

from rig.bench import HEADLESS, Bench
from rig.child import Said
from rig.figures import Figure
from rig.programs import fresh

HEALED_TIMEOUT_S = 60.0
KEPT_AFTER_S = 7.0
"""A version of a file counts as one that works after `healing.verify_sec` (5 s)."""
MEMORY_HIGH = 64_000_000
WATCHDOG_S = 2

Culprits = ExitStack
"""What was put in the way: ended after each sample."""


class Injured(Struct, frozen=True):
    """One injury: the service's `definition` for its name and folder, and `injure`, after which it fails."""

    who: str
    definition: Callable[[Bench, str, Path], Mapping[str, object]]
    injure: Callable[[Said, Path, Culprits], None]
    settle_s: float = 1.0


def healed(bench: Bench) -> list[Figure]:
    """From the injury to the main() of the child that works again."""
    figure = bench.report.figure(
        "healed", "fault to working again", "s", "a service each; SIGKILL after the injury where it does not fail by it"
    )
    for injury in INJURIES:
        bench.report.measure([figure], injury.who, partial(_heals, bench, figure, injury))
    return [figure]


def _heals(bench: Bench, figure: Figure, injury: Injured) -> None:
    """An Aurora for each sample: what comes back within minutes of its cure counts as not cured, and so it should."""
    for _ in range(max(3, bench.runs // 6)):
        folder = fresh(bench.folder, "injured")
        services = {"injured": {"cwd": str(folder), "restart_sec": 0.1, **injury.definition(bench, "injured", folder)}}
        with bench.contending(HEADLESS, services), ExitStack() as culprits:
            child = bench.nursery.wait("born", "injured")
            time.sleep(injury.settle_s + random.uniform(0.0, 0.5))
            bench.nursery.forget()
            at_ns = time.monotonic_ns()
            injury.injure(child, folder, culprits)
            born = bench.nursery.wait("born", "injured", HEALED_TIMEOUT_S)
            figure.add(injury.who, (born.at_ns - at_ns) / 1e9)


# --- the injuries -----------------------------------------------------------------------------------------------


def _after(check: str, bench: Bench, name: str, *mode: str) -> dict[str, object]:
    """A child that is only reached when a line of shell finds nothing wrong."""
    return {"command": ["sh", "-c", f'{check}\nexec "$@"', "sh", *bench.nursery.command(name, *mode)]}


def _kill(child: Said) -> None:
    os.kill(child.pid, signal.SIGKILL)


def _watched(bench: Bench, name: str, _folder: Path) -> Mapping[str, object]:
    return {"command": bench.nursery.command(name, "watchdog"), "watchdog_sec": WATCHDOG_S}


def _hang(child: Said, _folder: Path, _culprits: Culprits) -> None:
    os.kill(child.pid, signal.SIGSTOP)


def _with_pid_file(bench: Bench, name: str, _folder: Path) -> Mapping[str, object]:
    return _after('[ ! -e app.pid ] || { echo "pid file $PWD/app.pid already exists"; exit 1; }', bench, name)


def _leave_pid_file(child: Said, folder: Path, _culprits: Culprits) -> None:
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    (folder / "app.pid").write_text(str(dead.pid))
    _kill(child)


def _with_program(bench: Bench, name: str, folder: Path) -> Mapping[str, object]:
    words = " ".join(f"'{word}'" for word in bench.nursery.command(name))
    (folder / "run").write_text(f"#!/bin/sh\nexec {words}\n")
    (folder / "run").chmod(0o755)
    return {"command": ["./run"]}


def _take_right(child: Said, folder: Path, _culprits: Culprits) -> None:
    (folder / "run").chmod(0o644)
    _kill(child)


def _with_settings(bench: Bench, name: str, folder: Path) -> Mapping[str, object]:
    (folder / "app.conf").write_text("good\n")
    check = 'grep -q good app.conf || { echo "invalid configuration: app.conf"; exit 1; }'
    return {**_after(check, bench, name), "healing": {"config_files": ["app.conf"]}}


def _spoil_settings(child: Said, folder: Path, _culprits: Culprits) -> None:
    (folder / "app.conf").write_text("bad\n")
    _kill(child)


def _on_port(bench: Bench, name: str, folder: Path) -> Mapping[str, object]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "port").write_text(str(port))
    tries = f'import socket; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(("127.0.0.1", {port}))'
    return _after(f"'{sys.executable}' -ISc '{tries}' || exit 1; : --port {port}", bench, name, "http", str(port))


def _stray_on_port(child: Said, folder: Path, culprits: Culprits) -> None:
    """A process with the marks of an earlier spawn takes the port as soon as it is free."""
    pairs = (item.partition(b"=") for item in Path(f"/proc/{child.pid}/environ").read_bytes().split(b"\0"))
    marks = {key.decode(): value.decode() for key, _, value in pairs if key.startswith(b"AURORA_")}
    port = int((folder / "port").read_text())
    takes = (
        "import socket, signal\n"
        "s = socket.socket(); s.setsockopt(1, 2, 1)\n"
        "while True:\n"
        f"    try: s.bind(('127.0.0.1', {port})); s.listen(); break\n"
        "    except OSError: pass\n"
        "signal.pause()"
    )
    env = {**os.environ, **marks, "AURORA_SPAWN": "an earlier one"}
    culprits.enter_context(_until_ended([sys.executable, "-ISc", takes], env))
    time.sleep(0.3)  # it has begun to try
    _kill(child)


@contextmanager
def _until_ended(command: list[str], env: Mapping[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, env=dict(env)) as process:
        try:
            yield
        finally:
            process.kill()


def _eater(bench: Bench, name: str, _folder: Path) -> Mapping[str, object]:
    return {"command": bench.nursery.command(name, "eat", str(MEMORY_HIGH)), "memory_high": MEMORY_HIGH}


def _eat(child: Said, _folder: Path, _culprits: Culprits) -> None:
    os.kill(child.pid, signal.SIGUSR1)


INJURIES = (
    Injured(f"hang (SIGSTOP), watchdog_sec {WATCHDOG_S}", _watched, _hang),
    Injured("pid file of a dead owner", _with_pid_file, _leave_pid_file),
    Injured("right to run removed", _with_program, _take_right),
    Injured("settings spoilt by an edit", _with_settings, _spoil_settings, settle_s=KEPT_AFTER_S),
    Injured("port taken by a stray of ours", _on_port, _stray_on_port),
    Injured("over memory_high (waits for 5 s of quiet)", _eater, _eat),
)
