"""Puts a link together from its settings."""

import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from aurora_desktop.core.settings.schema_link import LOOPBACK, LinkSettings, is_private
from aurora_desktop.link.cloudbrain import CloudBrain
from aurora_desktop.link.connection import Link, Ports
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.http import Http, Trust
from aurora_desktop.link.live import Socket
from aurora_desktop.link.network import own_addresses
from aurora_desktop.link.surroundings import Surroundings
from aurora_desktop.link.token_store import KeptTokens


def build(settings: LinkSettings, around: Surroundings) -> Link:
    """Blocking: reads what was kept."""
    trust = Certificates(settings.ca_file)
    url = settings.url or ""

    def server_at(url: str) -> CloudBrain:
        return CloudBrain(Http(url.rstrip("/"), trust.for_address(url)).ask)

    def other_server(url: str) -> CloudBrain | None:
        return server_at(url) if settings.allow_plaintext or is_private(url) else None

    socket = Socket(settings.live_url, trust.for_address(settings.live_url))
    is_near = urlsplit(url).hostname in LOOPBACK
    ports = Ports(
        clock=around.clock, publish=around.publish, database=around.database, server=server_at(url),
        server_at=other_server, dial=socket.dial, tokens=KeptTokens(around.secrets_folder), tasks=around.tasks,
        journal=around.journal, shared=around.shared, addresses=_always if is_near else own_addresses,
    )  # fmt: skip
    return Link(settings, ports)


def _always() -> tuple[str, ...]:
    """A server on this machine needs no network."""
    return ("127.0.0.1",)


class Certificates:
    """What is trusted: read once, in a thread, for the system's take some 30 ms."""

    def __init__(self, ca_file: str | None) -> None:
        self._ca_file = str(Path(ca_file).expanduser()) if ca_file else None
        self._context: ssl.SSLContext | None = None

    def for_address(self, address: str) -> Trust:
        is_secure = urlsplit(address).scheme in ("https", "wss")

        async def trusted() -> ssl.SSLContext | None:
            return await self._read() if is_secure else None

        return trusted

    async def _read(self) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = await asyncio.to_thread(ssl.create_default_context, cafile=self._ca_file)
            except OSError as error:  # an SSLError is one too
                sentence = f"`link.ca_file` cannot be used: {error.strerror or error}"
                raise LinkError("certificate", sentence, "Name a file of certificates in PEM") from error
        return self._context
