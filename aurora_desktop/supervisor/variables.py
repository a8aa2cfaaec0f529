"""Which environment variables a started program gets of ours."""

from collections.abc import Iterable, Mapping

# Ours alone: a child that inherited them would speak to our own service manager.
OWN_VARIABLES = frozenset(
    {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}
)
BASIC_VARIABLES = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "SYSTEMROOT", "USERPROFILE", "APPDATA",
    "LOCALAPPDATA", "TEMP", "TMP", "PATHEXT", "COMSPEC",
)  # fmt: skip


def passed_on(own: Mapping[str, str], names: Iterable[str] | None) -> dict[str, str]:
    """What a child gets of `own`: all (None), or the basic ones and those of these names that there are."""
    if names is None:
        return {key: value for key, value in own.items() if key not in OWN_VARIABLES}
    return {key: own[key] for key in {*BASIC_VARIABLES, *names} - OWN_VARIABLES if key in own}
