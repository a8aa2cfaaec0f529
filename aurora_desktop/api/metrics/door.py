"""`GET /metrics`, for Prometheus."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from aurora_desktop.api.answering import Operation, get
from aurora_desktop.api.metrics.snapshot import Snapshot
from aurora_desktop.api.metrics.telemetry import Telemetry
from aurora_desktop.api.query import Query


class MetricsDoor:
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def routes(self) -> list[Operation]:
        return [get("/metrics", self.metrics, media_type="text/plain")]

    async def metrics(self, request: Request) -> Response:
        """How Aurora and its services fare, for Prometheus: its text, or OpenMetrics if asked."""
        Query(request)
        accept = request.headers.get("accept", "")
        body, media_type = await asyncio.to_thread(_rendered, self._telemetry.snapshot(), accept)
        return Response(body, headers={"content-type": media_type})


def _rendered(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """In a thread. The client of Prometheus is loaded once somebody asks."""
    from aurora_desktop.api.metrics.exposition import rendered

    return rendered(snapshot, accept)
