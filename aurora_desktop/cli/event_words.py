"""An event in one line of words, for `aurora events`."""

import time
from collections.abc import Callable
from typing import Any

from aurora_desktop.cli.console import duration, size

Event = dict[str, Any]

_TOLD_ELSEWHERE = frozenset({"type", "at", "component", "log_tail"})


def in_words(event: Event) -> str:
    """As its type has words for it; else its cause; else its fields."""
    say = _SAID.get(event["type"])
    if say is not None:
        return say(event)
    for field in ("cause", "sentence", "detail", "reason"):
        if event.get(field):
            return str(event[field])
    rest = {key: value for key, value in event.items() if key not in _TOLD_ELSEWHERE and value not in (None, [], "")}
    return ", ".join(f"{key} {_plain(value)}" for key, value in rest.items())


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def _with(event: Event, words: str, field: str) -> str:
    """The cause, and what follows from it where something does."""
    return f"{event['cause']}; {words}{event[field]}" if event.get(field) else str(event["cause"])


def _diagnosed(event: Event) -> str:
    kind = event["kind"].replace("_", " ")
    if event["remedies"]:
        return f"{kind}: {event['cause']}; may help: {', '.join(event['remedies'])}"
    return f"{kind}: {_with(event, 'next step: ', 'next_step')}"


def _offered(event: Event) -> str:
    command = f" ({' '.join(event['command'])})" if event["command"] else ""
    return f"{event['remedy']} waits for your word in the window: {event['cause']}{command}"


def _predicted(event: Event) -> str:
    due = time.strftime("%Y-%m-%d %H:%M", time.localtime(event["due"]))
    return _with({**event, "cause": f"{event['cause']} ({due}, {event['confidence']:.0%} sure)"}, "", "advice")


def _remedied(event: Event) -> str:
    return f"{event['remedy']} {event['outcome'].replace('_', ' ')} after {event['duration_s']:.1f} s: {event['cause']}"


def _reason(event: Event) -> str:
    return f": {event['reason']}" if event["reason"] else ""


def _because(event: Event) -> str:
    return f": {event['cause']}" if event["cause"] else ""


def _set_aside(event: Event) -> str:
    aside = f"set aside ({event['reason']}), kept as {event['moved_to']}"
    if not event["restored_from"]:
        return f"{aside}; begun anew"
    return f"{aside}; restored out of {event['restored_from']}; lost: {event['lost'] or 'nothing'}"


def _backed_up(event: Event) -> str:
    trouble = f"; not in the second folder: {event['trouble']}" if event["trouble"] else ""
    return f"{event['backup_id']}, {size(event['size_bytes'])}, {event['reason']}{trouble}"


def _probed(event: Event) -> str:
    if event["recovered"]:
        return f"the {event['probe']} probe succeeds again"
    return f"{event['probe']} probe: {event['detail']}"


def _applied(event: Event) -> str:
    """What changed of the services, and what does not hold yet."""
    told = [f"{what} {_plain(event[what])}" for what in ("added", "changed", "removed") if event[what]]
    if event["waiting"]:
        told.append(f"not in force until you confirm it in the window: {_plain(event['waiting'])}")
    return "; ".join(told) or "no service changed"


def _received(event: Event) -> str:
    became = f", now {event['task_id']}" if event["task_id"] else ""
    return f"{event['kind']} from {event['sender']}: {event['summary']}{became}{_because(event)}"


_DECISIONS = {"once": "allowed once", "task": "allowed for the task", "deny": "denied"}
_HANDS = ("the operator's hands are still", "the operator is at mouse or keyboard")
_SAID: dict[str, Callable[[Event], str]] = {
    "service_state_changed": lambda e: f"{e['previous']} -> {e['state']}: {e['cause']}",
    "service_restarting": lambda e: f"attempt {e['attempt']} in {e['delay_s']:.1f} s: {e['cause']}",
    "aurora_started": lambda e: f"version {e['version']} ({e['mode']}), pid {e['pid']}",
    "service_adopted": lambda e: f"pid {e['pid']}, up {duration(e['uptime_s'])}",
    "probe_failing": _probed,
    "stalled": lambda e: f"Aurora itself stood still for {duration(e['stall_s'])}",
    "clock_jumped": lambda e: f"the clock went {'on' if e['delta_s'] > 0 else 'back'} by {duration(abs(e['delta_s']))}",
    "settings_applied": _applied,
    "settings_refused": lambda e: "the last good ones stay in force: " + "; ".join(e["problems"]),
    "control_armed": lambda e: f"mode {e['mode']}, until {_clock(e['until'])}",
    "control_requested": lambda e: f"{e['agent']} asks for mouse and keyboard{_reason(e)}",
    "control_request_answered": lambda e: (
        f"{e['agent']} asked for mouse and keyboard: {e['decision'].replace('_', ' ')}"
    ),
    "human_active": lambda e: _HANDS[bool(e["active"])],
    "storage_recovered": lambda e: f"{e['path']} is written again; {e['kept']} kept, {e['dropped']} lost",
    "storage_quarantined": _set_aside,
    "backup_made": _backed_up,
    "backup_failed": lambda e: " ".join(filter(None, (f"{e['detail']}.", e["hint"]))),
    "damage_found": lambda e: f"{e['path']}: {e['detail']}; {e['remedy']}",
    "fault_diagnosed": _diagnosed,
    "remedy_started": lambda e: f"{e['remedy']}, attempt {e['attempt']}: {e['cause']}",
    "remedy_finished": _remedied,
    "remedy_offered": _offered,
    "offer_closed": lambda e: f"offer {e['offer_id']} {e['answer']}",
    "escalated": lambda e: _with(e, "next step: ", "hint"),
    "escalation_cleared": lambda e: f"cleared by {e['by']}",
    "predicted": _predicted,
    "prediction_withdrawn": lambda e: f"{e['kind'].replace('_', ' ')}: {e['cause']}",
    "tuning_proposed": lambda e: f"{e['setting']}: {e['old']} -> {e['new']}: {e['cause']}",
    "tuning_ended": lambda e: f"proposal {e['proposal_id']} {e['result'].replace('_', ' ')}: {e['cause']}",
    "task_submitted": lambda e: f"{e['task_id']} for {e['role'] or e['agent']}",
    "task_state_changed": lambda e: f"{e['task_id']} {e['previous']} -> {e['status']}{_because(e)}",
    "task_finished": lambda e: f"{e['task_id']} {e['status']} after {e['duration_s']:.1f} s{_because(e)}",
    "task_uncertain": lambda e: f"{e['task_id']} waits for your word: {e['cause']}",
    "approval_asked": lambda e: f"{e['task_id']} asks for {e['tool']}: {e['summary']} ({e['approval_id']})",
    "approval_answered": lambda e: f"{e['approval_id']} of {e['task_id']}: {_DECISIONS[e['decision']]} by {e['by']}",
    "budget_reached": lambda e: f"{e['task_id']} {e['action']}: {e['limit']}",
    "agent_unavailable": lambda e: f"not available: {e['detail']}",
    "link_state_changed": lambda e: f"{e['previous']} -> {e['state']}: {e['cause']}",
    "link_session_changed": lambda e: f"session {e['session']}: {e['cause']}",
    "link_message_received": _received,
    "link_message_failed": lambda e: f"{e['key']} to {e['recipient']}: {e['cause']}",
    "alert_sent": lambda e: f"by {e['channel']}: {e['cause']}",
    "alert_failed": lambda e: f"not by {e['channel']}, after {e['tries']} tries: {e['cause']}",
}
