"""A virtual screen with a window manager and tray, and a session bus where there is one; ended by their pids."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from rig.programs import MissingError, end, fresh, surroundings
from rig.x11 import XServer

START_TIMEOUT_S = 15.0
# Its gauges would draw each second.
_QUIET = "".join(f"TaskBarShow{what}Status=0\n" for what in ("CPU", "MEM", "Net")) + "TaskBarShowClock=0\n"


class Screen(Struct, frozen=True):
    """A display that runs; `environment` leads programs to it."""

    name: str
    environment: dict[str, str]


@contextmanager
def screen(folder: Path) -> Iterator[Screen]:
    """Xvfb with icewm, which is window manager and tray in one. Raises MissingError."""
    for program in ("Xvfb", "icewm"):
        if shutil.which(program) is None:
            raise MissingError(f"{program} is not installed")
    with ExitStack() as stack:
        name = stack.enter_context(_xvfb(folder))
        more = {"DISPLAY": name, "QT_QPA_PLATFORM": "xcb"}
        more["DBUS_SESSION_BUS_ADDRESS"] = stack.enter_context(_bus(folder))
        environment = surroundings(**more)
        stack.enter_context(_icewm(folder, environment))
        yield Screen(name, environment)


@contextmanager
def _xvfb(folder: Path) -> Iterator[str]:
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with open(folder / "xvfb.log", "ab") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, pass_fds=[writing])
    os.close(writing)
    try:
        with open(reading, encoding="ascii") as answer:
            number = answer.readline().strip()
        if not number:
            raise MissingError("Xvfb did not start")
        yield f":{number}"
    finally:
        end(server)


@contextmanager
def _bus(folder: Path) -> Iterator[str]:
    """The address of a bus of its own; without dbus-daemon one that leads nowhere, and at once."""
    if shutil.which("dbus-daemon") is None:
        yield "disabled:"
        return
    address = f"unix:path={folder}/bus"
    with _quietly(folder, ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}"]):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (folder / "bus").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield address


@contextmanager
def _icewm(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    settings = fresh(folder, "icewm")
    (settings / "preferences").write_text(_QUIET, encoding="utf-8")
    with _quietly(folder, ["icewm"], {**environment, "ICEWM_PRIVCFG": str(settings)}):
        server = XServer(environment["DISPLAY"])
        try:
            server.wait_for(lambda seen: seen.wm_class.endswith("TaskBar"), START_TIMEOUT_S)
        finally:
            server.close()
        yield


@contextmanager
def _quietly(folder: Path, command: Sequence[str], environment: dict[str, str] | None = None) -> Iterator[None]:
    with open(folder / f"{command[0]}.log", "ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    try:
        yield
    finally:
        end(process)
