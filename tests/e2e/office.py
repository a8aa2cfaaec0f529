"""An Aurora whose tasks the real Claude Code does, and what a test does with it."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import machine
from .agents import path_with_node, program
from .agents.anthropic import StandIn, Tool, Turn
from .aurora import Aurora
from .waiting import eventually


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
        api = self.furnish(*script, **agent)
        self.aurora.start()
        return api

    def furnish(self, *script: Turn, **agent: Any) -> StandIn:
        """Write the settings of an Aurora that is to be started; the provider plays the script.

        No balloon: on the screen it would lie over what is to be clicked.
        """
        api = self._stack.enter_context(StandIn(*script))
        # Claude Code refuses permissions `full` to root unless it is told that the machine is a sandbox.
        env = {**api.environment(self._home), "PATH": path_with_node(), "IS_SANDBOX": "1"}
        claude = {"kind": "claude", "command": [str(program("claude"))], "env": env, "cwd": str(self.cwd), **agent}
        self.aurora.configure({}, tasks={"agents": {"claude": claude}}, notifications={"enabled": False})
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
