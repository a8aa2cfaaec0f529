"""Tasks of agents in words and shapes, as table, drawer, output and chat say it alike."""

from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.task import AT_WORK, Activity
from aurora_desktop.tasks.view import ApprovalView, CliAgentView, TaskView, WorkerView
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.rows import Look

STATUS_WORDS: dict[TaskStatus, str] = {
    "queued": "In the queue", "leased": "Starting", "running": "At work", "waiting_approval": "Needs you",
    "uncertain": "Uncertain", "completed": "Done", "error": "Failed", "timeout": "Timed out",
    "cancelled": "Cancelled", "dead": "Given up",
}  # fmt: skip
_STATUS_LOOKS: dict[TaskStatus, Look] = {
    "queued": ("state-waiting", "muted"), "leased": ("state-starting", "info"), "running": ("state-working", "info"),
    "waiting_approval": ("needs-you", "warn"), "uncertain": ("needs-you", "bad"), "completed": ("state-ready", "ok"),
    "error": ("state-failed", "bad"), "timeout": ("state-unhealthy", "bad"), "cancelled": ("state-stopped", "muted"),
    "dead": ("state-failed", "bad"),
}  # fmt: skip
WORKER_WORDS = {
    "asleep": "Asleep", "starting": "Starting", "idle": "Idle", "busy": "At work", "frozen": "Frozen",
    "unhealthy": "Unhealthy", "stopped": "Stopped",
}  # fmt: skip
_WORKER_LOOKS: dict[str, Look] = {
    "asleep": ("state-stopped", "muted"), "starting": ("state-starting", "info"), "idle": ("state-ready", "ok"),
    "busy": ("state-working", "info"), "frozen": ("state-frozen", "info"), "unhealthy": ("state-unhealthy", "warn"),
    "stopped": ("state-stopped", "muted"),
}  # fmt: skip
_PRODUCTS = {"claude": "Claude", "codex": "Codex"}
_SHORTEST_TOLD_S = 1.0
_LEAST_TOLD_S = 0.1


def activity(doing: Activity, now: float) -> str:
    """What an agent is doing: `Running Bash for 12 s`."""
    for_s = now - doing.since
    match doing.kind:
        case "starting":
            return "Starting"
        case "thinking":
            return _lasting("Thinking", for_s)
        case "tool":
            return _lasting(f"Running {doing.detail or 'a tool'}", for_s)
        case "waiting_permission":
            return "Waiting for your word"
        case "retrying_provider":
            of = f" of {doing.most_attempts}" if doing.most_attempts else ""
            tries = f" ({doing.attempt}{of})" if doing.attempt else ""
            return f"Asking the provider again{tries}"
        case "silent":
            return _lasting("Silent", for_s)
        case "finishing":
            return "Finishing"
        case "frozen":
            return "Frozen by the emergency stop"


def _lasting(words: str, for_s: float) -> str:
    return f"{words} for {phrases.uptime(for_s)}" if for_s >= _SHORTEST_TOLD_S else words


def status(task: TaskView) -> str:
    """Its state in a word or two."""
    return "Frozen" if task.frozen else STATUS_WORDS[task.status]


def look(task: TaskView) -> Look:
    """Shape and tone of its state."""
    return ("state-frozen", "info") if task.frozen else _STATUS_LOOKS[task.status]


def doing(task: TaskView, now: float) -> str:
    """What it does or waits for now; how it ended."""
    if task.frozen:
        return "Frozen by the emergency stop"
    if task.status in AT_WORK:
        return activity(task.activity, now) if task.activity else STATUS_WORDS[task.status]
    if task.status in ("queued", "uncertain"):
        return _sentence(task.held or task.cause)
    told = f"Took {it_took}" if (it_took := took(task)) else ""
    return told if task.status == "completed" else _sentence(task.cause or told)


def _sentence(cause: str) -> str:
    words = phrases.quoted(cause)
    return words[:1].upper() + words[1:]


def ran_s(task: TaskView) -> float | None:
    """How long it took, once it has ended."""
    if task.started_at is None or task.finished_at is None:
        return None
    return max(task.finished_at - task.started_at, 0.0)


def took(task: TaskView) -> str:
    """The same in words, a tenth of a second at the least; "" before it has ended."""
    return phrases.duration(max(took_s, _LEAST_TOLD_S)) if (took_s := ran_s(task)) is not None else ""


def who(task: TaskView) -> str:
    """The role with its agent, or the agent alone."""
    return f"{task.role} ({task.agent})" if task.role else task.agent


def agent_name(name: str) -> str:
    """Products as they call themselves; the operator's own agents as the settings call them."""
    return _PRODUCTS.get(name, name)


def title(task: TaskView) -> str:
    return f"Task {task.number}"


def age(task: TaskView, now: float) -> str:
    """Since it was submitted, in the largest unit: it is to be read at a glance."""
    return phrases.glance(now - task.created_at)


def worker_status(worker: WorkerView) -> str:
    return WORKER_WORDS[worker.status]


def worker_look(worker: WorkerView) -> Look:
    return _WORKER_LOOKS[worker.status]


def worker_doing(worker: WorkerView, now: float) -> str:
    """What it does, or what is wrong with it."""
    if worker.status == "unhealthy":
        return _sentence(worker.service.problem or worker.service.cause)
    if worker.activity is not None:
        return activity(worker.activity, now)
    return "Started when there is work" if worker.status == "asleep" else ""


def question(approval: ApprovalView) -> str:
    """What it asks for, in a sentence."""
    if approval.kind == "budget":
        return f"May {approval.agent} spend more?"
    return f"May {approval.agent} use {approval.tool}?"


def availability(agent: CliAgentView) -> str:
    """Whether tasks can be given to it, in a few words."""
    if agent.available is False:
        return phrases.quoted(". ".join(part.rstrip(".") for part in (agent.detail, agent.hint) if part))
    return f"{agent.running} at work, {agent.queued} in the queue"


def number_of_tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count:,} tasks"
