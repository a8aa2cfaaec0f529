"""What `aurora top` shows, as lines that fit a screen. Pure: nothing here asks or writes."""

import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from aurora_desktop.cli.console import Column, Console, duration, harmless, state_style
from aurora_desktop.cli.event_words import in_words
from aurora_desktop.cli.showing import SERVICE_COLUMNS, control_line, service_cells, tasks_in_words
from aurora_desktop.cli.task_words import doing, status_style, took

MOST_EVENTS = 100
_TASK_COLUMNS = (
    Column("TASK"),
    Column("AGENT"),
    Column("STATUS", style=status_style),
    Column("SINCE", right=True),
    Column("WHAT"),
)
_EVENT_COLUMNS = (Column("TIME"), Column("COMPONENT"), Column("WHAT"))
# What comes every half minute tells nobody anything here.
_UNTOLD = frozenset({"heartbeat"})
MOST_NAME = 24
_COLOUR = re.compile(r"(\x1b\[[0-9;:]*m)")


class Seen(NamedTuple):
    """One look. `tasks`: those that are not over; `events`: the newest last; `trouble`: why it is an old one, or ""."""

    status: dict[str, Any]
    services: Sequence[dict[str, Any]]
    tasks: Sequence[dict[str, Any]]
    events: Sequence[dict[str, Any]]
    trouble: str = ""


def frame(console: Console, seen: Seen, width: int, height: int) -> list[str]:
    """At most `height` lines of at most `width` characters, colours not counted."""
    head = _head(console, seen, width)
    foot = [_fit(seen.trouble or "q: quit", width, console, "red" if seen.trouble else "dim")]
    tables = [table for table in _tables(console, seen, width) if table]
    rooms = shares(height - len(head) - len(foot) - len(tables), [len(table) for table in tables])
    body: list[str] = []
    for table, room in zip(tables, rooms, strict=True):
        if room > 1:
            body += ["", *_cut(table, room, console)]
    return [_clipped(line, width) for line in [*head, *body, *foot][:height]]


def plain(console: Console, seen: Seen) -> list[str]:
    """The same at full length, for where there is no screen to fit."""
    width = 1000
    lines = _head(console, seen, width)
    for table in _tables(console, seen, None):
        lines += ["", *table] if table else []
    return lines


def shares(room: int, wanted: Sequence[int]) -> list[int]:
    """Lines for each table: what it wants, or an equal part of what the smaller ones leave."""
    given = [0] * len(wanted)
    left, open_ = max(0, room), sorted(range(len(wanted)), key=lambda i: wanted[i])
    for place, index in enumerate(open_):
        given[index] = min(wanted[index], left // (len(open_) - place))
        left -= given[index]
    return given


def _head(console: Console, seen: Seen, width: int) -> list[str]:
    status = seen.status
    verdict = status["verdict"]
    lines = [_fit(f"{verdict}: {status['sentence']}", width, console, state_style(verdict))]
    if status["next_step"]:
        lines.append(_fit(f"next step: {status['next_step']}", width))
    if status["control"] is not None:
        lines.append(harmless(control_line(console, status["control"]), keep_colours=True).replace("\n", " "))
    counts = ", ".join(f"{count} {state}" for state, count in sorted(status["services"].items()))
    words = [f"up {duration(status['uptime_s'])}", f"services: {counts or 'none'}"]
    if status["tasks"] is not None and (tasks := tasks_in_words(status["tasks"])):
        words.append(f"tasks: {tasks}")
    if status["paused"]:
        words.append("supervision paused")
    return [*lines, _fit("; ".join(words), width)]


def _tables(console: Console, seen: Seen, width: int | None) -> list[list[str]]:
    services = sorted(seen.services, key=lambda row: not row["problem"])
    told = [record["event"] for record in seen.events if record["event"]["type"] not in _UNTOLD]
    rows = [
        (SERVICE_COLUMNS, [_short(service_cells(row)) for row in services]),
        (_TASK_COLUMNS, [_task_cells(task) for task in seen.tasks]),
        (_EVENT_COLUMNS, [_event_cells(event) for event in reversed(told)]),
    ]
    return [console.table_lines(columns, cells, width) if cells else [] for columns, cells in rows]


def _short(cells: list[str]) -> list[str]:
    """Without what a narrow screen has no room for."""
    name, *rest = cells
    return [_fit(name, MOST_NAME), *rest]


def _task_cells(task: dict[str, Any]) -> list[str]:
    what = doing(task["activity"]) or task["held"] or task["cause"] or task["summary"]
    return [task["id"], _fit(task["role"] or task["agent"], MOST_NAME), task["status"], took(task) or "-", what]


def _event_cells(event: dict[str, Any]) -> list[str]:
    at = time.strftime("%H:%M:%S", time.localtime(event["at"]))
    return [at, _fit(event["component"], MOST_NAME), f"{event['type'].replace('_', ' ')}: {in_words(event)}"]


def _cut(table: list[str], room: int, console: Console) -> list[str]:
    """Its first lines; the last one says how many more there are."""
    if len(table) <= room:
        return table
    more = console.styled(f"and {len(table) - room + 1} more", "dim")
    return [*table[: room - 1], more] if room > 2 else table[:room]


def _fit(text: str, width: int, console: Console | None = None, style: str = "") -> str:
    flat = harmless(text).replace("\n", " ").replace("\t", " ")
    cut = flat if len(flat) <= width else flat[: max(0, width - 3)] + "..."
    return console.styled(cut[:width], style) if console is not None else cut[:width]


def _clipped(line: str, width: int) -> str:
    """Not wider than the screen, which would break the line; every colour stays, also those that end one."""
    kept, left = "", width
    for part in _COLOUR.split(line):
        if part.startswith("\x1b"):
            kept += part
        else:
            kept += part[:left]
            left -= len(part[:left])
    return kept
