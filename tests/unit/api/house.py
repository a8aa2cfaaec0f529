"""A house around the real door: a real bus, real files and a real server thread; supervisor, brake and input agent
are made up."""

import asyncio
import difflib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from api.fake_alerts import FakeAlerts
from api.fake_link import FakeLink
from api.hands import FakeControl, FakeInput
from api.healer import FakeHealing
from api.workforce import FakeTasks
from aurora_desktop.api.answering import Operation
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.local import LocalApi
from aurora_desktop.api.routes import table
from aurora_desktop.core.bus import Bus
from aurora_desktop.core.errors import AuroraError, UnknownServiceError
from aurora_desktop.core.events import Heartbeat, PartFailed, Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import ApiSettings, Settings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.heartbeat.health import Health, assess
from aurora_desktop.migrations import API_KEYS
from aurora_desktop.supervisor.view import ServiceView, State

R = TypeVar("R")
PATIENCE_S = 60.0


def view(name: str, state: State = "ready", **fields: Any) -> ServiceView:
    """A service that has been up for a while."""
    given = {"cause": "probe succeeded", "since": 1_700_000_000.0, "uptime_s": 75.0, "pid": 4242} | fields
    return ServiceView(name=name, state=state, **given)


class FakeSupervisor:
    """Does at once what it is asked; `outcomes` gives a service another end, names in `stuck` never settle."""

    def __init__(self, *views: ServiceView) -> None:
        self.paused = False
        self.held = {v.name: v for v in views}
        self.calls: list[tuple[str, tuple[str, ...], str]] = []
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.stuck: set[str] = set()

    def views(self) -> tuple[ServiceView, ...]:
        return tuple(self.held.values())

    def view(self, name: str) -> ServiceView:
        if name not in self.held:
            near = difflib.get_close_matches(name, self.held, 1)
            raise UnknownServiceError(
                f"There is no service `{name}`", "", f"Did you mean `{near[0]}`?" if near else "See `aurora ps`"
            )
        return self.held[name]

    def start(self, names: tuple[str, ...], source: str) -> None:
        self._act("start", names, source, {"state": "ready", "pid": 4242})

    def stop(self, names: tuple[str, ...], source: str) -> None:
        self._act("stop", names, source, {"state": "stopped", "pid": None, "uptime_s": None})

    def restart(self, names: tuple[str, ...], source: str) -> None:
        self._act("restart", names, source, {"state": "ready", "pid": 4343})

    def pause(self, source: str) -> None:
        self.paused = True
        self.calls.append(("pause", (), source))

    def resume(self, source: str) -> None:
        self.paused = False
        self.calls.append(("resume", (), source))

    async def settled(self, names: tuple[str, ...]) -> None:
        if self.stuck & set(names):
            await asyncio.Event().wait()

    def _act(self, command: str, names: tuple[str, ...], source: str, change: dict[str, Any]) -> None:
        for name in names:
            self.view(name)
        self.calls.append((command, names, source))
        for name in names:
            self.held[name] = msgspec.structs.replace(self.held[name], **(change | self.outcomes.get(name, {})))


class House:
    """One Aurora's worth of context; the door stands open between `open` and `close`."""

    def __init__(
        self,
        state: Path,
        *views: ServiceView,
        body_timeout_s: float = 10.0,
        has_input: bool = True,
        has_healing: bool = True,
        has_tasks: bool = True,
    ) -> None:
        self.paths = StatePaths(state)
        self.paths.make()
        self.bus = Bus()
        self.journal: list[Record] = []
        self.bus.subscribe(self.journal.append)
        self.supervisor = FakeSupervisor(*views)
        self.control = FakeControl()
        self.input = FakeInput(self.control)
        self.alerts = FakeAlerts()
        self.healing = FakeHealing()
        self.tasks = FakeTasks(self.bus)
        self.link = FakeLink()
        self.settings = Settings()
        self._has_healing = has_healing
        self._has_tasks = has_tasks
        self._has_input = has_input
        self.journal_error: AuroraError | None = None
        self.beat: Heartbeat | None = None
        self.has_window = True
        self.quit_reasons: list[str] = []
        self.restart_reasons: list[str] = []
        self.on_quit: Callable[[], None] = lambda: None
        self.database = Database.open(self.paths.state_db, API_KEYS, 0)
        self.api = LocalApi(self._context(), body_timeout_s=body_timeout_s)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="house")

    def open(self, port: int = 0) -> "House":
        """`port` stays 0 where another program has it."""
        self.settings = msgspec.structs.replace(self.settings, api=ApiSettings(port=port))
        self._thread.start()
        try:
            self.port = self.run(self.api.start) or 0
        except BaseException:
            self._end_loop()
            self.database.close()
            raise
        return self

    def close(self) -> None:
        if self._thread.is_alive():
            self.run(self.api.stop)
            self._end_loop()
        self._loop.close()
        self.database.close()

    def run(self, work: Callable[[], Any]) -> Any:
        """The result of a coroutine function, in the loop's thread."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(PATIENCE_S)

    def call(self, work: Callable[[], R]) -> R:
        """The result of a plain function, in the loop's thread."""

        async def called() -> R:
            return work()

        return self.run(called)

    def publish(self, component: str = "aurora", detail: str = "something") -> int:
        return self.call(lambda: self.bus.publish(PartFailed(at=time.time(), component=component, detail=detail)))

    def token(self, scope: str) -> str:
        return (self.paths.tokens / scope).read_text().strip()

    def ask(
        self, method: str, path: str, body: Any = None, *, scope: str | None = "operate", **headers: str
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """Status, decoded body, headers. Bytes are sent as they are, anything else as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if scope is not None:
            sent.setdefault("Authorization", f"Bearer {self.token(scope)}")
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, raw, sent)
            response = connection.getresponse()
            return response.status, json.loads(response.read()), response.headers
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def head(self, *lines: str) -> bytes:
        """The head of a request that may operate, with `lines` as it begins and ends."""
        usual = (f"Host: 127.0.0.1:{self.port}", f"Authorization: Bearer {self.token('operate')}")
        return "\r\n".join([lines[0], *usual, *lines[1:], "", ""]).encode()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _context(self) -> ApiContext:
        return ApiContext(
            supervisor=self.supervisor,
            health=self._health,
            heartbeat=lambda: self.beat,
            bus=self.bus,
            since=self._since,
            paths=self.paths,
            settings=lambda: self.settings,
            raise_window=lambda: self.has_window,
            quit=self._quit,
            restart=self._restart,
            started_at=time.monotonic() - 5,
            mode="headless",
            database=self.database,
            control=self.control if self._has_input else None,
            input=self.input if self._has_input else None,
            alerts=self.alerts if self._has_input else None,
            healing=self.healing if self._has_healing else None,
            tasks=self.tasks if self._has_tasks else None,
            link=self.link if self._has_tasks else None,
        )

    def _health(self) -> Health:
        return assess(self.supervisor.views(), paused=self.supervisor.paused)

    def routes(self) -> list[Operation]:
        """Every address of the door."""
        feed = EventFeed(self.bus, self._since)
        routes = table(self._context(), feed, self.api._hub, self.api._telemetry)
        return [route for route in routes if isinstance(route, Operation)]

    def _restart(self, reason: str) -> None:
        self.restart_reasons.append(reason)
        self.on_quit()

    def _quit(self, reason: str) -> None:
        self.quit_reasons.append(reason)
        self.on_quit()

    def _since(self, after: int, limit: int, component: str | None) -> list[Record]:
        if self.journal_error:
            raise self.journal_error
        found = [r for r in self.journal if r.id > after and component in (None, r.event.component)]
        return found[:limit]


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received
