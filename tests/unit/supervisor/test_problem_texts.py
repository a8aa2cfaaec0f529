"""What the operator reads of one service."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.settings.schema import FileAgeProbe, HttpProbe, LogPatternProbe, Probe, Service, ServiceLog
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.supervisor.definition import definition_digest
from aurora_desktop.supervisor.presenting import check_of, present
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.status import Blocker, Status
from aurora_desktop.supervisor.view import ServiceView
from supervisor.stage import surroundings


def shown(
    root: Path, status: Status, *, warning: str = "", blockers: tuple[Blocker, ...] = (), last_failure: str = ""
) -> ServiceView:
    async def make() -> ServiceView:
        around = surroundings(root, clock=FakeClock())
        spec = Service(command=Command(["/usr/bin/program", "-v"]), requires=["db"])
        runner = Runner("web", spec, around, lambda _: blockers, lambda _: None)
        runner.status, runner.warning, runner.last_failure = status, warning, last_failure
        return present(runner, around)

    return asyncio.run(make())


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (Status(state="failed", cause="command not found: x"), "failed: command not found: x"),
        (Status(state="degraded", cause="exited with code 3"), "restarted too often: exited with code 3"),
        (Status(state="unhealthy", cause="readiness probe: refused"), "unhealthy: readiness probe: refused"),
        (Status(state="frozen", cause="emergency stop"), "frozen: emergency stop"),
        (Status(state="waiting", cause="exited with code 3", down_since=1.0), "exited with code 3"),
        (Status(state="waiting", cause="waiting for db (starting)"), ""),
        (Status(state="starting", down_since=1.0, last_failure="hung"), "coming back: hung"),
        (Status(state="running", down_since=1.0, last_failure="hung"), "coming back: hung"),
        (
            Status(state="running", budget_spent=True, last_failure="hung"),
            "restarted too often, on probation: hung",
        ),
        (Status(state="running"), ""),
        (Status(state="stopped"), ""),
    ],
)
def test_why_a_service_keeps_the_whole_from_being_healthy(status: Status, problem: str, tmp_path: Path) -> None:
    view = shown(tmp_path, status)
    assert view.problem == problem
    assert view.is_problem == bool(problem)


@pytest.mark.parametrize(("state", "is_problem"), [("failed", True), ("starting", False)])
def test_a_wait_for_what_will_not_come_is_a_problem(state: Any, is_problem: bool, tmp_path: Path) -> None:
    status = Status(state="waiting", cause="waiting for db")
    assert shown(tmp_path, status, blockers=(Blocker("db", state),)).is_problem == is_problem


def test_a_warning_is_a_problem_while_nothing_is_worse(tmp_path: Path) -> None:
    assert shown(tmp_path, Status(state="running"), warning="near its memory limit").problem == "near its memory limit"
    assert shown(tmp_path, Status(state="failed", cause="gone"), warning="near").problem == "failed: gone"


def test_the_last_failure_outlives_the_recovery(tmp_path: Path) -> None:
    status = Status(state="running", cause="restarted")
    assert shown(tmp_path, status, last_failure="exited with code 3").last_cause == "exited with code 3"
    assert shown(tmp_path, status).last_cause == "restarted"


def test_a_service_that_does_not_run_has_no_pid_and_no_figures(tmp_path: Path) -> None:
    view = shown(tmp_path, Status(state="waiting", retry_at=1003.0, restarts=4))
    assert (view.pid, view.uptime_s, view.memory_bytes, view.cpu_percent, view.adopted) == (None,) * 4 + (False,)
    assert (view.next_attempt_in_s, view.restarts) == (3.0, 4)
    assert (view.name, view.program, view.requires) == ("web", "program", ("db",))


def test_an_attempt_that_is_overdue_is_due_now(tmp_path: Path) -> None:
    assert shown(tmp_path, Status(state="waiting", retry_at=1.0)).next_attempt_in_s == 0.0


def looked_at(root: Path, status: Status, *blockers: Blocker) -> str:
    async def look() -> str:
        runner = Runner("web", Service(command=Command(["x"])), surroundings(root), lambda _: blockers, lambda _: None)
        runner.status = status
        return check_of(runner)

    return asyncio.run(look())


@pytest.mark.parametrize(
    ("state", "check"),
    [
        ("running", "ok"), ("ready", "ok"), ("waiting", "warn"), ("degraded", "down"), ("failed", "down"),
        ("starting", "warn"), ("unhealthy", "warn"), ("stopping", "warn"), ("frozen", "warn"), ("stopped", "off"),
    ],
)  # fmt: skip
def test_how_it_looks_in_a_round_of_checks(state: Any, check: str, tmp_path: Path) -> None:
    assert looked_at(tmp_path, Status(state=state)) == check


def test_a_wait_looks_down_once_it_should_be_up(tmp_path: Path) -> None:
    status = Status(state="waiting", cause="waiting for db")
    assert looked_at(tmp_path, status, Blocker("db", "starting")) == "warn"
    assert looked_at(tmp_path, status, Blocker("db", "failed")) == "down"
    assert looked_at(tmp_path, Status(state="waiting", down_since=1.0)) == "down"


# --- the digest of a definition ---------------------------------------------------------------------------------

FULL: dict[str, Any] = {
    "command": Command(["program", "-v"]),
    "env": {"A": "1", "B": "2"},
    "memory_max": ByteSize(1000),
    "log": ServiceLog(max_bytes=ByteSize(5)),
    "readiness_probe": Probe(http=HttpProbe(url="http://localhost/")),
    "liveness_probe": Probe(file_age=FileAgeProbe(path="x", max_age_sec=1.0)),
    "startup_probe": Probe(log_pattern=LogPatternProbe(pattern="x")),
}


def test_one_definition_has_one_digest() -> None:
    again = Service(**{**FULL, "env": {"B": "2", "A": "1"}})
    assert definition_digest(Service(**FULL)) == definition_digest(again)


@pytest.mark.parametrize(
    "change",
    [
        {"command": Command(["program"])},
        {"env": {"A": "1", "B": "3"}},
        {"memory_max": None},
        {"log": ServiceLog()},
        {"liveness_probe": None},
        {"cwd": "/"},
    ],
)
def test_a_changed_definition_has_another_digest(change: dict[str, Any]) -> None:
    assert definition_digest(Service(**FULL)) != definition_digest(Service(**{**FULL, **change}))


def test_a_secret_cannot_be_read_from_a_digest() -> None:
    assert len(definition_digest(Service(**FULL))) == 16
