"""A bridge from MCP over streamable HTTP, which the conformance suite speaks, to a server on standard input and output.

Both ends are the official SDK's own transports, and what goes over is passed on as it is: each session has a server
process of its own. What the suite asks of HTTP itself is answered by the SDK and not by the server behind it.
"""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskGroup, TaskStatus
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, StreamableHTTPServerTransport
from starlette.requests import Request

SUITE = Path(__file__).parents[2] / ".agents/node_modules/@modelcontextprotocol/conformance/dist/index.js"


class _Bridge:
    """As an ASGI application."""

    def __init__(self, server: StdioServerParameters, tasks: TaskGroup) -> None:
        self._server = server
        self._tasks = tasks
        self._sessions: dict[str, StreamableHTTPServerTransport] = {}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        session = Request(scope).headers.get(MCP_SESSION_ID_HEADER, "")
        if session not in self._sessions:
            session = await self._tasks.start(self._run_session)
        await self._sessions[session].handle_request(scope, receive, send)

    async def _run_session(self, *, task_status: TaskStatus[str]) -> None:
        name = uuid.uuid4().hex
        self._sessions[name] = transport = StreamableHTTPServerTransport(name)
        async with (
            transport.connect() as (from_client, to_client),
            stdio_client(self._server) as (from_server, to_server),
            anyio.create_task_group() as both_ways,
        ):
            both_ways.start_soon(_pump, from_client, to_server)
            both_ways.start_soon(_pump, from_server, to_client)
            task_status.started(name)


async def _pump(source: Any, target: Any) -> None:
    async for message in source:
        if isinstance(message, Exception):
            raise message
        await target.send(message)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The tests have handlers of their own."""
        yield


@contextlib.asynccontextmanager
async def bridged(server: StdioServerParameters) -> AsyncIterator[str]:
    """The address of the server over HTTP, while inside."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with anyio.create_task_group() as tasks:
            app = _Bridge(server, tasks)
            serving = _Server(uvicorn.Config(app, loop="none", lifespan="off", log_config=None))
            running = asyncio.create_task(serving.serve(sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
            finally:
                serving.should_exit = serving.force_exit = True
                await running
                tasks.cancel_scope.cancel()


async def conformance(server: StdioServerParameters, node: Path, folder: Path, *options: str) -> tuple[int, str]:
    """How the suite ended, and what it said; `folder`: for its results."""
    async with bridged(server) as url:
        suite = await asyncio.create_subprocess_exec(
            node,
            SUITE,
            "server",
            "--url",
            url,
            "-o",
            folder,
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await suite.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError):
                suite.kill()
    return suite.returncode or 0, said.decode()
