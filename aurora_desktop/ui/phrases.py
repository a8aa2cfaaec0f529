"""Numbers, times and states in words, as the window writes them."""

import re
from datetime import datetime

from aurora_desktop.core.events import AGENT_PREFIX, SERVICE_PREFIX, WORKER_PREFIX
from aurora_desktop.core.healing_events import MachineResource, PredictionKind
from aurora_desktop.healing.incident import Outcome, StepState
from aurora_desktop.healing.view import AgentState
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
    "escalated": "Needs you", "seen_to": "Seen to", "stopped": "Stopped", "done": "Done", "warned": "Warned",
}  # fmt: skip
STEP_WORDS: dict[StepState, str] = {
    "worked": "helped", "failed": "did not help", "undone": "did not help, undone",
    "undo_failed": "did not help and could not be undone", "refused": "could not be tried", "running": "under way",
    "offered": "waits for your word", "accepted": "accepted", "declined": "declined",
    "expired": "no longer of use",
}  # fmt: skip
AGENT_WORDS: dict[AgentState, str] = {
    "working": "Working", "idle": "Idle", "silent": "Silent", "stalled": "Stalled", "healing": "Being woken",
    "escalated": "Needs you", "unreadable": "Unreadable",
}  # fmt: skip
SOURCE_WORDS = {
    "output": "its output", "cpu": "its CPU", "network": "the network", "files": "files of its workspace",
    "status": "its status", "inbox": "its inbox", "probe": "its probe", "": NONE,
}  # fmt: skip
RESOURCE_WORDS: dict[MachineResource, str] = {"cpu": "CPU", "memory": "Memory", "disk": "Disk"}
PREDICTION_WORDS: dict[PredictionKind, str] = {
    "memory_leak": "Memory leak", "disk_full": "Disk full", "descriptor_growth": "Too many open files",
    "error_rate": "Rising errors", "restart_rate": "Rising restarts",
}  # fmt: skip
_INITIALS = {"cpu": "CPU", "cors": "CORS", "npm": "npm", "pid": "PID", "python": "Python", "exec": "exec"}
CHECK_WORDS: dict[Check, str] = {"ok": "well", "warn": "unwell", "down": "down", "off": "not wanted"}


def service_name(service: str) -> str:
    """A service by its name; `worker:coder-1` as people say it."""
    return service.replace(WORKER_PREFIX, "worker ", 1) if service.startswith(WORKER_PREFIX) else service


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


def glance(seconds: float) -> str:
    """The largest unit alone: `12 s`, `5 min`, `3 d`."""
    left = max(int(seconds), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if left >= length:
            return f"{left // length} {unit}"
    return f"{left} s"


def cost(dollars: float | None) -> str:
    """US dollars: `$0.12`; what is less than a cent is told as such."""
    if dollars is None:
        return NONE
    return "<$0.01" if 0 < dollars < 0.005 else f"${dollars:,.2f}"


def tokens(count: int) -> str:
    """`840`, `12.3k`, `1.2M`."""
    if not count:
        return NONE
    if count < 1000:
        return str(count)
    value, unit = (count / 1e3, "k") if count < 999_950 else (count / 1e6, "M")
    return f"{value:,.1f}{unit}"


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


def times(count: int, since: float, now: float) -> str:
    """`5 times since 09:12`, with the day unless it is today; nothing for once."""
    if count < 2:
        return ""
    then = datetime.fromtimestamp(since)
    same_day = then.date() == datetime.fromtimestamp(now).date()
    return f"{count} times since {then.strftime('%H:%M' if same_day else '%b %d, %H:%M')}"


def ahead(due: float, now: float) -> str:
    """`in 3 h 20 min, at 17:40`; `any moment` for what is due."""
    if due - now < 60:
        return "any moment"
    then = datetime.fromtimestamp(due)
    same_day = then.date() == datetime.fromtimestamp(now).date()
    return f"in {duration((due - now) // 60 * 60)}, {then.strftime('at %H:%M' if same_day else 'on %b %d at %H:%M')}"


def sureness(confidence: float) -> str:
    """How sure a prediction is: `likely, 74 %`."""
    word = "very likely" if confidence >= 0.8 else "likely" if confidence >= 0.5 else "possible"
    return f"{word}, {confidence * 100:.0f} %"


def component(name: str) -> str:
    """A service's plain name; `agent claude`; the component itself for the rest."""
    if name.startswith(AGENT_PREFIX):
        return f"agent {name.removeprefix(AGENT_PREFIX)}"
    return name.removeprefix(SERVICE_PREFIX)


def about(name: str, sentence: str) -> str:
    """The sentence with the component that it is about in front, also where it already begins with its name."""
    own = f"{name.partition(':')[2]}: "
    return f"{component(name)}: {sentence.removeprefix(own)}"


def named(key: str) -> str:
    """A short name as words: `Port conflict` for `port_conflict`."""
    words = [_INITIALS.get(word, word) for word in key.replace("-", "_").split("_") if word]
    text = " ".join(words)
    return text if words and words[0] in _INITIALS.values() else text[:1].upper() + text[1:]


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
