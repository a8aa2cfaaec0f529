"""An agent with a workspace: works a while, gets stuck, and goes on once its cure has come.

Usage: agent.py WORKSPACE CURE, where CURE is a rung of the ladder, `never`, `wait` (for its operator) or `none` (never
stuck). Each step of its work is a change of the file `work`.
"""

import json
import os
import sys
import time
from pathlib import Path

STEP_S = 0.05


def main(workspace: Path, cure: str) -> None:
    lives = begun(workspace)
    write_status(workspace, {"status": "WAITING" if cure == "wait" else "ACTIVE_AGENT_MODE"})
    step = 0
    while True:
        if cure == "none" or step < 5 or is_cured(workspace, cure, lives):
            step += 1
            (workspace / "work").write_text(f"{lives} {step}")
        time.sleep(STEP_S)


def begun(workspace: Path) -> int:
    """How many lives this agent had so far; noted where nobody looks for work."""
    book = workspace.with_suffix(".lives")
    lives = int(book.read_text()) + 1 if book.exists() else 1
    book.write_text(str(lives))
    return lives


def write_status(workspace: Path, content: dict[str, object]) -> None:
    draft = workspace / "draft"
    status = {"agent_id": workspace.name, "last_updated": time.strftime("%Y-%m-%d %H:%M:%S"), "current_tasks": ["dig"]}
    draft.write_text(json.dumps({**status, **content}))
    draft.replace(workspace / "status.json")


def is_cured(workspace: Path, cure: str, lives: int) -> bool:
    if cure == "restart":
        return lives > 1
    if cure == "rescue":
        return any(name.startswith("RESCUE") for name in os.listdir(workspace / "inbox"))
    marks = json.loads((workspace / "status.json").read_text()).get("healing_applied", [])
    return any(mark["action"] == cure for mark in marks)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
