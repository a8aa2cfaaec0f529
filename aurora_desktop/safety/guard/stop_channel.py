"""The stop channel: whether the hotkey can be relied on, asked of the display again and again, and told to main."""

import os
from collections.abc import Callable

from aurora_desktop.safety.guard.arming import DISPLAY_PATIENCE_S
from aurora_desktop.safety.guard.eyes import Eyes, Health, deaf
from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.messages import Channel, Ready

CHECK_S = 5.0

_NO_ANSWER = deaf("the display does not answer", "")


class StopChannel:
    """`tell` gets what changed; `on_deaf` why it cannot be relied on, whenever that was found."""

    def __init__(
        self,
        loop: Loop,
        eyes: Eyes,
        second_is_up: Callable[[], bool],
        tell: Callable[[Ready | Channel], None],
        on_deaf: Callable[[str], None],
    ) -> None:
        self._loop, self._eyes, self._second_is_up = loop, eyes, second_is_up
        self._tell, self._on_deaf = tell, on_deaf
        self._told: Channel | None = None
        self._ready: Ready | None = None
        self.health = _NO_ANSWER

    def begin(self) -> None:
        """Check every CHECK_S from now on."""
        self._loop.call_later(CHECK_S, self._check_again)

    def _check_again(self) -> None:
        self.begin()
        self.check()

    def check(self) -> None:
        """Ask the display, which has DISPLAY_PATIENCE_S to answer."""
        patience = self._loop.call_later(DISPLAY_PATIENCE_S, lambda: self._take(_NO_ANSWER))

        def take(health: Health) -> None:
            patience.cancel()
            self._take(health)

        self._eyes.check(take)

    def lose_display(self, why: str) -> None:
        self.tell_ready()
        self._take(deaf(why, "Aurora connects again by itself."))

    def _take(self, health: Health) -> None:
        self.health = health
        if not health.listening:
            self._on_deaf(health.detail)
        self.tell()

    def tell(self) -> None:
        """Main, if anything of it changed."""
        health = self.health
        now = Channel(health.listening, health.detail, health.hint, health.keyboards, self._second_is_up())
        if now != self._told:
            self._told = now
            self._tell(now)

    def tell_ready(self) -> None:
        """Main, at first and when what the display can tell has changed."""
        ready = Ready(os.getpid(), self._eyes.kind, self._eyes.tells_physical)
        if ready != self._ready:
            self._ready = ready
            self._tell(ready)
