"""`aurora mcp` in the official conformance suite of the protocol, as far as the suite is about what Aurora offers.

`tests/tools/mcp_clients.py` runs all of it, with the exceptions that docs/mcp.md explains.
"""

import asyncio
from pathlib import Path

import pytest
from mcp import StdioServerParameters

from .agents import program
from .aurora import Aurora
from .mcp_bridge import conformance


@pytest.mark.parametrize("scenario", ["server-initialize", "ping", "tools-list", "tools-call-error"])
def test_it_conforms(aurora: Aurora, tmp_path: Path, scenario: str) -> None:
    """No Aurora runs behind it: what it says then is to conform as well."""
    command, *arguments = aurora.argv("mcp")
    server = StdioServerParameters(command=command, args=arguments, env=aurora.environment)
    status, said = asyncio.run(conformance(server, program("node"), tmp_path / "results", "--scenario", scenario))
    assert status == 0, said
    assert "Passed: 1/1, 0 failed" in said, said
