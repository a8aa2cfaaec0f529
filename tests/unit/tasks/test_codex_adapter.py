"""The adapter of Codex reads what the real app-server printed (`tests/e2e/agents/record_codex.py`, version 0.171)."""

import json
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
    Odd,
    ProviderRetry,
    Reply,
    Said,
    Session,
    Spent,
    ToolEnded,
    ToolStarted,
)
from aurora_desktop.tasks.adapters.codex import Codex
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.task import Usage
from tasks.recordings import CLEAN, a_run, recorded
from tasks.recordings import Play as Scene

RECORDED = recorded("codex_lines")
ALL_LINES = [line for lines in RECORDED.values() for line in lines]
RESUMED = "00000000-0000-7000-8000-000000000002"


def run(**changes: Any) -> Run:
    return a_run("codex", **{"cwd": "/home/user/project", **changes})


class Play(Scene):
    """A recorded scene; `codex` is the adapter that it was given to."""

    def __init__(self, name: str, *decisions: ApprovalDecision, interrupts: bool = False, **changes: Any) -> None:
        self.codex = Codex(run(**changes))
        super().__init__(self.codex, RECORDED[name], decisions, "Not this one.", interrupts=interrupts)


def notice(method: str, **params: Any) -> bytes:
    return json.dumps({"method": method, "params": params}).encode()


def call(method: str, **params: Any) -> bytes:
    return json.dumps({"id": 7, "method": method, "params": params}).encode()


def item(stage: str, thread: str = "t", **values: Any) -> bytes:
    return notice(f"item/{stage}", threadId=thread, item=values)


def test_it_is_started_as_an_app_server_with_the_operators_arguments() -> None:
    launch = Codex(run(args=("-c", "a=1"))).launch()

    assert (launch.argv, launch.stdin, launch.closes_stdin) == (("codex", "app-server", "-c", "a=1"), "pipe", False)
    assert json.loads(launch.first)["method"] == "initialize"


def test_a_turn_of_work() -> None:
    play = Play("worked", permissions="edit", model="m")

    assert [type(seen).__name__ for seen in play.seen if not isinstance(seen, Reply | Spent)] == [
        *("Session", "ToolStarted", "ToolEnded", "ToolStarted", "ToolEnded", "Said", "Said", "Said", "Finished"),
    ]
    assert play.of(Session) == [Session("00000000-0000-7000-8000-000000000002")]
    edit, shell = play.of(ToolStarted)
    assert (edit.tool, edit.summary) == ("edit", "add /home/user/project/new.txt")
    assert edit.diff == "--- /dev/null\n+++ /home/user/project/new.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n"
    assert (shell.tool, shell.summary) == ("shell", "cat new.txt; false")
    assert [(end.failed, end.output) for end in play.of(ToolEnded)] == [(False, ""), (True, "one\ntwo\n\nexit code 1")]
    assert [(said.text, said.kind) for said in play.of(Said) if not said.partial] == [
        ("Let me see.", "thinking"),
        ("All is done.", "message"),
    ]
    assert play.of(Spent)[-1].usage == Usage(input_tokens=300, output_tokens=30)
    assert play.seen[-2:] == [Reply(b"", closes_stdin=True), Finished()]
    assert (play.codex.verdict(CLEAN).ending, play.codex.verdict(CLEAN).result) == ("completed", "All is done.")


@pytest.mark.parametrize(
    ("permissions", "sandbox", "policy"),
    [
        ("ask", "read-only", "on-request"),
        ("read-only", "read-only", "never"),
        ("edit", "workspace-write", "never"),
        ("full", "danger-full-access", "never"),
    ],
)
def test_permissions_are_sandbox_and_policy(permissions: str, sandbox: str, policy: str) -> None:
    params = Play("worked", permissions=permissions, model="m").params("thread/start")

    assert (params["sandbox"], params["approvalPolicy"], params["approvalsReviewer"]) == (sandbox, policy, "user")
    assert (params["cwd"], params["model"]) == ("/home/user/project", "m")


@pytest.mark.parametrize(("timeout_s", "wait_ms"), [(120.0, 60_000), (1.0, 5_000), (10_000.0, 300_000)])
def test_waiting_for_a_quiet_command_leaves_time_to_look_after_it(timeout_s: float, wait_ms: int) -> None:
    params = Play("worked", timeout_s=timeout_s).params("thread/start")

    assert params["config"] == {"background_terminal_max_timeout": wait_ms}


def test_the_prompt_begins_the_turn() -> None:
    params = Play("worked", prompt="do\nit").params("turn/start")

    assert params["input"] == [{"type": "text", "text": "do\nit"}]


def test_questions_are_shown_whole_and_answered() -> None:
    play = Play("asked", "once", "task", "deny", attempt=3)

    edit, shell, denied = play.of(Asks)
    assert (edit.id, edit.tool, edit.summary) == ("3-0", "edit", "add /home/user/project/new.txt")
    assert "+one\n+two" in edit.detail
    assert (shell.tool, shell.summary, shell.reason) == ("shell", "touch yes", "May I?")
    assert "in /home/user/project" in shell.detail
    answers = {one["id"]: one["result"]["decision"] for one in play.requests() if "result" in one}
    assert answers == {0: "accept", 1: "acceptForSession", 2: "decline"}
    assert play.params("turn/steer")["input"][0]["text"] == "The operator denied this: Not this one."
    assert play.codex.verdict(CLEAN).denials == (denied.summary,) == ("touch no",)
    assert play.of(AsksNoMore) == []


def test_a_question_that_codex_drops_is_asked_no_more() -> None:
    play = Play("asked")

    assert play.of(AsksNoMore) == [AsksNoMore(f"1-{number}") for number in range(3)]
    assert play.codex.answer("1-0", "once", "") == b""


def test_a_retry_of_the_provider_is_told_with_its_number() -> None:
    play = Play("retried")

    (retry,) = play.of(ProviderRetry)
    assert (retry.attempt, retry.most_attempts, retry.status) == (1, 2, 503)
    assert "Service Unavailable" in retry.detail
    assert play.codex.verdict(CLEAN).ending == "completed"


def test_a_turn_that_failed_is_an_error_although_codex_exits_cleanly() -> None:
    play = Play("failed")

    verdict = play.codex.verdict(CLEAN)
    assert verdict.ending == "error"
    assert verdict.error.startswith("The provider refused the key: unexpected status 401 Unauthorized: wrong key")


def test_an_interrupt_ends_the_turn() -> None:
    play = Play("interrupted", interrupts=True)

    assert play.params("turn/interrupt")["threadId"] == play.of(Session)[0].id
    assert play.codex.verdict(CLEAN).ending == "interrupted"
    assert play.codex.interrupt() == b""


def test_before_its_turn_there_is_nothing_to_interrupt() -> None:
    assert Codex(run()).interrupt() == b""


def test_a_thread_that_is_gone_cannot_be_resumed() -> None:
    play = Play("no_thread", resume=RESUMED)

    assert play.codex.verdict(CLEAN).error.startswith("Codex cannot go on with its thread: no rollout found")
    assert Finished() in play.seen


def test_what_a_resumed_thread_spent_before_is_not_counted() -> None:
    play = Play("resumed", resume=RESUMED)

    assert play.params("thread/resume")["threadId"] == RESUMED
    assert [spent.usage.input_tokens for spent in play.of(Spent)] == [0, 100]


def test_what_sub_agents_spend_is_added() -> None:
    codex = Play("worked").codex
    tokens = {"total": {"inputTokens": 7, "outputTokens": 3}, "last": {"inputTokens": 7, "outputTokens": 3}}

    (spent,) = codex.feed(notice("thread/tokenUsage/updated", threadId="other", turnId="x", tokenUsage=tokens))

    assert spent == Spent(Usage(input_tokens=307, output_tokens=33))


def test_an_end_without_a_completed_turn_is_a_crash() -> None:
    codex = Codex(run())

    verdict = codex.verdict(Exit(code=1, stderr_tail="first\nno such option\n"))

    assert (verdict.ending, verdict.error) == (
        "crashed",
        "Codex ended with exit code 1 (no such option) before its turn was over",
    )


@pytest.mark.parametrize(
    ("values", "tool", "summary"),
    [
        (
            {"type": "mcpToolCall", "server": "s", "tool": "t", "status": "x", "arguments": {"a": 1}},
            "s.t",
            '{ "a": 1 }',
        ),
        ({"type": "dynamicToolCall", "tool": "t", "status": "x"}, "t", ""),
        ({"type": "webSearch", "query": "words"}, "web_search", "words"),
        ({"type": "imageView", "path": "/a.png"}, "view_image", "/a.png"),
        (
            {"type": "collabAgentToolCall", "tool": "spawnAgent", "status": "x", "prompt": "go"},
            "agent.spawnAgent",
            "go",
        ),
        ({"type": "commandExecution", "command": "it's", "status": "x"}, "shell", "it's"),
    ],
)
def test_every_tool_begins_with_a_line_of_what_it_does(values: dict[str, Any], tool: str, summary: str) -> None:
    (started,) = Codex(run()).feed(item("started", id="1", **values))

    assert isinstance(started, ToolStarted)
    assert (started.tool, started.summary) == (tool, summary)


def test_a_tool_that_was_not_announced_begins_when_it_ends() -> None:
    values = {"type": "mcpToolCall", "server": "s", "tool": "t", "status": "failed", "error": {"message": "no"}}

    started, ended = Codex(run()).feed(item("completed", id="1", **values))

    assert isinstance(started, ToolStarted)
    assert ended == ToolEnded("1", failed=True, output="no")


@pytest.mark.parametrize(
    ("kind", "diff", "words"),
    [
        ({"type": "add"}, "a\n", "+++ /f\n@@ -0,0 +1,1 @@\n+a"),
        ({"type": "delete"}, "a\n", "--- /f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a"),
        ({"type": "update", "move_path": "/g"}, "@@ -1 +1 @@\n-a\n+b\n", "--- /f\n+++ /g\n@@ -1 +1 @@\n-a\n+b"),
    ],
)
def test_each_change_of_a_file_is_a_diff(kind: dict[str, Any], diff: str, words: str) -> None:
    change = {"path": "/f", "kind": kind, "diff": diff}

    (started,) = Codex(run()).feed(item("started", id="1", type="fileChange", status="x", changes=[change]))

    assert isinstance(started, ToolStarted)
    assert words in started.diff


def test_the_end_of_a_tool_is_known_although_its_line_was_cut() -> None:
    codex = Codex(run())
    codex.feed(item("started", id="c-1", type="commandExecution", command="yes", status="inProgress"))

    cut = b'{"method":"item/completed","params":{"item":{"type":"commandExecution","id":"c-1","aggregatedOutput":"yyy'

    assert codex.feed(cut) == [ToolEnded("c-1", output="(too long to be shown)")]
    assert [type(seen) for seen in codex.feed(cut)] == [Odd]


def test_a_plan_is_a_thought() -> None:
    plan = [
        {"step": "a", "status": "completed"},
        {"step": "b", "status": "inProgress"},
        {"step": "c", "status": "pending"},
    ]

    (said,) = Codex(run()).feed(notice("turn/plan/updated", plan=plan, explanation="So:"))

    assert said == Said("So:\n[x] a\n[>] b\n[ ] c", "thinking")


def test_more_permissions_are_asked_for_and_granted_as_long_as_said() -> None:
    wanted = {"network": {"enabled": True}, "fileSystem": None}
    for decision, result in {
        "once": {"permissions": {"network": {"enabled": True}}, "scope": "turn"},
        "task": {"permissions": {"network": {"enabled": True}}, "scope": "session"},
        "deny": {"permissions": {}, "scope": "turn"},
    }.items():
        codex = Codex(run())
        (asks,) = codex.feed(call("item/permissions/requestApproval", permissions=wanted, reason="to fetch"))
        assert isinstance(asks, Asks)
        assert (asks.tool, asks.reason) == ("permissions", "to fetch")
        assert json.loads(codex.answer(asks.id, decision, ""))["result"] == result  # type: ignore[arg-type] # its keys


def test_a_tool_of_an_mcp_server_is_asked_for() -> None:
    play = Play("mcp", "once", "task", "deny")

    once = play.of(Asks)[0]
    assert (once.tool, once.summary) == ("db.drop", 'db.drop { "t": "users" }')
    assert once.detail.startswith('Allow the db MCP server to run tool "drop"?\ndrops the table\n')
    results = [one["result"] for one in play.requests() if "result" in one]
    assert [(result["action"], result["_meta"]) for result in results] == [
        ("accept", None),
        ("accept", {"persist": "session"}),
        ("decline", None),
    ]
    assert [(end.failed, end.output) for end in play.of(ToolEnded)] == [
        *((False, "dropped"), (False, "dropped"), (True, "user rejected MCP tool call")),
    ]


@pytest.mark.parametrize(
    ("method", "params", "result"),
    [
        ("item/tool/requestUserInput", {"questions": []}, {"answers": {}}),
        ("mcpServer/elicitation/request", {"serverName": "s", "mode": "url", "url": "http://x"}, {"action": "decline"}),
        (
            "mcpServer/elicitation/request",
            {"serverName": "s", "requestedSchema": {"required": ["a"]}},
            {"action": "decline"},
        ),
    ],
)
def test_what_yes_or_no_does_not_answer_is_declined_at_once(
    method: str, params: dict[str, Any], result: dict[str, Any]
) -> None:
    (reply,) = Codex(run()).feed(call(method, **params))

    assert isinstance(reply, Reply)
    assert json.loads(reply.data)["result"].items() >= result.items()


@pytest.mark.parametrize(
    "line",
    [call("account/login/dance"), call("item/fileChange/requestApproval"), call("item/permissions/requestApproval")],
)
def test_a_call_that_is_not_understood_is_refused(line: bytes) -> None:
    odd, reply = Codex(run()).feed(line)

    assert isinstance(odd, Odd)
    assert isinstance(reply, Reply)
    assert "error" in json.loads(reply.data)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (notice("warning", message="old model"), "warning"),
        (notice("brand/new", x=1), "brand/new"),
        (item("started", id="1", type="brandNew"), "item/started"),
        (item("started", id="1", type="commandExecution"), "item/started"),
        (b'{"id":1,"result":{}}', ""),
        (b"not json", ""),
    ],
)
def test_what_is_not_known_is_odd_and_not_fatal(line: bytes, kind: str) -> None:
    (odd,) = Codex(run()).feed(line)

    assert isinstance(odd, Odd)
    assert odd.type == kind


@given(st.binary(max_size=200))
def test_no_bytes_raise(line: bytes) -> None:
    assert Play("worked").codex.feed(line) is not None


@given(st.data())
def test_no_cut_line_raises(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(ALL_LINES))
    codex = Codex(run())
    codex.launch()

    codex.feed(line[: data.draw(st.integers(0, len(line)))])

    assert codex.verdict(Exit(signal="SIGKILL")).ending in ("crashed", "error")


@given(st.data())
def test_no_changed_line_raises(data: st.DataObject) -> None:
    """Any value of a real message replaced by one of another kind."""
    message = json.loads(data.draw(st.sampled_from(ALL_LINES)))
    place: Any = message
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(st.sampled_from([None, 1, -1.5, 10**30, "x", [], [[]], {}, {"a": {}}]))
            break
        place = place[key]
    codex = Codex(run())
    codex.launch()

    for seen in codex.feed(json.dumps(message).encode()):
        if isinstance(seen, Asks):
            assert codex.answer(seen.id, "once", "") != b""
