"""Aurora killed at any moment: the services live on, and the next Aurora takes them over, none twice."""

import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from . import machine
from .aurora import Aurora
from .services import calm, family, family_pids, notifier, shell
from .waiting import eventually, holds


def _mains(aurora: Aurora) -> Counter[str]:
    """How many spawns of each service are alive."""
    return Counter(service for service, _ in {(seen.service, seen.spawn) for seen in aurora.processes()})


def test_all_services_are_adopted_with_their_pids(aurora: Aurora) -> None:
    names = [f"s{number}" for number in range(8)]
    aurora.configure({name: calm(requires=names[:index][-1:]) for index, name in enumerate(names)})
    aurora.start()
    aurora.until(names[-1], "running")
    before = aurora.pids()
    aurora.crash()
    assert {seen.pid for seen in aurora.processes()} == set(before.values())
    aurora.start()
    assert aurora.pids() == before
    assert all(row["adopted"] for row in aurora.ps().values())
    assert {event["pid"] for event in aurora.events("service_adopted")} == set(before.values())
    assert _mains(aurora) == dict.fromkeys(names, 1)


def test_an_adopted_service_is_supervised(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.service_pid("web")
    aurora.crash()
    aurora.start()
    machine.kill(pid)
    row = aurora.until_replaced("web", pid)
    assert not row["adopted"]
    assert "exit status unknown" in row["last_cause"]
    assert _mains(aurora) == {"web": 1}


def test_an_adopted_service_is_stopped_with_all_its_descendants(aurora: Aurora, tmp_path: Path) -> None:
    aurora.configure({"family": family(tmp_path / "book")})
    aurora.start()
    pids = eventually(lambda: family_pids(tmp_path / "book"), "the family is complete")
    aurora.crash()
    aurora.start()
    assert aurora.ask("stop", "family")["family"]["state"] == "stopped"
    assert not any(map(machine.is_alive, pids))


def test_an_adopted_service_that_hangs_is_found_by_its_watchdog(aurora: Aurora) -> None:
    aurora.configure({"worker": notifier(0.1, watchdog_sec=0.8)})
    aurora.start()
    pid = aurora.until("worker", "ready")["pid"]
    aurora.crash()
    aurora.start()
    assert aurora.until("worker", "ready")["pid"] == pid
    holds(lambda: aurora.service("worker")["pid"] == pid, 1.5, "its watchdog is heard by the new Aurora")
    machine.kill(pid, 19)  # SIGSTOP
    aurora.until_replaced("worker", pid)
    assert aurora.events("service_failed", "service:worker")[-1]["kind"] == "watchdog"


def test_an_adopted_service_that_hangs_is_found_by_its_probe(aurora: Aurora, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    probe = {"file_age": {"path": str(touched), "max_age_sec": 0.6}, "period_sec": 0.2}
    busy = calm(command=shell(f"while :; do touch {touched}; sleep 0.1; done"), liveness_probe=probe)
    aurora.configure({"busy": busy})
    aurora.start()
    pid = aurora.service_pid("busy")
    aurora.crash()
    aurora.start()
    machine.kill(pid, 19)  # SIGSTOP
    aurora.until_replaced("busy", pid)
    assert aurora.events("service_failed", "service:busy")[-1]["kind"] == "liveness"


def test_the_lost_ledger_is_made_good_by_the_markers_of_the_processes(aurora: Aurora) -> None:
    aurora.configure({"a": calm(), "b": calm(command=shell("sleep 3600 & sleep 3600"))})
    aurora.start()
    before = aurora.pids()
    _lose_the_ledger(aurora)
    aurora.start()
    assert aurora.pids() == before
    assert _mains(aurora) == {"a": 1, "b": 1}


def test_without_the_ledger_a_tree_of_many_sessions_is_kept_or_replaced_as_a_whole(
    aurora: Aurora, tmp_path: Path
) -> None:
    book = tmp_path / "book"
    aurora.configure({"family": family(book)})
    aurora.start()
    pids = eventually(lambda: family_pids(book), "the family is complete")
    _lose_the_ledger(aurora)
    aurora.start()
    kept = aurora.service("family")["pid"] in pids
    if not kept:
        pids = eventually(lambda: family_pids(book, 8), "the new family is complete")[4:]
    assert {seen.pid for seen in aurora.processes()} == set(pids)


def _lose_the_ledger(aurora: Aurora) -> None:
    aurora.crash()
    for file in aurora.paths.root.glob("state.db*"):
        file.unlink()


def test_a_service_removed_meanwhile_is_ended(aurora: Aurora) -> None:
    aurora.configure({"stays": calm(), "goes": calm()})
    aurora.start()
    stays, goes = aurora.service_pid("stays"), aurora.service_pid("goes")
    aurora.crash()
    aurora.configure({"stays": calm()})
    aurora.start()
    aurora.until_gone(goes)
    assert aurora.pids() == {"stays": stays}
    assert aurora.events("stray_ended", "service:goes")


def test_a_service_changed_meanwhile_is_replaced(aurora: Aurora) -> None:
    aurora.configure({"same": calm(), "other": calm()})
    aurora.start()
    before = aurora.pids()
    aurora.crash()
    aurora.configure({"same": calm(), "other": calm(command=["sleep", "7200"])})
    aurora.start()
    assert before["other"] is not None
    aurora.until_replaced("other", before["other"])
    assert aurora.service("same")["pid"] == before["same"]
    assert _mains(aurora) == {"same": 1, "other": 1}


def test_a_service_that_ended_meanwhile_is_started(aurora: Aurora, tmp_path: Path) -> None:
    aurora.configure({"family": family(tmp_path / "book"), "web": calm()})
    aurora.start()
    pids = eventually(lambda: family_pids(tmp_path / "book"), "the family is complete")
    main, web = aurora.service_pid("family"), aurora.service_pid("web")
    aurora.crash()
    machine.kill(main)
    aurora.until_gone(main)
    aurora.start()
    aurora.until_replaced("family", main)
    assert not any(map(machine.is_alive, pids)), "what the dead one left behind is ended"
    assert aurora.service("web")["pid"] == web
    assert _mains(aurora) == {"family": 1, "web": 1}


def test_a_service_that_the_operator_stopped_is_not_adopted_from_nowhere(aurora: Aurora) -> None:
    aurora.configure({"web": calm(), "off": calm(autostart=False)})
    aurora.start()
    aurora.ask("start", "off")
    aurora.ask("stop", "off")
    aurora.crash()
    aurora.start()
    assert aurora.service("off")["state"] == "stopped"
    assert _mains(aurora) == {"web": 1}


def test_a_pid_that_now_belongs_to_another_is_not_adopted(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.service_pid("web")
    aurora.crash()
    machine.kill(pid)
    aurora.until_gone(pid)
    with subprocess.Popen(["sleep", "3600"]) as stranger:
        try:
            aurora.start()
            assert aurora.until("web", "running")["pid"] != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_kills_at_any_moment_of_the_start_make_no_twin(aurora: Aurora, tmp_path: Path) -> None:
    """Ten times killed at a random moment of its start."""
    moments = random.Random(20)
    aurora.configure(
        {
            "db": notifier(0.1, watchdog_sec=5),
            "app": calm(requires=["db"]),
            "family": family(tmp_path / "book"),
            "web": calm(requires=["app"]),
        }
    )
    for _ in range(10):
        aurora.launch("--headless")
        assert aurora.process is not None
        with pytest.raises(subprocess.TimeoutExpired):
            aurora.process.wait(moments.uniform(0.0, 0.5))
        aurora.crash()
        assert max(_mains(aurora).values(), default=0) <= 1, aurora.processes()
    aurora.start()
    aurora.until("web", "running")
    assert _mains(aurora) == {"db": 1, "app": 1, "family": 1, "web": 1}


def test_nothing_is_lost_of_the_journal(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.service_pid("web")
    machine.kill(pid)
    aurora.until_replaced("web", pid)
    aurora.command("events")  # answered from the journal: committed or about to be, within 50 ms
    ids = [event["id"] for event in aurora.events()]
    aurora.crash()
    aurora.start()
    kept = [event["id"] for event in aurora.events()]
    assert kept == sorted(set(kept))
    assert len(set(ids) - set(kept)) <= 2, "at most the last group that was not committed yet"
    assert len(aurora.events("aurora_started")) == 2
