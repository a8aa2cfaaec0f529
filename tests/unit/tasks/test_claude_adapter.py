"""The adapter of Claude Code reads what the real program printed (`tests/e2e/agents/record_claude.py`)."""

import json
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    AsksNoMore,
    Exit,
    Finished,
    Observation,
    Odd,
    ProviderRetry,
    Reply,
    Said,
    Session,
    Spent,
    ToolEnded,
    ToolStarted,
)
from aurora_desktop.tasks.adapters.claude import Claude
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.task import Usage
from tasks.recordings import CLEAN, Play, a_run, of, recorded

RECORDED = recorded("claude_lines")
ALL_LINES = [line for lines in RECORDED.values() for line in lines]
SESSION = "00000000-0000-4000-8000-000000000001"


def run(**changes: Any) -> Run:
    return a_run("claude", **{"session_id": SESSION, **changes})


def played(name: str, decision: ApprovalDecision = "once") -> tuple[Claude, list[Observation], list[dict[str, Any]]]:
    """The adapter after a recorded scene, what it saw, and what it wrote after its first words."""
    adapter = Claude(run())
    play = Play(adapter, RECORDED[name], repeat(decision), "not today")
    return adapter, play.seen, play.requests()[1:]


def whole(seen: list[Observation]) -> list[Said]:
    return [said for said in of(Said, seen) if not said.partial]


def fed(event: dict[str, Any], adapter: Claude | None = None) -> list[Observation]:
    return (adapter or Claude(run())).feed(json.dumps(event).encode())


def question(command: str, ask_id: str = "ask-1", **more: Any) -> dict[str, Any]:
    request = {"subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": command}, **more}
    return {"type": "control_request", "request_id": ask_id, "request": request}


def rule(content: str) -> list[dict[str, Any]]:
    rules = [{"toolName": "Bash", "ruleContent": content}]
    return [{"type": "addRules", "rules": rules, "behavior": "allow", "destination": "localSettings"}]


# --- how it is started -----------------------------------------------------------------------------------


def test_the_prompt_goes_through_standard_input_and_is_no_argument() -> None:
    launch = Claude(run(prompt="a; $(b)\0 é\n" * 1000)).launch()

    assert json.loads(launch.first)["message"]["content"] == "a; $(b)\0 é\n" * 1000
    assert launch.first.count(b"\n") == 1
    assert not any("$(b)" in argument for argument in launch.argv)
    assert (launch.stdin, launch.closes_stdin) == ("pipe", False)


def test_a_new_session_has_the_name_that_we_give_it_and_an_old_one_is_resumed() -> None:
    new, old = Claude(run()).launch().argv, Claude(run(resume="older")).launch().argv

    assert new[new.index("--session-id") + 1] == SESSION
    assert "--resume" not in new
    assert old[old.index("--resume") + 1] == "older"
    assert "--session-id" not in old


def test_model_budget_and_the_operators_arguments_are_passed_on_last() -> None:
    argv = Claude(run(model="opus", max_usd=0.25, args=("--add-dir", "/more"))).launch().argv

    assert argv[argv.index("--model") + 1] == "opus"
    assert argv[argv.index("--max-budget-usd") + 1] == "0.250000"
    assert "0.000001" in Claude(run(max_usd=0.0)).launch().argv, "a budget that is used up is a limit, too"
    assert "--max-budget-usd" not in Claude(run()).launch().argv
    assert tuple(argv[-2:]) == ("--add-dir", "/more")


@pytest.mark.parametrize(
    ("permissions", "mode"),
    [("ask", "default"), ("read-only", "default"), ("edit", "acceptEdits"), ("full", "bypassPermissions")],
)
def test_each_permission_has_its_mode(permissions: str, mode: str) -> None:
    argv = Claude(run(permissions=permissions)).launch().argv

    assert argv[argv.index("--permission-mode") + 1] == mode
    assert ("--tools" in argv) == (permissions == "read-only")


def test_read_only_has_no_tool_that_could_write() -> None:
    argv = Claude(run(permissions="read-only")).launch().argv

    assert set(argv[argv.index("--tools") + 1].split(",")) == {"Glob", "Grep", "Read", "WebFetch", "WebSearch"}
    assert "--strict-mcp-config" in argv


@pytest.mark.parametrize(
    ("timeout_s", "default_ms", "most_ms"),
    [(60.0, 54_000, 54_000), (300.0, 120_000, 270_000), (3600.0, 120_000, 600_000)],
)
def test_a_command_ends_before_the_whole_task_does(timeout_s: float, default_ms: int, most_ms: int) -> None:
    env = Claude(run(timeout_s=timeout_s)).launch().env

    assert (env["BASH_DEFAULT_TIMEOUT_MS"], env["BASH_MAX_TIMEOUT_MS"]) == (str(default_ms), str(most_ms))


# --- what it tells ---------------------------------------------------------------------------------------


def test_work_is_told_in_words_tools_and_diffs() -> None:
    adapter, seen, _ = played("worked")

    assert of(Session, seen) == [Session(SESSION)]
    assert [(said.kind, said.text) for said in whole(seen)] == [
        ("thinking", "Let me see."),
        ("message", "I begin."),
        ("message", "All is done."),
    ]
    tools = of(ToolStarted, seen)
    assert [(tool.tool, tool.summary) for tool in tools] == [
        ("Read", "a.txt"),
        ("Edit", "a.txt"),
        ("Write", "new.txt"),
        ("Bash", "touch x"),
    ]
    assert tools[1].diff == "--- a.txt\n+++ a.txt\n@@ -1 +1 @@\n-two\n+three"
    assert tools[2].diff == "--- /dev/null\n+++ new.txt\n@@ -0,0 +1,2 @@\n+whole\n+new"
    assert [ended.id for ended in of(ToolEnded, seen)] == [tool.id for tool in tools]
    assert not of(Odd, seen)
    assert adapter.verdict(CLEAN).result == "All is done."


def test_a_message_comes_in_pieces_before_it_is_whole() -> None:
    _, seen, _ = played("worked")

    said = [(one.text, one.partial) for one in of(Said, seen) if one.kind == "message"]

    assert said[:2] == [("I begin.", True), ("I begin.", False)]


def test_spending_grows_and_ends_with_the_cost() -> None:
    _, seen, _ = played("worked")

    usages = [spent.usage for spent in of(Spent, seen)]

    assert [usage.tokens for usage in usages] == sorted(usage.tokens for usage in usages)
    assert {usage.cost_usd for usage in usages[:-1]} == {None}
    assert usages[-1] == Usage(cost_usd=pytest.approx(0.028), input_tokens=4800, output_tokens=160)


def test_what_was_read_from_the_cache_counts_as_input() -> None:
    usage = {"input_tokens": 1, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 300, "output_tokens": 4}

    seen = fed({"type": "assistant", "message": {"id": "m", "content": [], "usage": usage}})

    assert seen == [Spent(Usage(input_tokens=321, output_tokens=4))]


def test_the_provider_that_is_asked_again_is_told_with_number_and_status() -> None:
    adapter, seen, _ = played("retried")

    assert of(ProviderRetry, seen) == [
        ProviderRetry(1, 10, 0.1, 529, "overloaded"),
        ProviderRetry(2, 10, 0.1, 529, "overloaded"),
    ]
    assert adapter.verdict(CLEAN).ending == "completed"


@pytest.mark.parametrize("name", ["worked", "denied", "overloaded", "over_budget", "no_session"])
def test_after_its_result_its_standard_input_is_closed_so_that_it_exits(name: str) -> None:
    _, seen, _ = played(name)

    assert seen[-2:] == [Reply(b"", closes_stdin=True), Finished()]


# --- what it asks ----------------------------------------------------------------------------------------


def test_a_question_has_the_whole_command_and_the_answer_its_input() -> None:
    _, seen, written = played("denied", "once")

    asks = of(Asks, seen)[0]
    assert (asks.tool, asks.summary, asks.detail, asks.reason) == ("Bash", "touch x", "touch x", "It touches /work/x")
    assert written[0]["response"] == {
        "subtype": "success",
        "request_id": asks.id,
        "response": {"behavior": "allow", "updatedInput": {"command": "touch x", "description": "Make a file"}},
    }


def test_a_denial_tells_the_agent_why() -> None:
    _, _, written = played("denied", "deny")

    assert written[0]["response"]["response"] == {"behavior": "deny", "message": "not today"}


def test_what_is_allowed_for_the_task_is_not_asked_again() -> None:
    adapter = Claude(run())
    fed(question("git commit -m a", "ask-1", permission_suggestions=rule("git commit *")), adapter)
    adapter.answer("ask-1", "task", "")

    (reply,) = fed(question("git commit -m b", "ask-2", permission_suggestions=rule("git commit *")), adapter)

    assert isinstance(reply, Reply)
    response = json.loads(reply.data)["response"]
    assert (response["request_id"], response["response"]["behavior"]) == ("ask-2", "allow")


def test_edits_that_are_allowed_for_the_task_are_those_of_the_tool() -> None:
    adapter = Claude(run())

    def asked(ask_id: str, tool: str, path: str) -> list[Asks]:
        request = {"subtype": "can_use_tool", "tool_name": tool, "input": {"file_path": path, "content": path}}
        return of(Asks, fed({"type": "control_request", "request_id": ask_id, "request": request}, adapter))

    asked("ask-1", "Write", "/work/a")
    adapter.answer("ask-1", "task", "")

    assert not asked("ask-2", "Write", "/work/b")
    assert asked("ask-3", "NotebookEdit", "/work/c")


@pytest.mark.parametrize(
    "other",
    [
        question("echo a > /etc/passwd", "ask-2", permission_suggestions=rule("echo *"), blocked_path="/etc/passwd"),
        question("curl x", "ask-2", permission_suggestions=rule("curl *")),
        question("echo b; curl x", "ask-2"),
    ],
    ids=["another folder", "another rule", "no rule"],
)
def test_an_allowance_for_the_task_covers_nothing_else(other: dict[str, Any]) -> None:
    adapter = Claude(run())
    fed(question("echo a > x", permission_suggestions=rule("echo *"), blocked_path="/work/x"), adapter)
    adapter.answer("ask-1", "task", "")

    assert [asks.id for asks in of(Asks, fed(other, adapter))] == ["ask-2"]


def test_an_allowance_for_the_task_is_written_into_no_settings() -> None:
    _, _, written = played("denied", "task")

    assert "updatedPermissions" not in written[0]["response"]["response"]


def test_the_operators_words_answer_a_question_in_words() -> None:
    adapter = Claude(run())
    given = {"questions": [{"question": "Which?", "options": [{"label": "A", "description": "the first"}]}]}
    request = {"subtype": "can_use_tool", "tool_name": "AskUserQuestion", "input": given}
    seen = fed({"type": "control_request", "request_id": "q", "request": request}, adapter)

    answer = json.loads(adapter.answer("q", "once", "The first, please"))

    assert of(Asks, seen)[0].detail == "Which?\n  A: the first"
    assert answer["response"]["response"]["updatedInput"]["answers"] == {"Which?": "The first, please"}


def test_a_question_is_answered_once() -> None:
    adapter = Claude(run())
    fed(question("ls"), adapter)

    assert adapter.answer("ask-1", "once", "") != b""
    assert adapter.answer("ask-1", "once", "") == b""
    assert adapter.answer("never asked", "once", "") == b""


def test_a_question_is_of_no_use_once_it_is_taken_back_or_the_work_is_done() -> None:
    adapter = Claude(run())
    for ask_id in ("taken back", "left over"):
        fed(question("ls", ask_id), adapter)

    back = fed({"type": "control_cancel_request", "request_id": "taken back"}, adapter)
    done = fed({"type": "result", "subtype": "success", "result": "x"}, adapter)

    assert back == [AsksNoMore("taken back")]
    assert of(AsksNoMore, done) == [AsksNoMore("left over")]


def test_a_request_that_we_cannot_serve_is_refused_and_not_left_waiting() -> None:
    seen = fed({"type": "control_request", "request_id": "h", "request": {"subtype": "hook_callback"}})

    answer = json.loads(of(Reply, seen)[0].data)["response"]
    assert (answer["subtype"], answer["request_id"]) == ("error", "h")


# --- what came of it -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("overloaded", "529"),
        ("broken_off", "closed mid-response"),
        ("refused", "HTTP 401"),
        ("not_logged_in", "Log in with `claude`"),
        ("interrupted", "It was interrupted."),
        ("over_budget", "--max-budget-usd"),
        ("no_session", "Retry the task from its beginning."),
    ],
)
def test_an_error_is_one_whatever_its_exit_code_and_subtype(name: str, words: str) -> None:
    adapter, _, _ = played(name)

    verdict = adapter.verdict(CLEAN)

    assert (verdict.ending, verdict.result) == ("error", "")
    assert words in verdict.error


def test_a_login_that_is_refused_ends_the_asking_after_the_third_time() -> None:
    _, seen, _ = played("refused")

    assert [retry.status for retry in of(ProviderRetry, seen)] == [401, 401, 401]
    assert b'"interrupt"' in of(Reply, seen)[0].data


def test_a_login_that_was_accepted_after_all_is_no_error() -> None:
    adapter = Claude(run())
    retry = {"type": "system", "subtype": "api_retry", "attempt": 3, "max_retries": 10, "error_status": 401}
    fed(retry, adapter)
    fed({"type": "result", "subtype": "success", "is_error": False, "result": "Done."}, adapter)

    assert adapter.verdict(CLEAN).ending == "completed"


def test_denied_tools_are_named_in_a_success() -> None:
    adapter, _, _ = played("denied", "deny")

    verdict = adapter.verdict(CLEAN)

    assert (verdict.ending, verdict.result, verdict.denials) == ("completed", "I was not let.", ("Bash: touch x",))


def test_a_success_without_a_reason_to_stop_is_half_an_answer() -> None:
    adapter = Claude(run())
    fed({"type": "result", "subtype": "success", "is_error": False, "result": "half", "stop_reason": None}, adapter)

    assert "broke off" in adapter.verdict(CLEAN).error


def test_a_result_counts_also_when_its_process_had_to_be_ended() -> None:
    adapter, _, _ = played("worked")

    assert adapter.verdict(Exit(signal="SIGKILL", was_stopped=True)).ending == "completed"


def test_the_end_without_a_result_is_a_crash_once_it_had_begun() -> None:
    adapter = Claude(run())
    adapter.feed(RECORDED["worked"][0])

    verdict = adapter.verdict(Exit(signal="SIGKILL", stderr_tail="one\nlast words\n"))

    assert (verdict.ending, verdict.error) == (
        "crashed",
        "It was killed by SIGKILL before it gave a result: last words",
    )


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons", "IS_SANDBOX"),
        ("error: unknown option '--max-budget-usd'", "update it"),
        ("Error: Session ID 1 is already in use.", "submit the task again"),
        ("something else", "exited with code 1 before it began: something else"),
    ],
)
def test_what_keeps_it_from_beginning_is_an_error_with_its_remedy(stderr: str, words: str) -> None:
    verdict = Claude(run()).verdict(Exit(code=1, stderr_tail=stderr + "\n"))

    assert verdict.ending == "error"
    assert words in verdict.error


def test_a_tool_whose_output_was_cut_has_ended() -> None:
    content = (
        b'[{"tool_use_id":"toolu_7","type":"tool_result","content":[{"type":"image","source":{"data":"' + b"x" * 99
    )
    seen = Claude(run()).feed(b'{"type":"user","message":{"role":"user","content":' + content)
    assert [one for one in seen if isinstance(one, ToolEnded)] == [
        ToolEnded("toolu_7", output="(too long to be shown)")
    ]


def test_a_result_that_was_cut_ends_the_work_with_an_error() -> None:
    adapter = Claude(run())

    seen = adapter.feed(RECORDED["worked"][-1][:300])

    assert of(Finished, seen) == [Finished()]
    assert adapter.verdict(CLEAN).ending == "error"


# --- whatever it prints ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [b"", b"words", b"\xff\xfe", b"[1]", b'"text"', b"{}", b'{"type": 3}', b"NaN", b"[" * 200_000, b'{"a":' * 200_000],
)
def test_what_is_no_event_is_odd_and_nothing_else(line: bytes) -> None:
    assert [type(seen) for seen in Claude(run()).feed(line)] == [Odd]


def test_an_unknown_type_is_odd_and_named() -> None:
    assert fed({"type": "telepathy"}) == [Odd("telepathy", "a type that Aurora does not know")]


def test_a_block_of_no_known_type_is_passed_over() -> None:
    content = [{"type": ["text"]}, {"type": "telepathy"}, "words", {"type": "text", "text": "heard"}]

    assert fed({"type": "assistant", "message": {"id": "m", "content": content}}) == [Said("heard")]


def test_half_an_emoji_does_not_cost_the_line() -> None:
    line = b'{"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"cut \\ud83d here"}]}}'

    assert Claude(run()).feed(line) == [Said("cut ? here")]


@given(st.binary(max_size=200))
def test_no_bytes_raise(line: bytes) -> None:
    seen = Claude(run()).feed(line)

    assert all(isinstance(one, Odd | Reply | Finished) for one in seen)


@given(st.data())
def test_no_line_raises_wherever_it_is_cut(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(ALL_LINES))
    cut = line[: data.draw(st.integers(0, len(line) - 1))]

    assert any(isinstance(seen, Odd) for seen in Claude(run()).feed(cut))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**20) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in _paths(one, (*path, key)))]


@given(st.data())
def test_no_event_raises_whatever_stands_in_a_field(data: st.DataObject) -> None:
    event = json.loads(data.draw(st.sampled_from(ALL_LINES)))
    *path, last = data.draw(st.sampled_from(_paths(event)[1:]))
    place = event
    for key in path:
        place = place[key]
    place[last] = data.draw(_JSON)
    adapter = Claude(run())

    for seen in fed(event, adapter):
        if isinstance(seen, Asks):
            assert adapter.answer(seen.id, "task", "") != b""
    assert adapter.verdict(CLEAN).ending in {"completed", "error", "crashed"}
