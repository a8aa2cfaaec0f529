"""Counts every request, the refused ones too, by method, address and status."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.routing import BaseRoute, Route, WebSocketRoute

from aurora_desktop.api.security import App, Message, Receive, Send

# What others may call their methods is theirs: each would be a series of its own.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UPGRADED = 101


class Counted:
    """Stands before everything else. A stream is counted when it begins."""

    def __init__(self, app: App, routes: Iterable[BaseRoute], requests: Counter[tuple[str, str, str]]) -> None:
        self._app = app
        self._requests = requests
        self._addresses: Mapping[Any, str] = {
            route.endpoint: route.path for route in routes if isinstance(route, Route | WebSocketRoute)
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"].endswith("response.start"):
                self._count(scope, message["status"])
            elif message["type"] == "websocket.accept":
                self._count(scope, _UPGRADED)
            await send(message)

        await self._app(scope, receive, counted)

    def _count(self, scope: Message, status: int) -> None:
        method = scope.get("method", "GET")
        address = self._addresses.get(scope.get("endpoint"), "")
        self._requests[method if method in _METHODS else "other", address, str(status)] += 1
