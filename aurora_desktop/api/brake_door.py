"""The brake's addresses: look, disarm and stop. Nothing here can arm or reset, and every valid token may stop."""

from starlette.requests import Request
from starlette.routing import Route

from aurora_desktop.api import shapes
from aurora_desktop.api.answering import body, get, post
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.query import Query
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.view import BrakeFace, ControlView

SOURCE = "api"
MAX_REASON = 200


class BrakeDoor:
    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def routes(self) -> list[Route]:
        return [
            get("/v1/control", self.control),
            post("/v1/estop", self.estop),
            post("/v1/disarm", self.disarm),
            post("/control/emergency-stop", self.emergency_stop),
        ]

    async def control(self, request: Request) -> object:
        Query(request)
        return self._brake().view()

    async def estop(self, request: Request) -> object:
        wanted = await body(request, shapes.StopRequest)
        return shapes.BrakeReply(self._stop(wanted.reason), self._view())

    async def disarm(self, request: Request) -> object:
        wanted = await body(request, shapes.StopRequest)
        self._brake().disarm(_source(wanted.reason))
        return shapes.BrakeReply("control is taken back", self._view())

    async def emergency_stop(self, request: Request) -> object:
        """The earlier system's address: it has the reason in the query, and any body."""
        reason = Query(request, "reason").text("reason") or ""
        self._stop(reason[:MAX_REASON])
        return shapes.EmergencyStopReply("stopped", reason)

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
    words = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    return f"{SOURCE}: {words}" if words else SOURCE
