"""*Restart yourself*: Aurora replaced in place; the process and its services stay the same."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from . import machine
from .aurora import Aurora
from .cockpit import Cockpit
from .services import calm, notifier
from .waiting import eventually

pytestmark = pytest.mark.brake


def test_headless_aurora_is_replaced_with_its_services_kept(aurora: Aurora) -> None:
    aurora.configure({"web": calm(), "worker": notifier(0.1, watchdog_sec=2)})
    aurora.start()
    aurora.until("worker", "ready")
    services, started_at = aurora.pids(), aurora.status()["started_at"]
    reply = aurora.command("restart", "aurora", "--json")
    assert reply.returncode == 0, reply.stderr
    told = json.loads(reply.stdout)
    assert told["pid"] == aurora.pid == aurora.status()["pid"]
    assert told["started_at"] == aurora.status()["started_at"] > started_at
    assert aurora.pids() == services
    assert all(row["adopted"] for row in aurora.ps().values())
    assert aurora.until("worker", "ready")["pid"] == services["worker"]
    stopped = aurora.events("aurora_stopped")[-1]
    assert [event["mode"] for event in aurora.events("aurora_started", since=stopped["id"])] == ["headless"]


def test_a_kept_service_is_supervised_and_leaves_no_zombie(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    for _ in range(2):
        assert aurora.command("restart", "aurora").returncode == 0
    assert aurora.service_pid("web") == pid
    machine.kill(pid)
    aurora.until_replaced("web", pid)
    eventually(lambda: not machine.zombies(aurora.pid), "the killed one is collected")


def test_on_the_desktop_control_is_taken_back(cockpit: Cockpit) -> None:
    aurora = cockpit.aurora
    cockpit.start_armed({"web": calm()})
    pid = aurora.until("web", "running")["pid"]
    reply = aurora.command("restart", "aurora")
    assert reply.returncode == 0, reply.stderr
    assert reply.stdout == f"Aurora has started anew (pid {aurora.pid}); its services were kept\n"
    assert aurora.status()["mode"] == "desktop"
    assert aurora.service_pid("web") == pid
    assert cockpit.until_control("disarmed")["armed_until"] is None


def test_for_systemd_it_stays_one_unit(make_aurora: Callable[..., Aurora], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(15)
        aurora = make_aurora(NOTIFY_SOCKET=str(tmp_path / "notify"))
        aurora.configure({})
        aurora.start()
        assert systemd.recv(100) == b"READY=1"
        assert aurora.command("restart", "aurora").returncode == 0
        assert [systemd.recv(100) for _ in range(2)] == [b"RELOADING=1", b"READY=1"]
        assert aurora.quit() == 0
        assert systemd.recv(100) == b"STOPPING=1"


def test_the_daemon_stays_what_it_was(aurora: Aurora, tmp_path: Path) -> None:
    aurora.configure({"web": calm()})
    aurora.launch_as("heal", "--daemon", "--interval", "7", "--threshold", "50")
    aurora.until_running()
    assert aurora.command("restart", "aurora").returncode == 0
    assert aurora.status()["mode"] == "headless"
    options = Path(f"/proc/{aurora.pid}/cmdline").read_bytes().split(b"\0")
    assert options[-6:-1] == [b"--daemon", b"--interval", b"7", b"--threshold", b"50"]


def test_a_stop_while_it_makes_room_ends_all(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    aurora.client.post("/v1/restart")
    aurora.client.post("/v1/quit")
    assert aurora.ended() == 0
    assert not machine.is_alive(pid)
