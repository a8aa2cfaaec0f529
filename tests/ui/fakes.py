"""Stand-ins for the rest of the house, with a realistic mix of services."""

import math
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import (
    Record,
    ServiceAdopted,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    ServiceRestarting,
    StrayEnded,
)
from aurora_desktop.core.settings.schema import HttpProbe, Probe, Service, Settings
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.heartbeat.health import assess
from aurora_desktop.input.errors import UnknownTaskError
from aurora_desktop.input.view import InputView, Submission, TaskView
from aurora_desktop.safety.view import Confirmation, ControlView, Mode
from aurora_desktop.supervisor.view import Check, ServiceView, State
from aurora_desktop.ui.context import UiContext

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
        self.refuses: AuroraError | None = None

    def current(self) -> Settings:
        return self.in_force

    async def save_service(self, name: str, values: dict[str, object], *, previous_name: str | None = None) -> None:
        if self.refuses:
            raise self.refuses
        self.saved.append((name, values, previous_name))

    async def remove_service(self, name: str) -> None:
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

    def extend(self) -> None:
        self.asked.append(("extend",))

    def set_drill(self, *, on: bool) -> None:
        self.asked.append(("drill", on))

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
