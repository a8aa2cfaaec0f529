"""Who may use mouse and keyboard: the gate, the stop, and what is asked and told of an armed session.

Everything here can only close faster than the guard would: the guard needs nothing of it to stop.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Coroutine

from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.input_events import EmergencyReset, EmergencyStopped, StopChannelLost, StopChannelRecovered
from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.safety.around import Around, Hands
from aurora_desktop.safety.chain import Chain
from aurora_desktop.safety.latch import Latch
from aurora_desktop.safety.messages import (
    LEASE_RENEW_S,
    Configure,
    Disarmed,
    ExpectPress,
    Renew,
    Stop,
    Stopped,
    TreesHeld,
    WorkerEnded,
)
from aurora_desktop.safety.obstacles import Obstacles
from aurora_desktop.safety.passphrase import Passphrase
from aurora_desktop.safety.proofs import Proofs
from aurora_desktop.safety.requests import ControlRequests
from aurora_desktop.safety.session import COMPONENT, ControlSession
from aurora_desktop.safety.standing import Facts, Obstacle, Standing, standing
from aurora_desktop.safety.view import Confirmation, ControlView, Decided, Mode

GATE_LOOK_S = 0.25
QUIET_LOOK_S = 1.0
"""Nothing is armed: what opens or closes the gate is only told, and looked at anew when the operator arms."""
RESET_FIRST = "Reset first: hold Ctrl+Shift+R for one second in Aurora's window"
STOP_ANSWER_S = 0.3
AT_ONCE_S = 0.1

log = logging.getLogger(__name__)


class Control:
    """Implements `ControlFace`; `begin` starts the guard, `end` retires it."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._clock = around.clock
        self._loop = asyncio.get_running_loop()
        store = around.store
        self._latch = Latch(around.paths.clearance, store, self._clock)
        self._in_force = around.in_force
        self._applied = self.settings
        self._chain = Chain(around.paths, around.environment, self, self._configure, around.services.trees)
        self._obstacles = Obstacles(around, self._chain)
        passphrase = Passphrase(around.paths.passphrase)
        self._proofs = Proofs(self._clock, self._chain, store, passphrase, lambda: self.settings.hotkey)
        self._session = ControlSession(
            around, self._chain, lambda: self.settings, self._publish, self._run, self._arming_begins
        )
        self._requests = ControlRequests(self._clock, self._publish, lambda: standing(self._facts()))
        self._has_begun = False  # until then the guard is on its way rather than lost
        self._stop_told = asyncio.Event()
        self._stopped_at = -math.inf  # monotonic
        self._told_standing: Standing | None = None
        self._missed_clearance = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._watchers: list[Callable[[], None]] = []

    # --- up and down ------------------------------------------------------------------------------------------

    async def begin(self, hands: Hands) -> None:
        """Start the guard, which stops marked services also where there is no input, and keep the lease."""
        self._session.begin(hands)
        try:
            await self._chain.start()
        except AuroraError as error:
            self._obstacles.unsupported = Obstacle(f"{error.title}: {error.detail}", error.hint)
        self._has_begun = True
        self._run(self._rounds())

    async def end(self) -> None:
        self._requests.withdraw("Aurora quits")
        await self._session.end()
        for task in self._tasks:
            task.cancel()
        await self._chain.close()

    def abandon(self) -> None:
        """The loop is gone: the guard disarms by itself."""
        self._chain.abandon()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the view may have changed beyond the countdown."""
        self._watchers.append(changed)

    @property
    def guard_pid(self) -> int:
        """0 while there is none that is ready."""
        return self._chain.link.pid if self._chain.is_up else 0

    # --- looking ----------------------------------------------------------------------------------------------

    def view(self) -> ControlView:
        stand = standing(self._facts())
        session = self._session
        is_armed = stand.state == "armed"
        remaining = session.remaining_s if is_armed else None
        holder, doing = session.doing() if is_armed else ("", "")
        last = self._latch.last_stop if stand.state == "latched" else None
        return ControlView(
            state=stand.state,
            reason=stand.reason,
            hint=stand.hint,
            mode=(session.mode if is_armed else None) or self.settings.mode,
            armed_until=self._clock.wall() + remaining if remaining is not None else None,
            remaining_s=remaining,
            holder=holder,
            doing=doing,
            hotkey=self.settings.hotkey,
            hotkey_state=self._proofs.hotkey_state(),
            drill=self._proofs.drills,
            stopped_by=self._latch.stopped_by,
            stopped_at=last.at if last else None,
            needs_passphrase=self._proofs.needs_passphrase,
            has_passphrase=self._proofs.has_passphrase,
            human_active=session.human_active,
            worker_restarts=session.worker_restarts,
            frozen=self._around.services.frozen(),
            broken=self._has_begun and stand.state == "closed" and self._obstacles.gate_is_open,
            pending=self._in_force.pending(),
            request=self._requests.current,
        )

    @property
    def settings(self) -> InputSettings:
        """Those in force."""
        return self._in_force.settings.input

    @property
    def mode(self) -> Mode | None:
        """How it is armed; None when it is not."""
        return self._session.mode

    @property
    def is_latched_by_stop(self) -> bool:
        """Whether a stop is latched, be it one of an earlier run."""
        return bool(self._latch.stopped_by)

    def _facts(self) -> Facts:
        return Facts(
            armed=self._session.is_armed,
            arming=self._session.is_arming,
            has_clearance=self._latch.is_cleared,
            stopped_by=self._latch.stopped_by,
            obstacles=self._obstacles.now(),
            disarmed_by=self._session.disarmed_by,
        )

    # --- the operator's: anybody may -------------------------------------------------------------------------

    def stop(self, source: str) -> None:
        """Latch at once, then have the guard stop; covers for a guard that does not answer."""
        began = self._clock.monotonic()
        self._stop_told.clear()
        self._chain.send(Stop(source))
        latched = self._latch.set()
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
        self._session.drop(f"disarmed by {source}")

    async def request(self, agent: str, reason: str, wait_s: float) -> Decided:
        return await self._requests.ask(agent, reason, wait_s)

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
        await self._session.arm(mode)

    def _arming_begins(self) -> None:
        self._wake.set()
        self._tell_watchers()

    async def reset(self, confirmation: Confirmation) -> None:
        await self._latch.clear(lambda: self._proofs.confirm(confirmation))
        self._around.services.release()
        self._publish(EmergencyReset(at=self._now(), component=COMPONENT, by="the operator"))

    async def confirm_settings(self, confirmation: Confirmation) -> None:
        shown, was_fresh = self._in_force.wanted, self._in_force.is_fresh()
        await self._proofs.confirm(confirmation)
        self._in_force.confirm(shown, was_fresh=was_fresh)
        self._around.confirmed()

    def decline_request(self) -> None:
        self._requests.decline()

    def extend(self) -> None:
        self._session.extend()

    def set_drill(self, *, on: bool) -> None:
        if on and self._session.is_under_way:  # agents act: the key is there to stop them
            return
        self._proofs.set_drill(on=on)
        self._tell_watchers()

    async def allow_passphrase(self, confirmation: Confirmation) -> None:
        await self._proofs.allow_passphrase(confirmation)

    async def set_passphrase(self, passphrase: str) -> None:
        await self._proofs.set_passphrase(passphrase)
        self._tell_watchers()

    def thaw(self, names: tuple[str, ...]) -> None:
        if not self._latch.is_cleared:
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

    def apply(self) -> None:
        """Other settings are in force."""
        before, self._applied = self._applied, self.settings
        if self._applied.hotkey != before.hotkey:
            self._session.drop("the stop key was changed")
        elif self._applied.events_per_s < before.events_per_s or self._applied.max_hold_s < before.max_hold_s:
            self._session.drop("the limits of the input worker, which it is told once, were tightened")
        else:
            self._session.shorten()
        self._chain.tell_settings()
        self._tell_watchers()

    def audit_failing(self, detail: str) -> None:
        """The audit log cannot be written: the gate is closed until `audit_recovered`."""
        obstacle = self._obstacles.audit = Obstacle(
            f"the audit log cannot be written: {detail}", "Make room or give access to the log"
        )
        self._session.drop(obstacle.reason)
        self._tell_watchers()

    def audit_recovered(self) -> None:
        self._obstacles.audit = None
        self._tell_watchers()

    def session_left(self, reason: str) -> None:
        """The screen was locked, or the machine slept."""
        self._session.drop(reason)

    def marked_changed(self) -> None:
        """A service that is marked began or ended."""
        self._chain.tell_marked()

    def _configure(self) -> Configure:
        settings = self.settings
        return Configure(settings.hotkey, settings.failsafe_corners, settings.operator_first)

    # --- what the guard tells ---------------------------------------------------------------------------------

    def guard_stopped(self, message: Stopped) -> None:
        if message.second_press:
            message = replace(message, source=f"{message.source}, pressed twice")
        self._latch.set()  # again: a reset may just have been on its way
        self._stopped(message.source, message.latency_ms, message)

    def guard_dropped(self, message: Disarmed | WorkerEnded) -> None:
        self._session.ended(message)

    def guard_lost(self, reason: str) -> None:
        self._session.drop(f"the guard was lost: {reason}")
        self._session.no_more_comes(None)
        self.channel_changed()

    def guard_held(self, message: TreesHeld) -> None:
        if message.failed:
            log.warning("the stop could not hold: %s", ", ".join(message.failed))
        self._tell_watchers()

    def hotkey_proven(self, hotkey: str) -> None:
        self._proofs.proven(hotkey)
        self._tell_watchers()

    def human(self, *, active: bool) -> None:
        self._session.human(active=active)

    def channel_changed(self) -> None:
        if self._chain.is_up:
            self._obstacles.unsupported = None  # it came late
        news = self._chain.news()
        if news == "lost":
            lost = next(iter(self._chain.obstacles()), Obstacle("the stop key is not heard"))
            self._session.drop(f"stop_channel_lost: {lost.reason}")
            self._publish(StopChannelLost(at=self._now(), component="guard", detail=lost.reason, hint=lost.hint))
        elif news == "back":
            self._publish(StopChannelRecovered(at=self._now(), component="guard"))
        self._tell_watchers()

    # --- down -------------------------------------------------------------------------------------------------

    def _stopped(self, source: str, latency_ms: float, told: Stopped | None, detail: str = "") -> None:
        self._stop_told.set()
        at, now = self._now(), self._clock.monotonic()
        is_told = now - self._stopped_at < AT_ONCE_S and not (told is not None and told.second_press)
        self._stopped_at = now
        self._session.stopped(source, told)
        self._around.services.hold(f"stopped by {source}")
        if is_told:  # several sources at once are one stop
            return
        self._latch.stopped(source, at)
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

    # --- rounds -----------------------------------------------------------------------------------------------

    async def _rounds(self) -> None:
        """While armed the lease, and often what could close the gate; else that once a second, only to tell of it."""
        looked = 0.0
        while True:
            if self._session.is_under_way:
                self._chain.send(Renew())
            now = self._clock.monotonic()
            if now - looked >= GATE_LOOK_S:
                looked = now
                self._look()
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEASE_RENEW_S if self._session.is_under_way else QUIET_LOOK_S):
                    await self._wake.wait()

    def _look(self) -> None:
        self._chain.tell_marked()
        if not self._session.is_under_way:
            self._tell_of_changes()
        elif not self._session.remaining_s:
            self._session.drop("the armed time is over")
        elif not self._latch.is_cleared:
            if self._missed_clearance:
                self._session.drop("the clearance was taken away")
            self._missed_clearance = True  # a stop takes it a moment before it is told, and has the better words
        elif obstacles := self._obstacles.now():
            self._session.drop(obstacles[0].reason)

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
            self._obstacles.fault = Obstacle(f"a part of the brake failed: {error}", "Restart Aurora")
            self._session.drop("a part of the brake failed")

    def _publish(self, event: AnyEvent) -> None:
        self._around.publish(event)
        self._tell_watchers()

    def _tell_watchers(self) -> None:
        self._requests.look()
        for watcher in tuple(self._watchers):
            watcher()

    def _now(self) -> float:
        return self._clock.wall()
