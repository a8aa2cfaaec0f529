"""Arming: every part of the stop channel is asked first; while armed all of them are watched, and a loss disarms."""

import os
from collections.abc import Callable

from aurora_desktop.safety.guard.cleanup import Cleanup
from aurora_desktop.safety.guard.eyes import Eyes, Health
from aurora_desktop.safety.guard.loop import Loop, Timer
from aurora_desktop.safety.guard.session import LEASE_LOST, Session
from aurora_desktop.safety.messages import Arm, Armed, Disarmed, FromGuard, NotArmed, WorkerEnded
from aurora_desktop.safety.permit import HeldTable, Permit

TICK_S = 0.01
DISPLAY_PATIENCE_S = 2.0
_ARM_PATIENCE_S = 10.0  # the second detector's import may be slow on a busy machine
_GRACE_S = 0.015
_CHANNEL_LOST = "stop_channel_lost: "


class _Wish:
    """An Arm message on its way; what is None is not known yet."""

    def __init__(self, message: Arm, link: int, patience: Timer) -> None:
        self.message, self.link, self.patience = message, link, patience
        self.health: Health | None = None
        self.in_corner: bool | None = None


class Arming:
    """`on_change` is told when a session begins or ends. `pages`: descriptors of the permit and the held table."""

    def __init__(
        self,
        loop: Loop,
        eyes: Eyes,
        cleanup: Cleanup,
        pages: tuple[int, int],
        permit: Permit,
        held: HeldTable,
        tell: Callable[[FromGuard], None],
        on_change: Callable[[], None],
        on_tick: Callable[[float], None],
    ) -> None:
        self._loop, self._eyes, self._cleanup = loop, eyes, cleanup
        self._pages, self._permit, self._held = pages, permit, held
        self._tell, self._on_change, self._on_tick = tell, on_change, on_tick
        self._wish: _Wish | None = None
        self._session: Session | None = None
        self._pointer_seen_at = 0.0
        self.failsafe_corners = True
        self.needs_second = True
        self.second_is_up = False

    @property
    def is_armed(self) -> bool:
        return self._session is not None

    @property
    def is_under_way(self) -> bool:
        """Armed, or about to be."""
        return self._session is not None or self._wish is not None

    @property
    def generation(self) -> int:
        return self._session.generation if self._session is not None else 0

    # --- becoming armed ---------------------------------------------------------------------------------------

    def arm(self, message: Arm, link: int | None, why_not: str) -> None:
        """`why_not`: a reason against it that is known already, or ""."""
        if self.is_under_way:
            why_not = "control is armed already"
        if link is None or why_not:
            if link is not None:
                os.close(link)
            self._tell(NotArmed(message.generation, why_not or "the worker's socket did not come along"))
            return
        patience = self._loop.call_later(_ARM_PATIENCE_S, self._lose_patience)
        wish = self._wish = _Wish(message, link, patience)
        self._on_change()
        self._loop.call_later(DISPLAY_PATIENCE_S, lambda: self._lose_patience_with_display(wish))
        self._eyes.check(self._take_health)
        if self._eyes.kind == "x11":
            self._eyes.look_at_pointer()
        else:
            wish.in_corner = False
        self.advance()

    def _take_health(self, health: Health) -> None:
        if self._wish is not None:
            self._wish.health = health
            self.advance()

    def advance(self) -> None:
        """Something became known: go, or not, or wait on."""
        wish = self._wish
        if wish is None:
            return
        if wish.health is not None and not wish.health.listening:
            self.refuse(_CHANNEL_LOST + wish.health.detail, wish.health.hint)
        elif wish.in_corner and self.failsafe_corners:
            self.refuse("the pointer is in a corner of the screen, which stops everything", "Move it away first.")
        elif wish.health is None or wish.in_corner is None or (self.needs_second and not self.second_is_up):
            return
        elif self._cleanup.is_running:
            self._loop.call_later(TICK_S, self.advance)
        else:
            self._go(wish)

    def _go(self, wish: _Wish) -> None:
        message = wish.message
        session = Session(self._loop, self._permit, self._held, message.generation)
        try:
            pid = session.begin(message.command, wish.link, *self._pages, self._worker_ended)
        except OSError as error:
            self.refuse(f"the input worker cannot be started: {error.strerror}")
            return
        self._forget_wish()
        self._session = session
        self._pointer_seen_at = self._loop.now()
        self._tell(Armed(message.generation, pid))
        self._loop.call_later(TICK_S, self._tick)

    def refuse(self, reason: str, hint: str = "") -> None:
        """What was on its way to be armed will not be."""
        wish = self._wish
        if wish is not None:
            self._forget_wish()
            self._tell(NotArmed(wish.message.generation, reason, hint))
            self._on_change()

    def _forget_wish(self) -> None:
        wish, self._wish = self._wish, None
        if wish is not None:
            wish.patience.cancel()
            os.close(wish.link)

    def _lose_patience(self) -> None:
        self.refuse(_CHANNEL_LOST + "the second hotkey detector did not start")

    def _lose_patience_with_display(self, wish: _Wish) -> None:
        if self._wish is wish and (wish.health is None or wish.in_corner is None):
            self.refuse(_CHANNEL_LOST + "the display does not answer")

    # --- while armed --------------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Main is alive."""
        if self._session is not None and not self._session.renew():
            self.disarm(LEASE_LOST)

    def saw_pointer(self, *, in_corner: bool) -> None:
        self._pointer_seen_at = self._loop.now()
        if self._wish is not None:
            self._wish.in_corner = in_corner
            self.advance()

    def _tick(self) -> None:
        if self._session is None:
            return
        now = self._loop.now()
        if self._session.is_overdue():
            self.disarm(LEASE_LOST)
        elif self._eyes.kind == "x11" and now - self._pointer_seen_at > DISPLAY_PATIENCE_S:
            self.lose("the display does not answer")
        else:
            self._eyes.look_at_pointer()
            self._on_tick(now)
            self._loop.call_later(TICK_S, self._tick)

    # --- and no more --------------------------------------------------------------------------------------------

    def lose(self, what: str) -> None:
        """A part of the stop channel cannot be relied on any more."""
        self.disarm(_CHANNEL_LOST + what)

    def disarm(self, reason: str) -> None:
        """End the worker, release everything, and say so; refuses what was on its way. Nothing where nothing is."""
        self.refuse(reason)
        generation = self.generation
        if self.end():
            events, in_flight = self._held.events, self._held.in_flight
            self._cleanup.run(lambda _released, _problem: self._tell(Disarmed(generation, reason, events, in_flight)))

    def end(self) -> bool:
        """Revoke and end the worker, without a word; whether there was one."""
        self._permit.revoke()
        session, self._session = self._session, None
        if session is not None:
            session.end(_GRACE_S)
            self._on_change()
        return session is not None

    def _worker_ended(self, words: str) -> None:
        generation = self.generation
        if not self.end():
            return
        ended = WorkerEnded(generation, f"the input worker {words}", self._held.events, self._held.in_flight)
        self._cleanup.run(lambda _released, _problem: self._tell(ended))
