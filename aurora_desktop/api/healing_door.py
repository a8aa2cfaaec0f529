"""Healing's addresses: look, ask the memory, have something looked at now.

Nothing here accepts an offer, clears an escalation or answers a proposal: these are the operator's, in the window.
"""

import difflib
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request

from aurora_desktop.api import shapes
from aurora_desktop.api.answering import Operation, Reply, get, post, within
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.paging import next_page
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.healing.view import (
    Checked,
    FailurePlace,
    HealingFace,
    HealingView,
    Imported,
    RemedyTrial,
    RemedyView,
    SearchAnswer,
    Statistics,
)

MAX_FOUND = 100
MAX_HEAL_S = 300.0


class FailuresQuery(Struct, frozen=True):
    q: Annotated[str, Meta(description="A question in words; without one what was last seen")] = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_FOUND)] = 20
    cursor: Annotated[str, Meta(description="Where to go on, from the header `Link` of the page before")] = ""


class HealingDoor:
    def __init__(self, context: ApiContext, feed: EventFeed) -> None:
        self._context = context
        self._feed = feed

    def routes(self) -> list[Operation]:
        return [
            get("/v1/healing", self.view),
            get("/v1/healing/statistics", self.statistics),
            get("/v1/failures", self.failures),
            post("/v1/failures/import", self.import_failures),
            get("/v1/remedies", self.remedies, tagged=True),
            get("/v1/remedies/{name}", self.remedy, tagged=True),
            post("/v1/remedies/test", self.test_remedy),
            post("/v1/heal", self.heal),
        ]

    async def view(self) -> HealingView:
        """All of healing, now."""
        return await self._healing().view_apart()

    async def statistics(self) -> Statistics:
        """How often what fails, how long it takes to be well again, and which remedies help."""
        return await self._healing().statistics()

    async def failures(self, request: Request, query: FailuresQuery) -> Reply[SearchAnswer]:
        """What is remembered of failures like these, in words and in groups.

        The header `Link` leads to the next ones.
        """
        found = await self._healing().search(query.q, query.limit, _place(query.cursor))
        return Reply(200, found, next_page(request, found.next_cursor or None))

    async def import_failures(self, body: shapes.ImportRequest) -> Imported:
        """Take in the log of an earlier system; a second time adds nothing."""
        return await self._healing().import_failures(body.source, body.lines)

    async def remedies(self) -> tuple[RemedyView, ...]:
        """What Aurora knows to do."""
        return self._healing().remedies()

    async def remedy(self, name: str) -> RemedyView:
        """One remedy with what it recognises, verifies and undoes."""
        known = {remedy.name: remedy for remedy in self._healing().remedies()}
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean `{near[0]}`?" if near else "See `aurora remedies list`"
            raise ProblemError(404, f"There is no remedy `{name}`", "", hint)
        return known[name]

    async def test_remedy(self, body: shapes.RemedyTestRequest) -> RemedyTrial:
        """What a text would be recognised as, and what would be tried; nothing is done."""
        return await self._healing().test_remedy(body.text, body.service)

    async def heal(self, body: shapes.HealRequest) -> Checked:
        """Look at everything, or at one service or agent, now, and heal what can be healed."""
        healing = self._healing().heal(body.name, check_now=body.check_now)
        done = await within(healing, self._feed, MAX_HEAL_S)
        if done.cancelled():
            raise ProblemError(503, "Aurora is not done looking", f"after {MAX_HEAL_S:g} s", "See `aurora events`")
        return done.result()

    def _healing(self) -> HealingFace:
        if self._context.healing is None:
            raise ProblemError(503, "Healing is not running", "", "See `aurora status`")
        return self._context.healing


def _place(cursor: str) -> FailurePlace | None:
    """Raises ProblemError 400 for what never was a cursor of ours."""
    if not cursor:
        return None
    try:
        return FailurePlace.parse(cursor)
    except ValueError:
        raise ProblemError(400, "The cursor leads nowhere", "", "Begin anew without `cursor`") from None
