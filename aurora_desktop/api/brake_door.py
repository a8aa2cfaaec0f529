"""The brake's addresses: look, disarm, stop, and ask the operator. Nothing here can arm or reset; every valid token
may stop."""

from typing import Any

from msgspec import Struct
from starlette.requests import Request

from aurora_desktop.api import shapes
from aurora_desktop.api.answering import Operation, get, post, while_present
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.query import Query
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.view import BrakeFace, ControlView

SOURCE = "api"
MAX_REASON = 200
_STATUS = {"closed": 403, "latched": 403, "busy": 409, "too_soon": 429}


class ReasonQuery(Struct, frozen=True):
    reason: str = ""


class BrakeDoor:
    def __init__(self, context: ApiContext, feed: EventFeed) -> None:
        self._context = context
        self._feed = feed

    def routes(self) -> list[Operation]:
        return [
            get("/v1/control", self.control),
            post("/v1/estop", self.estop),
            post("/v1/disarm", self.disarm),
            post("/v1/control/request", self.request),
            post("/control/emergency-stop", self.emergency_stop, body=Any),
        ]

    async def control(self) -> ControlView:
        """Who may use mouse and keyboard now, and why not."""
        return self._brake().view()

    async def estop(self, body: shapes.StopRequest) -> shapes.BrakeReply:
        """The emergency stop: everything, now, latched. The operator alone resets it, in the window."""
        return shapes.BrakeReply(self._stop(body.reason), self._view())

    async def disarm(self, body: shapes.StopRequest) -> shapes.BrakeReply:
        """Take mouse and keyboard back from agents, without a latch."""
        self._brake().disarm(_source(body.reason))
        return shapes.BrakeReply("control is taken back", self._view())

    async def request(self, request: Request, body: shapes.ControlRequestBody) -> shapes.ControlDecision:
        """Ask the operator, who arms in the window or declines. A client that leaves withdraws what it asked."""
        Query(request)
        brake = self._brake()
        asking = brake.request(_plain(body.agent), _plain(body.reason), body.wait_s)
        asked = await while_present(request, asking, self._feed)
        if asked.cancelled() or asked.result().decision == "withdrawn":
            raise ProblemError(503, "The question to the operator was withdrawn", "", "See `aurora status`")
        decided = asked.result()
        if decided.decision == "refused":
            title = "The operator is not asked for mouse and keyboard now"
            raise ProblemError(_STATUS[decided.code], title, decided.detail, decided.hint, decided.code)
        return shapes.ControlDecision(
            decision=decided.decision, detail=decided.detail, hint=decided.hint, control=brake.view()
        )

    async def emergency_stop(self, query: ReasonQuery) -> shapes.EmergencyStopReply:
        """The emergency stop at the earlier system's address: it has the reason in the query, and any body."""
        self._stop(query.reason[:MAX_REASON])
        return shapes.EmergencyStopReply("stopped", query.reason)

    def _stop(self, reason: str) -> str:
        """What was done, in words. Raises ProblemError when not even the latch could be set."""
        if self._context.control is not None:
            self._context.control.stop(_source(reason))
            return "the emergency stop is pulled"
        if not Clearance(self._context.paths.clearance).revoke():
            raise ProblemError(500, "The latch cannot be set", str(self._context.paths.clearance), "Remove this file")
        return "the latch is set; there is no input agent to stop"

    def _brake(self) -> BrakeFace:
        if self._context.control is None:
            raise ProblemError(503, "The input agent is not running", "", "See `aurora status`")
        return self._context.control

    def _view(self) -> ControlView | None:
        return self._context.control.view() if self._context.control else None


def _source(reason: str) -> str:
    """Who asked, and why, in one line."""
    words = _plain(reason)
    return f"{SOURCE}: {words}" if words else SOURCE


def _plain(text: str) -> str:
    """In one line, without what cannot be seen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
