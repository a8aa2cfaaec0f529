"""What the rungs write, pure: documents in, documents out, in the formats that the earlier orchestrator reads."""

import json
import time
from typing import Any

ESCALATION = ".ESCALATION_REQUIRED"
ACTIVE = "ACTIVE_AGENT_MODE"
MARKS_KEPT = 50
"""`healing_applied` is a history for people; an agent that is healed for months shall not carry all of it."""


def iso(wall: float) -> str:
    """`2026-01-31T12:00:00.250Z`."""
    whole, milliseconds = divmod(round(wall * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03}Z"


def local(wall: float) -> str:
    """`2026-01-31 13:00:00`, local time, as `last_updated` is written."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall))


def refreshed(content: dict[str, Any], reason: str, wall: float) -> dict[str, Any]:
    """`force_update`: as if the agent had just written it."""
    return _marked(content, {}, "force_update", reason, wall)


def without_tasks(content: dict[str, Any], reason: str, wall: float) -> dict[str, Any]:
    """`clear_tasks`: what it is stuck in is taken from it."""
    return _marked(content, {"current_tasks": []}, "clear_tasks", reason, wall)


def begun_anew(content: dict[str, Any], agent: str, reason: str, wall: float) -> dict[str, Any]:
    """`reset_status`: the status of an agent that has just begun; its id and the history of healing stay."""
    kept: dict[str, Any] = {key: content[key] for key in ("agent_id", "healing_applied") if key in content}
    fresh: dict[str, Any] = {"agent_id": agent, **kept, "status": ACTIVE, "last_updated": "", "current_tasks": []}
    return _marked(fresh, {}, "reset_status", reason, wall)


def encoded(document: dict[str, Any]) -> bytes:
    """As JSON in UTF-8; half characters, which UTF-8 does not have, stay the escapes that they were."""
    try:
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(document, indent=2) + "\n").encode()


def rescue_message(agent: str, reason: str, wall: float) -> bytes:
    """For the inbox: what was seen, and what the agent is asked for."""
    text = (
        f"# Rescue: {agent}\n\n"
        f"From: Aurora Desktop\nTo: {agent}\nSent: {iso(wall)}\nPriority: urgent\n\n"
        f"You seem to be stuck: {reason}.\n\n"
        "1. Read your `status.json` and your current task.\n"
        "2. If you can go on, go on, and write `last_updated`.\n"
        "3. If you wait for somebody, set `status` to `WAITING_FOR_OPERATOR`.\n"
        "4. If the task cannot be done, say why in `status.json` and take the next one.\n"
    )
    return text.encode()


def escalation(agent: str, reason: str, attempts: int, tried: tuple[str, ...], wall: float) -> bytes:
    """The content of the marker: why, and how to let healing go on."""
    return encoded(
        {
            "agent_id": agent,
            "timestamp": iso(wall),
            "reason": reason,
            "failed_attempts": attempts,
            "tried": list(tried),
            "hint": "Remove this file once the agent is mended: Aurora then looks after it again.",
        }
    )


def _marked(content: dict[str, Any], changes: dict[str, Any], action: str, reason: str, wall: float) -> dict[str, Any]:
    """Keys that are there keep their places; `healing_applied` that is no list is begun anew."""
    before = content.get("healing_applied")
    history = before[-(MARKS_KEPT - 1) :] if isinstance(before, list) else []
    mark = {"timestamp": iso(wall), "action": action, "reason": reason}
    return {**content, **changes, "last_updated": local(wall), "healing_applied": [*history, mark]}
