"""One service as it is shown: status, process and samples in one plain value."""

import os

from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.view import Check, ServiceView

_CHECKS: dict[str, Check] = {
    "running": "ok", "ready": "ok",
    "waiting": "down", "degraded": "down", "failed": "down",
    "starting": "warn", "unhealthy": "warn", "stopping": "warn", "frozen": "warn",
    "stopped": "off",
}  # fmt: skip


def check_of(runner: Runner) -> Check:
    """How the service looked in one round of checks. What waits for others that are on their way is so itself."""
    status = runner.status
    if status.state == "waiting" and status.down_since is None and not runner.waits_in_vain:
        return "warn"
    return _CHECKS[status.state]


def present(runner: Runner, around: Surroundings) -> ServiceView:
    status, spec = runner.status, runner.spec
    now = around.clock.monotonic()
    running = runner.pid is not None
    return ServiceView(
        name=runner.name,
        state=status.state,
        cause=status.cause,
        pid=runner.pid,
        since=runner.since_wall,
        uptime_s=runner.uptime_s,
        restarts=status.restarts,
        next_attempt_in_s=None if status.retry_at is None else max(0.0, status.retry_at - now),
        memory_bytes=runner.memory_history[-1] if running and runner.memory_history else None,
        memory_max=None if spec.memory_max is None else int(spec.memory_max),
        cpu_percent=runner.cpu_history[-1] if running and runner.cpu_history else None,
        last_cause=runner.last_failure or status.cause,
        hint=status.hint,
        problem=_problem(runner),
        adopted=runner.adopted and running,
        autostart=spec.autostart,
        type=spec.type,
        requires=tuple(spec.requires),
        program=os.path.basename(spec.command[0]),
        log_path=runner.log_path,
        healed=runner.adjustments.words(),
        checks=tuple(runner.checks),
        memory_history=tuple(runner.memory_history),
        cpu_history=tuple(runner.cpu_history),
    )


def _problem(runner: Runner) -> str:
    """Why it keeps the whole from being healthy; "" when it does not."""
    status = runner.status
    match status.state:
        case "failed":
            return f"failed: {status.cause}"
        case "degraded":
            return f"restarted too often: {status.cause}"
        case "unhealthy" | "frozen":
            return f"{status.state}: {status.cause}"
        case "waiting" if status.down_since is not None or runner.waits_in_vain:
            return status.cause
    if status.budget_spent:
        return f"restarted too often, on probation: {status.last_failure}"
    if status.down_since is not None:
        return f"coming back: {status.last_failure}"
    return runner.warning
