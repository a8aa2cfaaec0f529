"""Autostart on macOS as a LaunchAgent of the user.

launchd reads the agent at the next login. It is not bootstrapped at once, for that would start a second
Aurora beside the running one; nor is a running job booted out, for that would end it.
"""

import plistlib
import subprocess
from pathlib import Path

from aurora_desktop.desktop.launch import remove, write_whole
from aurora_desktop.desktop.session import user_id

_TIMEOUT_S = 20


class LaunchdAutostart:
    """The agent `<name>` in `~/Library/LaunchAgents`."""

    def __init__(self, name: str, command: tuple[str, ...], home: Path | None = None) -> None:
        self._label = f"desktop.aurora.{name}"
        self._command = command
        self.path = (home or Path.home()) / "Library" / "LaunchAgents" / f"{self._label}.plist"

    def enable(self) -> None:
        write_whole(self.path, plistlib.dumps(self._agent()).decode())
        # Undoes a `launchctl disable`, which outlives the removal of the file.
        _launchctl("enable", self._target())

    def disable(self) -> None:
        if not self.path.exists():
            return
        remove(self.path)
        known = _launchctl("print", self._target())
        if known.returncode == 0 and "state = running" not in known.stdout:
            _launchctl("bootout", self._target())

    def is_enabled(self) -> bool:
        return self.path.exists()

    def describe(self) -> str:
        return f"LaunchAgent {self.path}"

    def _agent(self) -> dict[str, object]:
        # AbandonProcessGroup: launchd leaves the services alone when Aurora dies, to be adopted.
        return {
            "Label": self._label,
            "ProgramArguments": list(self._command),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
            "AbandonProcessGroup": True,
        }

    def _target(self) -> str:
        return f"gui/{user_id()}/{self._label}"


def _launchctl(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What launchctl answered; a failure of it is no failure of ours, since the file alone decides at login."""
    command = ["launchctl", *arguments]
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
