"""Healing's addresses: look, ask the memory, have something looked at now.

Nothing here accepts an offer, clears an escalation or answers a proposal: these are the operator's, in the window.
"""

import difflib

from starlette.requests import Request
from starlette.routing import Route

from aurora_desktop.api import shapes
from aurora_desktop.api.answering import body, get, post, within
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.query import Query
from aurora_desktop.healing.view import HealingFace

MAX_FOUND = 100
MAX_HEAL_S = 300.0


class HealingDoor:
    def __init__(self, context: ApiContext, feed: EventFeed) -> None:
        self._context = context
        self._feed = feed

    def routes(self) -> list[Route]:
        return [
            get("/v1/healing", self.view),
            get("/v1/healing/statistics", self.statistics),
            get("/v1/failures", self.failures),
            post("/v1/failures/import", self.import_failures),
            get("/v1/remedies", self.remedies),
            get("/v1/remedies/{name}", self.remedy),
            post("/v1/remedies/test", self.test_remedy),
            post("/v1/heal", self.heal),
        ]

    async def view(self, request: Request) -> object:
        Query(request)
        return await self._healing().view_apart()

    async def statistics(self, request: Request) -> object:
        Query(request)
        return await self._healing().statistics()

    async def failures(self, request: Request) -> object:
        """The answer to the question `q`, in words and in groups; without one what was last seen."""
        query = Query(request, "q", "limit")
        limit = query.integer("limit", 20, 1, MAX_FOUND)
        return await self._healing().search(query.text("q") or "", limit)

    async def import_failures(self, request: Request) -> object:
        wanted = await body(request, shapes.ImportRequest)
        return await self._healing().import_failures(wanted.source, wanted.lines)

    async def remedies(self, request: Request) -> object:
        Query(request)
        return self._healing().remedies()

    async def remedy(self, request: Request) -> object:
        Query(request)
        name = request.path_params["name"]
        known = {remedy.name: remedy for remedy in self._healing().remedies()}
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean `{near[0]}`?" if near else "See `aurora remedies list`"
            raise ProblemError(404, f"There is no remedy `{name}`", "", hint)
        return known[name]

    async def test_remedy(self, request: Request) -> object:
        """What a text would be recognised as, and what would be tried; nothing is done."""
        wanted = await body(request, shapes.RemedyTestRequest)
        return await self._healing().test_remedy(wanted.text, wanted.service)

    async def heal(self, request: Request) -> object:
        wanted = await body(request, shapes.HealRequest)
        healing = self._healing().heal(wanted.name, check_now=wanted.check_now)
        done = await within(healing, self._feed, MAX_HEAL_S)
        if done.cancelled():
            raise ProblemError(503, "Aurora is not done looking", f"after {MAX_HEAL_S:g} s", "See `aurora events`")
        return done.result()

    def _healing(self) -> HealingFace:
        if self._context.healing is None:
            raise ProblemError(503, "Healing is not running", "", "See `aurora status`")
        return self._context.healing
