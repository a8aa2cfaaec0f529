"""Who waits for whom: starts, stops and failures along the arrows of `requires` and `after`."""

from pathlib import Path

import pytest

from . import machine
from .aurora import Aurora
from .services import calm, diarist, notifier, shell
from .waiting import eventually, holds


def _ready_when(file: Path, **more: object) -> dict[str, object]:
    """Ready while `file` is there."""
    probe = {"exec": {"command": ["test", "-e", str(file)]}, "period_sec": 0.05, "failure_threshold": 1}
    return calm(readiness_probe=probe, **more)


def test_each_starts_once_its_dependencies_are_ready(aurora: Aurora, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    aurora.configure({"web": calm(requires=["db"]), "db": _ready_when(gate), "lone": calm()})
    aurora.start()
    aurora.until("lone", "running")
    aurora.until("db", "running")
    web = aurora.until("web", "waiting")
    assert "db" in web["cause"]
    assert web["pid"] is None
    gate.touch()
    aurora.until("web", "running")
    assert aurora.service("db")["state"] == "ready"


def test_a_notify_service_is_waited_for_until_it_says_ready(aurora: Aurora) -> None:
    aurora.configure({"web": calm(requires=["db"]), "db": notifier(0)})
    aurora.start()
    aurora.until("web", "running")
    changes = [(e["component"], e["state"]) for e in aurora.events("service_state_changed")]
    assert changes.index(("service:db", "ready")) < changes.index(("service:web", "starting"))


def test_a_notify_service_that_never_says_ready_is_replaced(aurora: Aurora) -> None:
    mute = {"command": ["sleep", "3600"], "type": "notify", "timeout_start_sec": 0.3, "restart_sec": 0.1}
    aurora.configure({"mute": mute})
    aurora.start()
    failed = aurora.until_event("service_failed", "service:mute")
    assert failed["kind"] == "start_timeout"
    assert "timeout_start_sec" in failed["cause"]


def test_dependents_wait_while_their_dependency_is_degraded_and_the_rest_runs(aurora: Aurora) -> None:
    exits = {"command": shell("exit 1"), "restart_sec": 0.01, "start_limit_burst": 1}
    exits["readiness_probe"] = {"exec": {"command": ["false"]}, "period_sec": 0.05}
    aurora.configure({"db": exits, "web": calm(requires=["db"]), "lone": calm()})
    aurora.start()
    aurora.until("db", "degraded")
    eventually(lambda: "db (degraded)" in aurora.until("web", "waiting")["cause"], "it says what it waits for")
    assert aurora.until("lone", "running")


def test_a_failed_dependency_is_named_and_the_rest_runs(aurora: Aurora) -> None:
    aurora.configure({"db": {"command": ["no-such-program"]}, "web": calm(requires=["db"]), "lone": calm()})
    aurora.start()
    aurora.until("db", "failed")
    assert "db" in aurora.until("web", "waiting")["cause"]
    assert aurora.until("lone", "running")
    assert aurora.status()["sentence"].startswith("db: failed: command not found")


def test_the_operators_stop_of_a_dependency_holds_its_dependents(aurora: Aurora, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    aurora.configure({"db": diarist(diary, "db"), "web": diarist(diary, "web", requires=["db"])})
    aurora.start()
    aurora.until("web", "ready")
    aurora.ask("stop", "db")
    assert aurora.service("web")["state"] == "waiting"
    assert diary.read_text().splitlines()[-2:] == ["web down", "db down"]
    aurora.ask("start", "db")
    aurora.until("web", "ready")
    assert diary.read_text().splitlines()[-2:] == ["db up", "web up"]


def test_a_start_brings_what_it_requires(aurora: Aurora) -> None:
    aurora.configure({"db": calm(autostart=False), "web": calm(requires=["db"], autostart=False)})
    aurora.start()
    assert aurora.ask("start", "web")["web"]["state"] == "running"
    assert aurora.service("db")["state"] == "running"


def test_a_dependency_that_crashes_leaves_its_dependents_running(aurora: Aurora) -> None:
    aurora.configure({"db": calm(), "web": calm(requires=["db"])})
    aurora.start()
    web = aurora.until("web", "running")["pid"]
    db = aurora.service_pid("db")
    machine.kill(db)
    aurora.until_replaced("db", db)
    assert aurora.service("web")["pid"] == web


def test_the_operators_restart_of_a_dependency_carries_its_dependents_along(aurora: Aurora, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    aurora.configure({"db": diarist(diary, "db"), "web": diarist(diary, "web", requires=["db"])})
    aurora.start()
    aurora.until("web", "ready")
    aurora.ask("restart", "db")
    aurora.until("web", "ready")
    assert diary.read_text().splitlines() == ["db up", "web up", "web down", "db down", "db up", "web up"]


def test_a_part_is_stopped_and_restarted_with_the_whole(aurora: Aurora) -> None:
    aurora.configure({"site": calm(), "cache": calm(part_of=["site"])})
    aurora.start()
    before = {name: aurora.until(name, "running")["pid"] for name in ("site", "cache")}
    aurora.ask("restart", "site")
    for name, pid in before.items():
        aurora.until_replaced(name, pid)
    aurora.ask("stop", "site")
    aurora.until("cache", "stopped")


def test_a_oneshot_is_done_before_what_requires_it(aurora: Aurora, tmp_path: Path) -> None:
    made = tmp_path / "made"
    aurora.configure(
        {
            "web": calm(command=shell(f"cat {made} || exit 9; exec sleep 3600"), requires=["prepare"]),
            "prepare": {"type": "oneshot", "command": shell(f"sleep 0.2; echo done > {made}")},
        }
    )
    aurora.start()
    web = aurora.until("web", "running")
    assert web["restarts"] == 0
    assert "finished" in aurora.until("prepare", "stopped")["cause"]
    assert aurora.status()["verdict"] == "healthy"


def test_a_oneshot_that_fails_is_tried_again_and_then_blocks(aurora: Aurora) -> None:
    prepare = {"type": "oneshot", "command": shell("exit 4"), "restart_sec": 0.01, "start_limit_burst": 2}
    aurora.configure({"web": calm(requires=["prepare"]), "prepare": prepare})
    aurora.start()
    aurora.until("prepare", "degraded")
    assert aurora.service("web")["state"] == "waiting"
    assert len(aurora.events("service_failed", "service:prepare")) == 3


def test_after_orders_without_needing(aurora: Aurora) -> None:
    aurora.configure({"late": calm(after=["early"]), "early": {"command": ["no-such-program"]}})
    aurora.start()
    aurora.until("early", "failed")
    assert aurora.until("late", "running")


def test_an_unhealthy_dependency_does_not_end_its_dependents(aurora: Aurora, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    aurora.configure({"db": _ready_when(gate), "web": calm(requires=["db"])})
    aurora.start()
    web = aurora.until("web", "running")["pid"]
    gate.unlink()
    aurora.until("db", "unhealthy")
    assert aurora.service("web")["pid"] == web
    assert aurora.events("probe_failing", "service:db")[0]["probe"] == "readiness"
    gate.touch()
    aurora.until("db", "ready")
    assert [event["recovered"] for event in aurora.events("probe_failing", "service:db")][-1]


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_an_unknown_name_changes_nothing_and_names_the_near_one(aurora: Aurora, verb: str) -> None:
    aurora.configure({"web": calm(), "database": calm()})
    aurora.start()
    aurora.until("web", "running")
    aurora.until("database", "running")
    before = aurora.pids()
    refused = aurora.command(verb, "web", "databse")
    assert refused.returncode == 1
    assert "`database`" in refused.stderr
    assert aurora.pids() == before


def test_while_paused_nothing_is_restarted(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    assert aurora.command("pause").returncode == 0
    assert aurora.status()["paused"]
    machine.kill(pid)
    web = aurora.until("web", "waiting")
    assert "paused" in web["cause"]
    holds(lambda: aurora.service("web")["pid"] is None, 0.5, "it stays down")
    assert aurora.status()["verdict"] == "degraded"
    assert aurora.command("resume").returncode == 0
    aurora.until_replaced("web", pid)
    eventually(lambda: aurora.status()["verdict"] == "healthy", "all is well")
