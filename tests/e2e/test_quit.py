"""The end: asked by signal or command, Aurora stops everything in order and writes its last records."""

import json
import signal
import sqlite3
from pathlib import Path

import pytest

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
