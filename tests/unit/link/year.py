"""Time with tokens, virtually: requests at any moment, restarts, sleep, clocks that are set."""

import asyncio
import random
from typing import NamedTuple

from core.clocks import FakeClock

from aurora_desktop.link import jwt
from aurora_desktop.link.cloudbrain import Granted, Identity
from aurora_desktop.link.credentials import Credentials
from aurora_desktop.link.failure import LinkError

from .brain import jwt as signed
from .rig import MemoryTokens

DAY_S = 86_400.0
TOGETHER = 5


class Machine(FakeClock):
    """`true` is the time that nobody sets, and that runs on in a suspend."""

    def __init__(self) -> None:
        super().__init__()
        self.true = 0.0

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.true += seconds

    def sleep(self, seconds: float) -> None:
        """A suspend: the monotonic clock stands still."""
        self.jump(seconds)
        self.true += seconds


class Passed(NamedTuple):
    """What came of it. `expired`: requests that arrived with a token that was over."""

    requests: int
    expired: int
    refreshes: int
    logins: int
    most_at_once: int


class TokenServer:
    """Grants and judges tokens by its own clock, `skew_s` ahead of the true time."""

    def __init__(self, machine: Machine, skew_s: float) -> None:
        self._machine, self._skew_s = machine, skew_s
        self.is_down = False
        self.refreshes = self.logins = self.most_at_once = self.expired = self.requests = 0
        self._at_once = 0

    @property
    def now(self) -> float:
        return 1.8e9 + self._machine.true + self._skew_s

    async def login(self, identity: Identity) -> Granted:
        granted = await self._grant()
        self.logins += 1
        return granted

    async def refresh(self, refresh_token: str) -> Granted:
        said = jwt.claims(refresh_token)
        if said is None or said.exp is None or said.exp < self.now:
            raise LinkError("refused", "it answered 401")
        granted = await self._grant()
        self.refreshes += 1
        return granted

    async def _grant(self) -> Granted:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(0)  # others have their turn meanwhile
            if self.is_down:
                raise LinkError("unreachable", "gone")
            token, renewal = (signed(iat=self.now, exp=self.now + life_s) for life_s in (3600, 7 * DAY_S))
            return Granted(token, renewal, 3600.0, None)
        finally:
            self._at_once -= 1

    def take(self, token: str) -> None:
        """A request arrives."""
        self.requests += 1
        said = jwt.claims(token)
        assert said is not None
        assert said.exp is not None
        self.expired += said.exp < self.now


async def live(days: float, seed: int) -> Passed:
    """So many days, with a request every 15 minutes or so, some of them many at once."""
    chance, machine = random.Random(seed), Machine()
    server, store = TokenServer(machine, chance.uniform(-DAY_S, DAY_S)), MemoryTokens()

    def begun() -> Credentials:
        identity = Identity("aurora", "Aurora")
        return Credentials(server, identity, "o", store, machine, lambda: machine.true)  # type: ignore[arg-type]  # the two that it calls

    credentials = begun()
    while machine.true < days * DAY_S:
        machine.advance(chance.expovariate(1 / 900))
        happens = chance.random()
        if happens < 0.004:
            machine.sleep(chance.uniform(0, 2 * DAY_S))
        elif happens < 0.008:
            machine.jump(chance.uniform(-7200, 7200))
        elif happens < 0.012:
            credentials = begun()
        server.is_down = chance.random() < 0.02
        asked = await asyncio.gather(*(credentials.current() for _ in range(TOGETHER)), return_exceptions=True)
        for token in asked:
            if isinstance(token, str):
                server.take(token)
            elif not isinstance(token, LinkError):
                raise token
    return Passed(server.requests, server.expired, server.refreshes, server.logins, server.most_at_once)
