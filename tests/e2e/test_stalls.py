"""Agents and services that are alive and do not work are found, woken, and told; nobody else is touched."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from . import machine
from .aurora import Aurora
from .services import calm, python, shell
from .waiting import eventually, holds

_RULE = {"proactive_threshold_sec": 1.2, "threshold_sec": 1.6, "check_interval_sec": 0.1}
_RUNGS = ["force_update", "clear_tasks", "reset_status", "rescue", "restart"]


def _workspace(root: Path, name: str) -> Path:
    workspace = root / name
    (workspace / "inbox").mkdir(parents=True)
    return workspace


@contextmanager
def _agent(workspace: Path, cure: str) -> Iterator[None]:
    """An agent that Aurora did not start; it is working when this begins."""
    with subprocess.Popen(python("agent", workspace, cure)) as process:
        try:
            eventually((workspace / "work").exists, f"the agent {workspace.name} works")
            yield
            assert process.poll() is None, f"the agent {workspace.name} was ended, or fell"
        finally:
            process.kill()


def _outcomes(aurora: Aurora, name: str) -> list[tuple[str, str]]:
    """The rungs that were tried on an agent up to the first that worked."""
    found = []
    for event in aurora.events("remedy_finished", f"agent:{name}"):
        found.append((event["remedy"], event["outcome"]))
        if event["outcome"] == "worked":
            break
    return found


def test_each_agent_is_healed_by_the_rung_that_it_answers_to(aurora: Aurora, tmp_path: Path) -> None:
    root = tmp_path / "agents"
    curable = [rung for rung in _RUNGS if rung != "restart"]
    spaces = {cure: _workspace(root, cure) for cure in (*curable, "none", "wait", "never")}
    again = _workspace(tmp_path, "restart")
    watch = {"restart": {"workspace": str(again), "service": "runner", "stall": {**_RULE, "sources": ["files"]}}}
    agents: dict[str, Any] = {"root": str(root), "stall": _RULE, "watch": watch, "max_attempts": 5, "verify_sec": 1.5}
    aurora.configure({"runner": calm(command=python("agent", again, "restart"))}, agents=agents)
    with ExitStack() as stack:
        for cure, workspace in spaces.items():
            stack.enter_context(_agent(workspace, cure))
        aurora.start()
        for number, rung in enumerate(_RUNGS):
            aurora.until_event("agent_resumed", f"agent:{rung}", timeout_s=40.0)
            failed = [(before, "failed") for before in _RUNGS[:number]]
            assert _outcomes(aurora, rung) == [*failed, (rung, "worked")]
        escalated = aurora.until_event("escalated", "agent:never", timeout_s=40.0)
        assert escalated["attempts"] == 5
        marker = spaces["never"] / ".ESCALATION_REQUIRED"
        assert json.loads(marker.read_text())["agent_id"] == "never"
        since = aurora.last_id()
        holds(lambda: not aurora.events("remedy_started", "agent:never", since), 2.5, "it rests")
        marker.unlink()
        aurora.until_event("escalation_cleared", "agent:never", since)
    for calm_one in ("none", "wait"):
        assert aurora.events("remedy_started", f"agent:{calm_one}") == []
    failed = aurora.events("service_failed", "service:runner")
    assert [event["kind"] for event in failed] == ["stall"]
    marks = json.loads((spaces["never"] / "status.json").read_text())["healing_applied"]
    assert "reset_status" in [mark["action"] for mark in marks]


def test_services_that_stop_working_are_replaced(aurora: Aurora, tmp_path: Path) -> None:
    talks = "while :; do echo on; sleep 0.1; done"
    falls_silent = f"if [ -e {tmp_path}/again ]; then {talks}; fi; touch {tmp_path}/again; echo one; exec sleep 3600"
    stall = {**_RULE, "sources": ["output"]}
    services = {
        "stopped": calm(command=shell(talks), stall=stall),
        "silent": calm(command=shell(falls_silent), stall=stall),
        "well": calm(command=shell(talks), stall=stall),
    }
    aurora.configure(services)
    aurora.start()
    pids = {name: aurora.until(name, "running")["pid"] for name in services}
    machine.kill(pids["stopped"], signal.SIGSTOP)
    for name in ("stopped", "silent"):
        aurora.until_replaced(name, pids[name])
        (failed,) = aurora.events("service_failed", f"service:{name}")
        assert failed["kind"] == "stall"
        assert "its output" in failed["cause"] or "no sign of work" in failed["cause"]
        aurora.until_event("agent_resumed", f"service:{name}")
        outcomes = aurora.events("remedy_finished", f"service:{name}")
        assert [(event["remedy"], event["outcome"]) for event in outcomes] == [("restart", "worked")]
    assert aurora.service("well")["pid"] == pids["well"]


def test_an_aurora_that_was_stopped_longer_than_the_threshold_stalls_nobody(aurora: Aurora, tmp_path: Path) -> None:
    stall = {"proactive_threshold_sec": 3.0, "threshold_sec": 3.0, "check_interval_sec": 0.1}
    workspace = _workspace(tmp_path / "agents", "quiet")
    (workspace / "status.json").write_text('{"status": "ACTIVE_AGENT_MODE"}')
    quiet = calm(stall={**stall, "sources": ["output"]})
    aurora.configure({"quiet": quiet}, agents={"root": str(workspace.parent), "stall": stall})
    aurora.start()
    pid = aurora.until("quiet", "running")["pid"]
    with machine.stopped(aurora.pid):
        holds(lambda: machine.state_of(aurora.pid) == "T", 4.0, "Aurora stands still")
    aurora.until_event("stalled")
    holds(lambda: aurora.events("agent_stalled") == [], 0.8, "nobody is stalled by our own pause")
    assert aurora.service("quiet")["pid"] == pid
    for component in ("agent:quiet", "service:quiet"):  # but silence of their own is noticed as before
        aurora.until_event("agent_stalled", component)
