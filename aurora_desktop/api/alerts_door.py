"""The addresses of alerts: look at the channels, test them, be silent for a while. No address shows a secret."""

from typing import Annotated

from msgspec import Meta, Struct

from aurora_desktop.api import shapes
from aurora_desktop.api.answering import Operation, get, post, within
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.healing.alerts.view import AlertsFace, AlertsView, Snooze, TestResult

MAX_TEST_S = 300.0
_MAX_NAME = 200


class LookQuery(Struct, frozen=True):
    look: Annotated[bool, Meta(description="Also look where the secrets lie, which takes a second")] = False


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

    def routes(self) -> list[Operation]:
        return [
            get("/v1/alerts", self.alerts),
            post("/v1/alerts/test", self.test),
            post("/v1/alerts/snooze", self.snooze),
        ]

    async def alerts(self, query: LookQuery) -> AlertsView:
        """The channels and how the last delivery went."""
        return await self._alerts().look() if query.look else self._alerts().view()

    async def test(self, body: TestRequest) -> tuple[TestResult, ...]:
        """Send a test alert, and tell how it went."""
        testing = await within(self._alerts().test(body.channel), self._feed, MAX_TEST_S)
        if testing.cancelled():
            raise ProblemError(503, "The test did not come to its end", "", "Test one channel alone")
        return testing.result()

    async def snooze(self, body: SnoozeRequest) -> Snooze:
        """Silence for a while. Emergencies are told all the same."""
        return self._alerts().snooze(body.for_s, body.component)

    def _alerts(self) -> AlertsFace:
        if self._context.alerts is None:
            raise ProblemError(503, "Alerts are not running", "", "See `aurora status`")
        return self._context.alerts
