"""Every address of the door and what it answers."""

import asyncio
import io
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aurora_desktop import __version__
from aurora_desktop.api import dialect, shapes
from aurora_desktop.api.alerts_door import AlertsDoor
from aurora_desktop.api.answering import Operation, Reply, get, post, within
from aurora_desktop.api.brake_door import BrakeDoor
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.docs_door import DocsDoor
from aurora_desktop.api.earlier_door import EarlierDoor
from aurora_desktop.api.event_filter import event_filter
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.healing_door import HealingDoor
from aurora_desktop.api.input_door import InputDoor
from aurora_desktop.api.link_door import LinkDoor
from aurora_desktop.api.metrics.door import MetricsDoor
from aurora_desktop.api.metrics.telemetry import Telemetry
from aurora_desktop.api.paging import PageQuery, page
from aurora_desktop.api.problems import MEDIA_TYPE, ProblemError, encode_problem, problem_of
from aurora_desktop.api.query import Offset, Wait
from aurora_desktop.api.streams.door import StreamDoor
from aurora_desktop.api.streams.hub import Hub
from aurora_desktop.api.tasks_door import TasksDoor
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.core.storage.tailing import read_from
from aurora_desktop.supervisor.spawn import secrets
from aurora_desktop.supervisor.view import ServiceView

Command = Callable[[tuple[str, ...], str], None]

MAX_EVENTS = 1000
LOG_LINES = 100
MAX_LOG_LINES = 10_000
LOG_CHUNK_BYTES = 256 * 1024
LOG_TAIL_BYTES = 1024 * 1024
SOURCE = "command"


class LogQuery(Struct, frozen=True):
    lines: Annotated[int, Meta(ge=0, le=MAX_LOG_LINES)] | None = None
    offset: Offset | None = None


class EventsQuery(Struct, frozen=True):
    """`component`, `type`: several with commas between, also beginnings as `service:*`."""

    since: Offset | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_EVENTS)] = 100
    component: str = ""
    type: str = ""
    wait_s: Wait = 0.0


def build(context: ApiContext, feed: EventFeed, hub: Hub, telemetry: Telemetry) -> Starlette:
    """The application; it trusts every request, so `Security` has to stand before it."""
    app = Starlette(
        routes=table(context, feed, hub, telemetry),
        exception_handlers={HTTPException: _tell_http, AuroraError: _tell, Exception: _tell},
    )
    app.router.redirect_slashes = False
    return app


def table(context: ApiContext, feed: EventFeed, hub: Hub, telemetry: Telemetry) -> list[BaseRoute]:
    """All addresses. A room's part of them is a class with `routes`, and is added here."""
    routes: list[BaseRoute] = [
        *_Door(context, feed).routes(),
        *BrakeDoor(context, feed).routes(),
        *InputDoor(context, feed).routes(),
        *AlertsDoor(context, feed).routes(),
        *HealingDoor(context, feed).routes(),
        *TasksDoor(context, feed).routes(),
        *StreamDoor(hub).routes(),
        *MetricsDoor(telemetry).routes(),
        *LinkDoor(context).routes(),
        *EarlierDoor(context, feed, telemetry.history).routes(),
        *DocsDoor(lambda: [route for route in routes if isinstance(route, Operation)]).routes(),
    ]
    return routes


class _Door:
    def __init__(self, context: ApiContext, feed: EventFeed) -> None:
        self._context = context
        self._supervisor = context.supervisor
        self._feed = feed
        self._tasks = TasksDoor(context, feed)
        # Made once, so that it stays the same whatever the clock does.
        self._started_at = round(time.time() - dialect.uptime_s(context), 3)

    def routes(self) -> list[Operation]:
        return [
            get("/health", self.health),
            get("/health/status", self.health_status),
            get("/health/heartbeat", self.heartbeat),
            get("/v1/status", self.status),
            get("/v1/services", self.services),
            get("/v1/services/{name}", self.service),
            get("/v1/services/{name}/log", self.service_log),
            get("/v1/events", self.events),
            post("/v1/services/start", self.start),
            post("/v1/services/stop", self.stop),
            post("/v1/services/restart", self.restart),
            post("/v1/supervision/pause", self.pause),
            post("/v1/supervision/resume", self.resume),
            post("/v1/window/raise", self.raise_window),
            post("/v1/quit", self.quit),
            post("/v1/restart", self.restart_aurora),
        ]

    async def health(self) -> shapes.HealthReply:
        """The health of the whole in one word. The one address that needs no token."""
        return shapes.HealthReply(self._context.health().verdict)

    async def health_status(self) -> shapes.HealthStatusReply:
        """Each component with one word, in the words of the earlier system."""
        return dialect.health_status(self._context)

    async def heartbeat(self) -> shapes.HeartbeatReply:
        """The newest heartbeat, in the words of the earlier system."""
        return dialect.heartbeat(self._context)

    async def status(self) -> shapes.StatusReply:
        """The health of the whole in a sentence, the next step, and who may use mouse and keyboard."""
        health = self._context.health()
        return shapes.StatusReply(
            verdict=health.verdict,
            sentence=health.sentence,
            next_step=health.next_step,
            problems=health.problems,
            uptime_s=dialect.uptime_s(self._context),
            started_at=self._started_at,
            pid=os.getpid(),
            version=__version__,
            mode=self._context.mode,
            paused=self._supervisor.paused,
            control=self._context.control.view() if self._context.control else None,
            services=dict(Counter(view.state for view in self._supervisor.views())),
            tasks=self._tasks.counts(),
            on_quit=self._context.settings().supervisor.on_quit,
        )

    async def services(self, request: Request, query: PageQuery) -> Reply[list[shapes.ServiceRow]]:
        """The services, in the order of the settings. The header `Link` leads to the next ones."""
        found = page(request, self._supervisor.views(), lambda view: view.name, query)
        return Reply(200, [shapes.row(view) for view in found.value], found.headers)

    async def service(self, name: str) -> ServiceView:
        """One service with its histories."""
        return self._supervisor.view(name)

    async def service_log(self, name: str, query: LogQuery) -> shapes.LogReply:
        """What the service printed: the last `lines`, or what was added since `offset`."""
        if query.lines is not None and query.offset is not None:
            raise ProblemError(400, "The query is not right", "`lines` and `offset` exclude each other")
        lines = LOG_LINES if query.lines is None else query.lines
        view = self._supervisor.view(name)
        path = Path(view.log_path) if view.log_path else self._context.paths.service_log(view.name)
        spec = self._context.settings().services.get(view.name)
        text, end = await asyncio.to_thread(_read_log, path, lines, query.offset, spec)
        return shapes.LogReply(view.name, text, end)

    async def events(self, query: EventsQuery) -> shapes.EventsReply:
        """Events after `since`; without it the newest. Waits up to `wait_s` seconds for the first."""
        limit, wanted = query.limit, event_filter(query.component, query.type)
        if query.since is None:
            last_id = self._feed.last_id  # what comes meanwhile is for the next call
            records = await asyncio.to_thread(self._feed.newest, limit, wanted, last_id)
            return shapes.EventsReply(records, last_id)
        records = await self._feed.next_after(query.since, limit, wanted, query.wait_s)
        return shapes.EventsReply(records, self._feed.last_id)

    async def start(self, body: shapes.ServicesRequest) -> shapes.ActionReply:
        """Start services."""
        return await self._act(body, self._supervisor.start)

    async def stop(self, body: shapes.ServicesRequest) -> shapes.ActionReply:
        """Stop services."""
        return await self._act(body, self._supervisor.stop)

    async def restart(self, body: shapes.ServicesRequest) -> shapes.ActionReply:
        """Stop services and start them again."""
        return await self._act(body, self._supervisor.restart)

    async def pause(self) -> shapes.DoneReply:
        """Keep Aurora from starting and restarting anything by itself."""
        self._supervisor.pause(SOURCE)
        return shapes.DoneReply("supervision is paused")

    async def resume(self) -> shapes.DoneReply:
        """Let Aurora start and restart by itself again."""
        self._supervisor.resume(SOURCE)
        return shapes.DoneReply("supervision goes on")

    async def raise_window(self) -> shapes.RaiseReply:
        """Bring the window to the front."""
        return shapes.RaiseReply(self._context.raise_window())

    async def quit(self, body: shapes.QuitRequest) -> shapes.QuitReply:
        """Stop Aurora in order; answered at once."""
        at_work = self._tasks.at_work()
        self._context.quit(body.reason)
        return shapes.QuitReply(done="Aurora is stopping", at_work=at_work)

    async def restart_aurora(self, body: shapes.QuitRequest) -> shapes.DoneReply:
        """Replace Aurora itself, in place; its services are kept."""
        self._context.restart(body.reason)
        return shapes.DoneReply("Aurora is starting anew")

    async def _act(self, wanted: shapes.ServicesRequest, command: Command) -> shapes.ActionReply:
        names = tuple(dict.fromkeys(wanted.names))
        command(names, SOURCE)
        settled = wanted.wait and await self._settled(names, wanted.timeout_s)
        return shapes.ActionReply(tuple(shapes.row(self._supervisor.view(name)) for name in names), settled)

    async def _settled(self, names: tuple[str, ...], timeout_s: float) -> bool:
        """Whether it came to that in time, and before the door closed."""
        settling = await within(self._supervisor.settled(names), self._feed, timeout_s)
        if settling.cancelled():
            return False
        settling.result()
        return True


def _read_log(path: Path, lines: int, offset: int | None, spec: Service | None) -> tuple[str, int]:
    """Text without the service's secrets, and the offset behind it. For a thread.

    One read serves both, so that a follower misses and repeats nothing.
    """
    hidden = secrets(spec) if spec is not None else Environment()
    if offset is not None:
        text, end = read_from(path, offset, LOG_CHUNK_BYTES)
        return hidden.masked(text), end
    size = path.stat().st_size if path.exists() else 0
    start = max(0, size - LOG_TAIL_BYTES)
    text, end = read_from(path, start, LOG_TAIL_BYTES)
    whole = io.StringIO(text, newline="\n").readlines()[1 if start else 0 :]
    return hidden.masked("".join(whole[-lines:] if lines else ())), end


async def _tell(_: Request, error: Exception) -> Response:
    problem = problem_of(error)
    return Response(encode_problem(problem), problem.status, media_type=MEDIA_TYPE)


async def _tell_http(_: Request, error: Exception) -> Response:
    """Starlette's own: no such address, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this type alone
    problem = ProblemError(error.status_code, error.detail, "", "docs/command.md lists the addresses")
    return Response(encode_problem(problem), problem.status, dict(error.headers or {}), MEDIA_TYPE)
