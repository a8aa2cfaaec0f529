"""Checks of the session and of Aurora's own files: D-Bus, systemd, autostart, PATH, settings, lock."""

import contextlib
import sys

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths, default_config_file
from aurora_desktop.desktop import autostart
from aurora_desktop.desktop.bus_connection import BusConnection, BusError
from aurora_desktop.desktop.debian import install, is_debian
from aurora_desktop.desktop.finding import Finding, Patient
from aurora_desktop.desktop.shell_path import login_shell_path
from aurora_desktop.desktop.single_instance import InstanceLock

_UNTIL_THEN = "balloons of the tray serve until then"


def session_kind(patient: Patient) -> list[Finding]:
    names = {"x11": "X11", "wayland": "Wayland", "headless": "no graphical session", "macos": "macOS"}
    kind = names.get(patient.session.kind, "Windows")
    desktop = f", desktop {patient.session.desktop}" if patient.session.desktop else ""
    return [Finding("Session", "ok", f"{kind}{desktop}")]


def notifications(patient: Patient) -> list[Finding]:
    """The bus, and who shows notifications on it."""
    if not sys.platform.startswith("linux"):
        return []
    try:
        bus = BusConnection(patient.environ, timeout_s=2.0)
    except BusError as error:
        remedy = f"{install('dbus-user-session', on_debian=is_debian())}, then log in again; {_UNTIL_THEN}"
        return [Finding("D-Bus", "warning", str(error), remedy)]
    with contextlib.closing(bus):
        return [Finding("D-Bus", "ok", "the session bus answers"), _notification_daemon(bus)]


def _notification_daemon(bus: BusConnection) -> Finding:
    from jeepney import DBusAddress  # type: ignore[import-untyped]  # jeepney ships no types

    name = "org.freedesktop.Notifications"
    try:
        program, vendor, version, _spec = bus.call(
            DBusAddress("/org/freedesktop/Notifications", bus_name=name, interface=name), "GetServerInformation"
        )
    except BusError as error:
        remedy = f"{install('dunst', on_debian=is_debian())}; {_UNTIL_THEN}"
        return Finding("Notifications", "warning", f"nobody shows notifications: {error}", remedy)
    return Finding("Notifications", "ok", f"{program} {version} ({vendor})")


def systemd(patient: Patient) -> list[Finding]:
    if not sys.platform.startswith("linux"):
        return []
    if patient.session.has_systemd_user:
        return [Finding("systemd", "ok", "the user's systemd runs")]
    return [Finding("systemd", "ok", "no systemd of the user; autostart uses an XDG entry")]


def autostart_state(patient: Patient) -> list[Finding]:
    try:
        way = autostart.for_this_platform(patient.config, patient.state_dir, patient.environ)
        state = "on" if way.is_enabled() else "off"
        return [Finding("Autostart", "ok", f"{state} ({way.describe()})")]
    except AuroraError as error:
        return [Finding("Autostart", "warning", f"{error.title}: {error.detail}", error.hint)]


def login_path(patient: Patient) -> list[Finding]:
    if sys.platform == "win32":
        return []
    path = login_shell_path(environ=patient.environ)
    if path is not None:
        return [Finding("Login shell", "ok", f"tells its PATH ({len(path.split(':'))} folders)")]
    shell = patient.environ.get("SHELL", "the login shell")
    remedy = "Look for what waits or asks in its start files; or set PATH in `env` of each service"
    return [Finding("Login shell", "warning", f"{shell} did not tell its PATH within 3 s", remedy)]


def settings(patient: Patient) -> list[Finding]:
    # Late, so that a broken YAML library is a finding and not the end of the doctor.
    from aurora_desktop.core.settings import loader

    path = patient.config or default_config_file()
    if not path.exists():
        if path == default_config_file():
            return [Finding("Settings", "ok", f"{path} is not there yet; the first start makes it from the sample")]
        return [Finding("Settings", "error", f"{path} is not there", "Create it, or leave --config out")]
    problems = loader.check(path)
    if not problems:
        return [Finding("Settings", "ok", f"{path} is well")]
    remedy = f"Mend {path}; `aurora check {path}` shows whether it is"
    return [Finding("Settings", "error", str(problem), remedy) for problem in problems]


def single_instance(patient: Patient) -> list[Finding]:
    lock = InstanceLock(StatePaths(patient.state_dir).lock)
    if lock.is_held():
        return [Finding("Running", "ok", f"Aurora runs as process {lock.holder() or 'unknown'}")]
    return [Finding("Running", "ok", "Aurora does not run on this state dir")]
