"""What the policy tells, made into events."""

from pathlib import Path

from aurora_desktop.core.events import (
    AnyEvent,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    ServiceRestarting,
    StrayEnded,
    service_component,
)
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.storage.rotation import tail
from aurora_desktop.supervisor.spawn import secrets
from aurora_desktop.supervisor.stimuli import (
    Effect,
    TellDegraded,
    TellFailed,
    TellGaveUp,
    TellRecovered,
    TellRestarting,
)
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.tree import Tree

TAIL_LINES = 10


def tell(effect: Effect, component: str, around: Surroundings, spec: Service, log_path: str) -> AnyEvent | None:
    """The event of an effect that only tells; `None` for one that acts."""
    at = around.clock.wall()
    match effect:
        case TellFailed():
            return _failed(effect, component, at, spec, log_path)
        case TellRestarting(attempt, delay_s, cause):
            return ServiceRestarting(
                at=at, component=component, attempt=attempt, delay_s=round(delay_s, 3), cause=cause
            )
        case TellRecovered(attempts, downtime_s, cause):
            return ServiceRecovered(
                at=at, component=component, attempts=attempts, downtime_s=round(downtime_s, 3), cause=cause
            )
        case TellDegraded(cause, attempts, retry_s):
            return ServiceDegraded(at=at, component=component, cause=cause, attempts=attempts, retry_s=retry_s)
        case TellGaveUp(cause, hint):
            return ServiceGaveUp(at=at, component=component, cause=cause, hint=hint)
    return None


def _failed(told: TellFailed, component: str, at: float, spec: Service, log_path: str) -> ServiceFailed:
    outcome, hidden = told.outcome, secrets(spec)
    return ServiceFailed(
        at=at,
        component=component,
        kind=told.kind,
        cause=told.cause,
        exit_code=outcome.exit_code if outcome else None,
        signal=outcome.signal_name if outcome else None,
        uptime_s=round(outcome.uptime_s, 3) if outcome else 0.0,
        log_tail=tuple(hidden.masked(line) for line in tail(Path(log_path), TAIL_LINES)),
    )


def tell_strays(service: str, tree: Tree, around: Surroundings) -> None:
    """Say of each process of the tree that it was left behind and is ended."""
    component, at = service_component(service), around.clock.wall()
    for info in tree.members(around.processes(tree.taken_at)).values():
        around.publish(StrayEnded(at=at, component=component, pid=info.pid, program=info.program))
