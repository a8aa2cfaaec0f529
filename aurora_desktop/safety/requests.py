"""An agent asks for mouse and keyboard: the operator is told, and arms in the window or says no. Nothing here arms.

One agent at a time; and after a request that came to nothing the operator is left alone for QUIET_S.
"""

import asyncio
import math
from collections.abc import Callable

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.input_events import ControlRequestAnswered, ControlRequested
from aurora_desktop.safety.standing import Standing
from aurora_desktop.safety.view import UNNAMED_AGENT, ControlRequest, Decided

COMPONENT = "input_agent"
QUIET_S = 30.0
NO_HINT = "Go on without mouse and keyboard, or ask the operator in words why"
ASK_HINT = f"Ask again in {QUIET_S:g} s, or ask the operator in words"


class ControlRequests:
    """`stands` tells how control stands now."""

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[AnyEvent], None],
        stands: Callable[[], Standing],
    ) -> None:
        self._clock, self._publish, self._stands = clock, publish, stands
        self._answer: asyncio.Future[Decided] | None = None
        self._quiet_until = -math.inf  # monotonic
        self.current: ControlRequest | None = None

    async def ask(self, agent: str, reason: str, wait_s: float) -> Decided:
        """What became of it, `wait_s` seconds later at the most. Cancelled, the request is withdrawn."""
        if (decided := self._at_once()) is not None:
            return decided
        at = self._clock.wall()
        self.current = ControlRequest(agent=agent or UNNAMED_AGENT, reason=reason, asked_at=at, until=at + wait_s)
        self._answer = asyncio.get_running_loop().create_future()
        self._publish(ControlRequested(at=at, component=COMPONENT, agent=self.current.agent, reason=reason))
        decided = Decided(decision="withdrawn", detail="nobody waits for the answer any more")
        try:
            async with asyncio.timeout(wait_s):
                decided = await self._answer
        except TimeoutError:
            detail = f"the operator did not answer within {wait_s:g} s"
            decided = Decided(decision="unanswered", detail=detail, hint=ASK_HINT)
        finally:
            self._end(decided)
        return decided

    def look(self) -> None:
        """How control stands may have changed: that answers a request."""
        if self.current is not None and (decided := _by_standing(self._stands())) is not None:
            self._decide(decided)

    def decline(self) -> None:
        """The operator's no."""
        self._decide(Decided(decision="declined", detail="the operator said no", hint=NO_HINT))

    def withdraw(self, detail: str) -> None:
        """Nobody is asked any more."""
        self._decide(Decided(decision="withdrawn", detail=detail))

    def _at_once(self) -> Decided | None:
        if (decided := _by_standing(self._stands())) is not None:
            return decided
        if self.current is not None:
            detail = f"{self.current.agent} asks the operator just now"
            return Decided(decision="refused", code="busy", detail=detail, hint="Ask again when that is answered")
        left_s = self._quiet_until - self._clock.monotonic()
        if left_s > 0:
            hint = f"Ask again in {math.ceil(left_s)} s, or ask the operator in words"
            return Decided(decision="refused", code="too_soon", detail="the operator was asked a moment ago", hint=hint)
        return None

    def _decide(self, decided: Decided) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(decided)

    def _end(self, decided: Decided) -> None:
        request, self.current, self._answer = self.current, None, None
        if decided.decision != "armed":
            self._quiet_until = self._clock.monotonic() + QUIET_S
        self._publish(
            ControlRequestAnswered(
                at=self._clock.wall(),
                component=COMPONENT,
                agent=request.agent if request is not None else UNNAMED_AGENT,
                decision=decided.code or decided.decision,
                detail=decided.detail,
            )
        )


def _by_standing(stand: Standing) -> Decided | None:
    """None while it is the operator's to decide."""
    match stand.state:
        case "armed":
            return Decided(decision="armed", detail="agents may act")
        case "closed" | "latched":
            return Decided(decision="refused", code=stand.state, detail=stand.reason, hint=stand.hint)
        case _:
            return None
