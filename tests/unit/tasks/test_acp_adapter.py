"""The adapter of the Agent Client Protocol, line by line: what the tests with a real agent do not reach."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.tasks.adapters.acp import Acp
from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    AsksNoMore,
    Exit,
    Finished,
    Observation,
    Odd,
    Reply,
    Said,
    Session,
    Spent,
    ToolEnded,
    ToolStarted,
)
from aurora_desktop.tasks.adapters.speech import MOST_MESSAGE, Speech
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.task import Usage
from tasks.recordings import CLEAN, a_run

ABLE = {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}
ONCE, EVER = {"optionId": "o", "kind": "allow_once"}, {"optionId": "e", "kind": "allow_always"}
NO, NEVER = {"optionId": "n", "kind": "reject_once"}, {"optionId": "nn", "kind": "reject_always"}


def run(**changes: Any) -> Run:
    return a_run("acp", "helper", "--acp", **{"agent": "helper", **changes})


def line(**message: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode()


def update(kind: str, /, **values: Any) -> bytes:
    return line(method="session/update", params={"sessionId": "s", "update": {"sessionUpdate": kind, **values}})


def words(text: str, kind: str = "agent_message_chunk", **values: Any) -> bytes:
    return update(kind, content={"type": "text", "text": text}, **values)


def permission(*options: dict[str, str], call_id: Any = 5, **tool: Any) -> bytes:
    tool = {"toolCallId": "c", "title": "Do it", **tool}
    params = {"sessionId": "s", "toolCall": tool, "options": options}
    return line(id=call_id, method="session/request_permission", params=params)


def opened(can: dict[str, Any] | None = None, session: dict[str, Any] | None = None, **changes: Any) -> Acp:
    """An adapter whose prompt has been given."""
    acp = Acp(run(**changes))
    acp.launch()
    acp.feed(line(id=1, result=can or ABLE))
    acp.feed(line(id=2, result={"sessionId": "s", **(session or {})}))
    return acp


def data(seen: Observation) -> Any:
    assert isinstance(seen, Reply)
    return json.loads(seen.data)


def test_it_is_started_with_the_operators_arguments_and_offers_no_files() -> None:
    launch = Acp(run(args=("--fast",))).launch()

    assert (launch.argv, launch.stdin) == (("helper", "--acp", "--fast"), "pipe")
    first = json.loads(launch.first)
    assert first["method"] == "initialize"
    assert first["params"]["clientCapabilities"] == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }


def test_a_session_begins_in_the_folder_and_gets_the_prompt() -> None:
    acp = Acp(run())
    acp.launch()

    (new,) = acp.feed(line(id=1, result=ABLE))
    session, prompt = acp.feed(line(id=2, result={"sessionId": "s"}))

    assert data(new)["params"] == {"cwd": "/work", "mcpServers": []}
    assert session == Session("s")
    assert data(prompt)["params"] == {"sessionId": "s", "prompt": [{"type": "text", "text": "do it"}]}


def test_a_session_that_cannot_be_resumed_is_not_told() -> None:
    acp = Acp(run())
    acp.launch()
    acp.feed(line(id=1, result={"protocolVersion": 1}))

    assert [type(seen) for seen in acp.feed(line(id=2, result={"sessionId": "s"}))] == [Reply]


@pytest.mark.parametrize(
    ("can", "method"),
    [
        ({"loadSession": True}, "session/load"),
        ({"sessionCapabilities": {"resume": {}}}, "session/resume"),
        ({"loadSession": True, "sessionCapabilities": {"resume": {}}}, "session/resume"),
    ],
)
def test_a_session_is_resumed_as_the_agent_can(can: dict[str, Any], method: str) -> None:
    acp = Acp(run(resume="before"))
    acp.launch()

    (again,) = acp.feed(line(id=1, result={"protocolVersion": 1, "agentCapabilities": can}))
    history = acp.feed(words("as said before"))
    session, prompt = acp.feed(line(id=2, result=None))

    assert (data(again)["method"], data(again)["params"]["sessionId"]) == (method, "before")
    assert history == []
    assert session == Session("before")
    assert data(prompt)["params"]["sessionId"] == "before"


def test_an_agent_that_keeps_no_sessions_has_none_to_resume() -> None:
    acp = Acp(run(resume="before"))
    acp.launch()
    acp.feed(line(id=1, result={"protocolVersion": 1}))

    assert acp.verdict(CLEAN).error == "helper cannot go on with an earlier session: retry the task from its beginning"


def test_the_model_is_chosen_where_the_agent_offers_it() -> None:
    models = [{"name": "G", "group": "g", "options": [{"value": "small"}, {"value": "large"}]}]
    options = [{"id": "m", "category": "model", "currentValue": "small", "options": models}]
    acp = Acp(run(model="large"))
    acp.launch()
    acp.feed(line(id=1, result=ABLE))

    _, choice = acp.feed(line(id=2, result={"sessionId": "s", "configOptions": options}))
    (prompt,) = acp.feed(line(id=3, result={"configOptions": []}))

    assert data(choice)["params"] == {"sessionId": "s", "configId": "m", "value": "large"}
    assert data(prompt)["method"] == "session/prompt"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (None, "the model `huge` cannot be had: helper lets nobody choose its model"),
        (
            [{"id": "m", "category": "model", "options": [{"value": "a"}, {"value": "b"}]}],
            "the model `huge` cannot be had: helper offers a, b",
        ),
    ],
)
def test_a_model_that_cannot_be_had_is_an_error_before_anything_is_done(options: Any, why: str) -> None:
    acp = opened(session={"configOptions": options}, model="huge")

    assert (acp.verdict(CLEAN).ending, acp.verdict(CLEAN).error) == ("error", why)


def test_pieces_become_messages() -> None:
    acp = opened()

    seen = [*acp.feed(words("Let ", "agent_thought_chunk")), *acp.feed(words("me", "agent_thought_chunk"))]
    seen += [*acp.feed(words("Hello ")), *acp.feed(words("you")), *acp.feed(words("Next", messageId="2"))]
    seen += acp.feed(line(id=3, result={"stopReason": "end_turn"}))

    whole = [(said.text, said.kind) for said in seen if isinstance(said, Said) and not said.partial]
    assert whole == [("Let me", "thinking"), ("Hello you", "message"), ("Next", "message")]
    assert seen[-2:] == [Reply(b"", closes_stdin=True), Finished()]
    assert (acp.verdict(CLEAN).ending, acp.verdict(CLEAN).result) == ("completed", "Next")


def test_an_endless_message_is_kept_up_to_its_limit() -> None:
    speech = Speech()
    for _ in range(30):
        speech.hear("x" * 100_000, "message", None)

    speech.pause()

    assert len(speech.last_message) == MOST_MESSAGE


def test_of_tools_that_never_end_the_newest_are_remembered() -> None:
    acp = opened()
    for number in range(101):
        acp.feed(update("tool_call", toolCallId=str(number), title="look"))

    newest = acp.feed(update("tool_call_update", toolCallId="100", status="completed"))
    oldest = acp.feed(update("tool_call_update", toolCallId="0", status="completed"))

    assert [type(seen) for seen in newest] == [ToolEnded]
    assert [type(seen) for seen in oldest] == [ToolStarted, ToolEnded]


def test_a_tool_begins_once_and_ends_with_its_output() -> None:
    acp = opened()
    text = {"type": "content", "content": {"type": "text", "text": "out"}}
    change = {"type": "diff", "path": "/f", "oldText": "a\n", "newText": "b\n"}

    (began,) = acp.feed(update("tool_call", toolCallId="c", title="Edit\nit", kind="edit", rawInput={"a": 1}))
    changed = acp.feed(update("tool_call_update", toolCallId="c", status="in_progress", content=[text]))
    (ended,) = acp.feed(update("tool_call_update", toolCallId="c", status="completed"))
    late, failed = acp.feed(update("tool_call_update", toolCallId="d", status="failed", content=[change]))

    assert began == ToolStarted("c", "edit", "Edit it", '{\n  "a": 1\n}')
    assert changed == []
    assert ended == ToolEnded("c", output="out")
    assert isinstance(late, ToolStarted)
    assert isinstance(failed, ToolEnded)
    assert (late.tool, failed.failed) == ("tool", True)
    assert "-a\n+b" in late.diff


@pytest.mark.parametrize(
    ("permissions", "kind", "option"),
    [
        ("full", None, "o"),
        ("full", "execute", "o"),
        ("edit", "edit", "o"),
        ("edit", "read", "o"),
        ("read-only", "read", "o"),
        ("read-only", "edit", "n"),
        ("read-only", None, "n"),
    ],
)
def test_permissions_answer_by_the_kind_of_tool(permissions: str, kind: str | None, option: str) -> None:
    (reply,) = opened(permissions=permissions).feed(permission(ONCE, EVER, NO, kind=kind))

    assert data(reply)["result"]["outcome"] == {"outcome": "selected", "optionId": option}


@pytest.mark.parametrize(
    ("permissions", "kind"), [("ask", "read"), ("ask", "edit"), ("edit", "execute"), ("edit", None)]
)
def test_all_else_is_asked(permissions: str, kind: str | None) -> None:
    (asks,) = opened(permissions=permissions).feed(permission(ONCE, NO, kind=kind))

    assert isinstance(asks, Asks)
    assert (asks.id, asks.summary) == ("1-5", "Do it")


@pytest.mark.parametrize(
    ("options", "decision", "outcome"),
    [
        ((ONCE, EVER, NO), "once", "o"),
        ((ONCE, EVER, NO), "task", "e"),
        ((ONCE, EVER, NO, NEVER), "deny", "n"),
        ((ONCE, NEVER), "deny", "nn"),
        ((ONCE, NO), "task", "o"),
        ((EVER, NO), "once", "e"),
        ((ONCE, EVER), "deny", None),
        ((), "once", None),
    ],
)
def test_a_decision_is_the_nearest_option_of_the_agent(options: Any, decision: Any, outcome: str | None) -> None:
    acp = opened()
    (asks,) = acp.feed(permission(*options))
    assert isinstance(asks, Asks)

    answer = json.loads(acp.answer(asks.id, decision, "so"))

    assert answer["result"]["outcome"].get("optionId") == outcome
    assert answer["result"]["_meta"] == {"reason": "so"}
    assert ("allowed always" in asks.reason) == (ONCE not in options)
    assert acp.answer(asks.id, decision, "") == b""


def test_what_was_denied_is_told_with_the_verdict() -> None:
    acp = opened()
    acp.feed(permission(ONCE, NO))
    acp.answer("1-5", "deny", "")
    acp.feed(line(id=3, result={"stopReason": "end_turn"}))

    assert acp.verdict(CLEAN).denials == ("Do it",)


def test_a_question_that_the_agent_takes_back_is_asked_no_more() -> None:
    acp = opened()
    acp.feed(permission(ONCE, NO))

    cancel = line(method="$/cancel_request", params={"requestId": 5})

    assert acp.feed(cancel) == [AsksNoMore("1-5")]
    assert acp.feed(cancel) == []


def test_an_interrupt_cancels_the_turn_and_what_is_asked() -> None:
    acp = opened()
    acp.feed(permission(ONCE, NO))

    cancel, answer = (json.loads(part) for part in acp.interrupt().splitlines())
    acp.feed(line(id=3, result={"stopReason": "cancelled"}))

    assert (cancel["method"], cancel["params"]) == ("session/cancel", {"sessionId": "s"})
    assert (answer["id"], answer["result"]) == (5, {"outcome": {"outcome": "cancelled"}})
    assert acp.verdict(CLEAN).ending == "interrupted"
    assert acp.interrupt() == b""


@pytest.mark.parametrize("reason", ["max_tokens", "max_turn_requests", "refusal", "brand_new"])
def test_a_turn_that_stops_early_is_an_error(reason: str) -> None:
    acp = opened()
    acp.feed(line(id=3, result={"stopReason": reason}))

    assert acp.verdict(CLEAN).ending == "error"
    assert acp.verdict(CLEAN).error


def test_cost_and_tokens_are_of_this_turn() -> None:
    acp = Acp(run(resume="before"))
    acp.launch()
    acp.feed(line(id=1, result=ABLE))
    acp.feed(update("usage_update", used=1, size=2, cost={"amount": 1.5, "currency": "USD"}))
    acp.feed(line(id=2, result=None))

    (paid,) = acp.feed(update("usage_update", used=1, size=2, cost={"amount": 2.0, "currency": "USD"}))
    foreign = acp.feed(update("usage_update", used=1, size=2, cost={"amount": 9, "currency": "EUR"}))
    usage = {"totalTokens": 60, "inputTokens": 30, "outputTokens": 10, "thoughtTokens": 5}
    spent = acp.feed(line(id=3, result={"stopReason": "end_turn", "usage": usage}))[0]

    assert paid == Spent(Usage(cost_usd=0.5))
    assert foreign == []
    assert spent == Spent(Usage(cost_usd=0.5, input_tokens=45, output_tokens=15))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"result": {"protocolVersion": 2}}, "helper speaks version 2 of the protocol, Aurora 1"),
        ({"result": {}}, "helper answered `initialize` in a way that Aurora does not understand"),
        ({"error": {"code": -32000, "message": "x"}}, "helper wants you to sign in first, in a terminal"),
        ({"error": {"code": -1, "message": "no", "data": {"a": 1}}}, 'helper cannot do `initialize`: no ({ "a": 1 })'),
    ],
)
def test_an_agent_that_cannot_begin_is_an_error_in_words(answer: dict[str, Any], why: str) -> None:
    acp = Acp(run())
    acp.launch()

    seen = acp.feed(line(id=1, **answer))

    assert seen[-1] == Finished()
    assert (acp.verdict(CLEAN).ending, acp.verdict(CLEAN).error) == ("error", why)


def test_the_way_to_sign_in_is_named() -> None:
    acp = Acp(run())
    acp.launch()
    acp.feed(line(id=1, result={**ABLE, "authMethods": [{"id": "key", "name": "A key"}, {"id": "web"}]}))
    acp.feed(line(id=2, error={"code": -32000, "message": "x"}))

    assert acp.verdict(CLEAN).error == "helper wants you to sign in first, in a terminal (A key, web)"


def test_an_end_without_an_answer_is_a_crash() -> None:
    acp = opened()
    acp.feed(words("half a"))
    acp.feed(update("plan", entries=[{"content": "go on"}]))

    verdict = acp.verdict(Exit(code=3, stderr_tail="boom\n"))

    assert (verdict.ending, verdict.result) == ("crashed", "half a")
    assert verdict.error == "helper ended with exit code 3 (boom) before its turn was over"


@pytest.mark.parametrize(
    "message",
    [
        line(id=9, method="fs/read_text_file", params={"path": "/etc/passwd"}),
        line(id=9, method="terminal/create", params={}),
        line(id=9, method="session/request_permission", params={"options": []}),
    ],
)
def test_what_aurora_does_not_offer_is_refused(message: bytes) -> None:
    odd, reply = opened().feed(message)

    assert isinstance(odd, Odd)
    assert data(reply)["error"]["code"] == -32601


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (update("brand_new"), "brand_new"),
        (update("plan"), "plan"),
        (line(method="session/update", params=[1]), "session/update"),
        (line(method="brand/new", params={}), "brand/new"),
        (line(method="$/cancel_request", params=3), "$/cancel_request"),
        (b"a word on standard output", ""),
    ],
)
def test_what_is_not_known_is_odd_and_not_fatal(message: bytes, kind: str) -> None:
    (odd,) = opened().feed(message)

    assert isinstance(odd, Odd)
    assert odd.type == kind


@pytest.mark.parametrize("kind", ["available_commands_update", "current_mode_update", "user_message_chunk"])
def test_what_is_of_no_use_is_passed_over(kind: str) -> None:
    assert opened().feed(update(kind)) == []


@given(st.binary(max_size=200))
def test_no_bytes_raise(message: bytes) -> None:
    assert opened().feed(message) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PARTS = st.dictionaries(
    st.sampled_from(
        ["toolCallId", "title", "kind", "status", "content", "rawInput", "entries", "cost", "type", "path"]
    ),
    JSON
    | st.lists(st.dictionaries(st.sampled_from(["type", "content", "oldText", "newText", "path"]), JSON), max_size=2),
    max_size=5,
)


@given(st.sampled_from(["tool_call", "tool_call_update", "plan", "usage_update", "agent_message_chunk"]), PARTS)
def test_no_update_raises(kind: str, values: dict[str, Any]) -> None:
    acp = opened()

    acp.feed(update(kind, **values))
    for seen in acp.feed(permission(ONCE, **values)):
        if isinstance(seen, Asks):
            assert acp.answer(seen.id, "once", "") != b""
