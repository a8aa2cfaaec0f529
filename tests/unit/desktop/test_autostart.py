"""Autostart on Linux: which way is taken, what is written and what systemctl is told."""

import os
from pathlib import Path

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.desktop.autostart import for_this_platform

# Keeps the units that are enabled in a folder and notes each call, as systemctl does without a systemd.
SYSTEMCTL = """#!/bin/sh
shift 2
echo "$*" >> "$SYSTEMCTL_NOTES/calls"
unit=$(eval echo "\\${$#}")
case "$1" in
    is-active) test -e "$SYSTEMCTL_NOTES/active" ;;
    is-enabled) test -e "$SYSTEMCTL_NOTES/enabled-$unit" ;;
    enable|reenable) test ! -e "$SYSTEMCTL_NOTES/broken" || { echo "no bus" >&2; exit 1; }
        touch "$SYSTEMCTL_NOTES/enabled-$unit" ;;
    disable) rm "$SYSTEMCTL_NOTES/enabled-$unit" ;;
    daemon-reload) ;;
    *) exit 64 ;;
esac
"""


class Desktop:
    """A home of its own, with or without a systemd of the user."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config_home = root / "config"
        self.environ = {
            "HOME": str(root),
            "XDG_CONFIG_HOME": str(self.config_home),
            "XDG_RUNTIME_DIR": str(root / "run"),
            "DISPLAY": ":99",
            "SYSTEMCTL_NOTES": str(root / "notes"),
            "PATH": f"{root / 'bin'}:{os.environ['PATH']}",
        }
        (root / "notes").mkdir()
        (root / "bin").mkdir()
        program = root / "bin" / "systemctl"
        program.write_text(SYSTEMCTL)
        program.chmod(0o755)

    def has_systemd(self, *, graphical: bool) -> None:
        (self.root / "run" / "systemd").mkdir(parents=True)
        if graphical:
            (self.root / "notes" / "active").touch()

    def calls(self) -> list[str]:
        """What systemctl was told to change, in order."""
        notes = self.root / "notes" / "calls"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [line for line in lines if not line.startswith("is-")]

    def files(self) -> list[str]:
        found = (path for path in self.config_home.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.config_home)) for path in found)

    def read(self, relative: str) -> str:
        return (self.config_home / relative).read_text()


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    return Desktop(tmp_path)


UNIT = "systemd/user/aurora-desktop.service"
ENTRY = "autostart/aurora-desktop.desktop"


def test_graphical_session_of_systemd_gets_a_unit(desktop: Desktop) -> None:
    desktop.has_systemd(graphical=True)
    way = for_this_platform(None, None, desktop.environ)
    assert not way.is_enabled()
    way.enable()
    assert way.is_enabled()
    assert desktop.files() == [UNIT]
    assert desktop.calls() == ["daemon-reload", "enable aurora-desktop.service"]
    lines = desktop.read(UNIT).splitlines()
    for line in (
        "Type=notify",
        "NotifyAccess=main",
        "Restart=on-failure",
        "WatchdogSec=30",
        "KillMode=process",
        "OOMPolicy=continue",
        "WantedBy=graphical-session.target",
        "PartOf=graphical-session.target",
    ):
        assert line in lines
    (command,) = [line for line in lines if line.startswith("ExecStart=")]
    assert command.startswith('ExecStart="/')
    assert command.endswith('/aurora" "run" "--hidden"')


def test_systemd_without_display_starts_headless(desktop: Desktop) -> None:
    desktop.has_systemd(graphical=False)
    del desktop.environ["DISPLAY"]
    for_this_platform(None, None, desktop.environ).enable()
    unit = desktop.read(UNIT)
    assert "WantedBy=default.target" in unit
    assert "graphical-session" not in unit
    assert '"run" "--headless"' in unit


def test_desktop_that_systemd_does_not_start_gets_an_entry(desktop: Desktop) -> None:
    desktop.has_systemd(graphical=False)
    way = for_this_platform(None, None, desktop.environ)
    way.enable()
    assert desktop.files() == [ENTRY]
    assert way.is_enabled()
    assert "autostart" in way.describe()


def test_session_without_systemd_gets_an_entry(desktop: Desktop) -> None:
    way = for_this_platform(None, None, desktop.environ)
    way.enable()
    assert desktop.files() == [ENTRY]
    (command,) = [line for line in desktop.read(ENTRY).splitlines() if line.startswith("Exec=")]
    assert command.endswith("/aurora run --hidden")
    assert desktop.calls() == []
    way.disable()
    assert desktop.files() == []


def test_enabling_and_disabling_twice_is_once(desktop: Desktop) -> None:
    desktop.has_systemd(graphical=True)
    way = for_this_platform(None, None, desktop.environ)
    way.enable()
    way.enable()
    assert desktop.calls()[2:] == ["daemon-reload", "reenable aurora-desktop.service"]
    way.disable()
    told = desktop.calls()
    way.disable()
    assert desktop.calls() == told
    assert told[4:] == ["disable aurora-desktop.service", "daemon-reload"]
    assert desktop.files() == []
    assert not way.is_enabled()


def test_other_entries_and_units_are_left_alone(desktop: Desktop) -> None:
    desktop.has_systemd(graphical=True)
    for other in ("systemd/user/other.service", "autostart/other.desktop"):
        path = desktop.config_home / other
        path.parent.mkdir(parents=True)
        path.write_text("")
    way = for_this_platform(None, None, desktop.environ)
    way.enable()
    way.disable()
    assert desktop.files() == ["autostart/other.desktop", "systemd/user/other.service"]


def test_entry_of_an_earlier_session_is_found_and_replaced(desktop: Desktop) -> None:
    for_this_platform(None, None, desktop.environ).enable()
    desktop.has_systemd(graphical=True)
    way = for_this_platform(None, None, desktop.environ)
    assert way.is_enabled()
    assert "XDG" in way.describe()
    way.enable()
    assert desktop.files() == [UNIT]
    assert "systemd" in way.describe()


def test_entry_that_the_desktop_switched_off_is_off(desktop: Desktop) -> None:
    way = for_this_platform(None, None, desktop.environ)
    way.enable()
    path = desktop.config_home / ENTRY
    path.write_text(path.read_text().replace("enabled=true", "enabled = false"))
    assert not way.is_enabled()
    way.enable()
    assert way.is_enabled()


def test_own_settings_and_state_dir_are_named_and_apart(desktop: Desktop, tmp_path: Path) -> None:
    state, config = tmp_path / "my state", tmp_path / "my settings.yaml"
    for_this_platform(None, None, desktop.environ).enable()
    for_this_platform(config, state, desktop.environ).enable()
    (name,) = [name for name in desktop.files() if name != ENTRY]
    assert f'--config "{config}" --state-dir "{state}" run --hidden' in desktop.read(name)
    for_this_platform(config, state, desktop.environ).disable()
    assert desktop.files() == [ENTRY]


def test_refusal_of_systemctl_is_told_in_its_words(desktop: Desktop) -> None:
    desktop.has_systemd(graphical=True)
    (desktop.root / "notes" / "broken").touch()
    way = for_this_platform(None, None, desktop.environ)
    with pytest.raises(AuroraError) as refused:
        way.enable()
    assert "no bus" in refused.value.detail
    assert not way.is_enabled()


def test_file_in_the_way_is_told_with_its_path(desktop: Desktop) -> None:
    desktop.config_home.write_text("a file where the folder should be")
    with pytest.raises(AuroraError) as refused:
        for_this_platform(None, None, desktop.environ).enable()
    assert str(desktop.config_home) in refused.value.detail


def test_nothing_but_the_entry_is_left_behind(desktop: Desktop) -> None:
    for_this_platform(None, None, desktop.environ).enable()
    assert os.listdir(desktop.config_home / "autostart") == ["aurora-desktop.desktop"]
