"""The check of the local API: whether a running Aurora has its door open, and whether the port is there to be taken."""

import json
import socket

import psutil

from aurora_desktop.core.paths import StatePaths, default_config_file
from aurora_desktop.core.settings.loader import load
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.desktop.finding import Finding, Patient
from aurora_desktop.desktop.single_instance import InstanceLock

LOOPBACK = "127.0.0.1"
_NAME = "Local API"


def local_api(patient: Patient) -> list[Finding]:
    paths = StatePaths(patient.state_dir)
    port = _port_of_settings(patient)
    if InstanceLock(paths.lock).is_held():
        return [_running(paths, port)]
    if not port:
        return [Finding(_NAME, "ok", "takes a free port at the next start")]
    if _is_free(port):
        return [Finding(_NAME, "ok", f"{LOOPBACK}:{port} is free")]
    return [_taken(port, "")]


def _running(paths: StatePaths, port: int) -> Finding:
    try:
        address = json.loads(paths.api_file.read_bytes())
        opened, unix_socket = address["port"], address.get("socket", "")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        remedy = f"Look into {paths.logs / 'aurora.log'}, mend it, and start Aurora again"
        return Finding(_NAME, "error", "Aurora runs, but its local API is not open", remedy)
    if opened is None:
        serves = f"; meanwhile the Unix socket serves alone: {unix_socket}" if unix_socket else ""
        return _taken(port, serves)
    return Finding(_NAME, "ok", " and ".join(filter(None, (f"open on {LOOPBACK}:{opened}", unix_socket))))


def _taken(port: int, more: str) -> Finding:
    remedy = "End that program, or set `api.port` to 0 to take a free one; Aurora tries again by itself"
    return Finding(_NAME, "warning", f"{holder(port)} has {LOOPBACK}:{port}{more}", remedy)


def _port_of_settings(patient: Patient) -> int:
    """0 also where they cannot be read, which is another check's to tell."""
    try:
        return load(patient.config or default_config_file()).api.port
    except SettingsError:
        return 0


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on it, where this user may know."""
    try:
        listening = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
        pids = [each.pid for each in listening if each.laddr[1:] == (port,) and each.pid]
        return f"{psutil.Process(pids[0]).name()} (process {pids[0]})" if pids else "another program"
    except (psutil.Error, OSError):
        return "another program"
