"""The commands that show: `status`, `ps` and `events`."""

import time
from typing import Any

from aurora_desktop.cli.call import OK, Call
from aurora_desktop.cli.console import Column, Console, control_style, countdown, duration, size, state_style
from aurora_desktop.cli.event_words import in_words

POLL_S = 25.0
SERVICE_COLUMNS = (
    Column("NAME"),
    Column("STATE", style=state_style),
    Column("PID", right=True),
    Column("UPTIME", right=True),
    Column("RESTARTS", right=True),
    Column("MEMORY", right=True),
    Column("CPU", right=True),
    Column("LAST CAUSE"),
)


def status(call: Call) -> int:
    """The verdict with its sentence and next step, the problems, and what runs."""
    answer = call.client.get("/v1/status")
    if call.given.json:
        call.console.json(answer)
    else:
        _show_status(call.console, answer)
    return OK


def _show_status(console: Console, answer: Any) -> None:
    console.line(f"{console.styled(answer['verdict'], state_style(answer['verdict']))}: {answer['sentence']}")
    if answer["next_step"]:
        console.line(f"next step: {answer['next_step']}")
    for problem in answer["problems"][1:]:
        step = f" ({problem['next_step']})" if problem["next_step"] else ""
        console.line(f"also: {problem['sentence']}{step}")
    counts = ", ".join(f"{count} {state}" for state, count in sorted(answer["services"].items()))
    console.line(f"services: {counts or 'none'}")
    if answer["control"] is not None:
        console.line(control_line(console, answer["control"]))
    if answer["tasks"] is not None and (words := tasks_in_words(answer["tasks"])):
        console.line(f"tasks: {words}")
    paused = ", supervision paused" if answer["paused"] else ""
    up = duration(answer["uptime_s"])
    console.line(f"aurora {answer['version']} ({answer['mode']}), pid {answer['pid']}, up {up}{paused}")


def tasks_in_words(counts: dict[str, int]) -> str:
    """`2 at work, 3 queued, 1 waiting for your word (aurora approvals)`; "" for none."""
    shown = {
        "at_work": "at work",
        "queued": "queued",
        "uncertain": "uncertain (aurora task list --status uncertain)",
        "approvals": "waiting for your word (aurora approvals)",
    }
    return ", ".join(f"{counts[name]} {words}" for name, words in shown.items() if counts[name])


def control_line(console: Console, control: dict[str, Any]) -> str:
    """`control: armed (act), 14:32 left, codex: clicking "Save"`; or why it is not."""
    state = control["state"]
    told = [f"control: {console.styled(state, control_style(state))}"]
    if state == "armed":
        told[0] += f" ({control['mode'].replace('_', ' ')})"
        told.append(f"{countdown(control['remaining_s'] or 0)} left")
        if control["holder"]:
            told.append(f"{control['holder']}: {control['doing'] or 'holds it'}")
        if control["human_active"]:
            told.append("waits while you use mouse or keyboard")
    elif control["reason"]:
        told.append(control["reason"])
    if control["pending"]:
        told.append(f"settings that loosen safety wait for you in the window: {'; '.join(control['pending'])}")
    return ", ".join(told)


def ps(call: Call) -> int:
    """One line for each service."""
    rows = call.client.get("/v1/services")
    if call.given.json:
        call.console.json(rows)
    elif rows:
        show_services(call.console, rows)
    else:
        call.console.line("no services in the settings yet")
    return OK


def show_services(console: Console, rows: list[dict[str, Any]]) -> None:
    """The table of `ps`."""
    console.table(SERVICE_COLUMNS, [service_cells(row) for row in rows])


def service_cells(row: dict[str, Any]) -> list[str]:
    cpu = row["cpu_percent"]
    return [
        row["name"],
        row["state"],
        "-" if row["pid"] is None else str(row["pid"]),
        duration(row["uptime_s"]),
        str(row["restarts"]),
        size(row["memory_bytes"]),
        "-" if cpu is None else f"{cpu:.1f}%",
        row["problem"] or row["last_cause"],
    ]


def events(call: Call) -> int:
    """What happened, oldest first; with `--follow` also what happens from now on."""
    given, client = call.given, call.client
    wanted = {"component": given.component, "type": given.type}
    reply = client.get("/v1/events", since=given.since, limit=given.limit, **wanted)
    if not given.follow:
        _show_events(call, reply["records"])
        return OK
    while True:
        _show_events(call, reply["records"])
        call.console.flush()
        reply = client.get("/v1/events", since=_next(reply), limit=1000, wait_s=POLL_S, **wanted)


def _next(reply: Any) -> int:
    """Where to read on: behind the last one shown, or at the end if the search came up to it."""
    return int(reply["records"][-1]["id"] if reply["records"] else reply["last_id"])


def _show_events(call: Call, records: list[dict[str, Any]]) -> None:
    if call.given.json and not call.given.follow:
        call.console.json(records)
        return
    for record in records:
        if call.given.json:
            call.console.json(record, compact=True)
        else:
            call.console.line(event_line(record).replace("\n", " "))


def event_line(record: dict[str, Any]) -> str:
    event = record["event"]
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["at"]))
    return f"{record['id']:>6}  {at}  {event['component']:<20}  {event['type']:<22}  {in_words(event)}".rstrip()
