"""The check of the local API: whether a running Aurora has its door open, and whether the port is there to be taken."""

import contextlib
import errno
import json
import socket

import psutil

from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.desktop.finding import Finding, Patient
from aurora_desktop.desktop.single_instance import InstanceLock
from aurora_desktop.healing.holders import pids_of_port

LOOPBACK = "127.0.0.1"
_NAME = "Local API"
_REMEDY = "End what has it, or set `api.port` to 0 to take a free one; Aurora tries again by itself"


def local_api(patient: Patient) -> list[Finding]:
    paths = StatePaths(patient.state_dir)
    port = _port_of_settings(patient)
    if InstanceLock(paths.lock).is_held():
        return [_running(paths, port)]
    if not port:
        return [Finding(_NAME, "ok", "takes a free port at the next start")]
    if obstacle := _obstacle(port):
        return [Finding(_NAME, "warning", obstacle, _REMEDY)]
    return [Finding(_NAME, "ok", f"{LOOPBACK}:{port} is free")]


def _running(paths: StatePaths, port: int) -> Finding:
    try:
        address = json.loads(paths.api_file.read_bytes())
        opened, unix_socket = address["port"], address.get("socket", "")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        remedy = f"Look into {paths.logs / 'aurora.log'}, mend it, and start Aurora again"
        return Finding(_NAME, "error", "Aurora runs, but its local API is not open", remedy)
    if opened is None:
        why = _obstacle(port) or f"{LOOPBACK}:{port} was taken, and is free again; it is tried every half a minute"
        serves = f"; meanwhile the Unix socket serves alone: {unix_socket}" if unix_socket else ""
        return Finding(_NAME, "warning", why + serves, _REMEDY)
    return Finding(_NAME, "ok", " and ".join(filter(None, (f"open on {LOOPBACK}:{opened}", unix_socket))))


def _port_of_settings(patient: Patient) -> int:
    """0 also where they cannot be read, which is another check's to tell."""
    try:
        return patient.settings().api.port
    except SettingsError:
        return 0


def _obstacle(port: int) -> str:
    """Why it cannot be had now, in words; "" where it can."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"{holder(port)} has {LOOPBACK}:{port}"
            return f"{LOOPBACK}:{port} cannot be had: {error.strerror}"
    return ""


def holder(port: int) -> str:
    """Who listens on it, where this user may know."""
    for pid in sorted(pids_of_port(port)):
        with contextlib.suppress(psutil.Error):  # ended meanwhile
            return f"{psutil.Process(pid).name()} (process {pid})"
    return "another program"
