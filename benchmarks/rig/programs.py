"""The programs that are measured side by side: each gets its settings written, is run, and is ended by its pid."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from rig.child import Nursery

BIN = Path(sys.executable).parent
RIG = Path(__file__).parent
END_TIMEOUT_S = 30.0

Services = Mapping[str, Mapping[str, object]]
"""By name, in the words of Aurora's settings; the rivals read `command` alone."""


class MissingError(Exception):
    """The program is not installed."""


class Contender(Protocol):
    """A program that keeps services running. `settle_s`: how long a child must have been up before it is killed;
    `spread_s`: kills come at random within this time, the period of a program that looks only now and then;
    `end_signal`: what ends it in reasonable time (supervisord stops a hundred services one a second).
    """

    @property
    def who(self) -> str: ...

    @property
    def settle_s(self) -> float: ...

    @property
    def spread_s(self) -> float: ...

    @property
    def end_signal(self) -> int: ...

    def prepare(self, services: Services, folder: Path) -> list[str]:
        """Write the settings into the folder; the command line. Raises MissingError."""
        ...


class Running(Struct, frozen=True):
    """A program that runs; `begun_ns` is the monotonic time just before its exec."""

    process: subprocess.Popen[bytes]
    begun_ns: int

    @property
    def pid(self) -> int:
        return self.process.pid


@contextmanager
def running(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], end_signal: int = signal.SIGTERM
) -> Iterator[Running]:
    """The program, its output in `output` in the folder, ended when the block is left."""
    with open(folder / "output", "ab") as output:
        begun_ns = time.monotonic_ns()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Running(process, begun_ns)
    finally:
        end(process, end_signal)


def end(process: "subprocess.Popen[bytes]", with_signal: int = signal.SIGTERM) -> None:
    """The signal, and SIGKILL to whom that does not move."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


@contextmanager
def contending(contender: Contender, services: Services, nursery: Nursery, env: Mapping[str, str]) -> Iterator[Running]:
    """The contender with these services in a fresh folder; none of them is left when the block is."""
    folder = fresh(nursery.folder, "state")
    nursery.forget()
    try:
        with running(contender.prepare(services, folder), folder, env, contender.end_signal) as program:
            yield program
    finally:
        nursery.sweep()
        shutil.rmtree(folder, ignore_errors=True)


def fresh(parent: Path, name: str) -> Path:
    folder = parent / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def surroundings(**more: str) -> dict[str, str]:
    """The environment of all programs: none of the caller's Aurora, no display but the one that is given."""
    drop = {
        "PYTHONDONTWRITEBYTECODE",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "DBUS_SESSION_BUS_ADDRESS",
        "NOTIFY_SOCKET",
        "XAUTHORITY",
    }
    env = {key: value for key, value in os.environ.items() if key not in drop and not key.startswith("AURORA_")}
    # A shell is behind us; and setuptools, which only the rivals need, slows down nobody's start.
    return {**env, "SHLVL": env.get("SHLVL", "1"), "SETUPTOOLS_USE_DISTUTILS": "stdlib", **more}


def _installed(name: str) -> str:
    found = BIN / name
    if not found.exists():
        raise MissingError(f"{name} is not installed (uv sync --group bench)")
    return str(found)


class Aurora(Struct, frozen=True):
    """The real program. `mode` is `--headless` or, on a display, `--hidden`, or "" for an open window."""

    who: str
    mode: str
    settle_s: float = 2.0
    spread_s: float = 0.2
    end_signal: int = signal.SIGTERM

    def prepare(self, services: Services, folder: Path) -> list[str]:
        (folder / "aurora.yaml").write_text(settings_text(services), encoding="utf-8")
        config, state = str(folder / "aurora.yaml"), str(folder / "state")
        command = [_installed("aurora"), "--config", config, "--state-dir", state, "run", self.mode]
        return [word for word in command if word]


def settings_text(services: Services) -> str:
    """Aurora's settings as a person writes them: blocks of keys; the values in JSON's style, which YAML knows."""
    if not services:
        return "services: {}\n"
    lines = ["services:"]
    for name, options in services.items():
        lines += [f"  {name}:", *(f"    {key}: {json.dumps(value)}" for key, value in options.items())]
    return "\n".join(lines) + "\n"


class Limit(Struct, frozen=True):
    """No supervisor could be faster in this language."""

    who: str = "limit in Python"
    settle_s: float = 0.1
    spread_s: float = 0.1
    end_signal: int = signal.SIGKILL

    def prepare(self, services: Services, folder: Path) -> list[str]:
        commands = [service["command"] for service in services.values()]
        (folder / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
        return [sys.executable, "-I", str(RIG / "limit.py"), str(folder / "commands.json")]


class Supervisord(Struct, frozen=True):
    """As it comes, or with what makes it fastest: startsecs 0 and a program whose constant output wakes it up.

    It starts a program again on its next round only, and a round takes a second unless somebody writes.
    """

    who: str
    chatter: Sequence[str] = ()
    settle_s: float = 1.5  # killed within startsecs (1) it would back off
    spread_s: float = 1.0
    end_signal: int = signal.SIGKILL

    def prepare(self, services: Services, folder: Path) -> list[str]:
        own = {"nodaemon": "true", "logfile": folder / "log", "pidfile": folder / "pid", "childlogdir": folder}
        sections: dict[str, Mapping[str, object]] = {"supervisord": own}
        if self.chatter:
            quiet = {"stdout_logfile": "/dev/null", "stdout_logfile_maxbytes": 0}
            sections["program:chatter"] = {"command": _words(self.chatter), **quiet}
        fast = {"startsecs": 0} if self.chatter else {}
        for name, service in services.items():
            sections[f"program:{name}"] = {"command": _words(service["command"]), **fast}
        (folder / "supervisord.conf").write_text(_ini(sections), encoding="utf-8")
        return [_installed("supervisord"), "-c", str(folder / "supervisord.conf")]


class Circus(Struct, frozen=True):
    """As it comes, or looking as often as it can be told to."""

    who: str
    check_delay_s: float | None = None
    settle_s: float = 0.5
    spread_s: float = 5.0
    end_signal: int = signal.SIGKILL

    def prepare(self, services: Services, folder: Path) -> list[str]:
        # Its own ports might be taken.
        own: dict[str, object] = {key: f"ipc://{folder}/{key}" for key in ("endpoint", "pubsub_endpoint")}
        if self.check_delay_s is not None:
            own["check_delay"] = self.check_delay_s
        sections = {"circus": own}
        for name, service in services.items():
            sections[f"watcher:{name}"] = {"cmd": _words(service["command"]), "numprocesses": 1}
        (folder / "circus.ini").write_text(_ini(sections), encoding="utf-8")
        return [_installed("circusd"), str(folder / "circus.ini")]


def _words(command: object) -> str:
    if not isinstance(command, Sequence):
        raise TypeError("a command is a list of words")
    return " ".join(f"'{word}'" if " " in word else word for word in command)


def _ini(sections: Mapping[str, Mapping[str, object]]) -> str:
    lines = []
    for section, options in sections.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in options.items()), ""]
    return "\n".join(lines)
