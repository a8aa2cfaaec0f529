"""Autostart as a unit of the user's systemd."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.desktop import session
from aurora_desktop.desktop.launch import remove, through_shell, write_whole

GRAPHICAL = "graphical-session.target"
HEADLESS = "default.target"
_TIMEOUT_S = 20
_NO_PROGRAM = set("\"'\\\n\t\r")

# KillMode and OOMPolicy leave the supervised services alone when Aurora dies: the next one adopts them.
_UNIT = """\
# Written by Aurora Desktop (`aurora autostart enable`); removed by `aurora autostart disable`.
[Unit]
Description=Aurora Desktop
{bound}StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
Restart=on-failure
RestartSec=2
WatchdogSec=30
TimeoutStopSec=60
KillMode=process
OOMPolicy=continue

[Install]
WantedBy={target}
"""


class Systemctl:
    """`systemctl --user` of the session that `environ` describes."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        # Without it systemctl finds no bus, under sudo or cron for instance.
        self._environ = {"XDG_RUNTIME_DIR": str(session.runtime_dir(environ)), **environ}

    def is_there(self) -> bool:
        return self._program() is not None

    def is_active(self, unit: str) -> bool:
        return self._run("is-active", "--quiet", unit).returncode == 0

    def is_enabled(self, unit: str) -> bool:
        return self._run("is-enabled", "--quiet", unit).returncode == 0

    def do(self, *arguments: str) -> None:
        """Raises AuroraError with what systemctl said."""
        done = self._run(*arguments)
        if done.returncode != 0:
            raise _failed(arguments, done.stderr.strip() or f"exit status {done.returncode}")

    def _program(self) -> str | None:
        return shutil.which("systemctl", path=self._environ.get("PATH"))

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [self._program() or "systemctl", "--user", "--no-ask-password", *arguments]
        try:
            return subprocess.run(
                command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _failed(arguments, str(error)) from error


class SystemdAutostart:
    """The unit `<name>.service` of the user, started with `target`."""

    def __init__(
        self, name: str, command: tuple[str, ...], target: str, config_home: Path, systemctl: Systemctl
    ) -> None:
        self._unit = f"{name}.service"
        self._command = command
        self._target = target
        self._systemctl = systemctl
        self.path = config_home / "systemd" / "user" / self._unit

    def enable(self) -> None:
        was_enabled = self.is_enabled()
        write_whole(self.path, unit_text(self._command, self._target))
        self._systemctl.do("daemon-reload")
        # `reenable` also drops the link to the target of an older unit.
        self._systemctl.do("reenable" if was_enabled else "enable", self._unit)

    def disable(self) -> None:
        if not self.path.exists():
            return
        self._systemctl.do("disable", self._unit)
        remove(self.path)
        self._systemctl.do("daemon-reload")

    def is_enabled(self) -> bool:
        return self.path.exists() and self._systemctl.is_enabled(self._unit)

    def describe(self) -> str:
        return f"systemd user unit {self.path}, started with {self._target}"


def unit_text(command: tuple[str, ...], target: str) -> str:
    """The unit file; bound to the session when `target` is the graphical one."""
    bound = f"PartOf={target}\nAfter={target}\n" if target == GRAPHICAL else ""
    return _UNIT.format(bound=bound, command=quote_command(command), target=target)


def quote_command(command: tuple[str, ...]) -> str:
    """One line for ExecStart that means exactly these words.

    `%` would be a specifier and `$` a variable; the program itself is never taken for a variable, and must
    not have quotes or backslashes in its path.
    """
    if set(command[0]) & _NO_PROGRAM:
        command = through_shell(command)
    program, *arguments = command
    return " ".join([_quote(program), *(_quote(word).replace("$", "$$") for word in arguments)])


def _quote(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    for character, code in (("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        escaped = escaped.replace(character, code)
    return f'"{escaped}"'


def _failed(arguments: tuple[str, ...], detail: str) -> AuroraError:
    return AuroraError(
        "systemd refused a change of the autostart",
        f"systemctl --user {' '.join(arguments)}: {detail}",
        "`systemctl --user status` tells whether your session has a systemd of its own",
    )
