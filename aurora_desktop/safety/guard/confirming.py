"""Judging the operator's confirmations: a physical press, held, with nothing synthetic around it."""

from collections.abc import Callable

from aurora_desktop.safety.guard.eyes import Eyes
from aurora_desktop.safety.guard.loop import Loop, Timer
from aurora_desktop.safety.guard.presses import PressLog, RawInput
from aurora_desktop.safety.messages import HOLD_S, Confirm, Confirmed

EXPECTED_S = 3 * HOLD_S
_ANNOUNCED_WITHIN_S = 0.3


class Confirming:
    """`on_suspicion` is told when the watch for synthetic input begins and ends."""

    def __init__(
        self, loop: Loop, eyes: Eyes, answer: Callable[[Confirmed], None], on_suspicion: Callable[[], None]
    ) -> None:
        self._loop, self._eyes, self._answer, self._on_suspicion = loop, eyes, answer, on_suspicion
        self._log = PressLog()
        self._end: Timer | None = None
        self._deaf_until = 0.0
        self._is_deaf = False
        self.is_expecting = False

    def saw(self, event: RawInput) -> None:
        self._log.record(event)

    def set_deaf(self, *, deaf: bool) -> None:
        """Whether synthetic input goes unheard, as it does while an agent acts."""
        if self._is_deaf and not deaf:
            self._deaf_until = self._loop.now()
        self._is_deaf = deaf

    def expect(self) -> None:
        """A press began: watch for synthetic input for a while."""
        if self._end is not None:
            self._end.cancel()
        self._end = self._loop.call_later(EXPECTED_S, self._expect_no_more)
        self._suspect(suspicious=True)

    def _expect_no_more(self) -> None:
        self._suspect(suspicious=False)

    def _suspect(self, *, suspicious: bool) -> None:
        if suspicious and not self.is_expecting and self._is_deaf:
            self._deaf_until = self._loop.now()
        if suspicious != self.is_expecting:
            self.is_expecting = suspicious
            self._eyes.set_suspicious(suspicious=suspicious)
            self._on_suspicion()

    def judge(self, message: Confirm) -> None:
        """Answers when the press was held long enough, or released."""
        missing_s = self._log.missing_s(message.pressed_at, message.kind, self._loop.now())
        if missing_s > 0:
            self._loop.call_later(missing_s, lambda: self._decide(message))
        else:
            self._decide(message)

    def _decide(self, message: Confirm) -> None:
        reason = self._refusal(message)
        self._answer(Confirmed(message.id, good=not reason, reason=reason))

    def _refusal(self, message: Confirm) -> str:
        if not self._eyes.tells_physical:
            return "this session cannot tell a physical press from a synthetic one"
        reason = self._log.refusal(message.pressed_at, message.kind)
        if reason:
            return reason
        at = self._log.pressed_at_s(message.pressed_at, message.kind)
        is_deaf = self._is_deaf and not self.is_expecting
        if is_deaf or at + _ANNOUNCED_WITHIN_S < self._deaf_until:
            return "whether a program sent input of its own around that press is not known"
        return ""
