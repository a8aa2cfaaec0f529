"""Turns the link on and off as the settings say, while Aurora runs; nothing of it is imported while it is off."""

import asyncio
import logging
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from aurora_desktop.core.events import PartFailed
from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.link.errors import LinkOffError
from aurora_desktop.link.surroundings import Surroundings
from aurora_desktop.link.view import IncomingView, LinkView, OutgoingView

if TYPE_CHECKING:
    from aurora_desktop.link.connection import Link

READY_S = 10.0
AGAIN_S = 60.0
CLOSE_S = 3.0

log = logging.getLogger(__name__)


class LinkSwitch:
    """The public face of the link: see `LinkFace`."""

    def __init__(self, settings: LinkSettings, around: Surroundings) -> None:
        self._settings, self._around = settings, around
        self._changed, self._ready = asyncio.Event(), asyncio.Event()
        self._link: Link | None = None
        self._living: asyncio.Task[None] | None = None
        self._watchers: list[Callable[[], None]] = []
        self._is_closed = False

    # --- its face ---------------------------------------------------------------------------------------------

    def view(self) -> LinkView:
        if self._link is not None:
            return self._link.view()
        if self._settings.enabled:
            return LinkView(enabled=True, cause="it is being started", server=self._settings.url or "")
        return LinkView()

    def reconnect(self) -> LinkView:
        self._check_on()
        if self._link is not None:
            self._link.reconnect()
        return self.view()

    async def send(
        self, recipient: str, content: str, *, subject: str = "", kind: str = "text", key: str = ""
    ) -> OutgoingView:
        link = await self._there()
        return await link.exchange.outbox.add(recipient, content, subject, kind, key)

    async def inbox(self, limit: int = 50) -> tuple[IncomingView, ...]:
        link = await self._there()
        return await link.exchange.inbox.newest(limit)

    async def retry_dead(self, key: str = "") -> LinkView:
        link = await self._there()
        await link.exchange.outbox.retry_dead(key)
        self._tell()
        return self.view()

    async def forget_dead(self, key: str = "") -> LinkView:
        link = await self._there()
        await link.exchange.outbox.forget_dead(key)
        self._tell()
        return self.view()

    def watch(self, on_change: Callable[[], None]) -> None:
        self._watchers.append(on_change)

    # --- its life ---------------------------------------------------------------------------------------------

    def apply(self, settings: LinkSettings) -> None:
        """Changed settings: another link takes over what waits."""
        if settings != self._settings:
            self._settings = settings
            self._changed.set()
            self._tell()

    async def run(self) -> None:
        """For ever: live with the link that the settings ask for."""
        while not self._is_closed:
            self._changed.clear()
            if self._settings.enabled:
                self._living = asyncio.ensure_future(self._live(self._settings))
            try:
                await self._changed.wait()
            finally:
                link = self._link
                await self._end_living()
            if link is not None and not self._settings.enabled:
                await link.leave()

    async def close(self) -> None:
        """Hang up; what waits is on disk."""
        self._is_closed = True
        self._changed.set()
        await self._end_living()

    async def _live(self, settings: LinkSettings) -> None:
        """A fault of ours ends it; it is begun anew a minute later."""
        while True:
            try:
                await self._live_once(settings)
            except Exception as error:  # noqa: BLE001 - whatever it is
                self._tell_fault(error)
            await asyncio.sleep(AGAIN_S)

    def _tell_fault(self, error: Exception) -> None:
        """Without a token, which some library may have put into its words."""
        from aurora_desktop.link.failure import in_a_line, without_tokens

        log.error("the link failed\n%s", without_tokens("".join(traceback.format_exception(error))))
        what = in_a_line(f"{type(error).__name__}: {error}")
        detail = f"the link failed and is started again in {AGAIN_S:g} s: {what}"
        self._around.publish(PartFailed(at=self._around.clock.wall(), component="link", detail=detail))

    async def _live_once(self, settings: LinkSettings) -> None:
        await asyncio.to_thread(import_module, "aurora_desktop.link.build")
        from aurora_desktop.link.build import build

        self._link = await asyncio.to_thread(build, settings, self._around)
        self._link.standing.on_change = self._tell
        self._ready.set()
        self._tell()
        try:
            await self._link.run()
        finally:
            self._link = None
            self._ready.clear()
            self._tell()

    async def _end_living(self) -> None:
        living, self._living = self._living, None
        if living is not None:
            living.cancel()
            await asyncio.wait({living}, timeout=CLOSE_S)

    async def _there(self) -> "Link":
        self._check_on()
        try:
            async with asyncio.timeout(READY_S):
                await self._ready.wait()
        except TimeoutError:
            pass
        if self._link is None:
            raise LinkOffError("The link is not there yet", "it is being started", "Try again in a moment")
        return self._link

    def _check_on(self) -> None:
        if not self._settings.enabled or self._is_closed:
            hint = "Set `link.enabled: true`, with `url` and `ai_name`, in the settings (docs/link.md)"
            raise LinkOffError("The link is off", "`link.enabled` is false", hint)

    def _tell(self) -> None:
        for watcher in self._watchers:
            watcher()
