"""`aurora mcp` in front of the real Aurora: the SDK's own client over stdio, an operator, and the real Claude Code."""

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, ImageContent, Implementation

from . import services
from .agents import path_with_node, program
from .agents.anthropic import StandIn, Tool, says
from .aurora import Aurora
from .cockpit import REST, Cockpit
from .waiting import eventually

pytestmark = pytest.mark.brake

TOOLS = {
    "computer", "screenshot", "request_control", "release_control", "control_status", "list_displays", "list_windows",
    "services_status", "service_restart", "submit_task", "task_status", "failures_search", "emergency_stop",
}  # fmt: skip
LOOKS = {
    "screenshot", "control_status", "list_displays", "list_windows", "services_status", "task_status",
    "failures_search",
}  # fmt: skip
DESTROYS = {"computer", "service_restart", "submit_task", "emergency_stop"}
PATIENCE_S = 30.0
# Claude Code begins to talk before its servers are there, unless it is told otherwise: then the tools come too late.
PATIENT = {"MCP_CONNECTION_NONBLOCKING": "false", "MCP_CONNECT_TIMEOUT_MS": "60000", "MCP_TIMEOUT": "60000"}
PNG = b"\x89PNG\r\n\x1a\n"


@asynccontextmanager
async def connected(aurora: Aurora, mode: str = "auto") -> AsyncIterator[Client]:
    """A client of a server of its own; nothing of it is left behind."""
    command, *arguments = aurora.argv("mcp")
    server = StdioServerParameters(command=command, args=arguments, env=aurora.environment)
    who = Implementation(name="clerk", version="1")
    async with Client(server, client_info=who, read_timeout_seconds=PATIENCE_S, mode=mode) as client:
        yield client


def ask(aurora: Aurora, work: Callable[[Client], Awaitable[None]], mode: str = "auto") -> None:
    async def main() -> None:
        async with connected(aurora, mode) as client:
            await work(client)

    asyncio.run(main())


def good(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    return dict(result.structured_content)


def bad(result: CallToolResult) -> dict[str, Any]:
    assert result.is_error, result.content
    return dict(result.structured_content)


def test_what_an_agent_may_do_without_the_operator(aurora: Aurora, tmp_path: Path) -> None:
    echo = {"kind": "command", "command": ["sh", "-c", "echo well done"], "cwd": str(tmp_path)}
    aurora.configure({"web": services.calm()}, tasks={"agents": {"echo": echo}})
    aurora.start()
    first = aurora.until("web", "running")["pid"]

    async def work(client: Client) -> None:
        declared = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(declared) == TOOLS
        hints = {name: tool.annotations for name, tool in declared.items()}
        assert {name for name, hint in hints.items() if hint.read_only_hint} == LOOKS
        assert {name for name, hint in hints.items() if hint.destructive_hint} == DESTROYS
        assert {tool.input_schema["type"] for tool in declared.values()} == {"object"}

        assert good(await client.call_tool("services_status"))["verdict"] == "healthy"
        one = good(await client.call_tool("services_status", {"name": "web"}))
        assert one["service"]["pid"] == first
        steps: list[str] = []

        async def progress(_: float, __: float | None, message: str | None) -> None:
            steps.append(message or "")

        reply = await client.call_tool("service_restart", {"name": "web"}, progress_callback=progress)
        assert good(reply)["settled"] is True
        assert steps[0] == "web is restarted"
        assert good(await client.call_tool("failures_search", {"query": "port conflict"}))["total"] == 0

        task = good(await client.call_tool("submit_task", {"prompt": "do it", "agent": "echo", "wait_s": 20}))
        assert (task["status"], task["result"].strip()) == ("completed", "well done")
        again = good(await client.call_tool("task_status", {"id": task["id"]}))
        assert again["status"] == "completed"

        control = good(await client.call_tool("control_status"))
        assert control["state"] == "closed"
        for name, arguments in (
            ("computer", {"action": {"action": "key", "keys": "a"}}), ("screenshot", {}), ("list_windows", {}),
            ("request_control", {"reason": "to see"}),
        ):  # fmt: skip
            refusal = bad(await client.call_tool(name, arguments))
            assert (refusal["code"], bool(refusal["detail"])) == ("closed", True), name
        assert bad(await client.call_tool("computer", {"action": {"action": "klick"}}))["code"] == "invalid"
        for name, arguments in (
            ("service_restart", {"name": "wbe"}), ("service_restart", {"nam": "web"}), ("task_status", {}),
            ("submit_task", {"prompt": "x", "agent": "nobody"}), ("no_such_tool", {}),
        ):  # fmt: skip
            assert bad(await client.call_tool(name, arguments))["code"] == "failed"

        stopped = good(await client.call_tool("emergency_stop", {"reason": "enough"}))
        assert stopped["latched"] is True
        assert good(await client.call_tool("control_status"))["state"] in ("latched", "closed")

    ask(aurora, work)
    assert aurora.service_pid("web") != first


def test_an_aurora_that_comes_and_goes(aurora: Aurora) -> None:
    aurora.configure({"web": services.calm()})

    async def work(client: Client) -> None:
        refusal = bad(await client.call_tool("control_status"))
        assert (refusal["code"], refusal["title"]) == ("not_running", "Aurora is not running")
        await asyncio.to_thread(aurora.start)
        assert good(await client.call_tool("services_status"))["services"][0]["name"] == "web"
        await asyncio.to_thread(aurora.quit)
        assert bad(await client.call_tool("services_status"))["code"] == "not_running"
        await asyncio.to_thread(aurora.start)
        assert good(await client.call_tool("services_status"))["services"][0]["name"] == "web"

    ask(aurora, work, mode="legacy")


@pytest.mark.brake
def test_the_operator_arms_for_an_agent_that_asks(cockpit: Cockpit) -> None:
    cockpit.write_gate()
    cockpit.start()
    cockpit.operator.move(*REST)
    cockpit.until_guarded()
    if cockpit.until_control("latched", "disarmed")["state"] == "latched":
        cockpit.reset()
    cockpit.prove()

    async def work(client: Client) -> None:
        assert bad(await client.call_tool("screenshot"))["code"] == "disarmed"
        asking = asyncio.create_task(client.call_tool("request_control", {"reason": "to see the screen"}))
        await asyncio.to_thread(eventually, lambda: cockpit.control()["request"], "the operator is asked")
        request = cockpit.control()["request"]
        assert (request["agent"], request["reason"]) == ("clerk", "to see the screen")
        await asyncio.to_thread(cockpit.arm)
        decided = good(await asking)
        assert (decided["decision"], decided["control"]["state"]) == ("armed", "armed")

        answer = await client.call_tool("screenshot", {"max_width": 640})
        shot = good(answer)["result"]
        (picture,) = (block for block in answer.content if isinstance(block, ImageContent))
        assert picture.mime_type == "image/png"
        assert base64.b64decode(picture.data).startswith(PNG)
        assert (shot["image_width"], "path" in shot) == (640, False)
        x, y = (round(place * shot["scale"]) for place in REST)
        point = {"x": x, "y": y, "screenshot": shot["id"]}
        moved = good(await client.call_tool("computer", {"action": {"action": "mouse_move", "at": point}}))
        assert (moved["outcome"], moved["sentence"].startswith("moving the pointer")) == ("done", True)
        windows = good(await client.call_tool("list_windows"))["result"]["windows"]
        (ours,) = (window for window in windows if window["title"].startswith("Aurora Desktop"))
        assert ours["focused"] is True
        assert good(await client.call_tool("list_displays"))["displays"][0]["width"] > 0
        released = good(await client.call_tool("release_control", {"reason": "done"}))
        assert released["control"]["state"] == "disarmed"
        assert bad(await client.call_tool("screenshot"))["code"] == "disarmed"

    ask(cockpit.aurora, work)
    decisions = [event["decision"] for event in cockpit.aurora.events("control_request_answered")]
    assert decisions == ["armed"]


def test_claude_code_looks_at_the_services(aurora: Aurora, tmp_path: Path) -> None:
    """The real program, told of Aurora as the README says, with a stand-in of its provider."""
    aurora.configure({"web": services.calm()})
    aurora.start()
    aurora.until("web", "running")
    home = tmp_path / "claude"
    home.mkdir()
    command, *arguments = aurora.argv("mcp")
    config = {"mcpServers": {"aurora": {"command": command, "args": arguments, "env": {}}}}
    tool = Tool("mcp__aurora__services_status", {"name": "web"})
    with StandIn(says(tool), says("it runs")) as provider:
        done = subprocess.run(
            [program("claude"), "-p", "how is web?", "--mcp-config", json.dumps(config), "--strict-mcp-config",
             "--allowedTools", "mcp__aurora__services_status", "--output-format", "json"],
            env={**aurora.environment, **provider.environment(home), "PATH": path_with_node(), **PATIENT},
            cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        asked = provider.asked
    assert {f"mcp__aurora__{name}" for name in TOOLS} <= set(asked[0].tools)
    assert "restarts" in asked[1].conversation
    assert json.loads(done.stdout)["result"] == "it runs"
