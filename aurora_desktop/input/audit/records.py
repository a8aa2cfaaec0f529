"""What a record of the audit log says: the fields that scripts read, and ours beside them."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from aurora_desktop.core.storage.jsonl import timestamp
from aurora_desktop.input.audit.chain import RESERVED
from aurora_desktop.input.view import TaskView

Phase = Literal["queued", "intent", "outcome"]

MOST_CHARACTERS = 10_000
KEPT_CHARACTERS = 1000
_OLD_WORDS = {"error": "failed"}
"""What the earlier system's records say."""
_OWN_FIELDS = ("agent", "outcome", "created_at", "started_at", "finished_at", "events", "human_active", "sentence")


def task_fields(task: TaskView, phase: Phase, now: float) -> dict[str, Any]:
    """The record of a task: the earlier system's fields first."""
    return {
        "timestamp": timestamp(now),
        "task_id": _clipped(task.task_id),
        "action": task.action,
        "parameters": {name: _shortened(value) for name, value in task.parameters.items()},
        "status": task.status,
        "operator_user": _clipped(task.operator_user),
        "retry_count": task.retry_count,
        "error": _clipped(task.reason) or None,
        "duration_sec": task.duration_s,
        "phase": phase,
        **{name: _clipped(getattr(task, name)) for name in _OWN_FIELDS},
        "result": task.result,
        "evidence": task.evidence,
    }


def event_fields(event: str, now: float, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an event. Raises ValueError for a field that the chain needs itself."""
    if taken := RESERVED.union({"timestamp", "event"}).intersection(fields):
        raise ValueError(f"{sorted(taken)} cannot be fields of an event")
    return {"timestamp": timestamp(now), "event": event, **fields}


def task_of(record: Mapping[str, Any]) -> TaskView | None:
    """The task as a record tells it; None for a record of something else."""
    if "task_id" not in record:
        return None
    status = record.get("status")
    plain = {
        **record,
        "status": _OLD_WORDS.get(str(status), status),
        "reason": record.get("error") or "",
        "duration_s": record.get("duration_sec"),
    }
    try:
        return msgspec.convert(plain, TaskView)
    except msgspec.ValidationError:
        return None


def _shortened(value: Any) -> Any:
    """Of a very long text the beginning and the length: typing must not push what was done before out of the log."""
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        return {"beginning": value[:KEPT_CHARACTERS], "length": len(value)}
    return value


def _clipped(value: Any) -> Any:
    return value[:KEPT_CHARACTERS] if isinstance(value, str) else value
