"""What kind of session this is, read from the environment and a few paths."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

SessionKind = Literal["x11", "wayland", "headless", "windows", "macos"]


class Session(Struct, frozen=True):
    """Facts of a session; `display` is the name of the X11 or Wayland display, or ""."""

    kind: SessionKind
    display: str
    desktop: str
    has_systemd_user: bool
    has_session_bus: bool


def detect(
    environ: Mapping[str, str] = os.environ,
    *,
    exists: Callable[[Path], bool] = Path.exists,
    platform: str = sys.platform,
) -> Session:
    """The session that `environ` describes; `exists` probes paths."""
    kind = _kind(environ, platform)
    runtime = runtime_dir(environ)
    on_linux = kind in ("x11", "wayland", "headless")
    return Session(
        kind=kind,
        display=_display(environ, kind),
        desktop=environ.get("XDG_CURRENT_DESKTOP", "") or environ.get("DESKTOP_SESSION", ""),
        has_systemd_user=on_linux and exists(runtime / "systemd"),
        has_session_bus=on_linux and ("DBUS_SESSION_BUS_ADDRESS" in environ or exists(runtime / "bus")),
    )


def display_answers(session: Session, timeout_s: float = 3.0) -> bool:
    """Whether a local X server accepts connections: Qt ends the whole program when it does not.

    True for every other kind of display, which is not probed.
    """
    host, _, number = session.display.rpartition(":")
    number = number.partition(".")[0]
    if session.kind != "x11" or host not in ("", "unix") or not number.isdigit():
        return True
    return any(_accepts(address, timeout_s) for address in (f"\0/tmp/.X11-unix/X{number}", f"/tmp/.X11-unix/X{number}"))  # noqa: S108 - where X servers listen


def _accepts(address: str, timeout_s: float) -> bool:
    if sys.platform == "win32":
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout_s)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def runtime_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The runtime folder of this user, also where the variable is missing (under cron or sudo)."""
    if named := environ.get("XDG_RUNTIME_DIR"):
        return Path(named)
    return Path("/run/user") / str(user_id())


def user_id() -> int:
    """The uid; 0 on Windows, which has none."""
    if sys.platform == "win32":
        return 0
    return os.getuid()


def _kind(environ: Mapping[str, str], platform: str) -> SessionKind:
    if platform == "win32":
        return "windows"
    if platform == "darwin":
        return "macos"
    if environ.get("WAYLAND_DISPLAY") and not _is_x11_by_name(environ):
        return "wayland"
    return "x11" if environ.get("DISPLAY") else "headless"


def _is_x11_by_name(environ: Mapping[str, str]) -> bool:
    return environ.get("XDG_SESSION_TYPE") == "x11" and bool(environ.get("DISPLAY"))


def _display(environ: Mapping[str, str], kind: SessionKind) -> str:
    names = {"wayland": "WAYLAND_DISPLAY", "x11": "DISPLAY"}
    return environ.get(names[kind], "") if kind in names else ""
