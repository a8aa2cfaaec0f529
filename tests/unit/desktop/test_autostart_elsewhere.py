"""Autostart on macOS and Windows, as far as it can be told from here."""

import plistlib
from pathlib import Path

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.desktop.autostart_launchd import LaunchdAutostart
from aurora_desktop.desktop.autostart_windows import WindowsAutostart

COMMAND = ("/Applications/My Aurora/aurora", "run", "--hidden")
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"

LAUNCHCTL = """#!/bin/sh
echo "$*" >> "{notes}"
test "$1" != print || echo "	state = {state}"
"""


class Registry:
    """The registry of a user, in memory."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], object] = {}

    def read(self, key: str, name: str) -> object | None:
        return self.values.get((key, name))

    def write(self, key: str, name: str, text: str) -> None:
        self.values[key, name] = text

    def delete(self, key: str, name: str) -> None:
        self.values.pop((key, name), None)


class LockedRegistry(Registry):
    def read(self, key: str, name: str) -> object | None:
        raise PermissionError("by policy")

    def write(self, key: str, name: str, text: str) -> None:
        raise PermissionError("by policy")

    def delete(self, key: str, name: str) -> None:
        raise PermissionError("by policy")


def launchctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> Path:
    """A launchctl on PATH that notes its calls; returns the notes."""
    program = tmp_path / "launchctl"
    program.write_text(LAUNCHCTL.format(notes=tmp_path / "notes", state=state))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "notes"


def test_agent_restarts_after_a_crash_alone_and_spares_the_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = launchctl(tmp_path, monkeypatch, "waiting")
    way = LaunchdAutostart("aurora-desktop", COMMAND, home=tmp_path)
    way.enable()
    agent = plistlib.loads(way.path.read_bytes())
    assert agent["Label"] == way.path.stem
    assert agent["ProgramArguments"] == list(COMMAND)
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["AbandonProcessGroup"] is True
    assert way.is_enabled()
    assert notes.read_text().startswith("enable gui/")


@pytest.mark.parametrize(("state", "booted_out"), [("waiting", True), ("running", False)])
def test_disabling_ends_no_running_aurora(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, booted_out: bool
) -> None:
    notes = launchctl(tmp_path, monkeypatch, state)
    way = LaunchdAutostart("aurora-desktop", COMMAND, home=tmp_path)
    way.enable()
    way.disable()
    way.disable()
    assert ("bootout" in notes.read_text()) is booted_out
    assert not way.is_enabled()
    assert str(way.path) in way.describe()


def test_missing_launchctl_does_not_keep_the_agent_from_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    way = LaunchdAutostart("aurora-desktop", COMMAND, home=tmp_path)
    way.enable()
    assert way.is_enabled()


def test_windows_runs_the_quoted_command() -> None:
    registry = Registry()
    way = WindowsAutostart("aurora-desktop", (r"C:\My Aurora\aurora.exe", "run", "--hidden"), registry)
    way.enable()
    assert registry.values == {(RUN, "aurora-desktop"): r'"C:\My Aurora\aurora.exe" run --hidden'}
    assert way.is_enabled()
    way.disable()
    way.disable()
    assert registry.values == {}
    assert not way.is_enabled()
    assert RUN in way.describe()


def test_entry_switched_off_in_the_task_manager_is_off_until_enabled_again() -> None:
    registry = Registry()
    way = WindowsAutostart("aurora-desktop", COMMAND, registry)
    way.enable()
    registry.values[APPROVED, "aurora-desktop"] = b"\x03\x00\x00\x00"
    assert not way.is_enabled()
    way.enable()
    assert way.is_enabled()


@pytest.mark.parametrize("call", ["enable", "disable", "is_enabled"])
def test_registry_closed_by_policy_is_told(call: str) -> None:
    way = WindowsAutostart("aurora-desktop", COMMAND, LockedRegistry())
    with pytest.raises(AuroraError, match="by policy"):
        getattr(way, call)()
