"""Who may use mouse and keyboard: the gate, arming and its time, the lease, the stop and the latch.

Everything here can only close faster than the guard would: the guard needs nothing of it to stop.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import (
    AnyEvent,
    ControlArmed,
    ControlDisarmed,
    EmergencyReset,
    EmergencyStopped,
    HumanActive,
    StopChannelLost,
    StopChannelRecovered,
    WorkerCrashed,
    WorkerRestarting,
)
from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.safety.around import Around, Hands
from aurora_desktop.safety.chain import Chain
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.in_force import InForce
from aurora_desktop.safety.messages import (
    LEASE_RENEW_S,
    Arm,
    Configure,
    Disarm,
    Disarmed,
    ExpectPress,
    Renew,
    Stop,
    Stopped,
    TreesHeld,
    WorkerEnded,
)
from aurora_desktop.safety.passphrase import Passphrase
from aurora_desktop.safety.proofs import Proofs
from aurora_desktop.safety.standing import Facts, Obstacle, Standing, standing
from aurora_desktop.safety.view import Confirmation, ControlView, Mode

COMPONENT = "input_agent"
GATE_LOOK_S = 0.25
RESET_FIRST = "Reset first: hold Ctrl+Shift+R for one second in Aurora's window"
STOP_ANSWER_S = 0.3
DROP_ANSWER_S = 0.5

log = logging.getLogger(__name__)


class _Arming(Struct):
    """Control as it is armed now."""

    generation: int
    mode: Mode
    until: float  # monotonic
    open: bool = False


class Control:
    """Implements `ControlFace`; `begin` starts the guard, `end` retires it."""

    def __init__(self, around: Around, settings: InputSettings) -> None:
        self._around = around
        self._clock = around.clock
        self._loop = asyncio.get_running_loop()
        self._store = around.store
        self._clearance = Clearance(around.paths.clearance)
        self._in_force = InForce(self._store, self._clock, settings)
        self._chain = Chain(around.paths, around.environment, self, self._configure, around.services.trees)
        passphrase = Passphrase(around.paths.passphrase)
        self._proofs = Proofs(self._clock, self._chain, self._store, passphrase, lambda: self.settings.hotkey)
        self._hands: Hands | None = None
        self._armed: _Arming | None = None
        self._generation = 0
        self._has_begun = False  # until then the guard is on its way rather than lost
        self._stops = 0
        self._has_crashed = False
        self._dropped: asyncio.Future[Disarmed | WorkerEnded | None] | None = None
        self._stop_told = asyncio.Event()
        self._was_listening = False
        self._channel_lost = False
        self._worker_restarts = 0
        self._human = False
        self._disarmed_by = ""
        self._told_standing: Standing | None = None
        self._missed_clearance = False
        self._audit: Obstacle | None = None
        self._unsupported: Obstacle | None = None
        self._fault: Obstacle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._watchers: list[Callable[[], None]] = []

    # --- up and down ------------------------------------------------------------------------------------------

    async def begin(self, hands: Hands) -> None:
        """Start the guard, which stops marked services also where there is no input, and keep the lease."""
        self._hands = hands
        try:
            await self._chain.start()
        except AuroraError as error:
            self._unsupported = Obstacle(f"{error.title}: {error.detail}", error.hint)
        self._has_begun = True
        self._run(self._rounds())

    async def end(self) -> None:
        self._drop("Aurora quits")
        if self._dropped is not None:
            await asyncio.wait((self._dropped,), timeout=DROP_ANSWER_S)
        for task in self._tasks:
            task.cancel()
        await self._chain.close()

    def abandon(self) -> None:
        """The loop is gone: the guard disarms by itself."""
        self._chain.abandon()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the view may have changed beyond the countdown."""
        self._watchers.append(changed)

    # --- looking ----------------------------------------------------------------------------------------------

    def view(self) -> ControlView:
        stand = standing(self._facts())
        armed = self._armed if stand.state == "armed" else None
        remaining = max(0.0, armed.until - self._clock.monotonic()) if armed else None
        holder, doing = self._hands.doing() if self._hands is not None and armed else ("", "")
        last = self._store.last_stop if stand.state == "latched" else None
        return ControlView(
            state=stand.state,
            reason=stand.reason,
            hint=stand.hint,
            mode=armed.mode if armed else self.settings.mode,
            armed_until=self._clock.wall() + remaining if remaining is not None else None,
            remaining_s=remaining,
            holder=holder,
            doing=doing,
            hotkey=self.settings.hotkey,
            hotkey_state=self._proofs.hotkey_state(),
            drill=self._proofs.drills,
            stopped_by=self._stopped_by(),
            stopped_at=last.at if last else None,
            needs_passphrase=self._proofs.needs_passphrase,
            has_passphrase=self._proofs.has_passphrase,
            human_active=self._human,
            worker_restarts=self._worker_restarts,
            frozen=self._around.services.frozen(),
            broken=self._has_begun and stand.state == "closed" and self._around.gate.current().is_open,
            pending=self._in_force.pending(),
        )

    @property
    def settings(self) -> InputSettings:
        """Those in force."""
        return self._in_force.settings

    @property
    def mode(self) -> Mode | None:
        """How it is armed; None when it is not."""
        return self._armed.mode if self._armed is not None and self._armed.open else None

    @property
    def is_latched_by_stop(self) -> bool:
        """Whether a stop is latched, be it one of an earlier run."""
        return bool(self._stopped_by())

    def _facts(self) -> Facts:
        armed = self._armed
        return Facts(
            armed=armed is not None and armed.open,
            arming=armed is not None and not armed.open,
            has_clearance=self._has_clearance(),
            stopped_by=self._stopped_by(),
            obstacles=self._obstacles(),
            disarmed_by=self._disarmed_by,
        )

    def _obstacles(self) -> tuple[Obstacle, ...]:
        first = self._fault or self._unsupported or self._around.obstacle()
        if first is not None:
            return (first,)
        gate = self._around.gate.current()
        closed = () if gate.is_open else (Obstacle(gate.reason, gate.hint),)
        return (*closed, *((self._audit,) if self._audit else ()), *self._chain.obstacles())

    def _has_clearance(self) -> bool:
        return self._clearance.is_granted()

    def _stopped_by(self) -> str:
        if self._has_clearance():
            return ""
        if (last := self._store.last_stop) is not None:
            return last.source
        return "the emergency stop" if self._store.was_cleared else ""

    # --- the operator's: anybody may -------------------------------------------------------------------------

    def stop(self, source: str) -> None:
        """Latch at once, then have the guard stop; covers for a guard that does not answer."""
        began = self._clock.monotonic()
        self._stop_told.clear()
        self._stops += 1
        self._chain.send(Stop(source))
        latched = self._clearance.revoke()
        self._run(self._see_stopped(source, began, latched=latched))

    async def _see_stopped(self, source: str, began: float, *, latched: bool) -> None:
        """The guard tells what it did; without its word main says so itself, and the gate is closed all the same."""
        try:
            async with asyncio.timeout(STOP_ANSWER_S):
                await self._stop_told.wait()
        except TimeoutError:
            latency_ms = (self._clock.monotonic() - began) * 1000
            detail = "the guard did not answer; main covered for it" + ("" if latched else "; the latch was not set")
            self._chain.link.cover("the guard did not answer a stop")
            self._stopped(source, latency_ms, None, detail)

    def disarm(self, source: str) -> None:
        self._drop(f"disarmed by {source}")

    # --- the operator's: in the window alone ------------------------------------------------------------------

    def expect_press(self) -> None:
        self._chain.send(ExpectPress())

    async def arm(self, mode: Mode, confirmation: Confirmation) -> None:
        self._refuse_unless_disarmed()
        self._proofs.refuse_unless_proven()
        await self._proofs.confirm(confirmation)
        self._refuse_unless_disarmed()
        self._missed_clearance = False
        if self._proofs.drills:  # else the stop key would stop nothing
            self.set_drill(on=False)
        ours, workers = socket.socketpair()
        self._disarmed_by = ""
        self._generation += 1
        now = self._clock.monotonic()
        arming = self._armed = _Arming(self._generation, mode, now + self.settings.arm_minutes * 60)
        try:
            with workers:
                self._wake.set()
                self._tell_watchers()
                await self._chain.arm(Arm(self._generation, self._around.worker_command, mode), workers)
            if self._armed is not arming:
                raise AuroraError("Control could not be armed", "it was taken back meanwhile")
            self._hand_over(arming, ours)
        except BaseException:  # be it a fault of ours, or a task that is cancelled: the guard must not stay armed
            ours.close()
            self._drop("it could not be armed", quiet=True)
            raise

    def _hand_over(self, arming: _Arming, ours: socket.socket) -> None:
        if self._has_crashed:
            self._has_crashed = False
            count = self._worker_restarts
            self._publish(WorkerRestarting(at=self._now(), component=COMPONENT, restart_count=count))
        arming.open = True
        arming.until = self._clock.monotonic() + self.settings.arm_minutes * 60
        assert self._hands is not None  # noqa: S101 - `begin` came first
        self._hands.take(ours, arming.generation, arming.mode)
        until = self._clock.wall() + self.settings.arm_minutes * 60
        self._publish(ControlArmed(at=self._now(), component=COMPONENT, mode=arming.mode, until=until))

    async def reset(self, confirmation: Confirmation) -> None:
        if self._has_clearance():
            raise AuroraError("There is nothing to reset", "No stop is latched")
        stops = self._stops
        await self._proofs.confirm(confirmation)
        if self._stops == stops:
            await asyncio.to_thread(self._clearance.grant, "the operator")
        if self._stops != stops:
            self._clearance.revoke()
            raise AuroraError("A stop came while the latch was being cleared", "It stays latched", "Reset again")
        self._store.cleared(self._now())
        self._around.services.release()
        self._publish(EmergencyReset(at=self._now(), component=COMPONENT, by="the operator"))

    async def confirm_settings(self, confirmation: Confirmation) -> None:
        shown, was_fresh = self._in_force.wanted, self._in_force.is_fresh()
        await self._proofs.confirm(confirmation)
        self._in_force.refuse_if_changed(shown, was_fresh=was_fresh)
        self._put_in_force(shown)

    def extend(self) -> None:
        if self._armed is not None and self._armed.open:
            self._armed.until = self._clock.monotonic() + self.settings.arm_minutes * 60
            until = self._clock.wall() + self.settings.arm_minutes * 60
            self._publish(ControlArmed(at=self._now(), component=COMPONENT, mode=self._armed.mode, until=until))

    def set_drill(self, *, on: bool) -> None:
        if on and self._armed is not None:  # agents act: the key is there to stop them
            return
        self._proofs.set_drill(on=on)
        self._tell_watchers()

    async def allow_passphrase(self, confirmation: Confirmation) -> None:
        await self._proofs.allow_passphrase(confirmation)

    async def set_passphrase(self, passphrase: str) -> None:
        await self._proofs.set_passphrase(passphrase)
        self._tell_watchers()

    def thaw(self, names: tuple[str, ...]) -> None:
        if not self._has_clearance():
            raise AuroraError("The emergency stop is latched", "Frozen services stay frozen", RESET_FIRST)
        self._around.services.thaw(names, "let go on by the operator")
        self._tell_watchers()

    async def confirm_answer(self, confirmation: Confirmation) -> None:
        """A yes to a question in the mode `ask`. Raises AuroraError when it was not the operator's."""
        await self._proofs.confirm(confirmation)

    def _refuse_unless_disarmed(self) -> None:
        stand = standing(self._facts())
        if stand.state != "disarmed":
            raise AuroraError("Control cannot be armed now", stand.reason or "it is armed already", stand.hint)

    # --- what the rest of the house tells ---------------------------------------------------------------------

    def apply(self, settings: InputSettings) -> None:
        """Changed settings: what tightens acts at once, what loosens waits for the operator."""
        self._put_in_force(self._in_force.want(settings))

    def audit_failing(self, detail: str) -> None:
        """The audit log cannot be written: the gate is closed until `audit_recovered`."""
        self._audit = Obstacle(f"the audit log cannot be written: {detail}", "Make room or give access to the log")
        self._drop(self._audit.reason)
        self._tell_watchers()

    def audit_recovered(self) -> None:
        self._audit = None
        self._tell_watchers()

    def session_left(self, reason: str) -> None:
        """The screen was locked, or the machine slept."""
        self._drop(reason)

    def marked_changed(self) -> None:
        """A service that is marked began or ended."""
        self._chain.tell_marked()

    def _put_in_force(self, settings: InputSettings) -> None:
        before = self.settings
        self._in_force.put(settings)
        if settings.hotkey != before.hotkey:
            self._drop("the stop key was changed")
        elif settings.events_per_s < before.events_per_s or settings.max_hold_s < before.max_hold_s:
            self._drop("the limits of the input worker, which it is told once, were tightened")
        elif self._armed is not None:
            self._armed.until = min(self._armed.until, self._clock.monotonic() + settings.arm_minutes * 60)
        self._chain.tell_settings()
        self._tell_watchers()

    def _configure(self) -> Configure:
        settings = self.settings
        return Configure(settings.hotkey, settings.failsafe_corners, settings.operator_first)

    # --- what the guard tells ---------------------------------------------------------------------------------

    def guard_stopped(self, message: Stopped) -> None:
        if message.second_press:
            message = replace(message, source=f"{message.source}, pressed twice")
        self._clearance.revoke()  # again: a reset may just have been on its way
        self._stopped(message.source, message.latency_ms, message)

    def guard_dropped(self, message: Disarmed | WorkerEnded) -> None:
        if self._dropped is not None and not self._dropped.done():
            self._dropped.set_result(message)
        if self._armed is None or message.generation != self._armed.generation:
            return
        if isinstance(message, WorkerEnded):
            self._worker_restarts += 1
            count = self._worker_restarts
            at = self._now()
            self._publish(WorkerCrashed(at=at, component=COMPONENT, error_text=message.reason, restart_count=count))
            self._has_crashed = True
        was_open, self._armed, self._human = self._armed.open, None, False
        self._disarmed_by = message.reason
        if was_open:
            self._tell_hands(message.reason, message, stopped=False)
        self._publish(ControlDisarmed(at=self._now(), component=COMPONENT, reason=message.reason))

    def guard_lost(self, reason: str) -> None:
        self._drop(f"the guard was lost: {reason}")
        if self._dropped is not None and not self._dropped.done():
            self._dropped.set_result(None)
        self.channel_changed()

    def guard_held(self, message: TreesHeld) -> None:
        if message.failed:
            log.warning("the stop could not hold: %s", ", ".join(message.failed))
        self._tell_watchers()

    def hotkey_proven(self, hotkey: str) -> None:
        self._proofs.proven(hotkey)
        self._tell_watchers()

    def human(self, *, active: bool) -> None:
        self._human = active
        self._publish(HumanActive(at=self._now(), component=COMPONENT, active=active))

    def channel_changed(self) -> None:
        """Told once when it is lost and once when it returns; what never was there is not lost."""
        if self._chain.is_up:
            self._unsupported = None  # it came late
        listening = self._chain.is_listening
        if self._was_listening and not listening and not self._channel_lost:
            self._channel_lost = True
            obstacle = next(iter(self._chain.obstacles()), Obstacle("the stop key is not heard"))
            self._drop(f"stop_channel_lost: {obstacle.reason}")
            self._publish(
                StopChannelLost(at=self._now(), component="guard", detail=obstacle.reason, hint=obstacle.hint)
            )
        elif listening and self._channel_lost:
            self._channel_lost = False
            self._publish(StopChannelRecovered(at=self._now(), component="guard"))
        self._was_listening = self._was_listening or listening
        self._tell_watchers()

    # --- down -------------------------------------------------------------------------------------------------

    def _stopped(self, source: str, latency_ms: float, told: Stopped | None, detail: str = "") -> None:
        self._stop_told.set()
        self._stops += 1
        at = self._now()
        self._store.stopped(source, at)
        self._armed, self._human, self._disarmed_by = None, False, ""
        self._tell_hands(f"stopped by {source}", told, stopped=True)
        self._around.services.hold(f"stopped by {source}")
        self._publish(
            EmergencyStopped(
                at=at,
                component=COMPONENT,
                source=source,
                latency_ms=round(latency_ms, 2),
                released=told.released if told is not None else 0,
                frozen=self._around.services.frozen(),
                detail=told.detail if told is not None else detail,
            )
        )

    def _drop(self, reason: str, *, quiet: bool = False) -> None:
        """Take control back; also when nothing is armed, where it does nothing."""
        if self._armed is None:
            return
        was_open, self._armed, self._human = self._armed.open, None, False
        self._disarmed_by = reason
        self._chain.send(Disarm(reason))
        if was_open:
            self._dropped = self._loop.create_future()
            self._run(self._let_go(reason, self._dropped))
        if not quiet:
            self._publish(ControlDisarmed(at=self._now(), component=COMPONENT, reason=reason))

    async def _let_go(self, reason: str, dropped: "asyncio.Future[Disarmed | WorkerEnded | None]") -> None:
        """The guard counts what was sent before the worker ended; without its word it stays uncertain."""
        await asyncio.wait((dropped,), timeout=DROP_ANSWER_S)
        told = dropped.result() if dropped.done() else None
        if self._dropped is dropped:
            self._dropped = None
        self._tell_hands(reason, told, stopped=False)

    def _tell_hands(self, reason: str, told: Disarmed | WorkerEnded | Stopped | None, *, stopped: bool) -> None:
        if self._hands is not None:
            events, in_flight = (told.events, told.in_flight) if told is not None else (0, True)
            self._hands.drop(reason, events=events, in_flight=in_flight, stopped=stopped)

    # --- rounds -----------------------------------------------------------------------------------------------

    async def _rounds(self) -> None:
        """The lease while armed; what could close the gate, a few times a second; the clearance that vanished."""
        looked = 0.0
        while True:
            if self._armed is not None:
                self._chain.send(Renew())
            now = self._clock.monotonic()
            if now - looked >= GATE_LOOK_S:
                looked = now
                self._look(now)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEASE_RENEW_S if self._armed is not None else GATE_LOOK_S):
                    await self._wake.wait()

    def _look(self, now: float) -> None:
        self._chain.tell_marked()
        armed = self._armed
        if armed is None:
            self._tell_of_changes()
            return
        if now >= armed.until:
            self._drop("the armed time is over")
        elif not self._has_clearance():
            if self._missed_clearance:
                self._drop("the clearance was taken away")
            self._missed_clearance = True  # a stop takes it a moment before it is told, and has the better words
        elif obstacles := self._obstacles():
            self._drop(obstacles[0].reason)

    def _tell_of_changes(self) -> None:
        """The gate's file, the clearance and the session change without a word."""
        stand = standing(self._facts())
        if stand != self._told_standing:
            self._told_standing = stand
            self._tell_watchers()

    # --- small change -----------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the brake failed", exc_info=error)
            self._fault = Obstacle(f"a part of the brake failed: {error}", "Restart Aurora")
            self._drop("a part of the brake failed")

    def _publish(self, event: AnyEvent) -> None:
        self._around.publish(event)
        self._tell_watchers()

    def _tell_watchers(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()

    def _now(self) -> float:
        return self._clock.wall()
