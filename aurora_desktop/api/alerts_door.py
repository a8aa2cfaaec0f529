"""The addresses of alerts: look at the channels, test them, be silent for a while. No address shows a secret."""

from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route

from aurora_desktop.api import shapes
from aurora_desktop.api.answering import body, get, post, within
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.query import Query
from aurora_desktop.healing.alerts.view import AlertsFace

MAX_TEST_S = 300.0
_MAX_NAME = 200


class TestRequest(shapes.Body, frozen=True):
    """`channel`: one of the settings; null tests all of them, and the desktop."""

    __test__ = False  # no class of tests, whatever pytest takes it for

    channel: Annotated[str, Meta(min_length=1, max_length=_MAX_NAME)] | None = None


class SnoozeRequest(shapes.Body, frozen=True, kw_only=True):
    """`for_s`: seconds, 0 ends it. `component`: `service:web`, or just `web`; "" is all of them."""

    for_s: float
    component: Annotated[str, Meta(max_length=_MAX_NAME)] = ""


class AlertsDoor:
    def __init__(self, context: ApiContext, feed: EventFeed) -> None:
        self._context = context
        self._feed = feed

    def routes(self) -> list[Route]:
        return [
            get("/v1/alerts", self.alerts),
            post("/v1/alerts/test", self.test),
            post("/v1/alerts/snooze", self.snooze),
        ]

    async def alerts(self, request: Request) -> object:
        """With `look=1` also where the secrets lie, which takes a second."""
        looks = Query(request, "look").integer("look", 0, 0, 1)
        return await self._alerts().look() if looks else self._alerts().view()

    async def test(self, request: Request) -> object:
        wanted = await body(request, TestRequest)
        testing = await within(self._alerts().test(wanted.channel), self._feed, MAX_TEST_S)
        if testing.cancelled():
            raise ProblemError(503, "The test did not come to its end", "", "Test one channel alone")
        return testing.result()

    async def snooze(self, request: Request) -> object:
        wanted = await body(request, SnoozeRequest)
        return self._alerts().snooze(wanted.for_s, wanted.component)

    def _alerts(self) -> AlertsFace:
        if self._context.alerts is None:
            raise ProblemError(503, "Alerts are not running", "", "See `aurora status`")
        return self._context.alerts
