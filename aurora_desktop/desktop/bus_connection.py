"""One blocking connection to a D-Bus bus, the session's unless another is named, for the few calls that Aurora makes.

`Any` stands for jeepney's objects, which ship no types, and for what D-Bus carries, typed at run time.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

SYSTEM_BUS = "SYSTEM"
"""The name by which jeepney finds the system's bus."""
NO_BUS = (OSError, ValueError, KeyError, RuntimeError)


class BusError(Exception):
    """The bus, or the service on it, did not answer as it should."""


class BusConnection:
    """Raises BusError from every call; a connection that raised once is to be closed."""

    def __init__(self, environ: Mapping[str, str] = os.environ, timeout_s: float = 1.0, bus: str = "") -> None:
        self._timeout_s = timeout_s
        self.jeepney = _open(environ, timeout_s, bus)

    def call(self, address: Any, method: str, signature: str = "", *arguments: Any) -> tuple[Any, ...]:
        """The values that `method` of the jeepney `address` returns."""
        from jeepney import new_method_call  # type: ignore[import-untyped]  # jeepney ships no types
        from jeepney.wrappers import DBusErrorResponse, unwrap_msg  # type: ignore[import-untyped]  # as above

        message = new_method_call(address, method, signature or None, arguments)
        try:
            return tuple(unwrap_msg(self.jeepney.send_and_get_reply(message, timeout=self._timeout_s)))
        except DBusErrorResponse as error:
            raise BusError(f"{method}: {error.name}") from error
        except NO_BUS as error:
            raise BusError(f"{method}: {error or type(error).__name__}") from error

    def close(self) -> None:
        self.jeepney.close()


def _open(environ: Mapping[str, str], timeout_s: float, bus: str) -> Any:
    if sys.platform in ("win32", "darwin"):
        raise BusError("this platform has no D-Bus")
    from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]  # jeepney ships no types

    try:
        return open_dbus_connection(bus=bus or _address(environ), auth_timeout=timeout_s)
    except NO_BUS as error:
        raise BusError(f"no D-Bus {'system' if bus else 'session'} bus: {error or type(error).__name__}") from error


def _address(environ: Mapping[str, str]) -> str:
    if named := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return named
    if not (runtime := environ.get("XDG_RUNTIME_DIR")):
        raise BusError("no D-Bus session bus: DBUS_SESSION_BUS_ADDRESS is not set")
    return f"unix:path={runtime}/bus"
