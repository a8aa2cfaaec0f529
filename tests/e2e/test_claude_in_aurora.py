"""The real Aurora has tasks done by the real Claude Code: whatever is killed, each ends in the right state."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .agents.anthropic import Tool, says
from .aurora import Aurora
from .office import Office, lasting, runs

TOUCH = Tool("Bash", {"command": "touch x", "description": "Make a file"})


@pytest.fixture
def office(aurora: Aurora, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(aurora, tmp_path, stack)


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
