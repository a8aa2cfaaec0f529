"""The tools of `aurora mcp`, called by the SDK's own client in this process, against the real door."""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import anyio
import msgspec
import pytest
from api.house import PATIENCE_S, House
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.types import CallToolResult, ImageContent, Implementation, TextContent

from aurora_desktop.cli.mcp import schema
from aurora_desktop.cli.mcp.serving import server_of
from aurora_desktop.cli.mcp.tools import all_tools
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.input.actions import Action, Key, LeftClick, Point
from aurora_desktop.input.errors import InputRefusedError, RefusalCode
from aurora_desktop.safety.view import ControlView, Decided

PICTURE = b"\x89PNG\r\n\x1a\n"
CLICK = {"action": "left_click", "at": {"x": 1, "y": 2}}
DOCS = Path(__file__).parents[3] / "docs"


def ask(paths: StatePaths, work: Callable[[Client], Awaitable[None]], name: str = "clerk") -> None:
    """`work` with a client that bears this name."""

    async def main() -> None:
        who = Implementation(name=name, version="1")
        async with Client(server_of(paths), client_info=who, read_timeout_seconds=PATIENCE_S) as client:
            await work(client)

    asyncio.run(main())


def call(house: House, tool: str, arguments: dict[str, Any] | None = None, **given: str) -> CallToolResult:
    return _called(house.paths, tool, arguments, **given)


def _called(paths: StatePaths, tool: str, arguments: dict[str, Any] | None = None, **given: str) -> CallToolResult:
    found: list[CallToolResult] = []

    async def work(client: Client) -> None:
        found.append(await client.call_tool(tool, arguments))

    ask(paths, work, **given)
    return found[0]


def told(house: House, tool: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    result = call(house, tool, arguments)
    assert not result.is_error, result.content
    return dict(result.structured_content)


# --- what is declared ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", all_tools(StatePaths(Path("/nowhere"))), ids=lambda tool: tool.name)
def test_each_tool_is_declared_in_full(tool: Any) -> None:
    declared = tool.declared()
    Draft202012Validator.check_schema(declared.input_schema)
    assert (declared.input_schema["type"], declared.input_schema["additionalProperties"]) == ("object", False)
    assert set(declared.input_schema["properties"]) == set(tool.arguments.__struct_fields__)
    hints = declared.annotations
    assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
    assert not (hints.read_only_hint and hints.destructive_hint)


@pytest.mark.parametrize("kind", get_args(Action))
def test_every_action_is_in_the_schema(kind: Any) -> None:
    action = schema.schema_of(schema.ComputerArguments)["properties"]["action"]
    assert {"$ref": f"#/$defs/{kind.__name__}"} in action["anyOf"]


@pytest.mark.parametrize("action", [Key(keys="ctrl+s"), LeftClick(at=Point(x=1, y=2, screenshot="abc"))])
def test_an_action_fits_the_schema(action: Action) -> None:
    validator = Draft202012Validator(schema.schema_of(schema.ComputerArguments))
    assert validator.is_valid({"action": msgspec.to_builtins(action)})
    assert not validator.is_valid({"action": {"action": "left_klick"}})


# --- mouse and keyboard -------------------------------------------------------------------------------------------


def test_an_action_is_done_in_the_clients_name(house: House) -> None:
    assert told(house, "computer", {"action": CLICK})["outcome"] == "done"
    [submission] = house.input.submissions
    assert (submission.action, submission.agent) == (LeftClick(at=Point(x=1, y=2)), "clerk")


@pytest.mark.parametrize("name", ["", "a\nb\x1b[2J", "x" * 300])
def test_a_strange_name_is_made_harmless(house: House, name: str) -> None:
    assert not call(house, "computer", {"action": CLICK}, name=name).is_error
    agent = house.input.submissions[0].agent
    assert (agent.isprintable(), len(agent) <= 100) == (True, True)


def test_another_dialect_is_understood(house: House) -> None:
    told(house, "computer", {"action": {"action": "left_click", "coordinate": [1, 2]}})
    assert house.input.submissions[0].action == LeftClick(at=Point(x=1, y=2))


@pytest.mark.parametrize("code", get_args(RefusalCode))
def test_a_refusal_carries_the_input_agents_code(house: House, code: RefusalCode) -> None:
    house.input.refusal = InputRefusedError(code, "Mouse and keyboard are disabled", "not armed", "Ask the operator")
    result = call(house, "computer", {"action": CLICK})
    assert result.is_error
    assert result.structured_content["code"] == code
    [text] = result.content
    assert isinstance(text, TextContent)
    assert text.text == f"{code}: Mouse and keyboard are disabled. not armed. Ask the operator."


@pytest.mark.parametrize("outcome", ["refused", "not_started", "partial", "uncertain"])
def test_any_outcome_but_done_is_an_error(house: House, outcome: str) -> None:
    house.input.ending = {"status": "failed", "outcome": outcome, "reason": "the window is denied"}
    result = call(house, "computer", {"action": CLICK})
    assert result.is_error
    assert (result.structured_content["code"], result.structured_content["reason"]) == (outcome, "the window is denied")


def test_a_screenshot_comes_as_an_image(house: House) -> None:
    house.paths.evidence.mkdir(parents=True)
    (house.paths.evidence / "0123456789ab.png").write_bytes(PICTURE)
    shot = {"id": "0123456789ab", "path": "/secret/0123456789ab.png", "image_width": 10, "image_height": 5}
    house.input.ending = {"status": "completed", "outcome": "done", "result": shot}
    result = call(house, "screenshot", {"display": "HDMI-1"})
    _, image = result.content
    assert isinstance(image, ImageContent)
    assert (image.mime_type, base64.b64decode(image.data)) == ("image/png", PICTURE)
    assert result.structured_content["result"] == {"id": "0123456789ab", "image_width": 10, "image_height": 5}
    [submission] = house.input.submissions
    assert msgspec.to_builtins(submission.action) == {
        "action": "screenshot", "display": "HDMI-1", "max_width": 1280, "max_height": 1280
    }  # fmt: skip


def test_what_is_given_up_is_taken_back(house: House) -> None:
    house.input.ending = None

    async def work(client: Client) -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "computer", {"action": CLICK})
                await asyncio.to_thread(house.input.waited_for.wait, PATIENCE_S)
                scope.cancel()

    ask(house.paths, work)
    assert [by for _, by in house.input.cancels] == ["api"]


# --- control ------------------------------------------------------------------------------------------------------


def test_the_operator_is_asked_and_the_decision_told(house: House) -> None:
    house.control.now = ControlView(state="disarmed")
    house.control.decided = Decided(decision="declined", detail="the operator said no", hint="Go on without")
    steps: list[str | None] = []

    async def work(client: Client) -> None:
        async def progress(_: float, __: float | None, message: str | None) -> None:
            steps.append(message)

        arguments = {"reason": "to fill in the form", "wait_s": 5}
        result = await client.call_tool("request_control", arguments, progress_callback=progress)
        assert not result.is_error
        assert result.structured_content["decision"] == "declined"

    ask(house.paths, work)
    assert house.control.requests == [("clerk", "to fill in the form", 5.0)]
    assert steps == ["the operator is asked"]


def test_a_question_that_is_given_up_is_withdrawn(house: House) -> None:
    house.control.decided = None

    async def work(client: Client) -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "request_control", {"reason": "x"})
                await asyncio.to_thread(house.control.asked.wait, PATIENCE_S)
                scope.cancel()
        assert await asyncio.to_thread(house.control.withdrawn.wait, PATIENCE_S)

    ask(house.paths, work)


def test_control_is_given_back_with_who_did(house: House) -> None:
    assert told(house, "release_control", {"reason": "done"})["control"]["state"] == "disarmed"
    assert house.control.disarms == ["api: clerk: done"]


def test_how_control_stands(house: House) -> None:
    assert told(house, "control_status")["state"] == "armed"
    assert told(house, "list_displays")["displays"][0]["id"] == "HDMI-1"


def test_the_stop_goes_by_the_program_where_no_guard_is(house: House) -> None:
    answer = told(house, "emergency_stop", {"reason": "it types nonsense"})
    assert (answer["stopped_by"], answer["latched"]) == ("program", True)
    assert house.control.stops == ["api: clerk: it types nonsense"]


# --- services, tasks, failures ------------------------------------------------------------------------------------


def test_the_services(house: House) -> None:
    answer = told(house, "services_status")
    assert [service["name"] for service in answer["services"]] == ["web", "db"]
    assert answer["sentence"]
    house.paths.service_log("web").parent.mkdir(parents=True, exist_ok=True)
    house.paths.service_log("web").write_text("one\ntwo\n")
    one = told(house, "services_status", {"name": "web", "log_lines": 1})
    assert (one["service"]["pid"], one["log"]) == (4242, "two\n")


def test_a_service_is_restarted(house: House) -> None:
    assert told(house, "service_restart", {"name": "web"})["settled"] is True
    assert house.supervisor.calls == [("restart", ("web",), "command")]


def test_a_service_that_does_not_come_up_is_an_error(house: House) -> None:
    house.supervisor.outcomes["web"] = {"state": "failed", "problem": "command not found"}
    assert call(house, "service_restart", {"name": "web"}).is_error


def test_a_task_is_submitted_and_waited_for(house: House) -> None:
    house.tasks.course = [{"status": "running"}, {"status": "completed", "result": "done"}]
    answer = told(house, "submit_task", {"prompt": "tidy up", "role": "coder", "wait_s": 10})
    assert (answer["status"], answer["result"], "prompt" in answer) == ("completed", "done", False)
    [request] = house.tasks.requests
    assert (request.role, request.agent, request.operator_user, request.source) == ("coder", "", "clerk", "api")


def test_a_task_goes_to_claude_unless_told_otherwise(house: House) -> None:
    assert told(house, "submit_task", {"prompt": "tidy up"})["status"] == "queued"
    assert house.tasks.requests[0].agent == "claude"


def test_a_task_that_waits_for_the_operator_is_no_reason_to_wait_for_ever(house: House) -> None:
    assert told(house, "task_status", {"id": "task_2", "wait_s": 0.01})["status"] == "waiting_approval"


def test_past_failures(house: House) -> None:
    assert told(house, "failures_search", {"query": "port conflict", "limit": 5})["total"] == 3
    assert house.healing.searches == [("port conflict", 5)]
    told(house, "failures_search", {"query": "port conflict", "cursor": "1:2.5:3"})
    assert house.healing.places == [None, (1, 2.5, 3)]


def test_work_for_mouse_and_keyboard_is_given_with_their_token(house: House) -> None:
    told(house, "submit_task", {"agent": "input", "prompt": '[{"action": "wait", "duration_s": 1}]'})
    [request] = house.tasks.requests
    assert request.agent == "input"


def test_what_is_left_empty_counts_as_not_given(house: House) -> None:
    """Some agents fill in every argument that they see."""
    empty = dict.fromkeys(("agent", "role", "pipeline", "cwd", "idempotency_key"), "")
    told(house, "submit_task", {"prompt": "tidy up", **empty})
    [request] = house.tasks.requests
    assert (request.agent, request.role, request.cwd, request.idempotency_key) == ("claude", "", None, None)


# --- what is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("service_restart", {}, "missing required field `name`"),
        ("service_restart", {"name": "web", "now": True}, "unknown field `now`"),
        ("service_restart", {"name": 7}, "Expected `str`"),
        ("control_status", {"x": 1}, "unknown field `x`"),
        ("request_control", {"wait_s": 301}, "<= 300"),
        ("service_restart", {"name": "wbe"}, "Did you mean `web`?"),
        ("task_status", {"id": "task_99"}, "There is no task"),
        ("arm", {}, "There is no tool `arm`"),
    ],
)
def test_what_is_wrong_is_said(house: House, tool: str, arguments: dict[str, Any], words: str) -> None:
    result = call(house, tool, arguments)
    [text] = result.content
    assert isinstance(text, TextContent)
    assert (result.is_error, words in text.text) == (True, True), text.text


def test_no_tool_arms_resets_or_allows(house: House) -> None:
    names = {tool.name for tool in all_tools(house.paths)}
    words = ("arm", "reset", "allow", "approve", "thaw", "accept", "clear", "gate", "policy", "token")
    assert not [name for name in names if any(word in name for word in words)]


def test_the_page_has_a_row_for_every_tool() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .*\| .*\| .* \|$", (DOCS / "mcp.md").read_text(), re.MULTILINE)
    assert [name for name in rows if name != "code"] == [tool.name for tool in all_tools(StatePaths(Path("/nowhere")))]


def test_without_aurora_it_says_so(tmp_path: Path) -> None:
    result = _called(StatePaths(tmp_path), "control_status")
    assert (result.is_error, result.structured_content["code"]) == (True, "not_running")
