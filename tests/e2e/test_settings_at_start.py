"""What a start does with a settings file that is missing, empty or wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aurora_desktop.safety.gate import read_gate

from .aurora import Aurora
from .services import calm
from .waiting import eventually

WRONG = {
    "not YAML": ("services: {web: [", ":1"),
    "no mapping": ("just a sentence\n", ":1"),
    "unknown key with a near one": ("services:\n  web:\n    comand: [x]\n", ":3", "services.web.comand", "`command`"),
    "wrong type": (
        "services:\n  web:\n    command: [x]\n    restart_sec: soon\n",
        ":4",
        "services.web.restart_sec",
        "number",
    ),
    "duplicate service": ("services:\n  web: {command: [x]}\n  web: {command: [y]}\n", ":3", "web"),
    "cycle": (
        "services:\n  a: {command: [x], requires: [b]}\n  b: {command: [x], requires: [a]}\n",
        "a -> b -> a",
    ),
    "unknown dependency": (
        "services:\n  store: {command: [x]}\n  web: {command: [x], requires: [stroe]}\n",
        ":3",
        "`store`",
    ),
    "alias bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nservices: {web: {command: *b}}\n", ":1"),
    "10,000 levels deep": ("services: " + "[" * 10_000, ":1", "deep"),
}


@pytest.mark.parametrize("text_and_words", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_refused_with_its_place(aurora: Aurora, text_and_words: tuple[str, ...]) -> None:
    text, *words = text_and_words
    aurora.write(text)
    refused = aurora.command("run", "--headless")
    assert refused.returncode == 1
    assert str(aurora.config) in refused.stderr
    assert "Traceback" not in refused.stderr
    for word in words:
        assert word in refused.stderr


def test_a_missing_file_is_named(aurora: Aurora) -> None:
    refused = aurora.command("run", "--headless")
    assert refused.returncode == 1
    assert f"{aurora.config}: there is no such file" in refused.stderr


def test_an_empty_file_runs_without_services(aurora: Aurora) -> None:
    aurora.write("")
    aurora.start()
    assert aurora.ps() == {}
    assert aurora.status()["verdict"] == "healthy"


def test_the_first_start_of_a_user_makes_the_settings_from_the_sample(aurora: Aurora, tmp_path: Path) -> None:
    aurora.config = tmp_path / "config" / "aurora-desktop" / "aurora.yaml"
    aurora.config.parent.mkdir(parents=True)
    aurora.launch("--headless")
    aurora.until_running()
    assert "services:" in aurora.config.read_text()
    assert aurora.until("clock", "running")["pid"]
    assert not read_gate(aurora.config.with_name("operator_enabled.yaml")).is_open


def test_headless_nobody_is_warned_of_a_locked_screen_that_cannot_be_armed(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    aurora.until("web", "running")
    eventually(aurora.paths.guard_socket.exists, "the guard runs")
    assert aurora.status()["control"]["state"] == "closed"
    assert aurora.quit() == 0
    assert "locked screen" not in aurora.output


def test_a_gate_file_that_links_to_nowhere_is_left_alone(aurora: Aurora, tmp_path: Path) -> None:
    aurora.config = tmp_path / "config" / "aurora-desktop" / "aurora.yaml"
    aurora.config.parent.mkdir(parents=True)
    aurora.configure({"web": calm()})
    gate = aurora.config.with_name("operator_enabled.yaml")
    gate.symlink_to(tmp_path / "nowhere" / "gate.yaml")
    aurora.launch("--headless")
    aurora.until_running()
    assert gate.is_symlink()
    assert not gate.exists()


def test_a_file_broken_since_a_good_run_starts_with_what_was_last_accepted(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    assert aurora.quit() == 0
    aurora.write("services:\n  web:\n    comand: [x]\n")
    aurora.start()
    assert aurora.until("web", "running")
    assert "last accepted are used instead" in aurora.output
    assert "did you mean `command`?" in str(aurora.until_event("settings_refused")["problems"])
    assert "settings" in aurora.status()["sentence"]


def test_a_second_start_headless_says_that_one_runs(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    second = aurora.command("run", "--headless")
    assert "already running" in second.stdout + second.stderr
    assert aurora.is_running
    assert len(aurora.processes()) == 1


def test_the_command_says_when_nothing_runs(aurora: Aurora) -> None:
    answer = aurora.command("ps")
    assert answer.returncode == 3
    assert "not running" in answer.stderr


def test_two_state_dirs_live_side_by_side(make_aurora: Callable[..., Aurora], tmp_path: Path) -> None:
    first, second = make_aurora(tmp_path / "one"), make_aurora(tmp_path / "two")
    for aurora in (first, second):
        aurora.configure({"web": calm()})
        aurora.start()
    assert first.until("web", "running")["pid"] != second.until("web", "running")["pid"]
    assert first.quit() == 0
    assert second.service("web")["state"] == "running"


def test_check_tells_what_a_start_would(aurora: Aurora) -> None:
    aurora.write("services:\n  web:\n    comand: [x]\n")
    checked = aurora.command("check", str(aurora.config), "--json")
    assert checked.returncode == 1
    assert {problem["line"] for problem in json.loads(checked.stdout)} == {2, 3}
