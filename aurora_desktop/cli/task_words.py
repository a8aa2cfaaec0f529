"""Tasks in words, for the commands around them."""

import time
from typing import Any
from urllib.parse import quote

from aurora_desktop.cli.console import duration

Task = dict[str, Any]
AT_WORK = frozenset({"leased", "running", "waiting_approval"})
FAILED_STATUSES = frozenset({"error", "timeout", "dead", "uncertain"})


def status_style(status: str) -> str:
    """The style of a task's status."""
    if status == "completed":
        return "green"
    return "red" if status in FAILED_STATUSES else "dim" if status == "cancelled" else "yellow"


def in_words(view: Task) -> str:
    """`queued for claude: tidy up`, and why it does not begin at once."""
    held = f" ({view['held']})" if view["held"] else ""
    return f"{view['status'].replace('_', ' ')} for {view['role'] or view['agent']}: {view['summary']}{held}"


def cost(usage: dict[str, Any]) -> str:
    """`$0.12`; the tokens where the agent tells no cost; `-` for nothing."""
    if usage["cost_usd"] is not None:
        return f"${usage['cost_usd']:.2f}"
    tokens = usage["input_tokens"] + usage["output_tokens"]
    return f"{tokens:,} tokens" if tokens else "-"


def doing(activity: dict[str, Any] | None) -> str:
    """`tool Bash for 3.0 s`, `retrying provider 2 of 5 for 8.0 s`, `frozen`; "" for nothing."""
    if activity is None:
        return ""
    if activity["kind"] == "frozen":  # since when, nobody tells: its time is that of what it did before
        return "frozen"
    words = [activity["kind"].replace("_", " ")]
    if activity["detail"]:
        words.append(activity["detail"])
    if activity["attempt"]:
        words.append(f"{activity['attempt']} of {activity['most_attempts']}")
    return f"{' '.join(words)} for {duration(max(0.0, time.time() - activity['since']))}"


def took(view: Task) -> str:
    if view["started_at"] is None:
        return ""
    return duration(max(0.0, (view["finished_at"] or time.time()) - view["started_at"]))


def address(task_id: str) -> str:
    return f"/v1/tasks/{quote(task_id, safe='')}"
