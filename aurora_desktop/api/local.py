"""Opens and closes the door: a port on loopback, a Unix socket, the tokens and the file that tells where they are."""

import errno
import logging
import socket
import sys
from typing import TYPE_CHECKING

from aurora_desktop.api import unix_socket
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.files import remove_address, write_address
from aurora_desktop.api.metrics.telemetry import Telemetry
from aurora_desktop.api.security import BODY_TIMEOUT_S, Security
from aurora_desktop.api.streams.hub import Hub
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.tokens import Tokens

if TYPE_CHECKING:
    from aurora_desktop.api.server import Server

LOOPBACK = "127.0.0.1"

log = logging.getLogger(__name__)


class LocalApi:
    """The local HTTP API of one running Aurora; used from the loop's thread, opened once."""

    def __init__(self, context: ApiContext, *, body_timeout_s: float = BODY_TIMEOUT_S) -> None:
        self._context = context
        self._body_timeout_s = body_timeout_s
        self._feed: EventFeed | None = None
        self._hub = Hub(context.bus, context.since)
        # Counts from the first event on, whenever the door opens.
        self._telemetry = Telemetry(context, self._hub)
        self._security: Security | None = None
        self._server: Server | None = None
        self._unix: socket.socket | None = None

    async def start(self, port: int) -> int:
        """Open the door on `port` (0: a free one); returns the port.

        Raises AuroraError when the port is taken, a token file cannot be trusted or `api.json` not be written.
        """
        tokens = Tokens(self._context.paths)
        listener = _listen(port)
        chosen = int(listener.getsockname()[1])
        self._unix = self._unix_listener()
        # Imported here: a command that is no server need not pay for it.
        from aurora_desktop.api.metrics.counted import Counted
        from aurora_desktop.api.routes import build
        from aurora_desktop.api.server import Server

        self._feed = EventFeed(self._context.bus, self._context.since)
        self._feed.open()
        built = build(self._context, self._feed, self._hub, self._telemetry)
        self._security = Security(built, tokens.current, chosen, self._body_timeout_s)
        self._server = Server(Counted(self._security, built.routes, self._telemetry.counts.requests))
        self._telemetry.begin()
        await self._server.open([each for each in (listener, self._unix) if each is not None])
        try:
            write_address(self._context.paths, chosen, str(self._unix.getsockname()) if self._unix else "")
        except AuroraError:
            await self.stop()
            raise
        return chosen

    async def stop(self) -> None:
        """Close the door: waiting readers are answered at once, other answers under way are finished."""
        remove_address(self._context.paths)
        self._hub.close()
        await self._telemetry.end()
        if self._unix is not None:
            unix_socket.remove(self._unix)
            self._unix = None
        if self._feed is not None:
            self._feed.close()
        if self._server is not None:
            await self._server.close()
            self._server = None

    def _unix_listener(self) -> socket.socket | None:
        """Without it the port serves alone."""
        try:
            return unix_socket.listen(self._context.paths)
        except AuroraError as error:
            log.warning("%s: %s", error.title, error.detail)
            return None


def _listen(port: int) -> socket.socket:
    """A socket bound to loopback, not yet listening. Raises AuroraError."""
    # With its protocol named: only then asyncio turns Nagle off for its connections, which else costs a client that
    # keeps its own 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        _claim_alone(listener)
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        why = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
        raise AuroraError(
            "The local API cannot open its port",
            f"{LOOPBACK}:{port}: {why}",
            "Set `api.port` to 0 to take a free one",
        ) from error
    listener.settimeout(0)
    return listener


def _claim_alone(listener: socket.socket) -> None:
    """The port is ours alone, and free again at once after a restart."""
    if sys.platform == "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
