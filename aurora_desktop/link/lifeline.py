"""The WebSocket of the link: kept open, opened anew when it falls. Without it the link goes on, degraded."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aurora_desktop.core.clock import Clock
from aurora_desktop.link import backoff
from aurora_desktop.link.credentials import Credentials
from aurora_desktop.link.failure import LinkError, in_a_line
from aurora_desktop.link.live import Frame, Live, failure_of
from aurora_desktop.link.standing import Standing

SUBSCRIBE_S = 120.0
"""The server asks for a sign of life after 15 min without one; versions of it hang up after 5."""
STABLE_S = 30.0
_MOST_UNKNOWN_KINDS = 20
_KNOWN_FRAMES = frozenset({"connected", "subscribed", "unsubscribed", "activity_verification", "sleep_notification"})


class Listener(NamedTuple):
    """Whom it tells: that it opened or fell; that there may be something to fetch."""

    changed: Callable[[], None]
    news: Callable[[], None]


class Lifeline:
    """`failure`: why it is not open. One at a time, for a second one would make the server forget both."""

    def __init__(
        self,
        dial: Callable[[str], Awaitable[Live]],
        credentials: Credentials,
        standing: Standing,
        *,
        clock: Clock,
        chance: Callable[[], float],
        most_s: float,
        listener: Listener,
    ) -> None:
        self._dial, self._credentials, self._standing = dial, credentials, standing
        self._clock, self._chance, self._most_s, self._listener = clock, chance, most_s, listener
        self._live: Live | None = None
        self.failure: LinkError | None = None
        self._refused_token = ""

    @property
    def is_open(self) -> bool:
        return self._live is not None

    @property
    def latency_s(self) -> float | None:
        """Of the last ping that was answered."""
        return self._live.latency_s if self._live is not None else None

    async def open(self) -> None:
        """One attempt; `failure` says why it did not work."""
        try:
            self._live, self.failure = await self._dialled(), None
        except LinkError as failure:
            self.failure = failure

    async def close(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            await live.close()

    async def rounds(self) -> None:
        """Keep it, for ever."""
        attempt, spent_s = 0, 0.0
        while True:
            if self._live is not None:
                since = self._clock.monotonic()
                self.failure = await self._listen(self._live)
                await self.close()
                self._listener.news()  # to ask shows whether the rest is there
                self._listener.changed()
                attempt, spent_s = 0 if self._clock.monotonic() - since > STABLE_S else attempt, 0.0
            attempt += 1
            await asyncio.sleep(self._wait_s(attempt, spent_s))
            begun = self._clock.monotonic()
            await self.open()
            if self.failure is not None:
                self._standing.went_wrong(self.failure.sentence)
            spent_s = self._clock.monotonic() - begun
            self._listener.changed()

    def _wait_s(self, attempt: int, spent_s: float) -> float:
        """What is refused is tried ever more seldom: each attempt costs a token."""
        failure = self.failure
        is_refused = failure is not None and failure.kind in ("refused", "certificate")
        asked_s = 0.0 if failure is None else min(failure.retry_after_s, backoff.LONGEST_S)
        most_s, chance = backoff.REFUSED_S if is_refused else self._most_s, self._chance()
        return asked_s * (1 + chance) + backoff.wait_s(attempt, spent_s, chance, most_s)

    async def _dialled(self) -> Live:
        """A bad token is exchanged, and tried once more; a new one that is refused too is not exchanged again."""
        token = await self._credentials.current()
        try:
            return await self._dial(token)
        except LinkError as failure:
            if failure.kind != "refused" or token == self._refused_token:
                raise
        self._credentials.reject(token)
        token = await self._credentials.current()
        try:
            return await self._dial(token)
        except LinkError as failure:
            if failure.kind == "refused":
                self._refused_token = token
            raise

    async def _listen(self, live: Live) -> LinkError:
        """Hear what comes, and show that somebody is there; why it ended."""
        try:
            await live.subscribe()
            due = self._clock.monotonic() + SUBSCRIBE_S
            while True:
                try:
                    async with asyncio.timeout(max(due - self._clock.monotonic(), 0.0)):
                        await self._heed(live, await live.receive())
                except TimeoutError:
                    await live.subscribe()
                    due = self._clock.monotonic() + SUBSCRIBE_S
        except LinkError as failure:
            return failure

    async def _heed(self, live: Live, frame: Frame) -> None:
        self._standing.heard()
        if frame.kind in ("activity_verification", "sleep_notification"):
            await live.subscribe()
        elif frame.kind == "error":
            failure = failure_of(frame, live.token)
            self._standing.went_wrong(failure.sentence)
            if failure.kind == "refused":
                raise failure
        elif frame.kind not in _KNOWN_FRAMES:
            self._note_unknown(frame.kind)
            self._listener.news()  # a newer server may push: there is something to fetch

    def _note_unknown(self, kind: str) -> None:
        shown = in_a_line(kind, most=40)
        if sum(topic.startswith("frame:") for topic in self._standing.warnings) < _MOST_UNKNOWN_KINDS:
            what = f"frames of the type `{shown}`" if kind else "frames that are no JSON with a type"
            self._standing.warn(f"frame:{shown}", f"the server sends {what}, which are not understood")
