"""The commands around agents at work, against the real door."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from api.house import PATIENCE_S, House
from api.workforce import a_task, an_agent
from msgspec.structs import replace

from aurora_desktop.tasks.task import Activity, Expectation
from aurora_desktop.tasks.view import PipelineRun

Aurora = Callable[..., int]
Said = pytest.CaptureFixture[str]
PROGRAM = "from aurora_desktop.cli.main import main; raise SystemExit(main(run=lambda options: 0))"


def pipe_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def command(house: House, *argv: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, "--state-dir", str(house.paths.root), *argv]


# --- submit -------------------------------------------------------------------------------------------------------


def test_a_task_is_given_with_all_that_was_said(house: House, aurora: Aurora, capsys: Said) -> None:
    options = [
        "--agent",
        "codex",
        "--cwd",
        "/tmp",
        "--timeout",
        "60",
        "--silence",
        "30",
        "--priority",
        "-2",
        "--retry",
        "safe",
        "--max-tokens",
        "1000",
        "--model",
        "m",
        "--permissions",
        "read-only",
        "--expect-file",
        "a.txt",
        "--expect-file",
        "b.txt",
        "--expect",
        "done",
        "--env",
        "LANG",
        "--env",
        "TZ",
        "--key",
        "k",
        "--max-attempts",
        "2",
    ]
    assert aurora("task", "submit", *options, "tidy", "up") == 0
    assert capsys.readouterr() == ("task_4\n", "queued for codex: tidy up\n")
    (request,) = house.tasks.requests
    assert (request.agent, request.prompt, request.cwd, request.source) == ("codex", "tidy up", "/tmp", "command")
    assert (request.timeout_s, request.silence_s, request.priority, request.retry) == (60, 30, -2, "safe")
    assert (request.max_tokens, request.max_attempts) == (1000, 2)
    assert (request.model, request.permissions, request.env) == ("m", "read-only", ("LANG", "TZ"))
    assert request.expect == Expectation(files=("a.txt", "b.txt"), pattern="done")
    assert request.idempotency_key == "k"


def test_a_limit_of_the_cost_is_given_where_the_agent_tells_it(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "submit", "--max-usd", "1.5", "tidy up") == 0
    assert house.tasks.requests[0].max_usd == 1.5
    assert aurora("task", "submit", "--agent", "codex", "--max-usd", "1.5", "tidy up") == 1
    assert "codex does not tell it" in capsys.readouterr().err


def test_claude_does_what_nobody_else_is_named_for(house: House, aurora: Aurora) -> None:
    assert aurora("task", "submit", "tidy up") == 0
    request = house.tasks.requests[0]
    assert (request.agent, request.cwd, request.env, request.timeout_s) == ("claude", None, None, None)


@pytest.mark.parametrize(("option", "name"), [("role", "coder"), ("pipeline", "review")])
def test_a_role_or_pipeline_instead(house: House, aurora: Aurora, option: str, name: str) -> None:
    assert aurora("task", "submit", f"--{option}", name, "tidy up") == 0
    assert (house.tasks.requests[0].agent, getattr(house.tasks.requests[0], option)) == ("", name)


def test_a_folder_is_meant_from_here(
    house: House, aurora: Aurora, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert aurora("task", "submit", "--cwd", ".", "tidy up") == 0
    assert house.tasks.requests[0].cwd == str(tmp_path)


@pytest.mark.parametrize("argv", [["-"], []])
def test_a_prompt_from_standard_input(
    house: House, aurora: Aurora, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    pipe_in(monkeypatch, "$(id) `x`\n漢 😀".encode())
    assert aurora("task", "submit", *argv) == 0
    assert house.tasks.requests[0].prompt == "$(id) `x`\n漢 😀"


@pytest.mark.parametrize(
    ("content", "told"), [(b"x" * 1_000_001, "The prompt is too long"), (b"a\xff", "The prompt is not UTF-8")]
)
def test_what_cannot_be_a_prompt_is_told(
    house: House, aurora: Aurora, monkeypatch: pytest.MonkeyPatch, capsys: Said, content: bytes, told: str
) -> None:
    pipe_in(monkeypatch, content)
    assert aurora("task", "submit", "-") == 1
    assert capsys.readouterr().err.startswith(f"aurora: {told}\n")
    assert house.tasks.requests == []


def test_a_prompt_of_a_megabyte_is_taken(house: House, aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, b"x" * 1_000_000)
    assert aurora("task", "submit", "-") == 0


def test_without_a_prompt_it_is_said(aurora: Aurora, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    assert aurora("task", "submit") == 1
    assert "There is no prompt" in capsys.readouterr().err


def test_an_unknown_agent_is_told_with_the_near_one(aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "submit", "--agent", "cluade", "x") == 1
    assert capsys.readouterr().err == "aurora: There is no agent `cluade`\n  Did you mean `claude`?\n"


def test_actions_in_place_of_a_prompt_are_json(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "submit", "--actions", '[{"text": "hunter2"') == 1
    error = capsys.readouterr().err
    assert "The actions are not JSON" in error
    assert "hunter2" not in error


@pytest.mark.parametrize(
    "argv", [["--timeout", "x"], ["--retry", "always"], ["--agent", "a", "--role", "b"], ["--permissions", "all"]]
)
def test_wrong_usage_is_told(house: House, aurora: Aurora, capsys: Said, argv: list[str]) -> None:
    assert aurora("task", "submit", *argv, "x") == 2
    assert house.tasks.requests == []


def test_work_for_mouse_and_keyboard_is_given_with_their_token(house: House, aurora: Aurora) -> None:
    actions = '[{"action": "left_click", "at": {"x": 1, "y": 2}}]'
    assert aurora("task", "submit", "--agent", "input", "--actions", actions) == 0
    [request] = house.tasks.requests
    assert (request.agent, len(request.actions)) == ("input", 1)
    house.tasks.held["task_1"] = replace(house.tasks.held["task_1"], view=a_task(1, "uncertain", agent="input"))
    assert aurora("task", "retry", "task_1") == 0


def test_submit_json_is_the_task(aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "submit", "x", "--json") == 0
    view = json.loads(capsys.readouterr().out)
    assert view.keys() >= {
        "id", "number", "agent", "role", "status", "summary", "cause", "held", "hint", "worker", "attempt", "activity",
        "usage", "cwd", "created_at", "started_at", "finished_at", "timeout_s", "frozen", "can_resume", "run_id",
    }  # fmt: skip


# --- wait ---------------------------------------------------------------------------------------------------------


def test_the_result_is_waited_for(house: House, aurora: Aurora, capsys: Said) -> None:
    house.tasks.course = [{"status": "running"}, {"status": "completed", "result": "42 files"}]
    assert aurora("task", "submit", "--wait", "count") == 0
    told = capsys.readouterr()
    assert told.out == "42 files\n"
    assert told.err == "task_4 queued for claude: tidy up; Ctrl+C does not end it\n"


@pytest.mark.parametrize("options", [[], ["--wait"]])
def test_what_a_task_waits_for_is_told_with_the_remedy(
    house: House, aurora: Aurora, capsys: Said, options: list[str]
) -> None:
    house.tasks.waits = {"held": "claude cannot be used: not found", "hint": "Install Claude Code."}
    house.tasks.course = [{"status": "completed"}]
    assert aurora("task", "submit", *options, "count") == 0
    told = capsys.readouterr()
    assert "(claude cannot be used: not found)" in told.out + told.err
    assert told.err.endswith("  Install Claude Code.\n")


@pytest.mark.parametrize("status", ["error", "timeout", "cancelled", "dead", "uncertain"])
def test_any_other_end_is_a_failure_with_its_reason(house: House, aurora: Aurora, capsys: Said, status: str) -> None:
    house.tasks.course = [{"status": status, "error": "the provider refused", "result": "half"}]
    assert aurora("task", "submit", "--wait", "count") == 1
    told = capsys.readouterr()
    assert told.out == "half\n"
    assert f"aurora: task_4 ended: {status}\n  the provider refused\n" in told.err


def test_wait_json_is_the_whole_task(house: House, aurora: Aurora, capsys: Said) -> None:
    house.tasks.course = [{"status": "completed", "result": "42 files"}]
    assert aurora("task", "submit", "--wait", "--json", "count") == 0
    detail = json.loads(capsys.readouterr().out)
    assert detail.keys() == {
        "view", "prompt", "result", "error", "exit_code", "session_id", "log_path", "transcript_path"
    }  # fmt: skip
    assert (detail["view"]["status"], detail["result"]) == ("completed", "42 files")


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1)])
def test_a_pipeline_is_waited_for_to_its_end(
    house: House, aurora: Aurora, capsys: Said, status: str, code: int
) -> None:
    house.tasks.course = [{"status": status, "result": "reviewed"}]
    assert aurora("task", "submit", "--pipeline", "review", "--wait", "--json", "x") == code
    detail = json.loads(capsys.readouterr().out)
    assert (detail["run"]["status"], detail["result"]) == (status, "reviewed")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C of another process is POSIX")
def test_ctrl_c_leaves_the_task_at_work(house: House) -> None:
    house.tasks.course = [{"status": "waiting_approval"}]
    waiting = subprocess.Popen(
        command(house, "task", "submit", "--wait", "x"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert waiting.stderr is not None
    assert waiting.stderr.readline().startswith("task_4 queued for claude")
    assert waiting.stderr.readline() == "task_4 waits for your word in the window; see `aurora approvals`\n"
    waiting.send_signal(signal.SIGINT)
    out, errors = waiting.communicate(timeout=PATIENCE_S)
    assert (waiting.returncode, out) == (130, "")
    assert errors == "\ntask_4 goes on; to end it: aurora task cancel task_4\n"
    assert house.tasks.calls == []


def test_the_command_that_submits_imports_nothing_heavy(house: House) -> None:
    program = PROGRAM.replace("raise SystemExit(", "print(").rstrip(")") + ")); import sys; print(*sys.modules)"
    argv = command(house, "task", "submit", "x")
    argv[2] = program
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "argparse" in loaded
    assert loaded & {"PySide6", "asyncio", "msgspec", "psutil", "starlette", "yaml", "apsw"} == set()


# --- look ---------------------------------------------------------------------------------------------------------


def test_tasks_are_listed(house: House, aurora: Aurora, capsys: Said) -> None:
    detail = house.tasks.held["task_1"]
    house.tasks.held["task_1"] = replace(detail, view=replace(detail.view, held="claude is not available"))
    assert aurora("task", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TASK", "STATUS", "WHO", "AGE", "COST", "WORKER", "WHAT"]
    assert [line.split("  ")[0] for line in lines[1:]] == ["task_3", "task_2", "task_1"]
    assert "waiting approval" in lines[2]
    assert "$0.12" in lines[2]
    assert "tidy up (waiting permission Bash for " in lines[2]
    assert lines[3].endswith("tidy up (claude is not available)")


def test_one_that_stands_still_is_listed_as_frozen(house: House, aurora: Aurora, capsys: Said) -> None:
    detail = house.tasks.held["task_2"]
    frozen = replace(detail.view, status="running", frozen=True, activity=Activity(kind="frozen", since=0.0))
    house.tasks.held["task_2"] = replace(detail, view=frozen)
    assert aurora("task", "list", "--status", "running") == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("tidy up (frozen)")


def test_some_of_them_are_listed(aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "list", "--status", "queued", "--status", "completed", "--agent", "claude", "--json") == 0
    assert [view["id"] for view in json.loads(capsys.readouterr().out)] == ["task_3", "task_1"]
    assert aurora("task", "list", "--status", "dead") == 0
    assert capsys.readouterr().out == "no such tasks\n"


def test_a_misspelt_status_is_put_right(aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "list", "--status", "runing") == 1
    assert "Did you mean `running`?" in capsys.readouterr().err


def test_one_task_is_shown(aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "show", "task_2") == 0
    out = capsys.readouterr().out
    assert out.startswith("task_2 waiting approval: tidy up\n  who: claude\n  doing: waiting permission Bash for ")
    assert "  worker: claude-1, attempt 1 of 3\n" in out
    assert "  cost: $0.12, 1,200 tokens\n" in out
    assert out.endswith("\nPROMPT\nbuild it\n")


def test_show_json_is_the_whole_task(aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "show", "task_3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["result"] == "42 files"


def test_an_unknown_task_is_told(aurora: Aurora, capsys: Said) -> None:
    for verb in ("show", "logs", "cancel", "retry", "resume"):
        assert aurora("task", verb, "../x") == 1
        assert "aurora: " in capsys.readouterr().err


def test_a_run_is_cancelled_by_its_id(house: House, aurora: Aurora, capsys: Said) -> None:
    house.tasks.pipeline_runs = [
        PipelineRun(id="run_1", pipeline="review", status="running", round=1, max_rounds=3, task_ids=("task_1",))
    ]
    assert aurora("task", "cancel", "run_1") == 0
    assert capsys.readouterr().out == "run_1 is cancelled, and its step with it\n"
    assert house.tasks.calls == [("cancel_run", "run_1", "command")]


def test_runs_are_listed(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "runs") == 0
    assert capsys.readouterr().out == "no runs of pipelines\n"
    run = PipelineRun(
        id="run_1",
        pipeline="review",
        status="failed",
        round=2,
        max_rounds=3,
        task_ids=("task_1",),
        cause="no rounds left",
    )
    house.tasks.pipeline_runs = [run]
    assert aurora("task", "runs") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == ["run_1", "review", "failed", "2", "of", "3", "task_1", "(no", "rounds", "left)"]


# --- logs ---------------------------------------------------------------------------------------------------------


def test_what_an_agent_said_is_shown_line_by_line(aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "logs", "task_2") == 0
    lines = [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["message: I will look.", "tool Bash: ls", "tool result Bash failed: a.txt"]


def test_it_is_followed_to_the_end(aurora: Aurora, capsys: Said) -> None:
    assert aurora("task", "logs", "task_3", "-f", "--json") == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["text"] for entry in entries] == ["I will look.", "ls", "a.txt"]


def test_the_record_is_shown_where_nothing_else_is_left(
    house: House, aurora: Aurora, capsys: Said, tmp_path: Path
) -> None:
    record = tmp_path / "task_3.log"
    record.write_text("TASK ID: task_3\n")
    house.tasks.said.clear()
    house.tasks.held["task_3"] = replace(house.tasks.held["task_3"], log_path=str(record))
    assert aurora("task", "logs", "task_3") == 0
    assert capsys.readouterr().out == "TASK ID: task_3\n"
    assert aurora("task", "logs", "task_1") == 0
    assert capsys.readouterr().out == "nothing was said yet\n"


# --- act ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "status"), [("cancel", "cancelled"), ("retry", "queued"), ("resume", "queued")])
def test_a_task_is_commanded(house: House, aurora: Aurora, capsys: Said, verb: str, status: str) -> None:
    assert aurora("task", verb, "task_2") == 0
    assert capsys.readouterr().out == f"task_2 {status} for claude: tidy up\n"
    assert aurora("task", verb, "task_2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["status"] == status
    assert house.tasks.calls == [(verb, "task_2", "command")] * 2


def test_agents_are_listed_with_what_they_lack(house: House, aurora: Aurora, capsys: Said) -> None:
    lost = an_agent(
        "codex", available=False, version="", detail="codex: not found", hint="npm install -g @openai/codex"
    )
    house.tasks.programs = [an_agent("claude", running=1, queued=2), lost]
    assert aurora("agents", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["claude", "claude", "yes", "2.1.0", "1", "of", "1", "2", "-", "claude"]
    assert lines[3] == "codex: codex: not found. npm install -g @openai/codex"


def test_agents_are_checked(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("agents", "check", "claude", "--json") == 0
    assert [agent["name"] for agent in json.loads(capsys.readouterr().out)] == ["claude"]
    assert house.tasks.calls == [("check", "claude")]


@pytest.mark.parametrize(("argv", "queued", "code"), [((), 0, 0), ((), 1, 1), (("claude",), 0, 1)])
def test_an_agent_that_nobody_asked_for_may_be_missing(
    house: House, aurora: Aurora, argv: tuple[str, ...], queued: int, code: int
) -> None:
    house.tasks.programs = [an_agent("claude", available=False, detail="not found", queued=queued)]
    assert aurora("agents", "check", *argv) == code


def test_workers_are_listed_and_healed(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("workers", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 workers, 2 healthy, 0 not"
    assert lines[2].split()[:4] == ["claude-1", "busy", "77", "1"]
    assert aurora("workers", "heal") == 0
    assert aurora("workers", "heal", "claude-1") == 0
    assert capsys.readouterr().out == "all are well\n1 replaced\n"
    assert house.tasks.calls == [("heal", "command"), ("heal", "claude-1", "command")]


# --- the operator's word ------------------------------------------------------------------------------------------


def test_questions_are_listed(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("approvals") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split("  ")[0] == "ask_1"
    assert lines[1].endswith("Bash: rm -rf build")
    house.tasks.questions = []
    assert aurora("approvals") == 0
    assert capsys.readouterr().out == "nobody asks for anything\n"


def test_a_question_is_denied_with_words(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("deny", "ask_1", "--message", "not that folder") == 0
    assert capsys.readouterr().out == "ask_1 is denied\n"
    assert house.tasks.calls == [("deny", "ask_1", "command", "not that folder")]


def test_approve_only_opens_the_question(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("approve", "ask_1") == 0
    assert "allow it there" in capsys.readouterr().out
    house.tasks.has_screen = False
    assert aurora("approve", "ask_1") == 1
    assert capsys.readouterr().err.startswith("aurora: This Aurora has no screen\n")
    assert aurora("approve", "ask_1", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"shown": False}
    assert {call[0] for call in house.tasks.calls} == {"show"}
    assert house.tasks.operators == []


@pytest.mark.parametrize("argv", [["allow", "ask_1"], ["task", "thaw", "task_2"], ["accept", "ask_1"]])
def test_there_is_no_command_that_allows(aurora: Aurora, capsys: Said, argv: list[str]) -> None:
    assert aurora(*argv) == 2
    assert "No command allows what an agent asks for" in capsys.readouterr().err


# --- status and quit ----------------------------------------------------------------------------------------------


def test_the_status_tells_what_is_to_be_done(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("status") == 0
    assert "tasks: 1 at work, 1 queued, 1 waiting for your word (aurora approvals)\n" in capsys.readouterr().out


def test_a_quit_that_nobody_can_be_asked_about_says_what_becomes_of_agents(
    house: House, aurora: Aurora, capsys: Said
) -> None:
    assert aurora("quit", "--no-wait") == 0
    assert house.quit_reasons == ["asked by the command"]
    assert capsys.readouterr().err.startswith("1 agent at work will be ended; the next Aurora goes on")


def on_terminal(house: House, answer: str, *argv: str) -> tuple[int, str]:
    """Exit code and what the terminal shows of `aurora quit`, which is answered so."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(command(house, "quit", "--no-wait", *argv), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    shown = b""
    with open(ours, "rb", buffering=0) as terminal:
        while chunk := read(terminal):
            shown += chunk
    return process.wait(PATIENCE_S), shown.decode()


def read(terminal: Any) -> bytes:
    try:
        return bytes(terminal.read(65536) or b"")
    except OSError:  # Linux: the other side was closed
        return b""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize(
    ("answer", "argv", "code", "asks"),
    [("n", (), 1, True), ("", (), 1, True), ("y", (), 0, True), ("", ("-y",), 0, False)],
)
def test_on_a_terminal_a_quit_asks_while_agents_work(
    house: House, answer: str, argv: tuple[str, ...], code: int, asks: bool
) -> None:
    ended, shown = on_terminal(house, answer, *argv)
    assert (ended, "Quit? [y/N]" in shown, bool(house.quit_reasons)) == (code, asks, code == 0)
    assert shown.count("will be ended") == 1
    assert shown.endswith("Aurora goes on\r\n") == (code == 1)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_quit_does_not_ask_where_nobody_works(house: House) -> None:
    house.tasks.programs = [an_agent("claude", queued=3)]
    house.tasks.held.pop("task_2")
    assert on_terminal(house, "", ) == (0, "\r\nAurora is stopping\r\n")  # fmt: skip
