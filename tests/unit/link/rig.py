"""A real link in a house of fakes: a real database, a real server on 127.0.0.1, tokens in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.link_events import LinkMessageReceived
from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.link.build import Certificates
from aurora_desktop.link.cloudbrain import CloudBrain
from aurora_desktop.link.connection import Link, Ports
from aurora_desktop.link.http import TIMEOUT_S, Http
from aurora_desktop.link.jwt import Tokens
from aurora_desktop.link.live import Socket
from aurora_desktop.link.store import MIGRATIONS
from aurora_desktop.link.view import TokenPlace

PATIENCE_S = 60.0


class MemoryTokens:
    """Keeps tokens as long as the test lasts."""

    def __init__(self) -> None:
        self.place: TokenPlace = "memory"
        self.warning = self.hint = ""
        self.is_news = False
        self.kept: list[Tokens] = []

    async def find(self) -> Tokens | None:
        return self.kept[-1] if self.kept else None

    async def keep(self, tokens: Tokens) -> None:
        self.kept.append(tokens)

    async def remove(self) -> None:
        self.kept.clear()


class FakeTasks:
    """Takes tasks by key; `refuses` is raised instead."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, str]] = {}
        self.refuses: AuroraError | None = None

    async def take(self, prompt: str, key: str, sender: str) -> str:
        if self.refuses is not None:
            raise self.refuses
        self.taken.setdefault(key, (prompt, sender))
        return f"task_{len(self.taken)}"


class Told:
    """The stream and the journal in one: `events` is what was told."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.is_safe = True
        self._news = asyncio.Event()

    def publish(self, event: AnyEvent) -> None:
        self.events.append(event)
        self._news.set()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def has_told(self, message_ids: set[str]) -> set[str]:
        return message_ids & {event.message_id for event in self.of(LinkMessageReceived)}

    async def settled(self) -> bool:
        return self.is_safe


def open_database(folder: Path) -> Database:
    return Database.open(folder / "state.db", MIGRATIONS, 0x41555254)


class Rig:
    """One link; `settings` reach the server or the proxy before it."""

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        *,
        tokens: MemoryTokens | None = None,
        told: Told | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.settings = msgspec.convert(settings, LinkSettings)
        self.database = open_database(folder)
        self.tokens, self.told, self.tasks = tokens or MemoryTokens(), told or Told(), FakeTasks()
        self.shared = ("", "")
        self.addresses: tuple[str, ...] = ("127.0.0.1",)
        trust = Certificates(self.settings.ca_file)

        def server_at(url: str) -> CloudBrain:
            return CloudBrain(Http(url, trust.for_address(url), timeout_s).ask)

        self.link = Link(
            self.settings,
            Ports(
                clock=SystemClock(), publish=self.told.publish, database=self.database,
                server=server_at(self.settings.url or ""), server_at=server_at,
                dial=Socket(self.settings.live_url, trust.for_address(self.settings.live_url)).dial,
                tokens=self.tokens, tasks=self.tasks, journal=self.told, shared=lambda: self.shared,
                addresses=lambda: self.addresses,
            ),
        )  # fmt: skip
        self.living: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()
        self.link.standing.on_change = self._changed.set

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Rig"]:
        self.living = asyncio.ensure_future(self.link.run())
        try:
            yield self
        finally:
            self.living.cancel()
            await asyncio.gather(self.living, return_exceptions=True)
            await asyncio.to_thread(self.database.close)

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Once it is true: looked at after each change of the link, and ten times a second."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self._changed.wait()

    async def until_state(self, *states: str) -> None:
        await self.until(lambda: self.link.standing.state in states, " or ".join(states))

    async def send(self, recipient: object, content: str, **more: str) -> None:
        given = {"subject": "", "kind": "text", "key": "", **more}
        await self.link.exchange.outbox.add(str(recipient), content, **given)
