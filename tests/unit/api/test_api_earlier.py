"""The addresses of the earlier system: the fields and status codes that its scripts read, translated from ours."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from api.healer import AT
from api.house import House, view
from api.workforce import a_task, a_worker, an_agent
from aurora_desktop.api.metrics.history import MachineNow
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_tasks import CliAgent, TaskSettings
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.healing.view import HealingView, MachineAction, PermissionView, ResourceView
from aurora_desktop.safety.view import ControlView
from aurora_desktop.tasks.errors import QueueFullError
from aurora_desktop.tasks.task import MOST_PROMPT_BYTES
from aurora_desktop.tasks.view import Entry, TaskDetail

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TASK = {
    "id", "agent", "prompt", "status", "created_at", "started_at", "finished_at", "timeout", "result", "error", "logs"
}  # fmt: skip
LOOKS = (
    "/cli/status", "/cli/logs", "/agent/state", "/control/status", "/control/metrics", "/control/metrics/history",
    "/api/cluster/status", "/api/cluster/agents/live", "/api/cluster/task/task_1",
    "/api/cluster/infrastructure/healing-history", "/api/cluster/metrics",
)  # fmt: skip
ACTS = ("/cli/command", "/agent/message", "/control/restart", "/api/cluster/heal", "/api/cluster/task/submit")
MACHINE = HealingView(
    machine=(
        ResourceView(resource="cpu", percent=12.5, limit=90, history=(10.0, 12.5)),
        ResourceView(resource="memory", percent=40.0, limit=85, history=(38.0, 39.0, 40.0)),
    ),
    permissions=(PermissionView(what="clear ~/.cache", allowed=True, why="yours"),),
)
ACTION = MachineAction(id=3, at=AT, action="space_freed", resource="disk", detail="12 MB freed", freed_bytes=12)


def get(house: House, path: str, **given: Any) -> tuple[int, Any]:
    return house.ask("GET", path, **({"scope": "read"} | given))[:2]


def post(house: House, path: str, body: Any = None, **given: Any) -> tuple[int, Any]:
    return house.ask("POST", path, body, **given)[:2]


# --- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LOOKS)
def test_looking_takes_the_token_to_read(house: House, path: str) -> None:
    assert [get(house, path, scope=scope)[0] for scope in ("read", "operate", "input", None)] == [200, 200, 403, 401]


@pytest.mark.parametrize("path", ACTS)
@pytest.mark.parametrize("scope", ["read", "input"])
def test_acting_takes_the_token_to_operate(house: House, path: str, scope: str) -> None:
    query = "?agent_type=coder&description=x" if path.endswith("task/submit") else ""
    assert post(house, path + query, {"prompt": "hello"}, scope=scope)[0] == 403
    assert (house.tasks.requests, house.restart_reasons) == ([], [])


@pytest.mark.parametrize("path", [path for path in (*LOOKS, *ACTS) if not path.startswith("/control")])
def test_without_agents_at_work_it_is_said(tmp_path: Path, path: str) -> None:
    """What the machine alone can answer is answered."""
    house = House(tmp_path, has_tasks=False).open()
    try:
        status, body = house.ask("POST" if path in ACTS else "GET", path, {"prompt": "x"} if path in ACTS else None)[:2]
    finally:
        house.close()
    if not path.endswith("healing-history"):
        assert (status, body["title"]) in ((503, "Agents at work are not running"), (400, "The query is not right"))
    else:
        assert (status, body) == (200, {"history": [], "is_monitoring": True})


# --- agents -------------------------------------------------------------------------------------------------------


def test_a_command_becomes_a_task(house: House) -> None:
    body = {"prompt": "tidy up", "agent": "codex", "timeout": 60, "metadata": {"operator_user": "ada", "x": 1}}
    status, reply = post(house, "/cli/command", {**body, "what_else": "scripts send"})
    assert (status, reply["agent"]) == (202, "codex")
    task = reply["task"]
    assert task.keys() >= TASK
    assert (task["prompt"], task["status"], task["started_at"], task["logs"]) == ("tidy up", "queued", None, [])
    assert MOMENT.fullmatch(task["created_at"])
    [request] = house.tasks.requests
    assert (request.agent, request.timeout_s, request.operator_user, request.source) == ("codex", 60.0, "ada", "api")


def test_a_command_goes_to_claude_unless_told_otherwise(house: House) -> None:
    assert post(house, "/cli/command", {"prompt": "tidy up"})[1]["agent"] == "claude"


@pytest.mark.parametrize(
    "body",
    [{}, {"prompt": ""}, {"prompt": 1}, {"prompt": "x", "timeout": 0}, {"prompt": "x", "agent": "clod"},
     {"prompt": "x", "metadata": []}, b"no json"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/cli/command", "/agent/message"])
def test_a_wrong_command_is_told(house: House, path: str, body: Any) -> None:
    if path == "/agent/message" and isinstance(body, dict) and "timeout" in body:
        assert post(house, path, body)[0] == 202  # a message has none
    else:
        status, reply = post(house, path, body)
        assert (status, bool(reply["title"])) == (400, True)


def test_a_full_queue_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_: object) -> None:
        raise QueueFullError("The queue is full")

    monkeypatch.setattr(house.tasks, "submit", full)
    assert post(house, "/cli/command", {"prompt": "x"})[0] == 429


@pytest.mark.parametrize("path", ["/cli/command", "/agent/message"])
def test_the_longest_prompt_is_taken(house: House, path: str) -> None:
    assert post(house, path, {"prompt": "x" * MOST_PROMPT_BYTES})[0] == 202


def test_the_agents_with_their_tasks(house: House) -> None:
    house.tasks.programs = [an_agent("claude", running=1, queued=1), an_agent("codex", available=None)]
    agents = get(house, "/cli/status")[1]["agents"]
    assert {name: (agent["available"], agent["running"]) for name, agent in agents.items()} == {
        "claude": (True, True), "codex": (True, False)
    }  # fmt: skip
    assert agents["codex"]["tasks"] == []
    assert [(task["id"], task["status"]) for task in agents["claude"]["tasks"]] == [
        ("task_3", "completed"), ("task_2", "running"), ("task_1", "queued")
    ]  # fmt: skip
    assert agents["claude"]["tasks"][0]["result"] == "42 files"


def test_an_agent_that_cannot_be_used(house: House) -> None:
    house.tasks.programs = [an_agent("claude", available=False, detail="not found")]
    assert get(house, "/cli/status")[1]["agents"]["claude"]["available"] is False


@pytest.mark.parametrize(
    ("ours", "theirs", "cluster", "has_error"),
    [("queued", "queued", "pending", False), ("leased", "running", "running", False),
     ("waiting_approval", "running", "running", False), ("completed", "completed", "completed", False),
     ("uncertain", "error", "failed", True), ("dead", "error", "failed", True), ("error", "error", "failed", True),
     ("timeout", "timeout", "failed", True), ("cancelled", "cancelled", "cancelled", True)],
)  # fmt: skip
def test_the_words_of_a_status(house: House, ours: TaskStatus, theirs: str, cluster: str, has_error: bool) -> None:
    house.tasks.held = {"task_1": TaskDetail(view=a_task(1, ours, cause="it broke"), prompt="x")}
    house.tasks.programs = [an_agent("claude")]
    [task] = get(house, "/cli/status")[1]["agents"]["claude"]["tasks"]
    assert (task["status"], task["state"], task["error"]) == (theirs, ours, "it broke" if has_error else None)
    assert get(house, "/api/cluster/task/task_1")[1]["status"] == cluster


def test_the_last_lines_that_agents_said(house: House) -> None:
    logs = get(house, "/cli/logs?agent=claude&limit=4")[1]["logs"]
    assert [(line["stream"], line["message"], line["task_id"]) for line in logs] == [
        ("stderr", "Bash: a.txt", "task_2"), ("stdout", "I will look.", "task_3"), ("stdout", "Bash: ls", "task_3"),
        ("stderr", "Bash: a.txt", "task_3"),
    ]  # fmt: skip
    assert all(MOMENT.fullmatch(line["timestamp"]) for line in logs)
    assert get(house, "/cli/logs?agent=codex")[1] == {"logs": []}


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=many", "agent=clod", "lines=5"])
def test_a_wrong_question_for_logs_is_told(house: House, query: str) -> None:
    assert get(house, f"/cli/logs?{query}")[0] == 400


def test_what_an_agent_was_given_in_secret_is_nowhere(house: House) -> None:
    agent = CliAgent(kind="claude", env={"TOKEN": "s3cr3t-of-ada"})
    house.settings = Settings(tasks=TaskSettings(agents={"claude": agent}))
    held = house.tasks.held["task_3"]
    house.tasks.held["task_3"] = replace(held, result="it is s3cr3t-of-ada", error="s3cr3t-of-ada")
    house.tasks.said["task_3"] = (Entry(at=AT, kind="message", text="s3cr3t-of-ada"),)
    paths = ("/cli/status", "/cli/logs", "/agent/state", "/api/cluster/task/task_3")
    assert not [path for path in paths if "s3cr3t" in str(get(house, path)[1])]


def test_a_message_is_answered_with_what_was_said(house: House) -> None:
    status, reply = post(house, "/agent/message", {"prompt": "and now?", "metadata": None})
    assert (status, reply["route"], reply["task"]["status"]) == (202, "claude", "queued")
    assert reply["task"]["id"] in reply["response"]
    said = [(message["role"], message["content"]) for message in reply["history"]]
    assert said[-3:] == [("user", "count"), ("assistant", "42 files"), ("user", "and now?")]


def test_a_snapshot_of_the_agents(house: House) -> None:
    status, state = get(house, "/agent/state")
    assert (status, state["route"], set(state["agents"])) == (200, "claude", {"claude", "codex"})
    assert state["history"][0]["content"] == "tidy up\nand more"


# --- control ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "paused", "status"),
    [("armed", False, "running"), ("disarmed", True, "paused"), ("latched", True, "stopped"),
     ("closed", False, "running")],
)  # fmt: skip
def test_how_control_stands(house: House, state: Any, paused: bool, status: str) -> None:
    house.control.now, house.supervisor.paused = ControlView(state=state, reason="so it is"), paused
    body = get(house, "/control/status")[1]
    assert (body["status"], body["emergency_stop"], body["operator_enabled"]) == (
        status, state == "latched", state != "closed"
    )  # fmt: skip
    assert (body["control"], body["reason"], "input_agent" in body["components"]) == (state, "so it is", True)


def test_control_without_an_input_agent(tmp_path: Path) -> None:
    house = House(tmp_path, has_input=False, has_healing=False, has_tasks=False).open()
    try:
        assert get(house, "/control/status")[1]["operator_enabled"] is False
        assert get(house, "/control/metrics")[1]["cpu_percent"] == 0.0
        assert get(house, "/control/metrics/history")[1] == {"history": []}
    finally:
        house.close()


def test_the_metrics_of_control(house: House) -> None:
    house.healing.now = MACHINE
    house.supervisor.held["web"] = view("web", "degraded", restarts=3)
    body = get(house, "/control/metrics")[1]
    assert (body["cpu_percent"], body["services"], body["restarts"]) == (12.5, {"degraded": 1, "running": 1}, 3)
    assert (body["tasks_running"], body["tasks_queued"], body["input_queue_size"]) == (1, 1, 0)
    assert all(0 < body[name] <= 100 for name in ("memory_percent", "disk_percent"))
    assert MOMENT.fullmatch(body["timestamp"])


def test_the_history_of_the_metrics_is_that_of_each_minute(house: House) -> None:
    telemetry = house.api._telemetry
    for cpu in (None, 10.0, 12.5):
        at = house.call(telemetry.snapshot)
        house.call(lambda at=at, cpu=cpu: telemetry.history.add(at, MachineNow(cpu, 40.0, 50.0)))
    house.publish()
    history = get(house, "/control/metrics/history")[1]["history"]
    assert [(one["cpu_percent"], one["memory_percent"], one["disk_percent"]) for one in history] == [
        (None, 40.0, 50.0), (10.0, 40.0, 50.0), (12.5, 40.0, 50.0)
    ]  # fmt: skip
    assert [one["timestamp"] for one in history] == sorted(one["timestamp"] for one in history)
    assert MOMENT.fullmatch(history[0]["timestamp"])
    assert [(one["services"], one["services_up"], one["queue_depth"]) for one in history] == [(2, 2, 1)] * 3
    assert [one["cpu_percent"] for one in get(house, "/control/metrics/history?minutes=1.5")[1]["history"]] == [
        10.0, 12.5
    ]  # fmt: skip


@pytest.mark.parametrize("minutes", ["0", "1441", "-1", "nan", "x"])
def test_a_history_of_no_length_is_refused(house: House, minutes: str) -> None:
    assert get(house, f"/control/metrics/history?minutes={minutes}")[0] == 400


# --- the cluster --------------------------------------------------------------------------------------------------


def test_the_cluster_as_a_whole(house: House) -> None:
    house.healing.now, house.healing.actions = MACHINE, (ACTION,)
    house.tasks.crew = [
        a_worker("coder-1", pool="coder", status="busy", pid=77, started_at=AT, tasks_completed=4, errors=1),
        a_worker("claude-1", healthy=False, status="unhealthy"),
    ]
    body = get(house, "/api/cluster/status")[1]
    assert body["cluster"] == {"total_workers": 2, "healthy_workers": 1, "unhealthy_workers": 1, "initialized": True}
    assert {"cpu_percent", "memory_percent", "disk_percent", "uptime_seconds"} == body["system"].keys()
    coder = body["workers"]["coder-1"]
    assert MOMENT.fullmatch(coder.pop("started_at"))
    assert coder == {
        "type": "coder", "status": "busy", "pid": 77, "healthy": True, "task_count": 4, "error_count": 1
    }  # fmt: skip
    assert body["workers"]["claude-1"]["started_at"] is None
    assert body["infrastructure"] == {
        "monitoring_active": True, "healing_actions_count": 1, "permissions": {"clear ~/.cache": True}
    }  # fmt: skip


def test_the_live_agents(house: House) -> None:
    house.tasks.crew = [a_worker("coder-1", pool="coder", uptime_s=75.0), a_worker("claude-1", healthy=False)]
    body = get(house, "/api/cluster/agents/live")[1]
    assert body["summary"] == {"total": 2, "healthy": 1, "unhealthy": 1}
    assert body["agents"][0] == {
        "id": "coder-1", "type": "coder", "status": "idle", "pid": None, "tasks_completed": 0, "errors": 0,
        "uptime": 75.0,
    }  # fmt: skip


def test_the_cluster_is_healed(house: House) -> None:
    assert post(house, "/api/cluster/heal") == (200, {"healed_workers": [], "count": 0, "message": "all are well"})
    assert house.tasks.calls == [("heal", "api")]


@pytest.mark.parametrize("role", ["architect", "coder", "executor", "critic", "deployer"])
def test_a_task_for_a_role(house: House, role: str) -> None:
    status, body = post(house, f"/api/cluster/task/submit?agent_type={role}&description=build%20it")
    assert (status, body) == (200, {"task_id": "task_4", "agent_type": role, "status": "submitted"})
    assert (house.tasks.requests[0].role, house.tasks.requests[0].prompt) == (role, "build it")


@pytest.mark.parametrize(
    "query",
    ["agent_type=poet&description=x", "agent_type=coder", "description=x", "agent_type=claude&description=x", ""],
)
def test_a_task_for_nobody_is_refused(house: House, query: str) -> None:
    assert post(house, f"/api/cluster/task/submit?{query}")[0] == 400
    assert house.tasks.requests == []


def test_a_task_of_the_cluster(house: House) -> None:
    assert get(house, "/api/cluster/task/task_3")[1] == {
        "task_id": "task_3", "status": "completed", "result": "42 files", "error": None
    }  # fmt: skip
    assert get(house, "/api/cluster/task/task_9")[0] == 404


def test_the_history_of_healing(house: House) -> None:
    house.healing.actions = (ACTION,)
    body = get(house, "/api/cluster/infrastructure/healing-history")[1]
    assert body["is_monitoring"] is True
    assert MOMENT.fullmatch(body["history"][0].pop("timestamp"))
    assert body["history"] == [
        {"action": "space_freed", "resource": "disk", "detail": "12 MB freed", "freed_bytes": 12}
    ]  # fmt: skip


def test_the_metrics_of_the_cluster(house: House) -> None:
    house.healing.now = MACHINE
    body = get(house, "/api/cluster/metrics")[1]
    assert body["system"]["cpu"] == {"percent": 12.5, "count": os.cpu_count()}
    assert body["system"]["memory"]["available_mb"] > 0
    assert body["system"]["disk"].keys() == {"percent", "free_gb"}


# --- the page -----------------------------------------------------------------------------------------------------


def test_the_page_has_every_address_of_the_earlier_system(house: House) -> None:
    page = (Path(__file__).parents[3] / "docs" / "earlier-routes.md").read_text()
    earlier = [route.path for route in house.routes() if not route.path.startswith("/v1/")]
    missing = [
        path for path in earlier if path.startswith(("/cli", "/agent", "/control", "/api/")) and path not in page
    ]
    assert len(earlier) > 16
    assert missing == []
