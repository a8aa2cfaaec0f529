"""What stands in a line of the three logs, in the words of the earlier system. Pure."""

from pathlib import Path
from typing import Any

from aurora_desktop.core.settings.schema_tasks import AgentKind
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.core.storage.jsonl import timestamp, to_json
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.messages import Ended
from aurora_desktop.tasks.task import Task

TIMED_OUT = 124
"""As `timeout` of the GNU core utilities tells it."""
MOST_SUMMARY = 500
ACTIVITY_LOGS: dict[AgentKind, str] = {"claude": "claude_activity.log", "codex": "codex_activity.log"}
AUDIT_LOG = "cli_agent_audit.log"

_TOLD_AS: dict[TaskStatus, str] = {
    "queued": "queued",
    "running": "running",
    "uncertain": "error",
    "completed": "completed",
    "error": "error",
    "timeout": "timeout",
    "cancelled": "cancelled",
    "dead": "error",
}
"""The states that the earlier system knew; ours stands beside it as `state`."""


def is_told(status: TaskStatus) -> bool:
    """Whether the audit has a record of it: what is only a matter of the queue has none."""
    return status in _TOLD_AS


def audit_line(task: Task, at: float) -> bytes:
    """A line of `cli_agent_audit.log`; of a task that is not over, `duration_sec` is null."""
    fields = {
        **_head(task, at),
        "operator_user": task.operator_user,
        "state": task.status,
        "role": task.role,
        "worker": task.worker,
        "attempt": task.attempt,
        "source": task.source,
        "cause": task.cause,
    }
    return to_json(fields) + b"\n"


def activity_line(task: Task, ended: Ended | None, log: Path, env: Environment, at: float) -> bytes:
    """A line of `claude_activity.log` or `codex_activity.log`; `ended` is the end of the last attempt."""
    fields = {
        **_head(task, at),
        "exit_code": exit_code(task),
        "operator_user": task.operator_user,
        "output_path": str(log),
        "elevation_used": ["full"] if task.permissions == "full" else [],
        "input_summary": summary(task.prompt, env),
        "stderr_lines": ended.stderr_lines if ended is not None else 0,
        "stdout_lines": ended.stdout_lines if ended is not None else 0,
        "model": task.model,
        "cost_usd": task.usage.cost_usd,
        "tokens": task.usage.tokens,
        "denials": [env.masked(denied) for denied in ended.denials] if ended is not None else [],
    }
    return to_json(fields) + b"\n"


def exit_code(task: Task) -> int | None:
    """Of the agent's process; None where it was killed, or never ran."""
    return TIMED_OUT if task.status == "timeout" else task.exit_code


def summary(prompt: str, env: Environment) -> str:
    """The first 10 words."""
    return env.masked(" ".join(prompt[: 20 * MOST_SUMMARY].split(maxsplit=10)[:10]))[:MOST_SUMMARY]


def duration_s(task: Task) -> float | None:
    """From its (last) start to its end; None while it is not over, 0.0 for what never began."""
    if task.finished_at is None:
        return None
    begun = task.started_at if task.started_at is not None else task.finished_at
    return round(max(0.0, task.finished_at - begun), 3)


def _head(task: Task, at: float) -> dict[str, Any]:
    return {
        "timestamp": timestamp(at),
        "task_id": task.id,
        "agent": task.agent,
        "prompt_sha256": task.prompt_sha256,
        "status": _TOLD_AS.get(task.status, task.status),
        "duration_sec": duration_s(task),
    }
