"""Runs the server: from the first line on standard input to its end."""

import asyncio
import logging
import sys
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from aurora_desktop import __version__
from aurora_desktop.cli.call import OK, Call
from aurora_desktop.cli.client import Client
from aurora_desktop.cli.mcp.answers import refused
from aurora_desktop.cli.mcp.performing import Asking
from aurora_desktop.cli.mcp.schema import parsed
from aurora_desktop.cli.mcp.tools import all_tools, unknown
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

Context = ServerRequestContext[dict[str, Any]]

MOST_NAME = 100
INSTRUCTIONS = (
    "Aurora Desktop supervises this machine's services and agents, and is the gate to its mouse and keyboard. "
    "Before using computer, screenshot or list_windows call request_control: the operator arms on screen, or says no. "
    "Take a screenshot before you act, and after it to see what came of it; call release_control when you are done."
)


def serve(call: Call) -> int:
    """Until the client closes standard input. What is logged goes to standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="aurora mcp: %(message)s")
    asyncio.run(_serve(StatePaths(call.state_dir)))
    return OK


async def _serve(paths: StatePaths) -> None:
    server = server_of(paths)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def server_of(paths: StatePaths) -> Server[dict[str, Any]]:
    """The server for the Aurora of this state dir, be it running or not."""
    tools = {tool.name: tool for tool in all_tools(paths)}
    listed = ListToolsResult(tools=[tool.declared() for tool in tools.values()])

    async def list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return listed

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        asking = Asking(Client(paths), _agent(context), context.session.report_progress)
        try:
            if params.name not in tools:
                raise unknown(params.name, tools)
            tool = tools[params.name]
            return await tool.perform(asking, parsed(params.arguments, tool.arguments))
        except AuroraError as error:
            return refused(error)

    return Server(
        "aurora",
        title="Aurora Desktop",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _agent(context: Context) -> str:
    """The client's name in one line; what it calls itself is what the operator reads."""
    client = context.session.client_params
    name = client.client_info.name if client is not None else ""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:MOST_NAME]
