"""The commands of healing: their words, their JSON, and what they ask of the running Aurora."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from api.house import House

from aurora_desktop.cli.call import RunOptions
from aurora_desktop.cli.healing import BATCH_BYTES
from aurora_desktop.cli.main import main
from aurora_desktop.healing.view import SearchAnswer, Statistics

Aurora = Callable[..., int]
Output = pytest.CaptureFixture[str]


def printed(capsys: Output) -> Any:
    return json.loads(capsys.readouterr().out)


# --- heal ---------------------------------------------------------------------------------------------------------


def test_heal_tells_what_was_found(house: House, aurora: Aurora, capsys: Output) -> None:
    assert aurora("heal", "web", "--check-now") == 0
    assert capsys.readouterr().out == "web: works\n"
    assert aurora("heal") == 0
    assert capsys.readouterr().out == "nothing to heal\n"
    assert house.healing.heals == [("web", True), (None, False)]


def test_heal_json(aurora: Aurora, capsys: Output) -> None:
    assert aurora("heal", "web", "--json") == 0
    assert printed(capsys) == {"findings": ["web: works"]}


def test_heal_of_what_is_not_there_is_told(aurora: Aurora, capsys: Output) -> None:
    assert aurora("heal", "wbe") == 1
    assert "Nothing is called `wbe`" in capsys.readouterr().err


def test_the_daemon_is_the_program_itself_with_these_values(tmp_path: Path) -> None:
    given: list[RunOptions] = []

    def run(options: RunOptions) -> int:
        given.append(options)
        return 0

    where = ["--config", str(tmp_path / "a.yaml"), "--state-dir", str(tmp_path / "s")]
    assert main([*where, "heal", "--daemon", "--interval", "10", "--threshold", "60.5"], run=run) == 0
    assert main([*where, "heal", "--daemon"], run=run) == 0
    config, state = tmp_path / "a.yaml", tmp_path / "s"
    assert given == [
        RunOptions(config, state, headless=True, stall_interval_s=10.0, stall_threshold_s=60.5),
        RunOptions(config, state, headless=True),
    ]


@pytest.mark.parametrize("wrong", [["--interval", "0"], ["--threshold", "x"], ["--interval", "nan"], ["--check-now"]])
def test_wrong_values_for_the_daemon_are_wrong_usage(aurora: Aurora, capsys: Output, wrong: list[str]) -> None:
    assert aurora("heal", "--daemon", *wrong) == 2


def test_the_daemon_is_for_everything(aurora: Aurora, capsys: Output) -> None:
    assert aurora("heal", "web", "--daemon") == 1
    assert "heals everything" in capsys.readouterr().err


def test_an_interval_without_the_daemon_is_refused(house: House, aurora: Aurora, capsys: Output) -> None:
    assert aurora("heal", "--interval", "10") == 1
    assert "go with `--daemon`" in capsys.readouterr().err
    assert house.healing.heals == []


# --- failures -----------------------------------------------------------------------------------------------------


def test_a_question_in_words_is_answered_in_words(house: House, aurora: Aurora, capsys: Output) -> None:
    assert aurora("failures", "past", "fixes", "for port conflicts", "-n", "5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Seen 3 times."
    assert lines[2].split() == ["TIMES", "LAST", "WHERE", "WORKED", "WHAT"]
    assert lines[3].split("  ")[-1] == "port 8080 is in use"
    assert "web, api +1" in lines[3]
    assert "next_free_port 2/3, restart 0/1" in lines[3]
    assert house.healing.searches == [("past fixes for port conflicts", 5)]


def test_without_a_question_all_is_shown(house: House, aurora: Aurora, capsys: Output) -> None:
    house.healing.answer = SearchAnswer(query="", sentence="No failure is remembered yet.")
    assert aurora("failures") == 0
    assert capsys.readouterr().out == "No failure is remembered yet.\n"
    assert house.healing.searches == [("", 20)]


def test_failures_json(aurora: Aurora, capsys: Output) -> None:
    assert aurora("failures", "port", "--json") == 0
    body = printed(capsys)
    assert body.keys() == {"query", "sentence", "groups", "total", "next_cursor"}
    assert body["groups"][0]["newest"][0]["tried"][0]["outcome"] == "worked"


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_limit_out_of_bounds_is_wrong_usage(aurora: Aurora, capsys: Output, limit: str) -> None:
    assert aurora("failures", "-n", limit) == 2


def test_earlier_logs_are_taken_in_and_what_was_left_out_is_said(
    house: House, aurora: Aurora, capsys: Output, tmp_path: Path
) -> None:
    log = tmp_path / "health_log.jsonl"
    log.write_text('{"time": 1, "error": "a"}\n{}\ntorn {\n')
    assert aurora("failures", "--import", str(log)) == 0
    said = capsys.readouterr().out
    assert said == (
        f"{log}: 3 records read, 1 new, 0 known before; skipped: 1 is no JSON: torn or foreign, 1 says no time\n"
    )
    assert house.healing.imports == [("health_log.jsonl", ['{"time": 1, "error": "a"}', "{}"])]


def test_a_long_log_is_taken_in_by_portions_that_the_door_takes(
    house: House, aurora: Aurora, capsys: Output, tmp_path: Path
) -> None:
    log = tmp_path / "autonomous_fixes.jsonl"
    lines = [json.dumps({"time": n, "error": '"\\\u00e9' * (n % 700)}) for n in range(900)]
    log.write_text("\n".join(lines))
    assert aurora("failures", "--import", str(log), "--json") == 0
    [told] = printed(capsys)["files"]
    assert (told["read"], told["imported"], told["skipped"]) == (900, 900, {})
    assert [line for _, batch in house.healing.imports for line in batch] == lines
    assert len(house.healing.imports) > 2
    assert all(len(json.dumps(batch)) < BATCH_BYTES + 20_000 for _, batch in house.healing.imports)


def test_a_log_that_is_not_there_is_told(aurora: Aurora, capsys: Output, tmp_path: Path) -> None:
    assert aurora("failures", "--import", str(tmp_path / "missing")) == 1
    assert "cannot be imported" in capsys.readouterr().err


# --- stats --------------------------------------------------------------------------------------------------------


def test_stats_in_words(aurora: Aurora, capsys: Output) -> None:
    assert aurora("stats") == 0
    said = capsys.readouterr().out
    assert said.startswith("3 remedies tried: 2 worked (66.7 %)\n")
    assert "next_free_port  2 of 3  66.7 %  1.5 s" in said
    assert "service:web         3     1 h 0 min       4.0 s" in said
    assert "kinds: port conflict 3\n" in said
    assert "most in the hours from 03:00 (3)\n" in said
    assert "disk_full and port_conflict (5 times, 12 times what chance would bring)" in said


def test_stats_of_nothing(house: House, aurora: Aurora, capsys: Output) -> None:
    house.healing.told = Statistics(total_actions=0, successful=0, failed=0, success_rate=0.0)
    assert aurora("stats") == 0
    assert capsys.readouterr().out == "0 remedies tried: 0 worked (0.0 %)\n"


def test_stats_json(aurora: Aurora, capsys: Output) -> None:
    assert aurora("stats", "--json") == 0
    assert printed(capsys)["by_agent"] == {"Agent-1": {"total": 3, "successful": 2, "failed": 1}}


# --- remedies -----------------------------------------------------------------------------------------------------


def test_the_list_of_remedies(aurora: Aurora, capsys: Output) -> None:
    assert aurora("remedies", "list") == 0
    assert capsys.readouterr().out.splitlines()[1].split("  ") == [
        "next_free_port", "restarts", "no", "", "2 of 3", "moves the service to a free port",
    ]  # fmt: skip
    assert aurora("remedies", "list", "--json") == 0
    assert printed(capsys)[0]["name"] == "next_free_port"


def test_one_remedy(aurora: Aurora, capsys: Output) -> None:
    assert aurora("remedies", "show", "next_free_port") == 0
    said = capsys.readouterr().out
    assert said.startswith("next_free_port\n  what it does: moves the service to a free port\n  for: port conflict\n")
    assert "  recognises:\n    " in said
    assert "  undone by: back to its own port\n" in said
    assert aurora("remedies", "show", "next_free_prot") == 1
    assert "Did you mean `next_free_port`?" in capsys.readouterr().err


def test_a_text_is_tried(house: House, aurora: Aurora, capsys: Output) -> None:
    assert aurora("remedies", "test", "--service", "web", "address", "already in use") == 0
    assert capsys.readouterr().out == ("port conflict: port 8080 is in use\n  port: 8080\nwould try: next_free_port\n")
    assert house.healing.tests == [("address already in use", "web")]


def test_the_end_of_a_log_is_read_from_standard_input(
    house: House, aurora: Aurora, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("x" * 60_000 + "EADDRINUSE"))
    assert aurora("remedies", "test", "--json", "-") == 0
    assert printed(capsys)["kind"] == "port_conflict"
    [(text, service)] = house.healing.tests
    assert (len(text), text[-10:], service) == (50_000, "EADDRINUSE", None)


@pytest.mark.parametrize("text", ["", "  "])
def test_no_text_is_told(house: House, aurora: Aurora, capsys: Output, text: str) -> None:
    assert aurora("remedies", "test", text) == 1
    assert house.healing.tests == []


@pytest.mark.parametrize("verb", ["accept", "clear", "decline"])
def test_no_command_answers_for_the_operator(house: House, aurora: Aurora, capsys: Output, verb: str) -> None:
    for command in (["remedies", verb], ["heal", "--" + verb], ["failures", "--" + verb]):
        assert aurora(*command) == 2
    assert house.healing.operators == []


# --- restart ------------------------------------------------------------------------------------------------------


def test_aurora_and_services_are_not_restarted_by_one_command(house: House, aurora: Aurora, capsys: Output) -> None:
    assert aurora("restart", "aurora", "web") == 1
    assert "restarted alone" in capsys.readouterr().err
    assert house.supervisor.calls == []
    assert house.restart_reasons == []


def test_a_restart_of_aurora_need_not_be_waited_for(house: House, aurora: Aurora, capsys: Output) -> None:
    assert aurora("restart", "aurora", "--no-wait") == 0
    assert capsys.readouterr().out == "Aurora is starting anew\n"
    assert house.restart_reasons == ["asked by the command"]


def test_a_successor_that_does_not_come_is_told(house: House, aurora: Aurora, capsys: Output) -> None:
    assert aurora("restart", "aurora", "--timeout", "0.3") == 1
    assert "did not come back within 0.3 s" in capsys.readouterr().err
