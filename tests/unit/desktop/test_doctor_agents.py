"""What the doctor says of the agents that do tasks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aurora_desktop.desktop import session
from aurora_desktop.desktop.doctor_agents import agents
from aurora_desktop.desktop.finding import Finding, Patient

Examine = Callable[[str], list[Finding]]


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """The findings for these settings, with `tmp_path` as the whole PATH beside the system's tools."""

    def examined(text: str = "{}") -> list[Finding]:
        config = tmp_path / "aurora.yaml"
        config.write_text(text)
        # SHLVL: as if started from a shell, so that no login shell is asked for its PATH.
        environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "SHLVL": "1", "TERM": "dumb"}
        return agents(Patient(config, tmp_path, environ, session.detect({})))

    return examined


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_nothing_is_missing_where_nobody_wants_an_agent(examine: Examine) -> None:
    (finding,) = examine()
    assert (finding.status, finding.remedy) == ("ok", "")
    assert "neither Claude Code nor Codex is installed" in finding.detail


def test_what_is_there_is_told_with_its_version(examine: Examine, tmp_path: Path) -> None:
    program(tmp_path, "codex", "echo codex-cli 0.171.0")
    (finding,) = examine()
    assert (finding.name, finding.status) == ("Agent codex", "ok")
    assert "0.171.0" in finding.detail


def test_an_agent_of_the_settings_must_be_there(examine: Examine) -> None:
    (finding,) = examine("tasks: {agents: {codex: {kind: codex}}}")
    assert (finding.name, finding.status) == ("Agent codex", "error")
    assert "npm install -g @openai/codex" in finding.remedy


@pytest.mark.parametrize(
    "text",
    [
        "tasks: {roles: {coder: {agent: claude}}}",
        "tasks: {pipelines: {review: {steps: [coder, critic]}}}",
    ],
)
def test_so_must_the_agent_of_a_role(examine: Examine, text: str) -> None:
    (finding,) = examine(text)
    assert (finding.name, finding.status) == ("Agent claude", "error")


def test_one_that_nobody_asked_for_and_does_not_work_is_a_warning(examine: Examine, tmp_path: Path) -> None:
    program(tmp_path, "claude", "echo 'SyntaxError: Unexpected token' >&2; exit 1")
    (finding,) = examine()
    assert (finding.name, finding.status) == ("Agent claude", "warning")
    assert "Node.js" in finding.remedy


def test_a_command_is_looked_for_and_not_run(examine: Examine, tmp_path: Path) -> None:
    program(tmp_path, "mine", f"touch {tmp_path}/ran")
    (finding,) = examine("tasks: {agents: {mine: {kind: command, command: [mine, go]}}}")
    assert (finding.status, finding.detail) == ("ok", "its program is there")
    assert not (tmp_path / "ran").exists()


def test_the_agent_of_mouse_and_keyboard_has_no_program(examine: Examine) -> None:
    assert examine("tasks: {agents: {hands: {kind: input}}}")[0].name == "Agents"


def test_settings_that_cannot_be_read_are_told_elsewhere(examine: Examine) -> None:
    (finding,) = examine("tasks: {")
    assert (finding.status, "cannot be read" in finding.detail) == ("ok", True)
