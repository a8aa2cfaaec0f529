"""May the next event be sent? Asked before every one, and in every wait."""

import time
from collections.abc import Callable
from typing import Protocol

from aurora_desktop.input.messages import PERMIT_ENDED
from aurora_desktop.safety.permit import Permit

SLICE_S = 0.005


class RevokedError(Exception):
    """Nothing more may be sent, ever, by this worker; in words."""


class BrokenError(Exception):
    """The action ends here, for this reason; the worker lives on."""

    def __init__(self, reason: str, *, human: bool = False) -> None:
        super().__init__(reason)
        self.human = human


class RefusedError(BrokenError):
    """What it was decided for is no longer so."""


class CancelledError(BrokenError):
    """Main took the action back."""


class LetGoError(Exception):
    """The operator came in between, and what was held was released: what was begun is to be begun anew."""


class Line(Protocol):
    """What the brake needs of the line to main."""

    problem: str

    def wait(self, timeout_s: float) -> None: ...
    def is_cancelled(self, action_id: int) -> bool: ...


class Brake:
    """Permit, parent, main and `Cancel` in one question; the permit last, right before the event.

    `now`: seconds, monotonic. `is_orphan`: whether the guard is gone.
    """

    def __init__(
        self,
        permit: Permit,
        generation: int,
        line: Line,
        is_orphan: Callable[[], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._permit, self._generation, self._line, self._is_orphan = permit, generation, line, is_orphan
        self.now = now
        self.terminated = False  # set by the signal handler
        self.action_id: int | None = None
        self.interval_s = 0.0
        self._next_at = 0.0

    def check(self, *, timeout_s: float = 0.0) -> None:
        """Raises RevokedError, CancelledError."""
        self._line.wait(timeout_s)
        if self.action_id is not None and self._line.is_cancelled(self.action_id):
            raise CancelledError("cancelled")
        if self._line.problem:
            raise RevokedError(self._line.problem)
        if self.terminated:
            raise RevokedError("the worker was told to end")
        if self._is_orphan():
            raise RevokedError("the guard is gone")
        if not self._permit.allows(self._generation):
            raise RevokedError(PERMIT_ENDED)

    @property
    def is_paused(self) -> bool:
        """Whether the operator is at work, and the agent is to hold still."""
        return self._permit.is_paused

    def wait(self, duration_s: float) -> None:
        """Wait in slices. Raises RevokedError, CancelledError."""
        end = self.now() + duration_s
        while (left := end - self.now()) > 0:
            self.check(timeout_s=min(left, SLICE_S))

    def wait_for_quiet(self) -> None:
        """Wait until the operator is still. Raises RevokedError, CancelledError."""
        while self.is_paused:
            self.check(timeout_s=SLICE_S)

    @property
    def turn_in_s(self) -> float:
        """How long until the next event's turn."""
        return self._next_at - self.now()

    def take_turn(self, events: int) -> None:
        """This many events go out now."""
        self._next_at = max(self._next_at, self.now() - self.interval_s) + events * self.interval_s
