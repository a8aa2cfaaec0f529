"""Autostart on Windows as a value of the user's Run key."""

import subprocess
import sys
from typing import Protocol

from aurora_desktop.core.errors import AuroraError

if sys.platform == "win32":
    import winreg

_RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
# Where the Task Manager and the Settings app switch an entry off: first byte odd.
_APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"


class UserRegistry(Protocol):
    """Values below HKEY_CURRENT_USER. Raises OSError."""

    def read(self, key: str, name: str) -> object | None: ...

    def write(self, key: str, name: str, text: str) -> None: ...

    def delete(self, key: str, name: str) -> None:
        """Does nothing when the value is not there."""
        ...


class WindowsAutostart:
    """The value `<name>` of the Run key."""

    def __init__(self, name: str, command: tuple[str, ...], registry: UserRegistry) -> None:
        self._name = name
        self._command = command
        self._registry = registry

    def enable(self) -> None:
        try:
            self._registry.write(_RUN, self._name, subprocess.list2cmdline(self._command))
            self._registry.delete(_APPROVED, self._name)
        except OSError as error:
            raise _refused(error) from error

    def disable(self) -> None:
        try:
            self._registry.delete(_RUN, self._name)
            self._registry.delete(_APPROVED, self._name)
        except OSError as error:
            raise _refused(error) from error

    def is_enabled(self) -> bool:
        try:
            approved = self._registry.read(_APPROVED, self._name)
            is_switched_off = isinstance(approved, bytes) and bool(approved) and approved[0] % 2 == 1
            return self._registry.read(_RUN, self._name) is not None and not is_switched_off
        except OSError as error:
            raise _refused(error) from error

    def describe(self) -> str:
        return rf"registry value HKEY_CURRENT_USER\{_RUN}\{self._name}"


if sys.platform == "win32":

    class Winreg:
        """The registry itself."""

        def read(self, key: str, name: str) -> object | None:
            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                    value: object = winreg.QueryValueEx(opened, name)[0]
                    return value
            except FileNotFoundError:
                return None

        def write(self, key: str, name: str, text: str) -> None:
            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:
                winreg.SetValueEx(opened, name, 0, winreg.REG_SZ, text)

        def delete(self, key: str, name: str) -> None:
            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, 0, winreg.KEY_SET_VALUE) as opened:
                    winreg.DeleteValue(opened, name)
            except FileNotFoundError:
                return


def _refused(error: OSError) -> AuroraError:
    return AuroraError("Autostart could not be changed", f"the registry refused: {error}", "")
