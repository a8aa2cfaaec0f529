"""Our side of sd_notify, against a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.desktop.systemd import notify, take_notify_environment, watchdog_interval_s


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(5)
        yield channel


def test_state_arrives_at_a_path(listener: socket.socket, tmp_path: Path) -> None:
    listener.bind(str(tmp_path / "notify"))
    assert notify("READY=1\nSTATUS=all is well", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert listener.recv(100) == b"READY=1\nSTATUS=all is well"


def test_state_arrives_at_an_abstract_name(listener: socket.socket) -> None:
    name = f"aurora-test-{os.getpid()}"
    listener.bind(f"\0{name}")
    assert notify("WATCHDOG=1", {"NOTIFY_SOCKET": f"@{name}"})
    assert listener.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_nobody_to_tell(environ: dict[str, str]) -> None:
    assert not notify("READY=1", environ)


def test_socket_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})


def test_children_do_not_get_what_was_taken() -> None:
    environ = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1", "PATH": "/bin"}
    taken = take_notify_environment(environ)
    assert environ == {"PATH": "/bin"}
    assert taken == {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_watchdog_is_fed_twice_as_often_as_asked(environ: dict[str, str], interval: float | None) -> None:
    assert watchdog_interval_s(environ) == interval
