"""`status.json` of an agent: what it says, whatever somebody wrote into it. Pure: bytes in, words out."""

import json
from typing import Any, Literal

from msgspec import Struct

from aurora_desktop.core.settings.schema_healing import IdleRule

NAME = "status.json"
MOST_BYTES = 1024 * 1024
"""A status is a page at the most; what is larger is another file under this name."""
SHOWN = 60

Kind = Literal["good", "broken", "missing", "foreign"]
"""`broken`: a file that is no status; `foreign`: no ordinary file at all (a folder, a pipe, a link), never written."""


class Status(Struct, frozen=True, kw_only=True):
    """`problem` says in words why it is not `good`; `content` keeps the keys and their order."""

    kind: Kind
    problem: str = ""
    content: dict[str, Any] = {}

    @property
    def has_tasks(self) -> bool:
        return bool(self.content.get("current_tasks"))


MISSING = Status(kind="missing", problem="there is no status.json")


def understood(raw: bytes) -> Status:
    """What these bytes say. A BOM is borne; dates may be anything, since none is compared."""
    if len(raw) > MOST_BYTES:
        return _broken(f"its status.json is larger than {MOST_BYTES // 1024} KiB")
    if not raw.strip():
        return _broken("its status.json is empty")
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _broken("its status.json is not UTF-8")
    except (ValueError, RecursionError):
        return _broken("its status.json is cut off or no JSON")
    if not isinstance(content, dict):
        return _broken("its status.json holds no keys and values")
    return Status(kind="good", content=content)


def idle_reason(status: Status, last_line: str | None, rule: IdleRule) -> str:
    """Why silence is no stall, or "". `last_line`: of the log, if the rule's pattern was found in it."""
    said = status.content.get("status")
    if isinstance(said, str) and said.strip().upper() in {known.upper() for known in rule.statuses}:
        return f"its status is {shown(said)}"
    if rule.no_task and "current_tasks" in status.content and not status.content["current_tasks"]:
        return "it has no task"
    if last_line is not None:
        return f"its log says `{shown(last_line)}`"
    return ""


def shown(text: str) -> str:
    """A foreign text as it may be shown: short, in one line."""
    line = "".join(c if c.isprintable() else "?" for c in text.strip())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def _broken(problem: str) -> Status:
    return Status(kind="broken", problem=problem)
