"""Record what the real Claude Code prints, as the lines that the unit tests of its adapter read.

For another version: `.venv/bin/python -m tests.e2e.agents.record_claude`, then look at what changed with `git diff`.
Identifiers, paths and times are replaced, so that only what matters differs.
"""

import json
import os
import re
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import Asks, Reply
from aurora_desktop.tasks.adapters.claude import Claude
from aurora_desktop.tasks.messages import Run
from tests.e2e.agents import path_with_node, program
from tests.e2e.agents.anthropic import (
    HANGS,
    OVERLOADED,
    UNAUTHORIZED,
    Says,
    StandIn,
    Text,
    Thinking,
    Tool,
    Turn,
    says,
)

FOLDER = Path(__file__).parents[2] / "unit" / "tasks" / "claude_lines"
_TOUCH = Tool("Bash", {"command": "touch x", "description": "Make a file"})
_EDIT = Tool("Edit", {"file_path": "a.txt", "old_string": "two", "new_string": "three"})


class Scene(NamedTuple):
    script: tuple[Turn, ...]
    decision: ApprovalDecision | None = "once"
    """None: it is interrupted while it asks."""
    max_usd: float | None = None
    resume: str | None = None
    env: tuple[tuple[str, str], ...] = ()


SCENES = {
    "worked": Scene(
        (
            says(Thinking("Let me see."), "I begin.", Tool("Read", {"file_path": "a.txt"})),
            says(_EDIT),
            says(Tool("Write", {"file_path": "new.txt", "content": "whole\nnew\n"}), _TOUCH),
            says("All is done."),
        )
    ),
    "allowed_for_the_task": Scene((says(_TOUCH), says(_TOUCH), says("Twice.")), decision="task"),
    "denied": Scene((says(_TOUCH), says("I was not let.")), decision="deny"),
    "interrupted": Scene((says(_TOUCH), HANGS), decision=None),
    "retried": Scene((OVERLOADED, OVERLOADED, says("At last."))),
    "overloaded": Scene((OVERLOADED,), env=(("CLAUDE_CODE_MAX_RETRIES", "1"),)),
    "refused": Scene((UNAUTHORIZED,)),
    "not_logged_in": Scene((says("never"),), env=(("ANTHROPIC_API_KEY", ""),)),
    "broken_off": Scene((Says((Text("half of it"), Text("the other half")), stops_after=1),)),
    "over_budget": Scene((says(Tool("Bash", {"command": "ls"})), says("never")), max_usd=0.001),
    "no_session": Scene((says("never"),), resume="00000000-0000-4000-8000-000000000000"),
}


def lines_of(scene: Scene) -> list[bytes]:
    """What the program prints in a scene, with all that is different each time replaced."""
    with tempfile.TemporaryDirectory() as folder, StandIn(*scene.script) as api:
        home, cwd = Path(folder, "home"), Path(folder, "work")
        home.mkdir()
        cwd.mkdir()
        (cwd / "a.txt").write_text("one\ntwo\n")
        adapter = Claude(_run(scene, cwd))
        env = {"PATH": path_with_node(), **api.environment(home), **dict(scene.env)}
        printed = _printed(adapter, scene, cwd, env)
    replacements = {os.fspath(cwd): "/work", os.fspath(home): "/home/me", api.url: "http://127.0.0.1:1"}
    return _scrubbed(printed, {**replacements, api.url.removeprefix("http://"): "127.0.0.1:1"})


def _run(scene: Scene, cwd: Path) -> Run:
    return Run(
        task_id="task_1",
        attempt=1,
        agent="claude",
        kind="claude",
        program=(os.fspath(program("claude")),),
        prompt="do it",
        cwd=os.fspath(cwd),
        folder=os.fspath(cwd),
        timeout_s=60,
        silence_s=60,
        grace_s=5,
        session_id=str(uuid.uuid4()),
        resume=scene.resume,
        max_usd=scene.max_usd,
    )


def _printed(adapter: Claude, scene: Scene, cwd: Path, env: dict[str, str]) -> list[bytes]:
    launch = adapter.launch()
    pipe = subprocess.PIPE
    child = subprocess.Popen(launch.argv, stdin=pipe, stdout=pipe, cwd=cwd, env={**env, **launch.env}, bufsize=0)
    assert child.stdin is not None
    assert child.stdout is not None
    killer = threading.Timer(60, child.kill)
    killer.start()
    child.stdin.write(launch.first)
    printed = []
    for line in child.stdout:
        printed.append(line.rstrip(b"\n"))
        for seen in adapter.feed(line):
            if isinstance(seen, Asks):
                decision = scene.decision
                answer = adapter.answer(seen.id, decision, "") if decision else adapter.interrupt()
                child.stdin.write(answer)
            elif isinstance(seen, Reply):
                child.stdin.write(seen.data)
                if seen.closes_stdin:
                    child.stdin.close()
    child.wait()
    killer.cancel()
    return printed


def _scrubbed(printed: list[bytes], replacements: dict[str, str]) -> list[bytes]:
    text = b"\n".join(printed).decode()
    for old, new in replacements.items():
        text = text.replace(old, new)
    text = _numbered(text, r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-4000-8000-{:012}".format)
    text = _numbered(text, r"toolu_\d+", "toolu_{:02}".format)
    text = _numbered(text, r"msg_\d+", "msg_{:02}".format)
    text = re.sub(r'("(?:\w*(?:duration|ttft|time_to)\w*_ms|retry_delay_ms|ttft_ms)":)[\d.]+', r"\g<1>100", text)
    text = re.sub(r'("timestamp":)"[^"]*"', r'\g<1>"2026-01-01T00:00:00.000Z"', text)
    return [_without_lists(line).encode() for line in text.split("\n")]


def _numbered(text: str, pattern: str, name: Callable[[int], str]) -> str:
    """Each identifier as the number of its first place, for the same ones must stay the same."""
    found = dict.fromkeys(re.findall(pattern, text))
    names = {one: name(number) for number, one in enumerate(found, 1)}
    return re.sub(pattern, lambda match: names[match.group()], text)


def _without_lists(line: str) -> str:
    """The lists of all that the program can do change with each version, and tell nothing here."""
    event = json.loads(line)
    if event.get("subtype") != "init":
        return line
    short = {key: value for key, value in event.items() if not isinstance(value, list | dict)}
    return json.dumps(short, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, scene in SCENES.items():
        (FOLDER / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines_of(scene)))
        print(name)


if __name__ == "__main__":
    main()
