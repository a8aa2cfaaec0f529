"""The commands around mouse and keyboard: `input submit|status|history|cancel` and `disarm`. None arms or resets."""

import json
import sys
import time
from typing import Any
from urllib.parse import quote

from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.console import Column, duration, outcome_style
from aurora_desktop.cli.showing import control_line
from aurora_desktop.core.errors import AuroraError

POLL_S = 25.0
_COLUMNS = (
    Column("TIME"),
    Column("TASK"),
    Column("AGENT"),
    Column("OUTCOME", style=outcome_style),
    Column("TOOK", right=True),
    Column("WHAT"),
)


# --- submit -------------------------------------------------------------------------------------------------------


def submit(call: Call) -> int:
    """Queue one action and wait for its end; 0 when it was done. Ctrl+C takes it back."""
    task = call.client.post("/v1/input/submit", _body(call), scope="input")
    if call.given.no_wait:
        _show(call, task, f"{task['task_id']} {task['status']}: {_what(task)}")
        return OK
    try:
        task = _at_its_end(call, task)
    except KeyboardInterrupt:
        call.client.post(f"{_address(task['task_id'])}/cancel", scope="input")
        raise
    _show(call, task, _in_words(task))
    return OK if task["outcome"] == "done" else FAILED


def _body(call: Call) -> bytes:
    """The action as it was written, in an envelope if more was told: the door judges it, also what is given twice."""
    given = call.given
    text = sys.stdin.read() if given.action == "-" else given.action
    try:
        json.loads(text)
    except (ValueError, RecursionError):  # what is wrong is not shown: it may stand in the midst of a secret
        hint = 'For instance: aurora input submit \'{"action": "left_click", "at": {"x": 10, "y": 20}}\''
        raise AuroraError("The action is not JSON", "", hint) from None
    beside = {name: value for name in ("dialect", "agent") if (value := getattr(given, name))}
    envelope = "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in beside.items())
    whole = f'{{"action": {text}{envelope}}}' if beside else text
    return whole.encode("utf-8", "surrogateescape")


def _at_its_end(call: Call, task: Any) -> Any:
    while task["status"] not in ("completed", "failed"):
        task = call.client.get(_address(task["task_id"]), scope="input", wait_s=POLL_S)
    return task


def _in_words(task: dict[str, Any]) -> str:
    """`done in 0.2 s: clicking "Save"`, or how it went otherwise and why."""
    told = f"{task['outcome']} in {duration(task['duration_s'])}: {_what(task)}"
    if task["reason"]:
        told += f" ({task['reason']})"
    if task["human_active"]:
        told += "; it waited while you used mouse or keyboard"
    return f"{told}\n{json.dumps(task['result'])}" if task["result"] else told


# --- the others ---------------------------------------------------------------------------------------------------


def input_status(call: Call) -> int:
    """The gate, the queue, the screen."""
    view = call.client.get("/v1/input/status")
    if call.given.json:
        call.console.json(view)
        return OK
    console = call.console
    console.line(control_line(console, view["control"]))
    if view["control"]["hint"]:
        console.line(f"next step: {view['control']['hint']}")
    if view["running"]:
        console.line(f"running: {_what(view['running'])} ({view['running']['task_id']})")
    console.line(f"queue: {view['queue_size']} of {view['queue_limit']}")
    for display in view["displays"]:
        place = f"{display['width']}x{display['height']}+{display['x']}+{display['y']}"
        console.line(f"display: {display['id']} {place}{', primary' if display['primary'] else ''}")
    return OK


def history(call: Call) -> int:
    """The last actions, newest first."""
    tasks = call.client.get("/v1/input/history", limit=call.given.limit)
    if call.given.json:
        call.console.json(tasks)
    elif tasks:
        call.console.table(_COLUMNS, [_cells(task) for task in tasks])
    else:
        call.console.line("no actions yet")
    return OK


def cancel(call: Call) -> int:
    """1 when it was over already."""
    reply = call.client.post(f"{_address(call.given.id)}/cancel", scope="input")
    words = "cancelled" if reply["cancelled"] else f"it was over already: {reply['task']['outcome']}"
    _show(call, reply, words)
    return OK if reply["cancelled"] else FAILED


def disarm(call: Call) -> int:
    reply = call.client.post("/v1/disarm", {"reason": call.given.reason})
    _show(call, reply, reply["done"])
    return OK


def _show(call: Call, answer: Any, words: str) -> None:
    if call.given.json:
        call.console.json(answer)
    else:
        call.console.line(words)


def _address(task_id: str) -> str:
    return f"/v1/input/task/{quote(task_id, safe='')}"


def _what(task: dict[str, Any]) -> str:
    """Who does what: `codex: clicking "Save"`."""
    what = task["sentence"] or task["action"]
    return f"{task['agent']}: {what}" if task["agent"] else str(what)


def _cells(task: dict[str, Any]) -> list[str]:
    at = time.strftime("%H:%M:%S", time.localtime(task["created_at"]))
    what = task["sentence"] or task["action"]
    reason = f" ({task['reason']})" if task["reason"] else ""
    ended = task["outcome"] or task["status"]
    return [at, task["task_id"], task["agent"] or "-", ended, duration(task["duration_s"]), what + reason]
