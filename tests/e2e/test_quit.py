"""The end: asked by signal or command, Aurora stops everything in order and writes its last records."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.desktop.logind import Logind

from . import machine
from .aurora import Aurora
from .services import calm, diarist, family, family_pids, shell
from .waiting import eventually


def _chain(diary: Path) -> dict[str, dict[str, object]]:
    """`web` needs `app` needs `db`; `lone` needs nobody."""
    return {
        "web": diarist(diary, "web", requires=["app"]),
        "db": diarist(diary, "db"),
        "app": diarist(diary, "app", requires=["db"]),
        "lone": calm(),
    }


def _journal(aurora: Aurora) -> list[dict[str, object]]:
    """All events, read from the file while no Aurora runs."""
    with sqlite3.connect(f"file:{aurora.paths.journal}?mode=ro", uri=True) as database:
        rows = [json.loads(row[0]) for row in database.execute("SELECT body FROM event ORDER BY id")]
    database.close()
    return rows


@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "SIGHUP", "command"])
def test_everything_ends_in_reverse_order_with_last_records(aurora: Aurora, tmp_path: Path, way: str) -> None:
    diary = tmp_path / "diary"
    aurora.configure(_chain(diary))
    aurora.start()
    aurora.until("web", "ready")
    if way == "command":
        assert aurora.command("quit").returncode == 0
    else:
        aurora.send(signal.Signals[way])
    assert aurora.ended() == 0
    assert diary.read_text().splitlines() == [
        "db up", "app up", "web up", "web down", "app down", "db down"
    ]  # fmt: skip
    assert aurora.processes() == []
    assert [event["type"] for event in _journal(aurora)][-1] == "aurora_stopped"
    assert not aurora.paths.api_file.exists()
    beats = (aurora.paths.logs / "heartbeat.log").read_text().splitlines()
    assert [json.loads(beat)["type"] for beat in beats] == ["heartbeat"] * len(beats)
    assert beats


def test_a_quit_during_the_start_ends_what_was_started(aurora: Aurora, tmp_path: Path) -> None:
    aurora.configure(_chain(tmp_path / "diary"))
    aurora.launch("--headless")
    eventually(aurora.processes, "the first service is there")
    aurora.send(signal.SIGTERM)
    assert aurora.ended() == 0
    assert aurora.processes() == []


def test_services_that_do_not_end_are_killed_at_quit(aurora: Aurora, tmp_path: Path) -> None:
    deaf = {"command": shell("trap '' TERM; while :; do sleep 3600; done"), "timeout_stop_sec": 0.3}
    aurora.configure({"deaf": deaf, "family": family(tmp_path / "book")})
    aurora.start()
    pids = eventually(lambda: family_pids(tmp_path / "book"), "the family is complete")
    assert aurora.quit() == 0
    assert aurora.processes() == []
    assert not any(map(machine.is_alive, pids))


def test_the_whole_quit_keeps_to_its_time(aurora: Aurora) -> None:
    deaf = {"command": shell("trap '' TERM; while :; do sleep 3600; done"), "timeout_stop_sec": 600}
    aurora.configure({"deaf": deaf, "needs": calm(requires=["deaf"])}, supervisor={"quit_timeout_s": 0.5})
    aurora.start()
    aurora.until("needs", "running")
    assert aurora.quit() == 0
    assert aurora.processes() == []


def test_a_second_request_to_quit_gives_no_more_grace(aurora: Aurora) -> None:
    deaf = {"command": shell("trap '' TERM; while :; do sleep 3600; done"), "timeout_stop_sec": 600}
    aurora.configure({"deaf": deaf}, supervisor={"quit_timeout_s": 600})
    aurora.start()
    aurora.until("deaf", "running")
    aurora.send(signal.SIGTERM)
    aurora.until("deaf", "stopping")
    aurora.send(signal.SIGTERM)
    assert aurora.ended() == 0
    assert aurora.processes() == []


def test_services_in_every_state_do_not_delay_the_quit(aurora: Aurora) -> None:
    exits = {"command": shell("exit 1"), "restart_sec": 60}
    aurora.configure(
        {
            "waits_for_its_turn": exits,
            "cannot": {"command": ["no-such-program-anywhere"]},
            "waits_for_another": calm(requires=["cannot"]),
            "off": calm(autostart=False),
            "hangs": calm(readiness_probe={"exec": {"command": ["false"]}}),
        }
    )
    aurora.start()
    aurora.until("waits_for_its_turn", "waiting")
    aurora.until("waits_for_another", "waiting")
    assert aurora.quit() == 0


def test_on_quit_leave_lets_them_run_and_the_next_start_takes_over(aurora: Aurora) -> None:
    aurora.configure({"a": calm(), "b": calm(requires=["a"])}, supervisor={"on_quit": "leave"})
    aurora.start()
    aurora.until("b", "running")
    before = aurora.pids()
    assert aurora.quit() == 0
    assert {seen.pid for seen in aurora.processes()} == set(before.values())
    aurora.start()
    assert aurora.pids() == before
    aurora.ask("stop", "a", "b")
    assert aurora.processes() == []


DEAF = {"command": shell("trap '' TERM; while :; do sleep 3600; done"), "timeout_stop_sec": 600}
LONG_S = 60.0


def _backups(aurora: Aurora) -> list[str]:
    return sorted(entry.name for entry in aurora.paths.backups.glob("2*"))


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    """The address of a system bus of this test's own."""
    command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={tmp_path}/bus"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        eventually((tmp_path / "bus").exists, "the bus is there")
        yield f"unix:path={tmp_path}/bus"
        daemon.terminate()


def test_a_machine_that_shuts_down_waits_until_all_is_in_order(make_aurora: Callable[..., Aurora], bus: str) -> None:
    """With a service that does not end, whose time is cut short by that of the machine."""
    logind = Logind(bus, delay_s=3)
    try:
        aurora = make_aurora(DBUS_SYSTEM_BUS_ADDRESS=bus)
        aurora.configure({"deaf": DEAF}, supervisor={"quit_timeout_s": 600})
        aurora.start()
        aurora.until("deaf", "running")
        for _ in range(2):
            logind.asked.get(timeout=LONG_S)
        logind.shut_down()
        assert aurora.ended(LONG_S) == 0
        assert logind.is_let_go()
    finally:
        logind.close()
    assert aurora.processes() == []
    stopped = _journal(aurora)[-1]
    assert (stopped["type"], stopped["reason"]) == ("aurora_stopped", "the machine shuts down")


def test_a_second_signal_breaks_off_a_backup_that_hangs(aurora: Aurora, tmp_path: Path) -> None:
    """The second folder is on a disk that does not answer; the first has the backup by then."""
    stuck = tmp_path / "stick" / "20250615T150640Z"
    stuck.mkdir(parents=True)
    (stuck.parent / "aurora-backups.json").write_text("{}")
    os.mkfifo(stuck / "manifest.json")  # whoever opens it waits for a writer
    aurora.configure({"web": calm()}, backups={"path": str(stuck.parent)})
    aurora.start()
    aurora.send(signal.SIGTERM)
    eventually(lambda: len(_backups(aurora)) == 1, "the first folder has it", LONG_S)
    aurora.send(signal.SIGTERM)
    assert aurora.ended(LONG_S) == 0
    assert [event["type"] for event in _journal(aurora)][-2:] == ["backup_failed", "aurora_stopped"]
    assert len(_backups(aurora)) == 1


def test_a_link_and_a_service_that_are_stuck_do_not_keep_it(aurora: Aurora) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes the connection, and says nothing
        link = {"enabled": True, "url": f"http://127.0.0.1:{mute.getsockname()[1]}", "ai_name": "aurora"}
        aurora.configure({"deaf": DEAF}, supervisor={"quit_timeout_s": 0.5}, link=link)
        aurora.start()
        aurora.until("deaf", "running")
        mute.settimeout(LONG_S)
        connection, _ = mute.accept()
        with connection:
            aurora.send(signal.SIGTERM)
            assert aurora.ended(LONG_S) == 0
    assert len(_backups(aurora)) == 1
    assert _journal(aurora)[-1]["type"] == "aurora_stopped"
