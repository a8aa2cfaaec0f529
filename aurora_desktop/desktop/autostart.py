"""Start at login, per user and opt-in, in the way of the platform at hand."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from aurora_desktop.core.paths import StatePaths, default_config_file, default_state_dir
from aurora_desktop.desktop import session
from aurora_desktop.desktop.autostart_launchd import LaunchdAutostart
from aurora_desktop.desktop.autostart_systemd import GRAPHICAL, HEADLESS, Systemctl, SystemdAutostart
from aurora_desktop.desktop.autostart_windows import WindowsAutostart
from aurora_desktop.desktop.autostart_xdg import XdgAutostart
from aurora_desktop.desktop.launch import aurora_command

if sys.platform == "win32":
    from aurora_desktop.desktop.autostart_windows import Winreg


class Autostart(Protocol):
    """All calls are idempotent, may block for some 100 ms and raise AuroraError."""

    def enable(self) -> None: ...

    def disable(self) -> None:
        """Remove what `enable` made, and nothing else; a running Aurora goes on."""
        ...

    def is_enabled(self) -> bool: ...

    def describe(self) -> str:
        """By which means and file, in words."""
        ...


class EitherAutostart:
    """Several ways on one platform: the first is used, the others are found and removed too."""

    def __init__(self, preferred: Autostart, others: tuple[Autostart, ...]) -> None:
        self._preferred = preferred
        self._others = others

    def enable(self) -> None:
        self._preferred.enable()
        for other in self._others:
            other.disable()

    def disable(self) -> None:
        for way in (self._preferred, *self._others):
            way.disable()

    def is_enabled(self) -> bool:
        return any(way.is_enabled() for way in (self._preferred, *self._others))

    def describe(self) -> str:
        enabled = next((way for way in self._others if way.is_enabled()), self._preferred)
        return enabled.describe()


def for_this_platform(
    config: Path | None, state_dir: Path | None, environ: Mapping[str, str] = os.environ
) -> Autostart:
    """The autostart of this session; the default settings file and state dir are left out of the command."""
    config = None if config == default_config_file() else config
    state_dir = None if state_dir == default_state_dir() else state_dir
    name = "aurora-desktop" + (f"-{StatePaths(state_dir).digest}" if state_dir else "")
    hidden = aurora_command(config, state_dir, "--hidden")
    if sys.platform == "win32":
        return WindowsAutostart(name, hidden, Winreg())
    if sys.platform == "darwin":
        return LaunchdAutostart(name, hidden)
    return _for_linux(name, hidden, aurora_command(config, state_dir, "--headless"), environ)


def _for_linux(name: str, hidden: tuple[str, ...], headless: tuple[str, ...], environ: Mapping[str, str]) -> Autostart:
    """A systemd unit where the user's systemd rules the session, else the entry that every desktop reads."""
    facts = session.detect(environ)
    config_home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".config")
    xdg = XdgAutostart(name, hidden, config_home)
    systemctl = Systemctl(environ)
    if not facts.has_systemd_user or not systemctl.is_there():
        return xdg
    if facts.kind == "headless":
        return EitherAutostart(SystemdAutostart(name, headless, HEADLESS, config_home, systemctl), (xdg,))
    unit = SystemdAutostart(name, hidden, GRAPHICAL, config_home, systemctl)
    # A desktop that never reaches this target would never start the unit.
    if systemctl.is_active(GRAPHICAL):
        return EitherAutostart(unit, (xdg,))
    return EitherAutostart(xdg, (unit,))
