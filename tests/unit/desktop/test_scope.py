"""When Aurora moves to a systemd scope of its own, and that failing to is harmless."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jeepney import DBusAddress, new_method_return, new_signal

from aurora_desktop.desktop.bus_connection import BusError
from aurora_desktop.desktop.scope import move_to_own_scope, needs_own_scope, start_scope

from .bus_service import BusService

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


class SystemdService(BusService):
    """Answers as the user's systemd does: a job, then a signal for each job that ended."""

    name = "org.freedesktop.systemd1"

    def __init__(self, bus: str, result: str) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self._result = result
        super().__init__(bus)

    def answer(self, member: str, message: Any) -> list[Any]:
        assert member == "StartTransientUnit"
        self.asked.append(message.body)
        ours = new_method_return(message, "o", ("/job/7",))
        return [self._ended("/job/6", "failed"), ours, self._ended("/job/7", self._result)]

    def _ended(self, job: str, result: str) -> Any:
        manager = DBusAddress("/org/freedesktop/systemd1", interface="org.freedesktop.systemd1.Manager")
        return new_signal(manager, "JobRemoved", "uoss", (int(job[-1]), job, "some.scope", result))


@pytest.fixture
def systemd(session_bus: str) -> Iterator[Callable[[str], SystemdService]]:
    running: list[SystemdService] = []

    def start(result: str) -> SystemdService:
        running.append(SystemdService(session_bus, result))
        return running[-1]

    yield start
    running[-1].stop()


def test_own_job_is_waited_for_and_no_other(systemd: Callable[[str], SystemdService], session_bus: str) -> None:
    service = systemd("done")
    start_scope("app-test.scope", {"DBUS_SESSION_BUS_ADDRESS": session_bus})
    ((name, mode, properties, _auxiliary),) = service.asked
    assert (name, mode) == ("app-test.scope", "fail")
    assert ("PIDs", ("au", [os.getpid()])) in properties


def test_job_that_fails_is_told(systemd: Callable[[str], SystemdService], session_bus: str) -> None:
    systemd("failed")
    with pytest.raises(BusError, match="the job ended as failed"):
        start_scope("app-test.scope", {"DBUS_SESSION_BUS_ADDRESS": session_bus})
