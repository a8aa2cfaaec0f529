"""Moves Aurora to a systemd scope of its own, so that what else started it cannot end its services.

Under XDG autostart Aurora is born in a unit of the desktop; systemd ends everything in that unit with it.
"""

import contextlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path

from aurora_desktop.desktop import session
from aurora_desktop.desktop.bus_connection import BusConnection, BusError

log = logging.getLogger(__name__)

_PREFIX = "app-aurora\\x2ddesktop-"
_FOREIGN = re.compile(r"(session-.*|vte-spawn-.*|app-.*|init)\.scope|app-.*@autostart\.service")


def needs_own_scope(cgroup: str) -> bool:
    """Whether `/proc/self/cgroup` names a unit that a desktop or a login made, not one made for Aurora."""
    # Where both versions of cgroups are mounted, the line of version 2 is one of several.
    lines = [line for line in cgroup.splitlines() if line.startswith("0::")]
    unit = lines[0].rpartition("/")[2] if lines else ""
    return bool(_FOREIGN.fullmatch(unit)) and not (unit.startswith(_PREFIX) and unit.endswith(".scope"))


def move_to_own_scope(environ: Mapping[str, str] = os.environ, timeout_s: float = 1.0) -> bool:
    """Move this process where that makes sense; returns whether it did. Call it before any child is started."""
    try:
        cgroup = Path("/proc/self/cgroup").read_text()
    except OSError:
        return False
    if not session.detect(environ).has_systemd_user or not needs_own_scope(cgroup):
        return False
    try:
        start_scope(f"{_PREFIX}{os.getpid()}.scope", environ, timeout_s)
    except BusError as error:
        log.info("Aurora stays in the unit that it was started in: %s", error)
        return False
    return True


def start_scope(name: str, environ: Mapping[str, str], timeout_s: float = 1.0) -> None:
    """Ask the user's systemd to put this process into the new scope `name`. Raises BusError."""
    from jeepney import MatchRule, message_bus  # type: ignore[import-untyped]  # jeepney ships no types
    from jeepney.io.blocking import Proxy  # type: ignore[import-untyped]  # as above

    with contextlib.closing(BusConnection(environ, timeout_s)) as bus:
        done = MatchRule(type="signal", interface="org.freedesktop.systemd1.Manager", member="JobRemoved")
        try:
            Proxy(message_bus, bus.jeepney, timeout=timeout_s).AddMatch(done)
            with bus.jeepney.filter(done, bufsize=50) as ended:
                (job,) = bus.call(_systemd(), "StartTransientUnit", "ssa(sv)a(sa(sv))", name, "fail", _properties(), [])
                result = ""
                while not result:
                    body = bus.jeepney.recv_until_filtered(ended, timeout=timeout_s).body
                    result = body[3] if body[1] == job else ""
        except OSError as error:
            raise BusError(f"StartTransientUnit: {error or type(error).__name__}") from error
    if result != "done":
        raise BusError(f"StartTransientUnit: the job ended as {result}")


def _properties() -> list[tuple[str, tuple[str, object]]]:
    return [
        ("PIDs", ("au", [os.getpid()])),
        ("Description", ("s", "Aurora Desktop")),
        ("Slice", ("s", "app.slice")),
        ("CollectMode", ("s", "inactive-or-failed")),
    ]


def _systemd() -> object:
    from jeepney import DBusAddress

    name = "org.freedesktop.systemd1"
    return DBusAddress("/org/freedesktop/systemd1", bus_name=name, interface=f"{name}.Manager")
