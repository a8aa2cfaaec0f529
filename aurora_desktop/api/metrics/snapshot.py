"""Everything that is told to Prometheus, taken at one moment on the loop: the rest is done in a thread."""

import time
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.metrics.counts import Counts
from aurora_desktop.api.streams.hub import Hub
from aurora_desktop.core.events import Heartbeat, Verdict, service_component
from aurora_desktop.supervisor.view import ServiceView

_UP = ("ready", "running")


class ServiceNow(Struct, frozen=True):
    """A service or a worker. Memory in bytes, CPU in cores; None while it is not known."""

    component: str
    state: str
    memory_bytes: int | None
    cpu: float | None

    @property
    def is_up(self) -> bool:
        return self.state in _UP


class AgentNow(Struct, frozen=True):
    name: str
    running: int
    queued: int
    available: bool | None


class Snapshot(Struct, frozen=True, kw_only=True):
    """`queued_actions`, `control`: None without an input agent."""

    at: float
    mode: str
    verdict: Verdict
    problems: int
    paused: bool
    services: Sequence[ServiceNow]
    workers: Counter[str]
    heartbeat: Heartbeat | None
    control: str | None
    queued_actions: int | None
    agents: Sequence[AgentNow]
    uncertain: int
    approvals: int
    readers: int
    gaps: int
    counts: Counts

    @property
    def queue_depth(self) -> int:
        """What waits its turn: actions and tasks."""
        return (self.queued_actions or 0) + sum(agent.queued for agent in self.agents)


def take(context: ApiContext, counts: Counts, hub: Hub) -> Snapshot:
    """On the loop's thread: a few milliseconds with a hundred services."""
    health = context.health()
    tasks = context.tasks
    return Snapshot(
        at=time.time(),
        mode=context.mode,
        verdict=health.verdict,
        problems=len(health.problems),
        paused=context.supervisor.paused,
        services=tuple(_service(view) for view in context.supervisor.views()),
        workers=Counter(worker.status for worker in tasks.workers()) if tasks else Counter(),
        heartbeat=context.heartbeat(),
        control=context.control.view().state if context.control else None,
        queued_actions=context.input.view().queue_size if context.input else None,
        agents=tuple(AgentNow(a.name, a.running, a.queued, a.available) for a in tasks.agents()) if tasks else (),
        uncertain=len(tasks.tasks(limit=1000, statuses=("uncertain",))) if tasks else 0,
        approvals=len(tasks.approvals()) if tasks else 0,
        readers=hub.readers,
        gaps=hub.gaps,
        counts=counts.copy(),
    )


def _service(view: ServiceView) -> ServiceNow:
    cpu = None if view.cpu_percent is None else view.cpu_percent / 100
    return ServiceNow(service_component(view.name), view.state, view.memory_bytes, cpu)
