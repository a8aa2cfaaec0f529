"""The official clients of MCP in front of `aurora mcp`: the whole conformance suite, and the inspector's CLI.

    .venv/bin/python -m tests.tools.mcp_clients

Two minutes, and 110 MB for the inspector (`.inspector/`, pinned by tests/tools/inspector): which is why `make test`
runs a sample alone. Ends with 1 where something is not as docs/mcp.md says.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mcp import StdioServerParameters

from tests.e2e.agents import path_with_node, program
from tests.e2e.aurora import Aurora, clean_environment
from tests.e2e.mcp_bridge import conformance
from tests.e2e.services import calm

ROOT = Path(__file__).parents[2]
LOCKED = ROOT / "tests/tools/inspector"
INSTALLED = ROOT / ".inspector"
INSPECTOR = INSTALLED / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
BASELINE = ROOT / "tests/tools/mcp_baseline.yml"
TOOLS = 13


def main() -> int:
    _install()
    with tempfile.TemporaryDirectory() as folder:
        aurora = Aurora(Path(folder), clean_environment(Path(folder)))
        aurora.configure({"web": calm()})
        aurora.start()
        try:
            return max(_inspect(aurora), _conform(aurora))
        finally:
            for complaint in aurora.clean_up():
                print(complaint)


def _install() -> None:
    if (INSTALLED / "package-lock.json").exists() and INSPECTOR.exists():
        return
    shutil.rmtree(INSTALLED, ignore_errors=True)
    shutil.copytree(LOCKED, INSTALLED)
    npm = [ROOT / ".venv/bin/npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(npm, cwd=INSTALLED, check=True)


def _conform(aurora: Aurora) -> int:
    command, *arguments = aurora.argv("mcp")
    server = StdioServerParameters(command=command, args=arguments, env=aurora.environment)
    options = ("--suite", "all", "--expected-failures", str(BASELINE))
    status, said = asyncio.run(conformance(server, program("node"), aurora.folder / "results", *options))
    print(said[said.find("=== SUMMARY ===") :])
    return status


# --- the inspector ------------------------------------------------------------------------------------------------


def _inspect(aurora: Aurora) -> int:
    """What it lists, a good answer, a refusal, and a wrong argument."""
    checks = {
        "tools/list": len(_asked(aurora, "tools/list")["tools"]) == TOOLS,
        "a good answer": _called(aurora, "services_status", "name=web")["service"]["state"] == "running",
        "a refusal": _called(aurora, "list_windows")["code"] in ("closed", "disarmed"),
        "a name that is not there": "nobody" in _called(aurora, "service_restart", "name=nobody")["title"],
        "a wrong argument": _called(aurora, "failures_search", "limit=0")["title"] == "The arguments are not right",
    }
    for what, is_well in checks.items():
        print(f"{'✓' if is_well else '✗'} inspector: {what}")
    return 0 if all(checks.values()) else 1


def _called(aurora: Aurora, tool: str, *arguments: str) -> dict[str, Any]:
    given = [part for argument in arguments for part in ("--tool-arg", argument)]
    return dict(_asked(aurora, "tools/call", "--tool-name", tool, *given)["structuredContent"])


def _asked(aurora: Aurora, method: str, *options: str) -> dict[str, Any]:
    """What the inspector printed as the server's answer."""
    config = aurora.folder / "mcp.json"
    command, *arguments = aurora.argv("mcp")
    config.write_text(json.dumps({"mcpServers": {"aurora": {"command": command, "args": arguments}}}))
    asked = [INSPECTOR, "--cli", "--config", config, "--server", "aurora", "--method", method, *options]
    environment = {**aurora.environment, "PATH": path_with_node(), "MCP_INSPECTOR_SECRET_STORE": "memory"}
    done = subprocess.run(
        [program("node"), *asked],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
