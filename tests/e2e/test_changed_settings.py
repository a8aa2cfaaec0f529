"""The settings file is edited while Aurora runs."""

from . import machine
from .aurora import Aurora
from .services import calm
from .waiting import eventually

BROKEN = "services:\n  web:\n    comand: [sleep, '3600']\n"


def test_only_what_changed_is_touched(aurora: Aurora) -> None:
    aurora.configure({"same": calm(), "changes": calm(), "goes": calm()})
    aurora.start()
    before = {name: aurora.until(name, "running")["pid"] for name in ("same", "changes", "goes")}
    aurora.configure({"comes": calm(), "same": calm(), "changes": calm(command=["sleep", "7200"])})
    applied = aurora.until_event("settings_applied")
    assert (applied["added"], applied["changed"], applied["removed"]) == (["comes"], ["changes"], ["goes"])
    aurora.until_replaced("changes", before["changes"])
    aurora.until("comes", "running")
    aurora.until_gone(before["goes"])
    assert list(aurora.ps()) == ["comes", "same", "changes"]
    assert aurora.service("same")["pid"] == before["same"]
    assert aurora.service("same")["restarts"] == 0


def test_a_change_of_other_sections_restarts_nothing(aurora: Aurora) -> None:
    aurora.configure({"web": calm()}, heartbeat={"interval_s": 2})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    aurora.configure({"web": calm()}, heartbeat={"interval_s": 1})
    applied = aurora.until_event("settings_applied")
    eventually(lambda: len(aurora.events("heartbeat", since=applied["id"])) >= 2, "the heart beats on")
    assert aurora.service("web")["pid"] == pid


def test_a_broken_edit_is_refused_and_a_mended_one_clears_it(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    aurora.write(BROKEN)
    refused = aurora.until_event("settings_refused")
    assert any(f"{aurora.config}:3" in problem and "`command`" in problem for problem in refused["problems"])
    status = aurora.status()
    assert status["verdict"] == "degraded"
    assert "settings" in status["sentence"]
    assert aurora.service("web")["pid"] == pid
    machine.kill(pid)
    aurora.until_replaced("web", pid)
    aurora.configure({"web": calm(), "new": calm()})
    aurora.until("new", "running")
    assert aurora.status()["verdict"] == "healthy"
    assert len(aurora.events("settings_refused")) == 1


def test_a_broken_edit_taken_back_clears_it(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    good = aurora.config.read_text()
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    aurora.write(BROKEN)
    aurora.until_event("settings_refused")
    aurora.write(good)
    eventually(lambda: aurora.status()["verdict"] == "healthy", "the problem is gone")
    assert aurora.service("web")["pid"] == pid


def test_a_file_that_is_taken_away_stops_nothing(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    aurora.config.unlink()
    aurora.until_event("settings_refused")
    assert aurora.service("web")["pid"] == pid


def test_a_mended_command_starts_by_itself(aurora: Aurora) -> None:
    aurora.configure({"web": {"command": ["no-such-program"]}})
    aurora.start()
    aurora.until("web", "failed")
    aurora.configure({"web": calm()})
    aurora.until("web", "running")


def test_what_the_operator_stopped_stays_stopped_when_its_definition_changes(aurora: Aurora) -> None:
    aurora.configure({"web": calm(), "other": calm()})
    aurora.start()
    aurora.ask("stop", "web")
    aurora.configure({"web": calm(command=["sleep", "7200"]), "other": calm(command=["sleep", "7200"])})
    aurora.until_event("settings_applied")
    aurora.until("other", "running")
    assert aurora.service("web")["state"] == "stopped"
