"""Stand-ins for the rest of the house, with a realistic mix of services."""

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import (
    AnyEvent,
    Record,
    ServiceAdopted,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    ServiceRestarting,
    StrayEnded,
)
from aurora_desktop.core.healing_events import (
    AgentStalled,
    Escalated,
    FaultDiagnosed,
    RemedyFinished,
    RemedyStarted,
    ResourceBreached,
    SpaceFreed,
)
from aurora_desktop.core.settings.schema import HttpProbe, Probe, Service, Settings
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.healing.view import (
    AgentHealing,
    AgentView,
    Checked,
    ComponentStatistics,
    EscalationView,
    FailureGroup,
    FailurePlace,
    HealingView,
    OfferView,
    PastFailure,
    PermissionView,
    PredictionView,
    ProposalView,
    RemedyStatistics,
    RemedyTrial,
    RemedyView,
    ResourceView,
    SearchAnswer,
    Statistics,
    Together,
    Tried,
)
from aurora_desktop.heartbeat.health import assess
from aurora_desktop.input.errors import UnknownTaskError
from aurora_desktop.input.view import InputView, Submission, TaskView
from aurora_desktop.safety.view import Confirmation, ControlView, Mode
from aurora_desktop.supervisor.view import Check, ServiceView, State
from aurora_desktop.tasks.view import TasksFace
from aurora_desktop.ui.context import UiContext

from .fake_link import FakeLink

MB = 10**6


def a_view(name: str, state: State = "ready", **more: object) -> ServiceView:
    """A service with plausible figures for its state."""
    runs = state in ("running", "ready", "unhealthy", "frozen")
    given: dict[str, object] = {
        "cause": "ready" if runs else state, "since": 0.0, "program": f"/usr/bin/{name} --serve",
        "pid": 4000 + len(name) if runs else None, "uptime_s": 8040.0 if runs else None,
        "memory_bytes": 84 * MB if runs else None, "cpu_percent": 1.4 if runs else None,
        "checks": ("ok",) * 60 if runs else ("off",) * 60,
    }  # fmt: skip
    return ServiceView(name=name, state=state, **{**given, **more})  # type: ignore[arg-type]  # by name


def _checks(pattern: str) -> tuple[Check, ...]:
    words: dict[str, Check] = {"o": "ok", "w": "warn", "d": "down", "-": "off"}
    return tuple(words[letter] for letter in pattern)


def _wave(low: float, high: float, period: int) -> tuple[float, ...]:
    """A load that rises and falls, with a peak now and then."""
    rough = (0.1 * math.sin(place * 1.9) + (0.25 if place % 19 == 7 else 0) for place in range(60))
    smooth = (0.45 + 0.3 * math.sin(place * 2 * math.pi / period) for place in range(60))
    return tuple(low + (high - low) * min(1.0, max(0.0, a + b)) for a, b in zip(smooth, rough, strict=True))


def a_mix(log: Path | None = None) -> tuple[ServiceView, ...]:
    """Services in most of the states there are."""
    memory = tuple(int(value * MB) for value in _wave(60, 110, 90))
    return (
        a_view(
            "postgres", program="postgres -D data", checks=_checks("-" * 6 + "o" * 54), cpu_percent=2.3,
            cpu_history=_wave(0.5, 6, 34), memory_history=memory, memory_bytes=memory[-1], memory_max=1000 * MB,
            uptime_s=302_400.0, log_path=str(log or ""),
        ),
        a_view(
            "web", program="python -m web --port 8080", checks=_checks("o" * 31 + "dww" + "o" * 26), restarts=1,
            last_cause="exited with code 3 after 2.1 s", cpu_percent=37.2, cpu_history=_wave(12, 60, 22),
            memory_history=tuple(2 * m + n * MB for n, m in enumerate(memory)), memory_bytes=312 * MB, uptime_s=372.0,
            requires=("postgres",), log_path=str(log or ""),
        ),
        a_view(
            "ingest", "degraded", program="python -m ingest", checks=_checks("o" * 20 + "dwdwdwdwdd" * 4), restarts=5,
            cause="restart budget spent", problem="exited with code 1 after 0.3 s, 5 times in 12 s",
            hint="Look at its log; it is tried again every 60 s", next_attempt_in_s=42.0, log_path=str(log or ""),
        ),
        a_view(
            "mailer", "failed", program="/opt/mailer/bin/mailerd", checks=_checks("d" * 60),
            cause="cannot start", problem="/opt/mailer/bin/mailerd: no such file",
            hint="Correct `command` of mailer in the settings",
        ),
        a_view(
            "search-index", "unhealthy", checks=_checks("o" * 48 + "w" * 12), cpu_percent=99.1, restarts=2,
            cpu_history=_wave(70, 100, 41), memory_bytes=640 * MB,
            memory_history=tuple(200 * MB + n * 7 * MB + m for n, m in enumerate(memory)),
            problem="liveness probe failed 2 times: no answer within 1 s", memory_max=700 * MB,
        ),
        a_view(
            "reports", "waiting", program="python -m reports", checks=_checks("o" * 40 + "w" * 20),
            cause="waits for ingest", problem="waits for ingest, which is degraded", requires=("ingest",),
        ),
        a_view("cache", checks=_checks("-" * 40 + "o" * 20), adopted=True, cpu_history=_wave(0, 2, 29)),
        a_view("nightly-backup", "stopped", program="sh -c ./backup", type="oneshot", cause="ended well"),
        a_view("thumbnailer", "starting", checks=_checks("-" * 58 + "ww"), cause="waits for its readiness probe"),
        a_view("claude-agent", "frozen", cause="frozen by the operator", checks=_checks("o" * 55 + "-" * 5)),
    )  # fmt: skip


def many(count: int) -> tuple[ServiceView, ...]:
    """`count` services, the mix over and over."""
    mix = a_mix()
    return tuple(replace(mix[n % len(mix)], name=f"{mix[n % len(mix)].name}-{n:03}") for n in range(count))


def some_records(now: float) -> tuple[Record, ...]:
    """The recovery events of an eventful hour."""
    tail = ("Traceback (most recent call last):", '  File "web.py", line 12, in <module>', "OSError: address in use")
    web, ingest, mailer, backup = "service:web", "service:ingest", "service:mailer", "service:nightly-backup"
    events = [
        ServiceAdopted(at=now - 90000, component="service:cache", pid=4005, uptime_s=9120.0),
        StrayEnded(at=now - 3500, component=backup, pid=812, program="sh -c ./backup"),
        ServiceFailed(
            at=now - 3000, component=web, kind="exit", cause="exited with code 3 after 2.1 s", log_tail=tail
        ),
        ServiceRestarting(at=now - 3000, component=web, attempt=1, delay_s=0.0, cause="exited with code 3"),
        ServiceRecovered(at=now - 2999, component=web, attempts=1, downtime_s=0.4, cause="ready again"),
        ServiceGaveUp(
            at=now - 2000, component=mailer, cause="/opt/mailer/bin/mailerd: no such file",
            hint="Correct `command` of mailer in the settings",
        ),
        ServiceFailed(at=now - 900, component="service:search-index", kind="memory", cause="over memory limit 700 MB"),
        ServiceRestarting(at=now - 899, component="service:search-index", attempt=2, delay_s=1.3, cause="memory"),
        ServiceRecovered(
            at=now - 894, component="service:search-index", attempts=2, downtime_s=5.2, cause="ready again"
        ),
        ServiceFailed(
            at=now - 60, component=ingest, kind="exit", cause="exited with code 1 after 0.3 s", log_tail=tail
        ),
        ServiceRestarting(at=now - 59, component=ingest, attempt=5, delay_s=4.6, cause="exited with code 1"),
        ServiceDegraded(at=now - 50, component=ingest, cause="5 restarts within 60 s", attempts=5, retry_s=60.0),
        ServiceFailed(at=now - 3, component="service:thumbnailer", kind="exit", cause="killed by SIGSEGV after 4.0 s"),
    ]  # fmt: skip
    return tuple(Record(place + 1, event) for place, event in enumerate(events))


class FakeSupervisor:
    """Remembers what it was asked; shows what it was given."""

    def __init__(self, views: Sequence[ServiceView] = ()) -> None:
        self.paused = False
        self.shown = tuple(views)
        self.asked: list[tuple[str, tuple[str, ...], str]] = []

    def views(self) -> tuple[ServiceView, ...]:
        return self.shown

    def worker_views(self) -> tuple[ServiceView, ...]:
        return ()

    def view(self, name: str) -> ServiceView:
        return next(view for view in self.shown if view.name == name)

    def start(self, names: tuple[str, ...], source: str) -> None:
        self._ask("start", names, source)

    def stop(self, names: tuple[str, ...], source: str) -> None:
        self._ask("stop", names, source)

    def restart(self, names: tuple[str, ...], source: str) -> None:
        self._ask("restart", names, source)

    def pause(self, source: str) -> None:
        self.paused = True
        self.asked.append(("pause", (), source))

    def resume(self, source: str) -> None:
        self.paused = False
        self.asked.append(("resume", (), source))

    async def settled(self, names: tuple[str, ...]) -> None:
        return None

    def _ask(self, command: str, names: tuple[str, ...], source: str) -> None:
        if unknown := [name for name in names if name not in [view.name for view in self.shown]]:
            raise AuroraError(f"There is no service {unknown[0]}")
        self.asked.append((command, names, source))


class FakeSettings:
    """Keeps what it is given; `refuses` makes it raise."""

    def __init__(self, settings: Settings, path: Path = Path("/home/ada/.config/aurora-desktop/aurora.yaml")) -> None:
        self.path = path
        self.in_force = settings
        self.saved: list[tuple[str, dict[str, object], str | None]] = []
        self.removed: list[str] = []
        self.channels: list[tuple[str, dict[str, object]]] = []
        self.refuses: AuroraError | None = None

    def current(self) -> Settings:
        return self.in_force

    def written(self) -> Settings:
        return self.in_force

    async def save_service(self, name: str, values: dict[str, object], *, previous_name: str | None = None) -> None:
        if self.refuses:
            raise self.refuses
        self.saved.append((name, values, previous_name))

    async def remove_service(self, name: str) -> None:
        self.removed.append(name)

    async def add_channel(self, name: str, values: dict[str, object]) -> None:
        if self.refuses:
            raise self.refuses
        self.channels.append((name, values))

    async def remove_channel(self, name: str) -> None:
        if self.refuses:
            raise self.refuses
        self.removed.append(name)


class FakeAutostart:
    """A switch; `fails` makes it raise."""

    def __init__(self) -> None:
        self.enabled = False
        self.fails: AuroraError | None = None

    def is_enabled(self) -> bool:
        return self.enabled

    def enable(self) -> None:
        if self.fails:
            raise self.fails
        self.enabled = True

    def disable(self) -> None:
        self.enabled = False


class FakeControl:
    """Remembers what it was asked; shows what it was given; `refuses` makes it raise."""

    def __init__(self) -> None:
        self.shown = a_control()
        self.asked: list[tuple[object, ...]] = []
        self.expected = 0
        self.refuses: AuroraError | None = None

    def view(self) -> ControlView:
        return self.shown

    def stop(self, source: str) -> None:
        self.asked.append(("stop", source))

    def disarm(self, source: str) -> None:
        self.asked.append(("disarm", source))

    def expect_press(self) -> None:
        self.expected += 1

    async def arm(self, mode: Mode, confirmation: Confirmation) -> None:
        self._ask("arm", mode, confirmation)

    async def reset(self, confirmation: Confirmation) -> None:
        self._ask("reset", confirmation)

    async def confirm_settings(self, confirmation: Confirmation) -> None:
        self._ask("confirm_settings", confirmation)

    def decline_request(self) -> None:
        self.asked.append(("decline_request",))

    def extend(self) -> None:
        self.asked.append(("extend",))

    def set_drill(self, *, on: bool) -> None:
        self.asked.append(("drill", on))

    async def confirm_answer(self, confirmation: Confirmation) -> None:
        self._ask("confirm_answer", confirmation)

    async def allow_passphrase(self, confirmation: Confirmation) -> None:
        self._ask("allow_passphrase", confirmation)

    async def set_passphrase(self, passphrase: str) -> None:
        self._ask("set_passphrase", passphrase)

    def thaw(self, names: tuple[str, ...]) -> None:
        self.asked.append(("thaw", names))

    def _ask(self, *what: object) -> None:
        if self.refuses:
            raise self.refuses
        self.asked.append(what)


class FakeInput:
    """A queue that shows what it was given."""

    def __init__(self, control: FakeControl) -> None:
        self._control = control
        self.running: TaskView | None = None
        self.queued: tuple[TaskView, ...] = ()
        self.recent: tuple[TaskView, ...] = ()
        self.cancelled: list[tuple[str, str]] = []

    def submit(self, submission: Submission) -> TaskView:
        self.queued += (a_task(submission.task_id),)
        return self.queued[-1]

    def view(self) -> InputView:
        return InputView(
            control=self._control.view(), queue_size=len(self.queued), queue_limit=100, running=self.running,
            queued=self.queued, recent=self.recent,
        )  # fmt: skip

    def task(self, task_id: str) -> TaskView:
        for task in (*self.queued, *self.recent):
            if task.task_id == task_id:
                return task
        raise UnknownTaskError(f"There is no input task {task_id}")

    async def finished(self, task_id: str) -> TaskView:
        return self.task(task_id)

    def cancel(self, task_id: str, source: str) -> bool:
        self.cancelled.append((task_id, source))
        return True


def a_control(state: str = "disarmed", **more: object) -> ControlView:
    """Control with a plausible rest for its state."""
    given: dict[str, object] = {"hotkey": "ctrl+alt+shift+escape", "hotkey_state": "proven", "mode": "ask"}
    if state == "armed":
        given |= {"remaining_s": 872.0, "armed_until": 2000.0, "hotkey_state": "proven"}
    return ControlView(state=state, **{**given, **more})  # type: ignore[arg-type]  # by name


def a_stop(**more: object) -> ControlView:
    """Control after an emergency stop."""
    return a_control("latched", **{"stopped_by": "panic hotkey", "stopped_at": 1000.0, **more})


def a_task(task_id: str = "t1", **more: object) -> TaskView:
    """A click that waits, unless told otherwise."""
    given: dict[str, object] = {
        "action": "left_click", "parameters": {"x": 640, "y": 400}, "status": "queued", "agent": "claude",
        "created_at": 1000.0, "sentence": 'clicking "Save"', "places": ((640, 400),),
    }  # fmt: skip
    return TaskView(task_id=task_id, **{**given, **more})  # type: ignore[arg-type]  # by name


class House:
    """A whole context with its fakes at hand."""

    def __init__(self, views: Sequence[ServiceView] = ()) -> None:
        self.supervisor = FakeSupervisor(views)
        self.settings = FakeSettings(some_settings())
        self.autostart = FakeAutostart()
        self.control = FakeControl()
        self.input = FakeInput(self.control)
        self.healing = FakeHealing()
        self.link = FakeLink()
        self.tasks: TasksFace | None = None
        self.restarts: list[str] = []
        self.answers: list[tuple[str, Confirmation | None]] = []
        self.refuses_answer: AuroraError | None = None
        self.bus = Bus()
        self.records: Sequence[Record] = ()
        self.quits: list[str] = []
        self.notices: list[tuple[str, str]] = []
        self.can_notify = True
        self.health_asked = 0

    def context(self) -> UiContext:
        return UiContext(
            supervisor=self.supervisor, bus=self.bus, health=self._health, settings=self.settings,
            recent_records=lambda limit: self.records[-limit:], autostart=self.autostart, quit=self.quits.append,
            notify=self._notify, control=self.control, input=self.input, answer_question=self._answer,
            healing=self.healing, tasks=self.tasks, link=self.link, restart=self.restarts.append,
        )  # fmt: skip

    async def _answer(self, task_id: str, confirmation: Confirmation | None) -> None:
        if self.refuses_answer and confirmation:
            raise self.refuses_answer
        self.answers.append((task_id, confirmation))

    def _health(self):
        self.health_asked += 1
        return assess(self.supervisor.shown, paused=self.supervisor.paused)

    def _notify(self, title: str, body: str) -> bool:
        self.notices.append((title, body))
        return self.can_notify


def some_settings() -> Settings:
    """Two services as a file would have them."""
    probe = Probe(http=HttpProbe(url="http://127.0.0.1:8080/health"), period_sec=5.0, failure_threshold=3)
    web = Service(
        command=Command(("python", "-m", "web")), env={"TOKEN": "s3cret", "PORT": "8080"}, requires=["postgres"],
        memory_max=ByteSize(512 * MB), liveness_probe=probe, timeout_stop_sec=3.0,
    )  # fmt: skip
    return Settings(services={"postgres": Service(command=Command(("postgres", "-D", "data"))), "web": web})


class FakeHealing:
    """Shows what it was given and remembers what it was asked; `refuses` makes it raise."""

    def __init__(self, shown: HealingView | None = None) -> None:
        self.shown = shown or HealingView()
        self.asked: list[tuple[object, ...]] = []
        self.refuses: AuroraError | None = None
        self.answers: dict[str, SearchAnswer] = {}
        self.figures = Statistics(total_actions=0, successful=0, failed=0, success_rate=0.0)
        self.gates: dict[str, asyncio.Event] = {}
        self.watchers: list[Callable[[], None]] = []
        self.looked = 0

    def view(self) -> HealingView:
        self.looked += 1
        return self.shown

    def show(self, **changes: object) -> None:
        """Become other, and tell of it."""
        self.shown = replace(self.shown, **changes)
        for tell in self.watchers:
            tell()

    async def view_apart(self) -> HealingView:
        return self.view()

    def watch(self, on_change: Callable[[], None]) -> None:
        self.watchers.append(on_change)

    def remedies(self) -> tuple[RemedyView, ...]:
        return ()

    async def test_remedy(self, text: str, service: str | None) -> RemedyTrial:
        return RemedyTrial(kind="unknown", sentence=text)

    async def heal(self, name: str | None, *, check_now: bool) -> Checked:
        return Checked()

    async def search(self, query: str, limit: int = 20, after: FailurePlace | None = None) -> SearchAnswer:
        """Waits for the gate of this query, where there is one, so that answers can come in another order."""
        self.asked.append(("search", query))
        if query in self.gates:
            await self.gates[query].wait()
        if self.refuses:
            raise self.refuses
        return self.answers.get(query, SearchAnswer(query=query, sentence=f"Nothing like \u201c{query}\u201d."))

    async def statistics(self) -> Statistics:
        self.asked.append(("statistics",))
        if self.refuses:
            raise self.refuses
        return self.figures

    def accept(self, offer_id: int) -> None:
        self._ask("accept", offer_id)

    def decline(self, offer_id: int) -> None:
        self._ask("decline", offer_id)

    def clear_escalation(self, component: str, by: str) -> None:
        self._ask("clear_escalation", component, by)

    def answer_proposal(self, proposal_id: int, *, apply: bool) -> None:
        self._ask("answer_proposal", proposal_id, apply)

    def _ask(self, *what: object) -> None:
        if self.refuses:
            raise self.refuses
        self.asked.append(what)


def an_offer(number: int = 1, **more: object) -> OfferView:
    """A module that is missing and could be installed."""
    given: dict[str, object] = {
        "at": 1000.0, "component": "service:web", "remedy": "install_python_module",
        "sentence": "Install flask into the service's own environment, then start it again",
        "fault": "the Python module `flask` is not installed",
        "command": ("/srv/web/.venv/bin/python", "-m", "pip", "install", "flask"),
    }  # fmt: skip
    return OfferView(id=number, **{**given, **more})  # type: ignore[arg-type]  # by name


def an_agent(name: str, state: str = "working", **more: object) -> AgentView:
    """A watched agent with a plausible rest for its state."""
    silent = {"working": 4.0, "idle": 900.0, "silent": 150.0}.get(state, 420.0)
    sentence = {"working": "its output grew 4 s ago", "idle": "waits for its operator"}.get(state, "no sign of work")
    given: dict[str, object] = {
        "component": f"agent:{name}", "sentence": sentence, "last_source": "output", "silent_s": silent,
        "threshold_s": 300.0, "workspace": f"/home/ada/agents/{name}",
    }  # fmt: skip
    return AgentView(state=state, **{**given, **more})  # type: ignore[arg-type]  # by name


def a_busy_healing(now: float) -> HealingView:
    """Healing with something of everything."""
    escalation = EscalationView(
        at=now - 240, component="agent:claude-3", sentence="no sign of work for 22 min; 3 attempts to wake it failed",
        hint="Look at its workspace, then say that you have seen to it",
    )  # fmt: skip
    proposal = ProposalView(
        id=4, setting="services.web.liveness_probe.timeout_sec", old="1", new="2.5",
        sentence="9 of 11 failed probes were answered within 2.2 s; none of these restarts was needed",
    )  # fmt: skip
    trial = replace(
        proposal, id=3, setting="services.ingest.restart_sec", old="1", new="4", state="trial",
        sentence="judged tomorrow by its failures and the time to recover",
    )  # fmt: skip
    return HealingView(
        offers=(an_offer(at=now - 90),), escalations=(escalation,), proposals=(proposal, trial),
        agents=(
            an_agent("claude-1"), an_agent("claude-2", "idle"),
            an_agent("claude-3", "escalated", silent_s=1320.0, attempts=3, rung="rescue_message"),
            an_agent("codex-1", "healing", attempts=1, rung="refresh_status"), an_agent("codex-2", "silent"),
            an_agent("reviewer", "unreadable", sentence="its status.json is no JSON: line 3", last_source=""),
            an_agent("writer", component="service:writer", workspace=""),
        ),
        machine=(
            ResourceView(resource="cpu", percent=37.0, limit=90.0, detail="4 cores", history=_wave(12, 70, 25)),
            ResourceView(
                resource="memory", percent=78.0, limit=85.0, detail="12.5 of 16.0 GB", history=_wave(60, 82, 50)
            ),
            ResourceView(
                resource="disk", percent=93.0, limit=90.0, detail="465 of 500 GB on /home", breached_s=250.0,
                history=tuple(80 + n * 0.22 for n in range(60)),
            ),
        ),
        permissions=(
            PermissionView(what="Compress logs of services", allowed=True, why="they are Aurora's own"),
            PermissionView(what="Clear old files in /var/tmp/build", allowed=True, why="named in the settings"),
            PermissionView(what="Clear the package cache", allowed=False, why="it belongs to root, Aurora runs as ada"),
        ),
        predictions=(
            PredictionView(
                component="machine", kind="disk_full", due=now + 12_000, confidence=0.86,
                sentence="/home is full, if it goes on growing by 2.1 GB/h", advice="Move the data of ingest away",
            ),
            PredictionView(
                component="service:search-index", kind="memory_leak", due=now + 30_000, confidence=0.61,
                sentence="search-index reaches its limit of 700 MB, growing by 14 MB/h",
                advice="Restart it at a quiet moment",
            ),
        ),
        predictions_made=12, predictions_false=2,
    )  # fmt: skip


def a_past(number: int, now: float, **more: object) -> PastFailure:
    """A failure that a remedy ended."""
    given: dict[str, object] = {
        "at": now - number * 3600.0, "component": "service:web", "kind": "port_conflict",
        "message": "OSError: [Errno 98] address already in use: 8080", "signature": "address already in use: #",
        "tried": (Tried(remedy="end_stray", at=now, outcome="worked", sentence="ended 4711", duration_s=1.2),),
        "downtime_s": 1.4,
    }  # fmt: skip
    return PastFailure(id=number, **{**given, **more})  # type: ignore[arg-type]  # by name


def an_answer(now: float) -> SearchAnswer:
    """What the memory says to *port conflict*."""
    conflict = FailureGroup(
        signature="address already in use: #", kind="port_conflict", sentence="A port that is already in use",
        count=9, first_at=now - 800_000, last_at=now - 3600, components=("service:web", "service:api"),
        worked={"end_stray": 6, "next_free_port": 1}, failed={"end_stray": 1}, median_downtime_s=1.4,
        newest=tuple(a_past(n, now, component=f"service:{('web', 'api')[n % 2]}") for n in range(1, 6)),
    )  # fmt: skip
    refused = FailureGroup(
        signature="connection refused: #", kind="connection_refused", sentence="A connection that was refused",
        count=2, first_at=now - 90_000, last_at=now - 40_000, components=("service:ingest",),
        failed={"restart_dependency": 2},
        newest=(a_past(11, now, component="service:ingest", message="ECONNREFUSED 5432", tried=(), downtime_s=None),),
    )  # fmt: skip
    words = (
        "11 failures are like that, the last 1 h ago in web. Ending the stray that held the port worked in 6 of 7"
        " cases, within 1.4 s as a rule."
    )
    return SearchAnswer(query="port conflict", sentence=words, groups=(conflict, refused), total=11)


def some_statistics() -> Statistics:
    """A month of healing."""
    remedies = (
        RemedyStatistics(remedy="restart_dependency", total=9, successful=8, failed=1, success_rate=88.9, median_s=2.1),
        RemedyStatistics(remedy="end_stray", total=7, successful=6, failed=1, success_rate=85.7, median_s=1.2),
        RemedyStatistics(remedy="rescue_message", total=5, successful=2, failed=3, success_rate=40.0, median_s=44.0),
    )
    components = (
        ComponentStatistics(component="service:web", failures=14, mtbf_s=180_000.0, mttr_s=1.4),
        ComponentStatistics(component="service:ingest", failures=9, mtbf_s=280_000.0, mttr_s=61.0),
        ComponentStatistics(component="agent:claude-3", failures=4, mtbf_s=520_000.0, mttr_s=340.0),
        ComponentStatistics(component="service:mailer", failures=1),
    )
    return Statistics(
        total_actions=21, successful=16, failed=5, success_rate=76.2, components=components, remedies=remedies,
        kinds={"port_conflict": 9, "connection_refused": 7, "missing_python_module": 3, "stall": 4},
        by_hour=(0, 0, 1, 0, 0, 0, 0, 1, 4, 7, 5, 2, 1, 3, 6, 4, 2, 1, 0, 0, 0, 1, 2, 0),
        together=(Together(first="connection_refused", second="database_locked", count=5, lift=8.4),),
        by_agent={"claude-3": AgentHealing(total=4, successful=2, failed=2)},
    )  # fmt: skip


def healing_records(now: float, first_id: int = 100) -> tuple[Record, ...]:
    """What healing did in the last hours."""
    web, agent = "service:web", "agent:claude-3"
    events: list[AnyEvent] = []
    for number, ago in enumerate((9000, 5400, 1800)):
        at = now - ago
        events += [
            ServiceFailed(at=at, component=web, kind="exit", cause="exited with code 1 after 0.4 s", log_tail=("x",)),
            FaultDiagnosed(
                at=at + 0.1, component=web, failure_id=50 + number, kind="port_conflict",
                cause="port 8080 is held by a stray of ours", signature="address already in use: #",
            ),
            RemedyStarted(
                at=at + 0.2, component=web, failure_id=50 + number, remedy="end_stray", attempt=1,
                cause="ends process 4711, which web left behind",
            ),
            RemedyFinished(
                at=at + 1.4, component=web, failure_id=50 + number, remedy="end_stray", outcome="worked",
                cause="web is up and stays up", duration_s=1.2,
            ),
            ServiceRecovered(at=at + 1.4, component=web, attempts=1, downtime_s=1.4, cause="ready again"),
        ]  # fmt: skip
    events += [
        AgentStalled(at=now - 1300, component=agent, source="output", silent_s=300.0, cause="silent for 5 min"),
        RemedyStarted(at=now - 1290, component=agent, failure_id=0, remedy="refresh_status", attempt=1, cause="gentle"),
        RemedyFinished(
            at=now - 1230, component=agent, failure_id=0, remedy="refresh_status", outcome="failed",
            cause="no new activity within 60 s", duration_s=60.0,
        ),
        RemedyStarted(at=now - 1200, component=agent, failure_id=0, remedy="rescue_message", attempt=2, cause="a word"),
        RemedyFinished(
            at=now - 1140, component=agent, failure_id=0, remedy="rescue_message", outcome="failed",
            cause="no new activity within 60 s", duration_s=60.0,
        ),
        Escalated(
            at=now - 1100, component=agent, cause="2 attempts to wake it failed", attempts=2, hint="Look at its inbox"
        ),
        ResourceBreached(
            at=now - 250, component="machine", resource="disk", value=93.0, limit=90.0, lasting_s=90.0,
            cause="the disk is 93 % full, over its limit of 90 %",
        ),
        SpaceFreed(at=now - 240, component="machine", freed_bytes=512 * MB, files=14, cause="compressed old logs"),
    ]  # fmt: skip
    return tuple(Record(first_id + place, event) for place, event in enumerate(events))
