"""The command `link`: how the link to the collaboration server is, a new attempt, messages out and in, dead letters."""

import sys
import time
from typing import Any

from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.console import Column

MOST_CONTENT = 1024 * 1024
_COLUMNS = (Column("RECEIVED"), Column("FROM"), Column("TYPE"), Column("TASK"), Column("WHAT"))
_STYLES = {"online": "green", "degraded": "yellow", "refused": "red", "backing_off": "yellow"}


def status(call: Call) -> int:
    """1 while the link is on and messages do not pass."""
    view = call.client.get("/v1/link")
    is_well = not view["enabled"] or view["state"] in ("online", "degraded")
    if call.given.json:
        call.console.json(view)
        return OK if is_well else FAILED
    for line in _lines(call, view):
        call.console.line(line)
    return OK if is_well else FAILED


def _lines(call: Call, view: dict[str, Any]) -> list[str]:
    state = call.console.styled(view["state"].replace("_", " "), _STYLES.get(view["state"], ""))
    if not view["enabled"]:
        return [f"off: {view['cause']} (docs/link.md)"]
    lines = [f"{state}: {view['cause']}" + (f". {view['hint']}" if view["hint"] else "")]
    lines.append(f"server    {view['server']} as {view['identity']}, session {view['session'] or 'none yet'}")
    if view["next_attempt_at"]:
        lines.append(f"next try  {_clock(view['next_attempt_at'])}, after {view['attempt']} that failed")
    if view["latency_ms"] is not None:
        heard = f"heard {_clock(view['last_heartbeat_at'])}" if view["last_heartbeat_at"] else "not heard yet"
        lines.append(f"health    {view['latency_ms']:.0f} ms, {view['error_rate']:.0%} of requests failed, {heard}")
    if view["token_expires_at"]:
        lines.append(f"token     until {_clock(view['token_expires_at'])}, kept in: {view['tokens_in']}")
    outbox = view["outbox"]
    lines.append(f"messages  {outbox['waiting']} wait, {outbox['sent']} sent, {view['received']} received")
    lines += [f"dead      {dead['key']} to {dead['recipient']}: {dead['cause']}" for dead in outbox["dead"]]
    if outbox["dead_count"] > len(outbox["dead"]):
        lines.append(f"          and {outbox['dead_count'] - len(outbox['dead'])} older ones")
    lines += [f"warning   {warning}" for warning in view["warnings"]]
    return lines + [f"error     {_clock(at)} {what}" for at, what in view["errors"][:5]]


def reconnect(call: Call) -> int:
    view = call.client.post("/v1/link/reconnect")
    if call.given.json:
        call.console.json(view)
    else:
        call.console.line("connecting anew; `aurora link status` shows how it goes")
    return OK


def send(call: Call) -> int:
    given = call.given
    content = sys.stdin.read(MOST_CONTENT + 1) if given.content == ["-"] else " ".join(given.content)
    asked = {"recipient": given.recipient, "content": content, "subject": given.subject, "kind": given.kind}
    message = call.client.post("/v1/link/send", {**asked, "key": given.key})
    if call.given.json:
        call.console.json(message)
    else:
        words = {"waiting": "kept, and sent as soon as the link is up", "sent": "sent already", "dead": "not sent"}
        call.console.line(f"{message['key']}: {words[message['status']]}")
    return OK


def retry(call: Call) -> int:
    """Dead letters into the queue again."""
    return _settle(call, "retry", "in the queue again, and sent as soon as the link is up")


def forget(call: Call) -> int:
    """Dead letters deleted."""
    return _settle(call, "forget", "forgotten")


def _settle(call: Call, how: str, done: str) -> int:
    view = call.client.post(f"/v1/link/dead/{how}", {"key": call.given.key})
    if call.given.json:
        call.console.json(view)
    else:
        left = view["outbox"]["dead_count"]
        call.console.line(f"{done}; dead letters that are left: {left}")
    return OK


def inbox(call: Call) -> int:
    messages = call.client.get("/v1/link/inbox", limit=call.given.limit)
    if call.given.json:
        call.console.json(messages)
    elif messages:
        call.console.table(_COLUMNS, [_cells(message) for message in messages])
    else:
        call.console.line("nothing was received yet")
    return OK


def _cells(message: dict[str, Any]) -> list[str]:
    what = " ".join((message["subject"] or message["content"]).split())[:80]
    told = f"{what} ({message['cause']})" if message["cause"] else what
    return [_clock(message["received_at"]), message["sender"], message["kind"], message["task_id"] or "-", told]


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
