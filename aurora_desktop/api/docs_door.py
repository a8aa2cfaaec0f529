"""The door's own description: for programs `/openapi.json`, for people `/docs`. Made when asked for, in a thread."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from aurora_desktop import __version__
from aurora_desktop.api.answering import Operation, etag, get, is_known
from aurora_desktop.api.query import Query
from aurora_desktop.core.paths import shipped

HTML = "text/html"


class DocsDoor:
    """`operations`: every address of the door, these two included, once all are there."""

    def __init__(self, operations: Callable[[], Sequence[Operation]]) -> None:
        self._operations = operations

    def routes(self) -> list[Operation]:
        return [
            get("/openapi.json", self.openapi, tagged=True),
            get("/docs", self.docs, media_type=HTML, tagged=True),
        ]

    async def openapi(self, request: Request) -> dict[str, Any]:
        """This API, as OpenAPI 3.1."""
        Query(request)
        return await asyncio.to_thread(self._document)

    async def docs(self, request: Request) -> Response:
        """This API as a page to read, which needs nothing from elsewhere. `aurora docs` opens it."""
        Query(request)
        content, policy = await asyncio.to_thread(self._page)
        headers = {"ETag": etag(content), "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
        if is_known(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=HTML)

    def _document(self) -> dict[str, Any]:
        from aurora_desktop.api.openapi import document

        return document(self._operations(), __version__)

    def _page(self) -> tuple[bytes, str]:
        from aurora_desktop.api.docs_page import page, policy

        style = shipped("resources/api/docs.css").read_text(encoding="utf-8")
        return page(self._document(), style).encode(), policy(style)
