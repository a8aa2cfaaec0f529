"""Control while it is armed: handed to the agents with a worker, for a time, and taken back with what was sent."""

import asyncio
import socket
from collections.abc import Callable, Coroutine

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.input_events import ControlArmed, ControlDisarmed, HumanActive, WorkerCrashed, WorkerRestarting
from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.safety.around import Around, Hands
from aurora_desktop.safety.chain import Chain
from aurora_desktop.safety.messages import Arm, Disarm, Disarmed, Stopped, WorkerEnded
from aurora_desktop.safety.view import Mode

COMPONENT = "input_agent"
DROP_ANSWER_S = 0.5


class _Armed(Struct):
    """Control as it is armed now; `until`: monotonic; not `open` while the guard is still asked."""

    generation: int
    mode: Mode
    until: float
    open: bool = False


class ControlSession:
    """One after another. `settings`: those in force; `run` keeps a task; `changed` is told when arming begins."""

    def __init__(
        self,
        around: Around,
        chain: Chain,
        settings: Callable[[], InputSettings],
        publish: Callable[[AnyEvent], None],
        run: Callable[[Coroutine[None, None, None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._clock, self._worker_command, self._chain = around.clock, around.worker_command, chain
        self._settings, self._publish, self._run, self._changed = settings, publish, run, changed
        self._loop = asyncio.get_running_loop()
        self._hands: Hands | None = None
        self._armed: _Armed | None = None
        self._generation = 0
        self._has_crashed = False
        self._awaited: asyncio.Future[Disarmed | WorkerEnded | None] | None = None
        self.worker_restarts = 0
        self.human_active = False
        self.disarmed_by = ""

    def begin(self, hands: Hands) -> None:
        """These are to act."""
        self._hands = hands

    async def end(self) -> None:
        """Until the guard has said what was sent, or DROP_ANSWER_S are over."""
        self.drop("Aurora quits")
        if self._awaited is not None:
            await asyncio.wait((self._awaited,), timeout=DROP_ANSWER_S)

    # --- how it stands ----------------------------------------------------------------------------------------

    @property
    def is_under_way(self) -> bool:
        """Armed, or about to be."""
        return self._armed is not None

    @property
    def is_armed(self) -> bool:
        return self._armed is not None and self._armed.open

    @property
    def is_arming(self) -> bool:
        return self._armed is not None and not self._armed.open

    @property
    def mode(self) -> Mode | None:
        """How it is armed; None when it is not."""
        return self._armed.mode if self._armed is not None and self._armed.open else None

    @property
    def remaining_s(self) -> float | None:
        """Of the armed time; None when it is not under way."""
        return max(0.0, self._armed.until - self._clock.monotonic()) if self._armed is not None else None

    def doing(self) -> tuple[str, str]:
        """The agent that acts now and what it does in words; empty when none."""
        return self._hands.doing() if self._hands is not None else ("", "")

    # --- armed ------------------------------------------------------------------------------------------------

    async def arm(self, mode: Mode) -> None:
        """Have a worker started and hand it over. Raises AuroraError; nothing stays armed then."""
        ours, workers = socket.socketpair()
        self.disarmed_by = ""
        self._generation += 1
        arming = self._armed = _Armed(self._generation, mode, self._clock.monotonic() + self._armed_time_s())
        try:
            with workers:
                self._changed()
                await self._chain.arm(Arm(self._generation, self._worker_command, mode), workers)
            if self._armed is not arming:
                raise AuroraError("Control could not be armed", "it was taken back meanwhile")
            self._hand_over(arming, ours)
        except BaseException:  # be it a fault of ours, or a task that is cancelled: the guard must not stay armed
            ours.close()
            self.drop("it could not be armed", quiet=True)
            raise

    def _hand_over(self, arming: _Armed, ours: socket.socket) -> None:
        if self._has_crashed:
            self._has_crashed = False
            count = self.worker_restarts
            self._publish(WorkerRestarting(at=self._now(), component=COMPONENT, restart_count=count))
        arming.open = True
        assert self._hands is not None  # noqa: S101 - `begin` came first
        self._hands.take(ours, arming.generation, arming.mode)
        self._begin_time(arming)

    def _begin_time(self, armed: _Armed) -> None:
        armed.until = self._clock.monotonic() + self._armed_time_s()
        until = self._now() + self._armed_time_s()
        self._publish(ControlArmed(at=self._now(), component=COMPONENT, mode=armed.mode, until=until))

    def extend(self) -> None:
        """Begin the armed time anew."""
        if self._armed is not None and self._armed.open:
            self._begin_time(self._armed)

    def shorten(self) -> None:
        """To what the settings allow now."""
        if self._armed is not None:
            self._armed.until = min(self._armed.until, self._clock.monotonic() + self._armed_time_s())

    def human(self, *, active: bool) -> None:
        """The operator's own devices are in use, or quiet again."""
        self.human_active = active
        self._publish(HumanActive(at=self._now(), component=COMPONENT, active=active))

    # --- and no more ------------------------------------------------------------------------------------------

    def drop(self, reason: str, *, quiet: bool = False) -> None:
        """Take control back; where nothing is armed it does nothing."""
        if self._armed is None:
            return
        was_open, self._armed, self.human_active = self._armed.open, None, False
        self.disarmed_by = reason
        self._chain.send(Disarm(reason))
        if was_open:
            self._awaited = self._loop.create_future()
            self._run(self._let_go(reason, self._awaited))
        if not quiet:
            self._publish(ControlDisarmed(at=self._now(), component=COMPONENT, reason=reason))

    async def _let_go(self, reason: str, awaited: "asyncio.Future[Disarmed | WorkerEnded | None]") -> None:
        """The guard counts what was sent before the worker ended; without its word it stays uncertain."""
        await asyncio.wait((awaited,), timeout=DROP_ANSWER_S)
        told = awaited.result() if awaited.done() else None
        if self._awaited is awaited:
            self._awaited = None
        self._tell_hands(reason, told, stopped=False)

    def ended(self, message: Disarmed | WorkerEnded) -> None:
        """The guard has ended the worker, asked or by itself."""
        self.no_more_comes(message)
        if self._armed is None or message.generation != self._armed.generation:
            return
        if isinstance(message, WorkerEnded):
            self._worker_crashed(message.reason)
        was_open, self._armed, self.human_active = self._armed.open, None, False
        self.disarmed_by = message.reason
        if was_open:
            self._tell_hands(message.reason, message, stopped=False)
        self._publish(ControlDisarmed(at=self._now(), component=COMPONENT, reason=message.reason))

    def _worker_crashed(self, reason: str) -> None:
        self.worker_restarts += 1
        count, at = self.worker_restarts, self._now()
        self._publish(WorkerCrashed(at=at, component=COMPONENT, error_text=reason, restart_count=count))
        self._has_crashed = True

    def no_more_comes(self, told: Disarmed | WorkerEnded | None) -> None:
        """What the guard said last of a session that is taken back; None when it is lost itself."""
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(told)

    def stopped(self, source: str, told: Stopped | None) -> None:
        """By the emergency stop; the hands are told in any case, since what waits is refused too."""
        self._armed, self.human_active, self.disarmed_by = None, False, ""
        self._tell_hands(f"stopped by {source}", told, stopped=True)

    def _tell_hands(self, reason: str, told: Disarmed | WorkerEnded | Stopped | None, *, stopped: bool) -> None:
        if self._hands is not None:
            events, in_flight = (told.events, told.in_flight) if told is not None else (0, True)
            self._hands.drop(reason, events=events, in_flight=in_flight, stopped=stopped)

    def _armed_time_s(self) -> float:
        return self._settings().arm_minutes * 60

    def _now(self) -> float:
        return self._clock.wall()
