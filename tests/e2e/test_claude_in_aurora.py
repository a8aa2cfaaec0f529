"""The real Aurora has tasks done by the real Claude Code: whatever is killed, each ends in the right state."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from . import machine
from .agents import path_with_node, program
from .agents.anthropic import StandIn, Tool, Turn, says
from .aurora import Aurora
from .waiting import eventually

TOUCH = Tool("Bash", {"command": "touch x", "description": "Make a file"})


class Office:
    """An Aurora whose agent `claude` asks a stand-in of its provider."""

    def __init__(self, aurora: Aurora, folder: Path, stack: ExitStack) -> None:
        self.aurora = aurora
        self.cwd = folder / "work"
        self._home = folder / "claude"
        self._stack = stack
        for made in (self.cwd, self._home):
            made.mkdir()

    def open(self, *script: Turn, **agent: Any) -> StandIn:
        """Start Aurora; the provider plays the script."""
        api = self._stack.enter_context(StandIn(*script))
        # Claude Code refuses permissions `full` to root unless it is told that the machine is a sandbox.
        env = {**api.environment(self._home), "PATH": path_with_node(), "IS_SANDBOX": "1"}
        claude = {"kind": "claude", "command": [str(program("claude"))], "env": env, "cwd": str(self.cwd), **agent}
        self.aurora.configure({}, tasks={"agents": {"claude": claude}})
        self.aurora.start()
        return api

    def submit(self, prompt: str = "do it") -> str:
        done = self.aurora.command("task", "submit", "--agent", "claude", "--json", prompt)
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["id"])

    def task(self, task_id: str) -> dict[str, Any]:
        return dict(self.aurora.client.get(f"/v1/tasks/{task_id}"))

    def until(self, task_id: str, status: str) -> dict[str, Any]:
        def there() -> dict[str, Any]:
            detail = self.task(task_id)
            assert detail["view"]["status"] == status, detail
            return detail

        return eventually(there, f"{task_id} is {status}", 30)

    def worker_pid(self) -> int:
        (pid,) = (worker["pid"] for worker in self.aurora.client.get("/v1/workers") if worker["task_id"])
        return int(pid)

    def agents(self) -> list[machine.Seen]:
        """What is there of agents, with their children wherever these went."""
        return [seen for seen in self.aurora.processes() if "aurora_desktop" not in seen.program]


@pytest.fixture
def office(aurora: Aurora, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(aurora, tmp_path, stack)


def lasting(folder: Path) -> Tool:
    """A command that notes that it runs, and ends once it is let go."""
    script = f"echo $$ >> {folder}/book; while [ ! -e {folder}/go ]; do sleep 0.05; done"
    return Tool("Bash", {"command": script})


def runs(folder: Path) -> list[int]:
    """The pids of those that noted themselves, once there is one."""
    book = folder / "book"
    return eventually(
        lambda: [int(line) for line in book.read_text().split()] if book.exists() else [], "the tool runs"
    )


def test_a_denial_by_the_command_reaches_the_agent_and_its_task_goes_on(office: Office) -> None:
    api = office.open(says(TOUCH), says("I was not let."))
    task_id = office.submit()
    office.until(task_id, "waiting_approval")

    (question,) = office.aurora.client.get("/v1/approvals")
    denied = office.aurora.command("deny", question["id"])
    detail = office.until(task_id, "completed")

    assert denied.returncode == 0, denied.stderr
    assert (question["tool"], question["summary"]) == ("Bash", "touch x")
    assert (detail["result"], list(office.cwd.iterdir())) == ("I was not let.", [])
    assert "denied" in api.asked[-1].conversation
    assert detail["view"]["usage"]["cost_usd"] > 0
    assert office.agents() == []


def test_the_death_of_aurora_is_none_of_the_agents(office: Office, tmp_path: Path) -> None:
    api = office.open(says(lasting(tmp_path)), says("All done."), permissions="full")
    task_id = office.submit()
    runs(tmp_path)

    office.aurora.crash()
    office.aurora.start()
    (tmp_path / "go").touch()
    detail = office.until(task_id, "completed")

    assert (detail["result"], detail["view"]["attempt"]) == ("All done.", 1)
    assert len(api.asked) == 2
    assert office.agents() == []


def test_after_the_death_of_its_worker_its_own_session_is_resumed(office: Office, tmp_path: Path) -> None:
    api = office.open(says("I begin.", lasting(tmp_path)), says("I went on."), permissions="full")
    task_id = office.submit("a long task")
    tools = runs(tmp_path)

    os.kill(office.worker_pid(), signal.SIGKILL)
    detail = office.until(task_id, "completed")

    assert (detail["result"], detail["view"]["attempt"]) == ("I went on.", 2)
    assert "a long task" in api.asked[-1].conversation
    assert "I begin." in api.asked[-1].conversation
    assert runs(tmp_path) == tools, "the tool ran once"
    assert office.agents() == []


def test_a_killed_agent_is_resumed_in_its_own_session(office: Office, tmp_path: Path) -> None:
    api = office.open(says("I begin.", lasting(tmp_path)), says("I went on."), permissions="full")
    task_id = office.submit()
    runs(tmp_path)
    (claude,) = (seen for seen in office.agents() if "--session-id" in seen.program)

    os.kill(claude.pid, signal.SIGKILL)
    detail = office.until(task_id, "completed")

    assert (detail["result"], detail["view"]["attempt"]) == ("I went on.", 2)
    assert "I begin." in api.asked[-1].conversation
    assert office.agents() == []
