"""The commands `agents`, `workers`, `approvals`, `approve` and `deny`. None of them allows anything."""

import time
from typing import Any
from urllib.parse import quote

from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.console import Column, duration
from aurora_desktop.cli.task_words import cost, doing
from aurora_desktop.core.errors import AuroraError

CHECK_S = 120.0
HEAL_S = 120.0
_AVAILABLE = {True: "yes", False: "no", None: "not asked yet"}
_AGENT_COLUMNS = (
    Column("AGENT"),
    Column("KIND"),
    Column("AVAILABLE", style=lambda word: {"yes": "green", "no": "red"}.get(word, "")),
    Column("VERSION"),
    Column("RUNNING", right=True),
    Column("QUEUED", right=True),
    Column("TODAY", right=True),
    Column("PROGRAM"),
)
_WORKER_STYLES = {"idle": "green", "busy": "green", "unhealthy": "red", "frozen": "yellow", "starting": "yellow"}
_WORKER_COLUMNS = (
    Column("WORKER"),
    Column("STATUS", style=lambda status: _WORKER_STYLES.get(status, "dim")),
    Column("PID", right=True),
    Column("UPTIME", right=True),
    Column("DONE", right=True),
    Column("ERRORS", right=True),
    Column("TASK"),
    Column("DOING"),
)
_QUESTION_COLUMNS = (
    Column("QUESTION"),
    Column("WAITS", right=True),
    Column("AGENT"),
    Column("TASK"),
    Column("ASKS FOR"),
)


# --- agents -------------------------------------------------------------------------------------------------------


def list_agents(call: Call) -> int:
    """All of them, with what they have to do and have cost today."""
    _show_agents(call, call.client.get("/v1/agents"))
    return OK


def check(call: Call) -> int:
    """Ask the programs for their versions now; 1 when one cannot be used that was named, or that tasks wait for."""
    agents = call.client.post("/v1/agents/check", {"names": call.given.names, "by": "command"}, wait_s=CHECK_S)
    _show_agents(call, agents)
    missing = [agent for agent in agents if agent["available"] is False]
    return FAILED if any(call.given.names or agent["queued"] for agent in missing) else OK


def _show_agents(call: Call, agents: list[dict[str, Any]]) -> None:
    if call.given.json:
        call.console.json(agents)
        return
    call.console.table(_AGENT_COLUMNS, [_agent_cells(agent) for agent in agents])
    for agent in agents:
        if agent["available"] is False:
            call.console.line(f"{agent['name']}: {agent['detail']}. {agent['hint']}".rstrip())


def _agent_cells(agent: dict[str, Any]) -> list[str]:
    return [
        agent["name"],
        agent["kind"],
        _AVAILABLE[agent["available"]],
        agent["version"] or "-",
        f"{agent['running']} of {agent['concurrency']}",
        str(agent["queued"]),
        cost(agent["day_usage"]),
        agent["program"] or "-",
    ]


# --- workers ------------------------------------------------------------------------------------------------------


def list_workers(call: Call) -> int:
    """The processes that have the tasks done."""
    workers = call.client.get("/v1/workers")
    if call.given.json:
        call.console.json(workers)
        return OK
    unwell = sum(not worker["healthy"] for worker in workers)
    call.console.line(f"{len(workers)} workers, {len(workers) - unwell} healthy, {unwell} not")
    if workers:
        call.console.table(_WORKER_COLUMNS, [_worker_cells(worker) for worker in workers])
    return OK


def _worker_cells(worker: dict[str, Any]) -> list[str]:
    return [
        worker["name"],
        worker["status"],
        "-" if worker["pid"] is None else str(worker["pid"]),
        duration(worker["uptime_s"]),
        str(worker["tasks_completed"]),
        str(worker["errors"]),
        worker["task_id"] or "-",
        doing(worker["activity"]) or (worker["service"]["problem"] if not worker["healthy"] else "") or "-",
    ]


def heal(call: Call) -> int:
    """Replace the named workers, or those that are not well."""
    healed = call.client.post("/v1/workers/heal", {"names": call.given.names, "by": "command"}, wait_s=HEAL_S)
    if call.given.json:
        call.console.json(healed)
    else:
        call.console.line(healed["message"])
    return OK


# --- questions ----------------------------------------------------------------------------------------------------


def approvals(call: Call) -> int:
    """What agents ask you to allow."""
    questions = call.client.get("/v1/approvals")
    if call.given.json:
        call.console.json(questions)
    elif questions:
        call.console.table(_QUESTION_COLUMNS, [_question_cells(question) for question in questions])
        call.console.line(
            "Allow them in Aurora's window (`aurora approve QUESTION` opens it); `aurora deny QUESTION` denies."
        )
    else:
        call.console.line("nobody asks for anything")
    return OK


def _question_cells(question: dict[str, Any]) -> list[str]:
    waits = duration(max(0.0, time.time() - question["asked_at"]))
    asks = f"{question['tool']}: {question['summary']}" if question["kind"] == "tool" else question["summary"]
    return [question["id"], waits, question["agent"], question["task_id"], asks]


def approve(call: Call) -> int:
    """Open the question on the operator's screen; 1 when there is none. Allowed it is there alone."""
    question = call.given.id
    reply = call.client.post(f"{_address(question)}/show")
    if call.given.json:
        call.console.json(reply)
    elif reply["shown"]:
        call.console.line(
            f"{question} is open on your screen: allow it there. A command cannot, for an agent can run one"
        )
    else:
        why = "only the window can allow it: what a command can do, an agent can do too"
        hint = f"Start Aurora with its window on this state folder, or: aurora deny {question}"
        call.console.error(AuroraError("This Aurora has no screen", why, hint))
    return OK if reply["shown"] else FAILED


def deny(call: Call) -> int:
    """Say no, with words for the agent."""
    body = {"message": call.given.message, "by": "command"}
    reply = call.client.post(f"{_address(call.given.id)}/deny", body)
    if call.given.json:
        call.console.json(reply)
    else:
        call.console.line(reply["done"])
    return OK


def _address(approval_id: str) -> str:
    return f"/v1/approvals/{quote(approval_id, safe='')}"
