"""The earlier system's addresses of agents, cluster and control: thin translations of what tasks, healing, brake and
supervisor answer. The shapes are in `earlier_tasks` and `earlier_machine`.

They can no more than our own: nothing here arms, resets the emergency stop, or allows what an agent asks for.
"""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.requests import Request

from aurora_desktop.api import dialect, earlier_machine, earlier_tasks
from aurora_desktop.api.answering import Operation, Reply, get, post, within
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.idempotency import key_of
from aurora_desktop.api.metrics.history import MinuteHistory
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.query import Query
from aurora_desktop.api.task_scopes import check_submission
from aurora_desktop.api.task_secrets import discreet
from aurora_desktop.api.tasks_door import MAX_HEAL_S
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.storage.jsonl import timestamp
from aurora_desktop.healing.machine.readings import Reading, machine_of
from aurora_desktop.healing.view import HealingView
from aurora_desktop.tasks.discretion import secrets
from aurora_desktop.tasks.task import TaskRequest
from aurora_desktop.tasks.view import Entry, TaskDetail, TasksFace, WorkerView

SOURCE = "api"
MAX_LOG_LINES = 200
MAX_MINUTES = 24 * 60.0
TASKS_SHOWN = 20
PAGES_READ = 50
"""Of transcripts, a megabyte each at the most, for one answer."""


class LogsQuery(Struct, frozen=True):
    """`agent`: of this one alone."""

    agent: str = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_LOG_LINES)] = 50


class HistoryQuery(Struct, frozen=True):
    minutes: Annotated[float, Meta(ge=1, le=MAX_MINUTES)] = 60.0


class RoleQuery(Struct, frozen=True):
    """`agent_type`: a role, as `coder`; `description`: what is to be done."""

    agent_type: str = ""
    description: str = ""


class EarlierDoor:
    def __init__(self, context: ApiContext, feed: EventFeed, history: MinuteHistory) -> None:
        self._context = context
        self._feed = feed
        self._history = history
        self._machine = machine_of(context.paths.root)

    def routes(self) -> list[Operation]:
        return [
            post("/cli/command", self.command, statuses=(202,), creates=True),
            get("/cli/status", self.agents),
            get("/cli/logs", self.logs),
            post("/agent/message", self.message, statuses=(202,), creates=True),
            get("/agent/state", self.state),
            post("/control/restart", self.restart, body=Any),
            get("/control/status", self.control),
            get("/control/metrics", self.control_metrics),
            get("/control/metrics/history", self.metrics_history),
            get("/api/cluster/status", self.cluster),
            get("/api/cluster/agents/live", self.live),
            post("/api/cluster/heal", self.heal, body=Any),
            post("/api/cluster/task/submit", self.submit_role, body=Any, creates=True),
            get("/api/cluster/task/{task_id}", self.cluster_task),
            get("/api/cluster/infrastructure/healing-history", self.healing_history),
            get("/api/cluster/metrics", self.metrics),
        ]

    # --- agents -----------------------------------------------------------------------------------------------

    async def command(self, request: Request, body: earlier_tasks.CommandRequest) -> Reply[earlier_tasks.CommandReply]:
        """Give an agent work: 202 with the task, which waits its turn."""
        Query(request)
        detail = await self._submitted(request, earlier_tasks.request_of(body, body.timeout))
        return Reply(202, earlier_tasks.CommandReply(detail.view.agent, earlier_tasks.task(detail)))

    async def agents(self) -> earlier_tasks.AgentsReply:
        """The agents with their newest tasks."""
        return earlier_tasks.AgentsReply(await self._agents())

    async def logs(self, query: LogsQuery) -> earlier_tasks.LogsReply:
        """The last lines that agents (or one) said, oldest first."""
        self._check_agent(query.agent)
        return earlier_tasks.LogsReply(await self._log_lines(query.agent, query.limit))

    async def message(self, request: Request, body: earlier_tasks.MessageRequest) -> Reply[earlier_tasks.MessageReply]:
        """Say something to an agent: 202 with the task that it became, and what was said before."""
        Query(request)
        agent = body.agent or earlier_tasks.DEFAULT_AGENT
        before = await self._details(agent) if self._knows(agent) else []
        detail = await self._submitted(request, earlier_tasks.request_of(body))
        reply = earlier_tasks.MessageReply(
            route=agent,
            response=f"{agent} has it in its queue as {detail.view.id}",
            task=earlier_tasks.task(detail),
            history=earlier_tasks.messages([*reversed(before), detail]),
        )
        return Reply(202, reply)

    async def state(self) -> earlier_tasks.StateReply:
        """A snapshot of the agents, and of what was said."""
        return earlier_tasks.StateReply(
            timestamp=timestamp(time.time()),
            route=earlier_tasks.DEFAULT_AGENT,
            agents=await self._agents(),
            history=earlier_tasks.messages(reversed(await self._details(""))),
        )

    async def _submitted(self, request: Request, wanted: TaskRequest) -> TaskDetail:
        """The task; with an idempotency key that was there before, the one that it made then."""
        face = self._tasks()
        check_submission(request, wanted, self._context.settings().tasks)
        view = await face.submit(replace(wanted, idempotency_key=key_of(request)))
        return face.task(view.id)

    async def _agents(self) -> dict[str, earlier_tasks.Agent]:
        return {
            view.name: earlier_tasks.agent(view, map(earlier_tasks.brief, await self._details(view.name)))
            for view in self._tasks().agents()
        }

    async def _details(self, agent: str) -> list[TaskDetail]:
        """The newest tasks of one agent, or of all, newest first, without what is secret."""
        face = self._tasks()
        found = [face.task(view.id) for view in face.tasks(limit=TASKS_SHOWN, agent=agent)]
        return [await self._discreet(detail) for detail in found]

    async def _log_lines(self, agent: str, limit: int) -> tuple[earlier_tasks.LogLine, ...]:
        """Of the newest tasks first, until there are enough."""
        lines: list[earlier_tasks.LogLine] = []
        face, pages = self._tasks(), PAGES_READ
        for view in face.tasks(limit=TASKS_SHOWN, agent=agent):
            if len(lines) >= limit or pages <= 0:
                break
            detail = face.task(view.id)
            entries, pages = await _last_entries(face, view.id, limit - len(lines), pages)
            said = await asyncio.to_thread(_lines, self._context.settings().tasks, detail, entries)
            lines = [*said, *lines]
        return tuple(lines)

    def _knows(self, agent: str) -> bool:
        return any(view.name == agent for view in self._tasks().agents())

    def _check_agent(self, agent: str) -> None:
        if agent and not self._knows(agent):
            there = ", ".join(view.name for view in self._tasks().agents())
            raise ProblemError(400, f"There is no agent `{agent}`", "", f"There are {there}")

    async def _discreet(self, detail: TaskDetail) -> TaskDetail:
        return await asyncio.to_thread(_masked, self._context.settings().tasks, detail)

    # --- control ----------------------------------------------------------------------------------------------

    async def restart(self) -> earlier_machine.RestartedReply:
        """Aurora itself, in place. Services run on; the emergency stop stays latched, and control is not armed."""
        self._context.restart("asked by the API")
        return earlier_machine.RestartedReply("restarted")

    async def control(self) -> earlier_machine.ControlStatusReply:
        """How control and the components stand."""
        context = self._context
        return earlier_machine.control_status(
            context.control.view() if context.control else None,
            dialect.health_status(context).components,
            dialect.uptime_s(context),
            paused=context.supervisor.paused,
        )

    async def control_metrics(self) -> earlier_machine.ControlMetricsReply:
        """The machine, services, tasks and errors in numbers."""
        context, reading = self._context, await self._reading()
        agents = context.tasks.agents() if context.tasks else ()
        beat, services = context.heartbeat(), context.supervisor.views()
        system = earlier_machine.percents(reading, await self._healing(), dialect.uptime_s(context))
        return earlier_machine.ControlMetricsReply(
            timestamp=timestamp(time.time()),
            uptime_seconds=system.uptime_seconds,
            cpu_percent=system.cpu_percent,
            memory_percent=system.memory_percent,
            disk_percent=system.disk_percent,
            services=dict(Counter(view.state for view in services)),
            restarts=sum(view.restarts for view in services),
            tasks_running=sum(agent.running for agent in agents),
            tasks_queued=sum(agent.queued for agent in agents),
            input_queue_size=context.input.view().queue_size if context.input else 0,
            error_counts=beat.error_counts if beat else {},
        )

    async def metrics_history(self, query: HistoryQuery) -> earlier_machine.MetricsHistoryReply:
        """The last minutes one by one: the machine, and what `/metrics` counts."""
        minutes = self._history.last(math.ceil(query.minutes))
        return await asyncio.to_thread(earlier_machine.metrics_history, minutes)  # a day has many

    # --- the cluster ------------------------------------------------------------------------------------------

    async def cluster(self) -> earlier_machine.ClusterReply:
        """The workers, the machine, and what looks after it."""
        workers, healing = self._workers(), await self._healing()
        face = self._context.healing
        return earlier_machine.ClusterReply(
            cluster=earlier_machine.counts(workers),
            system=earlier_machine.percents(await self._reading(), healing, dialect.uptime_s(self._context)),
            workers=earlier_machine.workers_by_id(workers),
            infrastructure=earlier_machine.infrastructure(healing, len(face.machine_history()) if face else 0),
        )

    async def live(self) -> earlier_machine.LiveReply:
        """The workers, one by one."""
        return earlier_machine.live(self._workers())

    async def heal(self) -> earlier_machine.HealedReply:
        """Replace the workers that are not well."""
        healing = await within(self._tasks().heal_workers((), SOURCE), self._feed, MAX_HEAL_S)
        if healing.cancelled():
            raise ProblemError(
                503, "The workers are not all there again", f"after {MAX_HEAL_S:g} s", "See `aurora workers list`"
            )
        healed = healing.result()
        return earlier_machine.HealedReply(healed.workers, len(healed.workers), healed.message)

    async def submit_role(self, request: Request, query: RoleQuery) -> earlier_machine.SubmittedReply:
        """A task for a role; 400 for one that there is not."""
        role = query.agent_type
        if not role:
            raise ProblemError(400, "The query is not right", "`agent_type` is missing", "It names a role, as `coder`")
        wanted = TaskRequest(prompt=query.description, role=role, source=SOURCE)
        detail = await self._submitted(request, wanted)
        return earlier_machine.SubmittedReply(detail.view.id, role, "submitted")

    async def cluster_task(self, task_id: str) -> earlier_machine.ClusterTaskReply:
        """How a task stands, and its result."""
        detail = self._tasks().task(task_id)
        told = earlier_tasks.task(await self._discreet(detail))
        return earlier_machine.ClusterTaskReply(
            task_id=told.id,
            status=earlier_tasks.cluster_status(detail.view.status),
            result=told.result,
            error=told.error,
        )

    async def healing_history(self) -> earlier_machine.HistoryReply:
        """What was done about the machine, oldest first."""
        face = self._context.healing
        return earlier_machine.healing_history(face.machine_history() if face else (), is_monitoring=face is not None)

    async def metrics(self) -> earlier_machine.MetricsReply:
        """The machine and the workers in numbers."""
        return earlier_machine.MetricsReply(
            timestamp=timestamp(time.time()),
            system=earlier_machine.system(await self._reading(), await self._healing()),
            workers=earlier_machine.counts(self._workers()),
        )

    # ----------------------------------------------------------------------------------------------------------

    async def _reading(self) -> Reading:
        try:
            return await asyncio.to_thread(self._machine)
        except (OSError, ValueError, LookupError) as error:
            raise ProblemError(503, "The machine cannot be looked at now", str(error), "See `aurora doctor`") from error

    def _workers(self) -> Sequence[WorkerView]:
        return self._tasks().workers()

    async def _healing(self) -> HealingView | None:
        return await self._context.healing.view_apart() if self._context.healing is not None else None

    def _tasks(self) -> TasksFace:
        if self._context.tasks is None:
            raise ProblemError(503, "Agents at work are not running", "", "See `aurora status`")
        return self._context.tasks


async def _last_entries(face: TasksFace, task_id: str, limit: int, pages: int) -> tuple[Sequence[Entry], int]:
    """The last entries of a transcript, which is read from its beginning; and how many pages may still be read."""
    kept: deque[Entry] = deque(maxlen=limit)
    offset, more = 0, True
    while more and pages > 0:
        found = await face.transcript(task_id, offset, 1000)
        kept.extend(found.entries)
        more, offset, pages = bool(found.entries), found.next_offset, pages - 1
    return kept, pages


def _masked(settings: TaskSettings, detail: TaskDetail) -> TaskDetail:
    """Without what is secret. For a thread: a result may be long."""
    return discreet(detail, secrets(settings, detail.view.agent, detail.view.role))


def _lines(settings: TaskSettings, detail: TaskDetail, entries: Sequence[Entry]) -> list[earlier_tasks.LogLine]:
    """The same of what the agent said. For a thread."""
    hidden = secrets(settings, detail.view.agent, detail.view.role)
    return [earlier_tasks.log_line(detail, entry, hidden.masked) for entry in entries]
