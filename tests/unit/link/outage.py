"""Outages in virtual time: the real connection on a loop whose clock jumps, and a server in memory."""

import asyncio
import random
import selectors
import time

from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.link.cloudbrain import Granted, Identity, Outgoing, Page, Session
from aurora_desktop.link.connection import Link, Ports
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.live import Frame

from .rig import MemoryTokens, Told

SETTINGS = LinkSettings(enabled=True, url="http://127.0.0.1:1", ai_name="aurora")
HANGS_S = 5.0
PATIENCE_S = 1000.0


class _Selector(selectors.DefaultSelector):
    """Where the loop would wait for a timer, the clock jumps to it; real at first, while threads still work."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.is_virtual = 1000.0, False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        begun = time.monotonic()
        events = super().select(0 if self.is_virtual else timeout)
        self.now += timeout if self.is_virtual and not events else time.monotonic() - begun
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


class LoopClock:
    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return 1_750_000_000.0 + self.monotonic()


class MemoryServer:
    """`is_down`: nobody answers, at once or (`hangs`) after the time that a client waits at the most."""

    def __init__(self, *, hangs: bool) -> None:
        self.is_down, self._hangs = False, hangs
        self.cut = asyncio.Event()
        self.attempts = 0

    def go_down(self) -> None:
        self.is_down = True
        self.cut.set()

    def come_back(self) -> None:
        self.is_down = False
        self.cut = asyncio.Event()

    async def _answer(self) -> None:
        if self.is_down:
            self.attempts += 1
            if self._hangs:
                await asyncio.sleep(HANGS_S)
            raise LinkError("unreachable", "gone")
        await asyncio.sleep(0.02)

    async def login(self, identity: Identity) -> Granted:
        await self._answer()
        return Granted("opaque", "renewal", 3600.0, None)

    async def refresh(self, refresh_token: str) -> Granted:
        await self._answer()
        return Granted("opaque", "renewal", 3600.0, None)

    async def create_session(self, token: str, title: str, metadata: dict[str, str]) -> Session:
        await self._answer()
        return Session("1", "abcdef0")

    async def has_session(self, token: str, session_id: str) -> bool:
        await self._answer()
        return True

    async def end_session(self, token: str, session_id: str) -> None:
        await self._answer()

    async def logout(self, token: str) -> None:
        await self._answer()

    async def send(self, token: str, message: Outgoing) -> str:
        await self._answer()
        return "1"

    async def inbox(self, token: str, offset: int) -> Page:
        await self._answer()
        return Page((), 0)

    async def sent(self, token: str, offset: int) -> Page:
        return await self.inbox(token, offset)

    async def put_state(self, token: str, identifier: str, task: str, thought: str) -> None:
        await self._answer()

    async def dial(self, token: str) -> "MemoryLive":
        await self._answer()
        return MemoryLive(self.cut)


class MemoryLive:
    latency_s = 0.02
    token = ""

    def __init__(self, cut: asyncio.Event) -> None:
        self._cut = cut

    async def receive(self) -> Frame:
        await self._cut.wait()
        raise LinkError("unreachable", "the WebSocket was closed")

    async def subscribe(self) -> None:
        """Nobody counts."""

    async def close(self) -> None:
        """Nothing is open."""


def back_after(seed: int, database: Database, outage_s: float, *, hangs: bool) -> float:
    """Seconds from the server's return to `online`, after an outage of that length."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_back_after(random.Random(seed), database, outage_s, hangs=hangs))


async def _back_after(chance: random.Random, database: Database, outage_s: float, *, hangs: bool) -> float:
    server = MemoryServer(hangs=hangs)
    ports = Ports(
        clock=LoopClock(), publish=lambda _: None, database=database, server=server,
        server_at=lambda _: None, dial=server.dial,
        tokens=MemoryTokens(), tasks=None, journal=Told(), shared=lambda: ("", ""), chance=chance.random,
        addresses=lambda: ("127.0.0.1",),
    )  # fmt: skip
    link = Link(SETTINGS, ports)
    living = asyncio.ensure_future(link.run())
    try:
        await _until_online(link)
        await asyncio.to_thread(database.submit(lambda _: None).result)  # what the start has written is on disk
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await asyncio.sleep(0.05)
        loop.selector.is_virtual = True
        await asyncio.sleep(chance.uniform(0, 30))
        server.go_down()
        await asyncio.sleep(outage_s)
        server.come_back()
        returned = asyncio.get_running_loop().time()
        await _until_online(link)
        return asyncio.get_running_loop().time() - returned
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)


async def _until_online(link: Link) -> None:
    online = asyncio.Event()

    def look() -> None:
        if link.standing.state == "online":
            online.set()

    link.standing.on_change = look
    look()
    async with asyncio.timeout(PATIENCE_S):
        await online.wait()
