"""What is done beside while the link is up: tokens are exchanged ahead, the state is shared, the queues are tidied."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from aurora_desktop.link import backoff
from aurora_desktop.link.credentials import Credentials
from aurora_desktop.link.exchange import Exchange
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.standing import Standing

STATE_S = 30.0
PRUNE_S = 3600.0
_TOKEN_ROUNDS_MOST_S = 60.0

PutState = Callable[[str, str], Awaitable[None]]


class Upkeep:
    """`missing`: capabilities that this server turned out to lack. `put_state(task, thought)` raises LinkError."""

    def __init__(
        self,
        credentials: Credentials,
        exchange: Exchange,
        standing: Standing,
        *,
        put_state: PutState,
        shared: Callable[[], tuple[str, str]],
        chance: Callable[[], float],
    ) -> None:
        self._credentials, self._exchange, self._standing = credentials, exchange, standing
        self._put_state, self._shared, self._chance = put_state, shared, chance
        self.missing: set[str] = set()

    def rounds(self) -> tuple[Coroutine[None, None, None], ...]:
        """For ever, each. Raise LinkError where the login is refused."""
        return self._token_rounds(), self._state_rounds(), self._prune_rounds()

    def note_tokens(self) -> None:
        """Tell where the tokens lie, where that is not in the keyring."""
        store = self._credentials.store
        if store.warning:
            self._standing.warn("tokens", store.warning, store.hint, needs_operator=store.is_news)
        else:
            self._standing.is_over("tokens")

    async def _token_rounds(self) -> None:
        """Exchanged ahead, so that no request has to wait for it."""
        failed = 0
        while True:
            ahead_s = self._credentials.due_in_s() if not failed else 0.0
            await asyncio.sleep(ahead_s or backoff.wait_s(failed, 0.0, self._chance(), _TOKEN_ROUNDS_MOST_S))
            try:
                await self._credentials.current()
                failed = 0 if self._credentials.due_in_s() > 0 else failed + 1
            except LinkError as failure:
                if failure.kind == "refused":
                    raise
                failed += 1
            self.note_tokens()

    async def _state_rounds(self) -> None:
        """Keep the state at the server up to date, where it has one and something is to be shared."""
        last: tuple[str, str] | None = None
        while "state" not in self.missing:
            shared = self._shared()
            if any(shared) and shared != last:
                last = shared if await self._has_put(*shared) else last
            await asyncio.sleep(STATE_S)
        await asyncio.Event().wait()

    async def _has_put(self, task: str, thought: str) -> bool:
        try:
            await self._put_state(task, thought)
        except LinkError as failure:
            if failure.kind in ("invalid", "absent", "refused"):
                self.missing.add("state")
                detail = f"the server takes no state ({failure.sentence}), so none is shared"
                self._standing.warn("state", detail, "All else goes on without it")
            return False
        return True

    async def _prune_rounds(self) -> None:
        while True:
            self._exchange.outbox.prune()
            self._exchange.inbox.prune()
            await asyncio.sleep(PRUNE_S)
