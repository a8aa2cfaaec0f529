"""Services that cannot start, or behave badly once they run: Aurora stays well and says what is wrong."""

import json
from pathlib import Path

import pytest

from . import machine
from .aurora import Aurora
from .services import calm, family, family_pids, python, shell
from .waiting import eventually

_CANNOT_START = {
    "command not found": ({"command": ["no-such-program-anywhere"]}, "command not found: no-such-program-anywhere"),
    "not executable": ({"command": ["./plain.txt"], "cwd": "."}, "not executable"),
    "cwd missing": ({"command": ["sleep", "9"], "cwd": "nowhere"}, "its folder does not exist"),
    "interpreter missing": ({"command": ["./no-interpreter"], "cwd": "."}, "its interpreter was not found"),
    "env_file missing": ({"command": ["sleep", "9"], "env_file": "nowhere.env"}, "nowhere.env"),
}


@pytest.mark.parametrize(("definition", "words"), _CANNOT_START.values(), ids=_CANNOT_START.keys())
def test_a_service_that_cannot_start_is_failed_with_cause_and_hint(
    aurora: Aurora, tmp_path: Path, definition: dict[str, str], words: str
) -> None:
    (tmp_path / "plain.txt").write_text("echo no\n")
    script = tmp_path / "no-interpreter"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    if "cwd" in definition:
        definition = {**definition, "cwd": str(tmp_path / definition["cwd"])}
    aurora.configure({"web": definition, "other": calm()})
    aurora.start()
    web = aurora.until("web", "failed")
    assert words in web["cause"]
    assert web["hint"]
    status = aurora.status()
    assert (status["verdict"], status["next_step"]) == ("unhealthy", web["hint"])
    assert aurora.until("other", "running")


def test_the_command_start_fails_with_the_reason(aurora: Aurora) -> None:
    aurora.configure({"web": {"command": ["no-such-program-anywhere"], "autostart": False}})
    aurora.start()
    answer = aurora.command("start", "web")
    assert answer.returncode == 1
    assert "command not found" in answer.stderr


def test_a_mended_program_starts_on_demand(aurora: Aurora, tmp_path: Path) -> None:
    program = tmp_path / "late"
    aurora.configure({"web": {"command": [str(program)]}})
    aurora.start()
    aurora.until("web", "failed")
    program.write_text("#!/bin/sh\nexec sleep 3600\n")
    program.chmod(0o755)
    assert aurora.ask("start", "web")["web"]["state"] == "running"


def test_a_program_that_goes_into_the_background_is_told_and_leaves_nothing(aurora: Aurora, tmp_path: Path) -> None:
    book = tmp_path / "book"
    fork = f"sleep 3600 & echo $! >> {book}; exit 0"
    aurora.configure({"daemon": {"command": shell(fork), "restart_sec": 0.01, "start_limit_burst": 2}})
    aurora.start()
    degraded = aurora.until("daemon", "degraded")
    assert "run it in the foreground" in degraded["last_cause"]
    aurora.until_gone(*map(int, book.read_text().split()))
    assert aurora.events("stray_ended", "service:daemon")


def test_a_flood_of_output_stays_within_its_limit(aurora: Aurora) -> None:
    flood = "yes 'a line of a flood' | head -c 100000000; exec sleep 3600"
    aurora.configure({"flood": {"command": shell(flood), "log": {"max_bytes": "1MB", "keep": 2}}})
    aurora.start()
    log = aurora.paths.service_log("flood")
    folder = log.parent
    eventually(lambda: list(folder.glob("flood.log.*.gz")), "the log is rotated and compressed")
    eventually(lambda: log.stat().st_size <= 1_000_000, "the log is within its limit")
    assert len(list(folder.glob("flood.log.*"))) <= 2
    assert sum(file.stat().st_size for file in folder.iterdir()) < 10_000_000
    assert aurora.service("flood")["state"] == "running"


def test_an_endless_flood_does_not_keep_aurora_from_its_work(aurora: Aurora) -> None:
    flood = calm(command=["yes", "again and again"], log={"max_bytes": "1MB", "keep": 1})
    aurora.configure({"flood": flood, "web": calm()})
    aurora.start()
    folder = aurora.paths.service_logs
    eventually(lambda: list(folder.glob("flood.log.1.gz")), "the log is rotated")
    pid = aurora.service_pid("web")
    machine.kill(pid)
    aurora.until_replaced("web", pid)
    aurora.ask("stop", "flood")
    eventually(lambda: (folder / "flood.log").stat().st_size <= 1_000_000, "the log is within its limit")


def test_output_that_is_not_utf8_is_shown(aurora: Aurora) -> None:
    aurora.configure({"odd": {"command": shell(r"printf 'before \377\376\000 after\n'; exit 3"), "restart": "never"}})
    aurora.start()
    aurora.until("odd", "failed")
    logs = aurora.command("logs", "odd")
    assert logs.returncode == 0
    assert "before" in logs.stdout
    assert "after" in logs.stdout
    events = json.loads(aurora.command("events", "--json").stdout)
    tails = [record["event"]["log_tail"] for record in events if record["event"]["type"] == "service_failed"]
    assert "after" in tails[0][-1]


def test_a_program_that_ignores_sigterm_is_killed(aurora: Aurora) -> None:
    deaf = "trap '' TERM; while :; do sleep 3600; done"
    aurora.configure({"deaf": {"command": shell(deaf), "timeout_stop_sec": 0.3}})
    aurora.start()
    aurora.until("deaf", "running")
    pids = [seen.pid for seen in aurora.processes()]
    assert aurora.ask("stop", "deaf")["deaf"]["state"] == "stopped"
    assert not any(map(machine.is_alive, pids))


def test_a_program_that_always_exits_is_degraded_within_its_budget(aurora: Aurora, tmp_path: Path) -> None:
    book = tmp_path / "book"
    exits = f"echo start >> {book}; echo no luck; exit 7"
    aurora.configure({"exits": {"command": shell(exits), "restart_sec": 0.01, "start_limit_burst": 3}})
    aurora.start()
    degraded = aurora.until("exits", "degraded")
    assert "exited with code 7" in degraded["last_cause"]
    assert len(book.read_text().splitlines()) == 1 + 3
    told = aurora.events("service_degraded", "service:exits")
    assert [event["attempts"] for event in told] == [3]
    assert aurora.events("service_failed", "service:exits")[-1]["log_tail"][-1] == "no luck"


def test_a_restart_by_the_operator_gives_a_new_budget(aurora: Aurora, tmp_path: Path) -> None:
    book = tmp_path / "book"
    exits = f"echo start >> {book}; exit 7"
    aurora.configure({"exits": {"command": shell(exits), "restart_sec": 0.01, "start_limit_burst": 2}})
    aurora.start()
    aurora.until("exits", "degraded")
    aurora.tell("restart", "exits")
    eventually(lambda: len(aurora.events("service_degraded")) == 2, "it is degraded again")
    assert len(book.read_text().splitlines()) == 2 * (1 + 2)


def test_a_program_that_ended_well_is_not_restarted_on_failure_only(aurora: Aurora) -> None:
    aurora.configure({"job": {"command": ["true"], "restart": "on-failure"}})
    aurora.start()
    ended = aurora.until("job", "stopped")
    assert "exited with code 0" in ended["cause"]
    assert aurora.status()["verdict"] == "healthy"


def test_an_exit_code_that_prevents_the_restart_is_said(aurora: Aurora) -> None:
    aurora.configure({"job": {"command": shell("exit 64"), "restart_prevent_exit_status": [64]}})
    aurora.start()
    assert "restart_prevent_exit_status" in aurora.until("job", "failed")["hint"]


def test_a_program_over_its_memory_limit_is_restarted_with_the_cause(aurora: Aurora) -> None:
    aurora.configure({"eater": {"command": python("eater"), "memory_max": "60MB", "restart_sec": 0.1}})
    aurora.start()
    failed = aurora.until_event("service_failed", "service:eater")
    assert failed["kind"] == "memory"
    assert "over memory limit" in failed["cause"]
    assert "60.0 MB" in failed["cause"]
    aurora.until_event("service_restarting", "service:eater", failed["id"] - 1)
    assert aurora.events("limit_warning", "service:eater")


def test_a_stop_ends_descendants_in_sessions_of_their_own(aurora: Aurora, tmp_path: Path) -> None:
    book = tmp_path / "book"
    aurora.configure({"family": family(book)})
    aurora.start()
    pids = eventually(lambda: family_pids(book), "the family is complete")
    assert aurora.ask("stop", "family")["family"]["state"] == "stopped"
    assert [pid for pid in pids if machine.is_alive(pid)] == []


def test_a_crash_ends_the_descendants_before_the_successor_comes(aurora: Aurora, tmp_path: Path) -> None:
    book = tmp_path / "book"
    aurora.configure({"family": family(book)})
    aurora.start()
    pids = eventually(lambda: family_pids(book), "the family is complete")
    main = aurora.service_pid("family")
    machine.kill(main)
    aurora.until_replaced("family", main)
    assert [pid for pid in pids if machine.is_alive(pid)] == []
    strays = aurora.events("stray_ended", "service:family")
    assert {event["pid"] for event in strays} == set(pids) - {main}
    eventually(lambda: family_pids(book, 8), "the new family is complete")
