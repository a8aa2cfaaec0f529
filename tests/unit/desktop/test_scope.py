"""When Aurora moves to a systemd scope of its own, and that failing to is harmless."""

from pathlib import Path

import pytest

from aurora_desktop.desktop.bus_connection import BusError
from aurora_desktop.desktop.scope import move_to_own_scope, needs_own_scope, start_scope

USER = "0::/user.slice/user-1000.slice"


@pytest.mark.parametrize(
    ("cgroup", "needed"),
    [
        (f"{USER}/session-2.scope\n", True),
        (f"{USER}/user@1000.service/app.slice/app-aurora\\x2ddesktop@autostart.service\n", True),
        (f"{USER}/user@1000.service/app.slice/app-gnome-aurora\\x2ddesktop-4711.scope\n", True),
        (f"{USER}/user@1000.service/app.slice/vte-spawn-5a.scope\n", True),
        (f"{USER}/user@1000.service/app.slice/aurora-desktop.service\n", False),
        (f"{USER}/user@1000.service/app.slice/app-aurora\\x2ddesktop-4711.scope\n", False),
        ("0::/system.slice/ci-runner.service\n", False),
        (f"1:name=systemd:/init.scope\n0::{USER[3:]}/session-2.scope\n9:cpu:/\n", True),
        ("0::/\n", False),
        ("", False),
    ],
)
def test_only_units_of_a_desktop_or_login_are_left(cgroup: str, needed: bool) -> None:
    assert needs_own_scope(cgroup) is needed


def test_without_systemd_of_the_user_nothing_is_tried(tmp_path: Path) -> None:
    assert not move_to_own_scope({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_bus_without_systemd_refuses(session_bus: str) -> None:
    with pytest.raises(BusError, match="StartTransientUnit"):
        start_scope("app-test.scope", {"DBUS_SESSION_BUS_ADDRESS": session_bus})
