"""Numbers, times and states in words, as the window writes them."""

import re
from datetime import datetime

from aurora_desktop.healing.incident import Outcome
from aurora_desktop.supervisor.view import Check, ServiceView, State

_BACKTICKS = re.compile(r"`([^`]+)`")
NONE = "\N{EN DASH}"
STATE_WORDS: dict[State, str] = {
    "stopped": "Stopped", "waiting": "Waiting", "starting": "Starting", "running": "Running", "ready": "Ready",
    "unhealthy": "Unhealthy", "stopping": "Stopping", "degraded": "Degraded", "failed": "Failed", "frozen": "Frozen",
}  # fmt: skip
_WORST_FIRST: tuple[State, ...] = (
    "failed", "degraded", "unhealthy", "waiting", "starting", "stopping", "frozen", "running", "ready", "stopped",
)  # fmt: skip
OUTCOME_WORDS: dict[Outcome, str] = {
    "open": "Under way", "recovered": "Recovered", "degraded": "Degraded", "gave_up": "Gave up",
    "stopped": "Stopped", "done": "Done", "warned": "Warned",
}  # fmt: skip
CHECK_WORDS: dict[Check, str] = {"ok": "well", "warn": "unwell", "down": "down", "off": "not wanted"}


def size(count: int | None) -> str:
    """Bytes as people read them, in powers of ten: `312 MB`."""
    if count is None:
        return NONE
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.1f} {unit}" if unit == "GB" and value < 10 else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float | None) -> str:
    """The two largest units: `3 d 4 h`, `5 min 12 s`, `0.4 s`."""
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s" if seconds % 1 else f"{seconds:.0f} s"
    left = int(seconds)
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def uptime(seconds: float | None) -> str:
    """Like `duration`, in whole seconds, so that a ticking figure keeps its width."""
    return NONE if seconds is None else duration(float(int(seconds)))


def percent(value: float | None) -> str:
    """CPU in percent of one core: `0.4 %`, `37 %`."""
    if value is None:
        return NONE
    return f"{value:.1f} %" if value < 10 else f"{value:.0f} %"


def moment(at: float, now: float) -> str:
    """A point in time, local: `14:03:27` today, `Nov 19, 14:03` before."""
    then = datetime.fromtimestamp(at)
    same_day = then.date() == datetime.fromtimestamp(now).date()
    return then.strftime("%H:%M:%S") if same_day else then.strftime("%b %d, %H:%M")


def counts(views: tuple[ServiceView, ...]) -> str:
    """`6 services: 4 ready, 1 waiting, 1 failed`."""
    tally: dict[str, int] = {}
    for view in views:
        tally[view.state] = tally.get(view.state, 0) + 1
    parts = [f"{tally[state]} {state}" for state in _WORST_FIRST if state in tally]
    noun = "service" if len(views) == 1 else "services"
    return f"{len(views)} {noun}: {', '.join(parts)}" if views else ""


def checks(history: tuple[Check, ...]) -> str:
    """`last 60 checks: 57 well, 2 unwell, 1 down`."""
    if not history:
        return "no checks yet"
    parts = [f"{history.count(kind)} {word}" for kind, word in CHECK_WORDS.items() if kind in history]
    return f"last {len(history)} checks: {', '.join(parts)}"


def quoted(text: str) -> str:
    """Words in backticks as words in quotation marks."""
    return _BACKTICKS.sub("\N{LEFT DOUBLE QUOTATION MARK}\\1\N{RIGHT DOUBLE QUOTATION MARK}", text)
