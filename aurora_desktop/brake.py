"""The brake of a house: control, the chain to the guard, the audit and the input agent, built and taken down as one."""

import asyncio
import contextlib
import logging
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AlreadyRunningError, AuroraError
from aurora_desktop.core.events import AnyEvent, Record, ServiceStateChanged
from aurora_desktop.core.input_events import (
    AuditAltered,
    AuditFailing,
    ControlArmed,
    ControlDisarmed,
    ControlRequestAnswered,
    ControlRequested,
    EmergencyReset,
    EmergencyStopped,
    HumanActive,
    StopChannelLost,
    StopChannelRecovered,
    WorkerCrashed,
    WorkerRestarting,
)
from aurora_desktop.core.paths import StatePaths, gate_file
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.desktop import session
from aurora_desktop.desktop.priority import raise_priority
from aurora_desktop.desktop.session_watch import ASLEEP, SessionWatch
from aurora_desktop.desktop.single_instance import InstanceLock
from aurora_desktop.input.agent import InputAgent
from aurora_desktop.input.audit import AuditLog, SecretText, StoredAnchor
from aurora_desktop.input.errors import AuditError
from aurora_desktop.input.evidence import EvidenceStore
from aurora_desktop.input.history import History, remember
from aurora_desktop.safety.around import Around
from aurora_desktop.safety.control import Control
from aurora_desktop.safety.gate import GateFile
from aurora_desktop.safety.in_force import InForce
from aurora_desktop.safety.marked import MarkedServices
from aurora_desktop.safety.standing import Obstacle
from aurora_desktop.safety.store import SafetyStore
from aurora_desktop.safety.urgency import NICE, is_hurried
from aurora_desktop.supervisor.engine import Supervisor

COMPONENT = "input_agent"
# -P: what lies in the folder that Aurora was started in is no part of it.
WORKER = (sys.executable, "-P", "-m", "aurora_desktop.input.worker")
_ENVELOPE = ("at", "component")
_AUDITED = (
    ControlArmed,
    ControlDisarmed,
    ControlRequestAnswered,
    ControlRequested,
    EmergencyReset,
    EmergencyStopped,
    HumanActive,
    StopChannelLost,
    StopChannelRecovered,
    WorkerCrashed,
    WorkerRestarting,
)
CARE_S = 1.0
PRUNE_EVERY = 60
SLEPT_S = 3.0
"""The wall clock went on this much further than the monotonic one within a second or so: the machine slept."""

log = logging.getLogger(__name__)


class Brake:
    """Owns everything that has to do with mouse and keyboard; `control` and `input` are its faces."""

    def __init__(
        self,
        paths: StatePaths,
        config: Path,
        settings: Settings,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        state: Database,
        store: SafetyStore,
        in_force: InForce,
        confirmed: Callable[[], object],
        supervisor: Supervisor,
        environment: Mapping[str, str],
        mode: Literal["desktop", "headless"],
    ) -> None:
        """Blocking: reads the audit log's tail; called with the loop already current.

        `confirmed` is called once the operator has put in force what waited.
        """
        self._paths, self._clock, self._publish = paths, clock, publish
        self._loop = asyncio.get_running_loop()
        self._environment, self._mode = environment, mode
        self._display_lock: InstanceLock | None = None
        self._display_taken: Obstacle | None = None
        self._services = MarkedServices(supervisor)
        around = Around(
            paths=paths,
            environment=environment,
            clock=clock,
            publish=publish,
            gate=GateFile(gate_file(config)),
            store=store,
            in_force=in_force,
            confirmed=confirmed,
            services=self._services,
            obstacle=self._obstacle,
            worker_command=WORKER,
        )
        self.control = Control(around)
        self.audit = AuditLog(
            paths.input_log,
            settings.logs,
            StoredAnchor(state),
            clock,
            on_failing=lambda error: self._from_thread(self._audit_failing, error.detail or error.title),
            on_altered=lambda detail: self._from_thread(self._audit_altered, detail),
        )
        self._evidence = EvidenceStore(paths.evidence, settings.input.evidence)
        self.input = InputAgent(
            paths, clock, publish, self.control, self.audit, History(), self._evidence, _secret_text(paths).told
        )
        self._watch = SessionWatch(lambda reason: self._from_thread(self.control.session_left, reason), environment)
        self._caring: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_closing = False
        self._hurried = 0
        if self.control.is_latched_by_stop:
            self._services.latch("the emergency stop is latched")

    # --- up and down ------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Open the audit log, start the guard, and take what agents submit from then on.

        Until then the gate is closed; nothing else of the house waits for it.
        """
        self._take_display()
        self._opening = self._loop.create_task(self._open_audit())
        await asyncio.shield(self._opening)
        self.input.recall(await asyncio.to_thread(remember, self._paths.input_log))
        if self._is_closing:
            return
        self.input.begin()
        await self.control.begin(self.input)
        if self._is_closing:
            return
        if self._mode == "desktop":  # headless there is nothing to take back, and nobody to warn that it would not be
            self._watch.start()
        self._caring = self._loop.create_task(self._care())

    async def _open_audit(self) -> None:
        with contextlib.suppress(AuditError):  # told by `on_failing`; the gate stays closed until it can be written
            await asyncio.to_thread(self.audit.open)

    async def close(self) -> None:
        """Give control back, end worker and guard, write the last records."""
        self._is_closing = True
        self._watch.close()
        if self._opening is not None:
            await asyncio.wait((self._opening,))  # a log that is just being opened cannot be closed
        if self._caring is not None:
            self._caring.cancel()
        self.input.end()
        await self.control.end()
        await asyncio.to_thread(self.audit.close)
        if self._display_lock is not None:
            self._display_lock.release()

    def abandon(self) -> None:
        """The loop is gone: the guard notices by itself that nobody speaks to it any more."""
        self._watch.close()
        self.control.abandon()
        self.audit.close()
        if self._display_lock is not None:
            self._display_lock.release()

    def apply(self, settings: Settings) -> None:
        """Changed settings."""
        self.audit.configure(settings.logs)
        self.control.apply()
        self._evidence.configure(self.control.settings.evidence)

    def read(self, record: Record) -> None:
        """A reader of the bus: tells the guard which marked services run, and the audit what became of control."""
        event = record.event
        if isinstance(event, ServiceStateChanged):
            self.control.marked_changed()
        elif isinstance(event, _AUDITED):
            fields = {name: getattr(event, name) for name in event.__struct_fields__ if name not in _ENVELOPE}
            if "error_text" in fields:
                fields["error"] = fields.pop("error_text")
            with contextlib.suppress(AuditError):  # told by `on_failing`; it is written once there is room
                self.audit.event(event.event_type(), **fields)

    # --- what keeps the gate closed ---------------------------------------------------------------------------

    def _obstacle(self) -> Obstacle | None:
        """Why there can be no input in this session at all."""
        if self._mode == "headless":
            return Obstacle("Aurora runs headless: control is armed in its window alone", "Start Aurora on the desktop")
        match session.detect(self._environment).kind:
            case "wayland":
                return Obstacle(
                    "this is a Wayland session, where no program may use mouse and keyboard for others",
                    "Log in to a session on X11 (Xorg)",
                )
            case "headless":
                return Obstacle("there is no display", "Start Aurora on the desktop")
            case "windows":
                return Obstacle("control of mouse and keyboard is not built for Windows yet", "See docs/platforms.md")
        return self._display_taken

    def _take_display(self) -> None:
        """One Aurora per display holds the gate; another one's stays closed."""
        display = session.detect(self._environment).display
        if not display or self._mode == "headless":
            return
        folder = session.runtime_dir(self._environment)
        folder = folder if folder.is_dir() else self._paths.root
        lock = InstanceLock(folder / f"aurora-desktop-input-{socket.gethostname()}-{_plain(display)}.lock")
        try:
            lock.acquire()
        except AlreadyRunningError:
            self._display_taken = Obstacle(
                "another Aurora holds the gate of this display", "Quit it, then start this one again"
            )
        except AuroraError as error:
            self._display_taken = Obstacle(f"the gate of this display cannot be locked: {error.detail}", error.hint)
        else:
            self._display_lock = lock

    # --- care -------------------------------------------------------------------------------------------------

    async def _care(self) -> None:
        """Each second: try a log that failed again, notice that the machine slept; now and then prune the pictures."""
        ahead, rounds = self._ahead(), 0
        while True:
            await asyncio.sleep(CARE_S)
            await self._hurry_guard()
            if self.audit.trouble is not None:
                await self._try_audit()
            if (now := self._ahead()) - ahead > SLEPT_S:
                self.control.session_left(ASLEEP)
            ahead, rounds = now, rounds + 1
            if rounds % PRUNE_EVERY == 1:
                await self._prune()

    async def _hurry_guard(self) -> None:
        """Ask once for what a guard could not take by itself; where that is refused it waits its ordinary turn."""
        pid = self.control.guard_pid
        if pid in (0, self._hurried):
            return
        self._hurried = pid
        with contextlib.suppress(ProcessLookupError):
            if not is_hurried(pid):
                await asyncio.to_thread(raise_priority, pid, NICE, self._environment)

    async def _prune(self) -> None:
        """A folder that cannot be cleared ends none of the other cares."""
        try:
            await asyncio.to_thread(self._evidence.prune)
        except OSError as error:
            log.warning("old pictures cannot be removed: %s", error)

    def _ahead(self) -> float:
        return self._clock.wall() - self._clock.monotonic()

    async def _try_audit(self) -> None:
        try:
            await asyncio.to_thread(self.audit.probe)
        except AuditError:
            return
        self.control.audit_recovered()

    def _audit_failing(self, detail: str) -> None:
        self.control.audit_failing(detail)
        at = self._clock.wall()
        self._publish(AuditFailing(at=at, component=COMPONENT, path=str(self._paths.input_log), detail=detail))

    def _audit_altered(self, detail: str) -> None:
        at = self._clock.wall()
        self._publish(AuditAltered(at=at, component=COMPONENT, path=str(self._paths.input_log), detail=detail))

    def _from_thread(self, call: Callable[[str], None], argument: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(call, argument)


def _secret_text(paths: StatePaths) -> SecretText:
    """Under a key that lasts for this run alone where none can be kept; the audit log has the same trouble then."""
    try:
        return SecretText.load(paths.audit_key)
    except AuditError as error:
        log.warning("%s", error)
        return SecretText(secrets.token_bytes(32))


def _plain(display: str) -> str:
    """A name for its file: the same for `:0`, `:0.0` and `unix:0`, which are one display."""
    host, _, number = display.rpartition(":")
    host = "" if host == "unix" else host
    return "".join(c if c.isalnum() else "_" for c in f"{host}:{number.partition('.')[0] if number else display}")
