"""The token of the moment: kept, exchanged ahead of its end, and never two exchanges at once."""

import asyncio
import sys
import time
from collections.abc import Callable

from aurora_desktop.core.clock import Clock
from aurora_desktop.link import jwt
from aurora_desktop.link.cloudbrain import REFRESH_LIFETIME_S, Granted, Identity, Server
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.jwt import Tokens
from aurora_desktop.link.token_store import TokenStore

PATIENCE_S = 30.0
"""Between two attempts to exchange a token that still holds: no request is to wait for a server that hangs."""


def boot_clock() -> float:
    """Seconds since the machine was started; elsewhere than on Linux the monotonic clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


class Credentials:
    """`owner` names server and identity: tokens of another owner are not used.

    `since_boot`: seconds by a clock that runs on in a suspend and that nobody can set.
    """

    def __init__(
        self,
        server: Server,
        identity: Identity,
        owner: str,
        store: TokenStore,
        clock: Clock,
        since_boot: Callable[[], float] = boot_clock,
    ) -> None:
        self._server, self._identity, self._owner = server, identity, owner
        self.store = store
        self._clock, self._since_boot = clock, since_boot
        self._lock = asyncio.Lock()
        self._tokens: Tokens | None = None
        self.left_over: Tokens | None = None
        """Those of another owner that an earlier link has left."""
        self._got_at_boot = 0.0
        self._looked = False
        self._next_try_at = 0.0

    @property
    def held(self) -> Tokens | None:
        """Those of now, good or not."""
        return self._tokens

    @property
    def expires_at(self) -> float | None:
        """Unix time by our own clock; None without a token that can be used."""
        tokens = self._tokens
        return None if tokens is None or not tokens.token else tokens.got_at + tokens.lifetime_s

    def due_in_s(self) -> float:
        """Seconds until the token is to be exchanged."""
        if self._tokens is None:
            return 0.0
        return max(jwt.refresh_due_s(self._tokens) - self._age_s(self._tokens), 0.0)

    async def current(self) -> str:
        """A token that holds, exchanged or logged in for if need be. Raises LinkError."""
        if self._tokens is not None and self._is_good(self._tokens):
            return self._tokens.token
        async with self._lock:  # whoever waited here finds it done
            await self._look()
            tokens = self._tokens
            if tokens is None or not self._is_good(tokens):
                tokens = await self._renewed(tokens)
            return tokens.token

    def _is_good(self, tokens: Tokens) -> bool:
        """Not due yet; or due and still holding, where the exchange has failed a moment ago."""
        if self.due_in_s() > 0:
            return True
        return self._since_boot() < self._next_try_at and jwt.is_usable(tokens, self._age_s(tokens))

    def reject(self, token: str) -> None:
        """The server does not take this one: the next call of `current` exchanges it."""
        if self._tokens is not None and self._tokens.token == token:
            self._tokens = jwt.spent(self._tokens)

    async def _look(self) -> None:
        """Those of an earlier run, once. They are exchanged at once: how old they are only the wall clock could say,
        and somebody may have set it.
        """
        if self._looked:
            return
        self._looked = True
        found = await self.store.find()
        is_ours = found is not None and found.owner == self._owner
        self._tokens = jwt.spent(found) if found is not None and is_ours else None
        self.left_over = None if is_ours else found

    async def _renewed(self, old: Tokens | None) -> Tokens:
        try:
            return await self._exchanged(old)
        except LinkError:
            # The server does not answer now; what still holds may be used until it does.
            if old is not None and old.token and jwt.is_usable(old, self._age_s(old)):
                self._next_try_at = self._since_boot() + PATIENCE_S
                return old
            raise

    async def _exchanged(self, old: Tokens | None) -> Tokens:
        if old is not None and jwt.can_refresh(old, self._age_s(old)):
            try:
                return await self._take(await self._server.refresh(old.refresh_token), old)
            except LinkError as failure:
                if failure.kind not in ("refused", "invalid", "absent", "odd"):
                    raise
        return await self._take(await self._server.login(self._identity), None)

    async def _take(self, granted: Granted, old: Tokens | None) -> Tokens:
        """Kept before it is used: a crash in between must not lose the only pair that the server takes."""
        now = self._clock.wall()
        server_now = now if granted.server_now is None else granted.server_now
        lifetime_s = jwt.lifetime_s(granted.token, granted.expires_in, server_now)
        if lifetime_s <= 0:
            hint = "Look at the server's clock, and at how long its tokens are to hold"
            raise LinkError("odd", "the token that it gives has expired already", hint)
        renewal = granted.refresh_token or (old.refresh_token if old is not None else "")
        said = jwt.lifetime_s(renewal, None, server_now) if jwt.claims(renewal) else REFRESH_LIFETIME_S
        tokens = Tokens(
            token=granted.token, refresh_token=renewal, owner=self._owner, got_at=now, lifetime_s=lifetime_s,
            refresh_lifetime_s=said,
        )  # fmt: skip
        try:
            await self.store.keep(tokens)
        except asyncio.CancelledError:
            self._looked = False  # whichever pair is kept now is looked up by the next call
            raise
        self._tokens, self._got_at_boot = tokens, self._since_boot()
        return tokens

    def _age_s(self, tokens: Tokens) -> float:
        elapsed_s = self._since_boot() - self._got_at_boot if tokens.token else 0.0
        return jwt.age_s(tokens, self._clock.wall(), elapsed_s)
