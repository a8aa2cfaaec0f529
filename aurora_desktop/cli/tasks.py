"""The command `task`: see what becomes of the work that agents were given, follow what they say, take it back."""

import time
from typing import Any
from urllib.parse import quote

from aurora_desktop.cli.call import OK, Call
from aurora_desktop.cli.console import Column, duration
from aurora_desktop.cli.submitting import POLL_S, give, patient_get
from aurora_desktop.cli.task_words import (
    AT_WORK,
    FAILED_STATUSES,
    Task,
    address,
    cost,
    doing,
    in_words,
    status_style,
    took,
)

_COLUMNS = (
    Column("TASK"),
    Column("STATUS", style=lambda shown: status_style(shown.replace(" ", "_"))),
    Column("WHO"),
    Column("AGE", right=True),
    Column("COST", right=True),
    Column("WORKER"),
    Column("WHAT"),
)
_RUN_COLUMNS = (
    Column("RUN"),
    Column("PIPELINE"),
    Column("STATUS", style=status_style),
    Column("ROUND", right=True),
    Column("TASKS"),
)


# --- look ---------------------------------------------------------------------------------------------------------


def list_tasks(call: Call) -> int:
    """The newest first."""
    given = call.given
    status = ",".join(given.status) or None
    views = call.client.get("/v1/tasks", status=status, agent=given.agent, limit=given.limit)
    if given.json:
        call.console.json(views)
    elif views:
        call.console.table(_COLUMNS, [_cells(view) for view in views])
    else:
        call.console.line("no such tasks" if status or given.agent else "no tasks yet")
    return OK


def _cells(view: Task) -> list[str]:
    what = view["summary"]
    cause = view["cause"] if view["status"] in FAILED_STATUSES else ""
    if told := view["held"] or doing(view["activity"]) or cause:
        what += f" ({told})"
    return [
        view["id"],
        view["status"].replace("_", " "),
        view["role"] or view["agent"],
        duration(max(0.0, time.time() - view["created_at"])),
        cost(view["usage"]),
        view["worker"] or "-",
        what,
    ]


def show(call: Call) -> int:
    """One task with its prompt, result and error."""
    detail = call.client.get(address(call.given.id))
    if call.given.json:
        call.console.json(detail)
        return OK
    view, line = detail["view"], call.console.line
    status = view["status"].replace("_", " ")
    line(f"{view['id']} {call.console.styled(status, status_style(view['status']))}: {view['summary']}")
    for what, words in _facts(detail):
        if words:
            line(f"  {what}: {words}")
    for what in ("prompt", "result", "error"):
        if detail[what]:
            line(f"\n{what.upper()}\n{detail[what]}")
    return OK


def _facts(detail: Task) -> list[tuple[str, str]]:
    view = detail["view"]
    of = f", attempt {view['attempt']} of {view['max_attempts']}" if view["attempt"] else ""
    tokens = view["usage"]["input_tokens"] + view["usage"]["output_tokens"]
    return [
        ("who", f"{view['role']} ({view['agent']})" if view["role"] else view["agent"]),
        ("doing", doing(view["activity"])),
        ("why", view["cause"]),
        ("waits", view["held"]),
        ("next step", view["hint"]),
        ("worker", f"{view['worker']}{of}" if view["worker"] else of.removeprefix(", ")),
        ("folder", view["cwd"]),
        ("took", took(view)),
        ("cost", f"{cost(view['usage'])}, {tokens:,} tokens" if tokens else cost(view["usage"]).strip("-")),
        ("exit code", "" if detail["exit_code"] is None else str(detail["exit_code"])),
        ("session", detail["session_id"] or ""),
        ("pipeline", f"{view['run_id']}, step {view['step'] + 1}, round {view['round']}" if view["run_id"] else ""),
        ("record", detail["log_path"]),
    ]


def runs(call: Call) -> int:
    """The runs of pipelines."""
    found = call.client.get("/v1/runs")
    if call.given.json:
        call.console.json(found)
    elif found:
        call.console.table(_RUN_COLUMNS, [_run_cells(run) for run in found])
    else:
        call.console.line("no runs of pipelines")
    return OK


def _run_cells(run: dict[str, Any]) -> list[str]:
    why = f" ({run['cause']})" if run["cause"] else ""
    tasks = ", ".join(run["task_ids"]) + why
    return [run["id"], run["pipeline"], run["status"], f"{run['round']} of {run['max_rounds']}", tasks]


# --- logs ---------------------------------------------------------------------------------------------------------


def logs(call: Call) -> int:
    """What the agent said; with `--follow` until it ends. The record that was kept, where nothing else is left."""
    given, offset, said = call.given, 0, False
    while True:
        wait_s = POLL_S if given.follow else 0.0
        found = patient_get(call, f"{address(given.id)}/transcript", wait_s, offset=offset)
        for entry in found["entries"]:
            _show_entry(call, entry)
        call.console.flush()
        said, offset = said or bool(found["entries"]), found["next_offset"]
        if not found["entries"] and (found["is_over"] or not given.follow):
            break
    if not said and not given.json:
        _show_record(call)
    return OK


def _show_entry(call: Call, entry: dict[str, Any]) -> None:
    if call.given.json:
        call.console.json(entry, compact=True)
        return
    at = time.strftime("%H:%M:%S", time.localtime(entry["at"]))
    failed = " failed" if entry.get("failed") else ""
    tool = f" {entry['tool']}" if entry.get("tool") else ""
    words = entry["text"] + (f"\n{entry['detail']}" if entry["kind"] == "diff" and entry.get("detail") else "")
    first, *rest = words.split("\n")
    call.console.line(f"{at}  {entry['kind'].replace('_', ' ')}{tool}{failed}: {first}")
    for more in rest:
        call.console.line(f"          {more}")


def _show_record(call: Call) -> None:
    """`logs/tasks/<id>.log`, if the task has ended; what the agent said as events is removed before it."""
    if not call.client.get(address(call.given.id))["log_path"]:
        call.console.line("nothing was said yet")
        return
    offset, text = 0, "..."
    while text:
        reply = call.client.get(f"{address(call.given.id)}/log", offset=offset)
        offset, text = reply["offset"], reply["text"]
        call.console.text(text)


# --- act ----------------------------------------------------------------------------------------------------------


def cancel(call: Call) -> int:
    """Once its agent has ended, unless that takes longer than the patience of one look."""
    if call.given.id.startswith("run_"):
        return _cancel_run(call)
    view = _told(call, "cancel")
    if view["status"] in AT_WORK:
        query: dict[str, Any] = {"while": view["status"]}
        view = patient_get(call, address(view["id"]), POLL_S, **query)["view"]
    _show(call, view, f"{view['id']} {in_words(view)}")
    return OK


def _cancel_run(call: Call) -> int:
    run = call.client.post(f"/v1/runs/{quote(call.given.id, safe='')}/cancel", {"by": "command"}, wait_s=POLL_S)
    if call.given.json:
        call.console.json(run)
    else:
        call.console.line(f"{run['id']} is cancelled, and its step with it")
    return OK


def retry(call: Call) -> int:
    return _command(call, "retry")


def resume(call: Call) -> int:
    return _command(call, "resume")


def _command(call: Call, what: str) -> int:
    view = _told(call, what)
    _show(call, view, f"{view['id']} {in_words(view)}")
    return OK


def _told(call: Call, what: str) -> Task:
    view: Task = give(call, f"{address(call.given.id)}/{what}", {"by": "command"}, POLL_S)
    return view


def _show(call: Call, answer: Any, words: str) -> None:
    if call.given.json:
        call.console.json(answer)
    else:
        call.console.line(words)
