"""Writes anew what the real Codex prints (`tests/unit/tasks/codex_lines`), without what is of this machine or this run.

Usage: .venv/bin/python -m tests.e2e.agents.record_codex
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import Asks, Observation, Reply, ToolStarted
from aurora_desktop.tasks.adapters.codex import Codex
from aurora_desktop.tasks.messages import Run
from tests.e2e.agents import path_with_node, program
from tests.e2e.agents.openai import Calls, Fails, OpenAI, Says, Step, new_file, shell

LINES = Path(__file__).parents[2] / "unit" / "tasks" / "codex_lines"
MCP_SERVER = Path(__file__).with_name("mcp_server.py")
GONE = "01a21f78-b196-7153-ae0a-f3aaee9ec691"
DROP = Calls("drop", {"t": "users"}, namespace="mcp__db")
DROP_TOO = Calls("drop_too", {"t": "users"}, namespace="mcp__db")


class Scene(NamedTuple):
    """`decisions` answer its questions in turn; `interrupts`: the turn, when its first tool begins."""

    script: Sequence[Step]
    changes: Mapping[str, Any] = {}
    decisions: Sequence[ApprovalDecision] = ()
    interrupts: bool = False


SCENES = {
    "worked": Scene(
        (new_file("new.txt", "one\ntwo"), shell("cat new.txt; false"), Says("All is done.", "Let me see.")),
        {"permissions": "edit"},
    ),
    "asked": Scene(
        (
            new_file("new.txt", "one\ntwo"),
            shell("touch yes", asks="May I?"),
            shell("touch no", asks="Or this?"),
            Says("Done."),
        ),
        decisions=("once", "task", "deny"),
    ),
    "mcp": Scene((DROP, DROP, DROP_TOO, Says("ok")), decisions=("once", "task", "deny")),
    "retried": Scene((Fails(503), Says("At last."))),
    "failed": Scene((Fails(401, "wrong key"),)),
    "interrupted": Scene((shell("sleep 20"), Says("ok")), interrupts=True),
    "no_thread": Scene((Says("ok"),), {"resume": GONE}),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, scene in SCENES.items():
            write(name, recorded(folder, scene), folder)
        thread = thread_of(recorded(folder, Scene((Says("first"),))))
        write("resumed", recorded(folder, Scene((Says("second"),), {"resume": thread})), folder)


def thread_of(lines: Sequence[bytes]) -> str:
    answers = (json.loads(line).get("result", {}) for line in lines)
    return str(next(answer["thread"]["id"] for answer in answers if "thread" in answer))


def recorded(folder: Path, scene: Scene) -> list[bytes]:
    """What Codex prints in one scene, in a new folder of work and the home of the scenes before."""
    with OpenAI(*scene.script) as provider:
        prepare(folder, provider)
        run = task(folder, scene.changes)
        codex = Codex(run)
        launch = codex.launch()
        with subprocess.Popen(
            launch.argv, cwd=run.cwd, env=environment(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            return played(child, codex, launch.first, scene)


def played(child: "subprocess.Popen[bytes]", codex: Codex, first: bytes, scene: Scene) -> list[bytes]:
    assert child.stdin is not None
    assert child.stdout is not None
    decisions, lines = list(scene.decisions), []
    os.write(child.stdin.fileno(), first)
    for line in child.stdout:
        lines.append(line)
        for seen in codex.feed(line):
            if data := reply(codex, seen, decisions, scene):
                os.write(child.stdin.fileno(), data)
            if isinstance(seen, Reply) and seen.closes_stdin:
                child.stdin.close()
    return lines


def reply(codex: Codex, seen: Observation, decisions: list[ApprovalDecision], scene: Scene) -> bytes:
    match seen:
        case Reply(data=data):
            return data
        case Asks(id=ask_id):
            return codex.answer(ask_id, decisions.pop(0), "Not this one.")
        case ToolStarted() if scene.interrupts:
            return codex.interrupt()
    return b""


def prepare(folder: Path, provider: OpenAI) -> None:
    for name in ("home", "tmp", "project"):
        (folder / name).mkdir(exist_ok=True)
    shutil.rmtree(folder / "project")
    (folder / "project").mkdir()
    server = f'[mcp_servers.db]\ncommand = "python3"\nargs = ["{MCP_SERVER}"]\n'
    (folder / "home" / "config.toml").write_text(provider.config() + server)


def environment(folder: Path) -> dict[str, str]:
    home = os.fspath(folder / "home")
    tmp = os.fspath(folder / "tmp")
    return {"PATH": path_with_node(), "HOME": home, "CODEX_HOME": home, "TMPDIR": tmp, "STANDIN_KEY": "x"}


def task(folder: Path, changes: Mapping[str, Any]) -> Run:
    values: dict[str, Any] = {
        "task_id": "task_1",
        "attempt": 1,
        "agent": "codex",
        "kind": "codex",
        "program": (os.fspath(program("codex")),),
        "prompt": "do it",
        "cwd": os.fspath(folder / "project"),
        "folder": os.fspath(folder),
        "timeout_s": 60.0,
        "silence_s": 60.0,
        "grace_s": 5.0,
    }
    return Run(**{**values, **changes})


def write(name: str, lines: Sequence[bytes], folder: Path) -> None:
    (LINES / f"{name}.jsonl").write_text(scrubbed(b"".join(lines).decode(), folder))


def scrubbed(text: str, folder: Path) -> str:
    """Without names, times, addresses and paths of this run."""
    text = text.replace(f"{folder}/project", "/home/user/project").replace(f"{folder}/home", "/home/user/.codex")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", text)
    ids: dict[str, str] = {}
    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    text = re.sub(uuid, lambda found: ids.setdefault(found[0], f"00000000-0000-7000-8000-{len(ids) + 1:012d}"), text)
    text = re.sub(r'(At(?:Ms)?":)\d{13}', r"\g<1>1700000000000", text)
    text = re.sub(r'(At":)\d{10}\b', r"\g<1>1700000000", text)
    text = re.sub(r"\d{4}/\d\d/\d\d/rollout-[\dT-]{19}", "2026/01/01/rollout-2026-01-01T00-00-00", text)
    text = re.sub(r'"serverName":"(?!db)[^"]*"', '"serverName":"host"', text)
    return re.sub(r"\([A-Z][\w .]*; \w+\)", "(Linux)", text)


if __name__ == "__main__":
    main()
