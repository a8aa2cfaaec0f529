"""The health answers in the shapes that scripts written for the earlier systems read: fields may be added only."""

import time

from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.shapes import ComponentStatus, HealthStatusReply, HeartbeatReply
from aurora_desktop.core.events import service_component
from aurora_desktop.core.storage.jsonl import timestamp
from aurora_desktop.supervisor.view import ServiceView

_SHUT = ("closed", "latched")
_STATUS = {"running": "healthy", "ready": "healthy", "degraded": "error", "failed": "error"}


def health_status(context: ApiContext) -> HealthStatusReply:
    """`/health/status`: each component with one word, and the error if it has one."""
    beat = context.heartbeat()
    components = {
        "cli_agent": _cli_agent(context),
        "input_agent": _input_agent(context),
        "coordinator": _coordinator(context),
    }
    for view in context.supervisor.views():
        components[service_component(view.name)] = _component(view)
    for problem in context.health().problems:
        components.setdefault(problem.component, ComponentStatus("error", problem.sentence))
    return HealthStatusReply(
        timestamp=timestamp(time.time()),
        uptime_seconds=uptime_s(context),
        components=components,
        error_counts=beat.error_counts if beat else {},
        recent_recovery_events=beat.recent_recovery_events if beat else (),
    )


def heartbeat(context: ApiContext) -> HeartbeatReply:
    """`/health/heartbeat`: the newest heartbeat; `last_heartbeat` is null before the first."""
    beat = context.heartbeat()
    return HeartbeatReply(
        uptime_seconds=uptime_s(context),
        last_heartbeat=timestamp(beat.at) if beat else None,
        error_counts=beat.error_counts if beat else {},
        recent_recovery_events=beat.recent_recovery_events if beat else (),
        running=True,
    )


def uptime_s(context: ApiContext) -> float:
    """Seconds since the program started, whatever the wall clock did meanwhile."""
    return round(time.monotonic() - context.started_at, 3)


def _component(view: ServiceView) -> ComponentStatus:
    return ComponentStatus(_STATUS.get(view.state, view.state), view.problem)


def _input_agent(context: ApiContext) -> ComponentStatus:
    """Healthy while the operator could arm it; the reason when the gate is closed or the stop is latched."""
    if context.control is None:
        return ComponentStatus("stopped")
    control = context.control.view()
    return ComponentStatus("stopped", control.reason) if control.state in _SHUT else ComponentStatus("healthy")


def _cli_agent(context: ApiContext) -> ComponentStatus:
    """Healthy while the program of every agent that has something to do can be used."""
    if context.tasks is None:
        return ComponentStatus("stopped")
    for agent in context.tasks.agents():
        if agent.available is False and (agent.queued or agent.running):
            return ComponentStatus("error", f"{agent.name}: {agent.detail}")
    return ComponentStatus("healthy")


def _coordinator(context: ApiContext) -> ComponentStatus:
    """Healthy while every worker is."""
    if context.supervisor.paused:
        return ComponentStatus("paused")
    unwell = [worker.name for worker in context.tasks.workers() if not worker.healthy] if context.tasks else []
    return ComponentStatus("error", f"not well: {', '.join(unwell)}") if unwell else ComponentStatus("healthy")
