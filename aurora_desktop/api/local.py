"""Opens and closes the door: a port on loopback, a Unix socket, the tokens and the file that tells where they are."""

import asyncio
import contextlib
import errno
import logging
import socket
import sys
import time
from typing import TYPE_CHECKING

from aurora_desktop.api import unix_socket
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.files import remove_address, write_address
from aurora_desktop.api.metrics.telemetry import Telemetry
from aurora_desktop.api.security import BODY_TIMEOUT_S, Security
from aurora_desktop.api.streams.hub import Hub
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import ApiPortTrouble
from aurora_desktop.core.tokens import Tokens

if TYPE_CHECKING:
    from aurora_desktop.api.server import Server

LOOPBACK = "127.0.0.1"
TRY_AGAIN_S = 1.0
MOST_TRY_AGAIN_S = 30.0

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
        self._port: int | None = None
        self._trying: asyncio.Task[None] | None = None

    async def start(self) -> int | None:
        """Open the door on the port of the settings (0: a free one); returns the port.

        None where it is taken: it is tried again, and the Unix socket serves meanwhile. Raises AuroraError when a
        token file cannot be trusted or `api.json` not be written.
        """
        tokens = Tokens(self._context.paths)
        # Imported here: a command that is no server need not pay for it.
        from aurora_desktop.api.metrics.counted import Counted
        from aurora_desktop.api.routes import build
        from aurora_desktop.api.server import Server

        self._feed = EventFeed(self._context.bus, self._context.since)
        self._feed.open()
        built = build(self._context, self._feed, self._hub, self._telemetry)
        self._security = Security(built, tokens.current, self._body_timeout_s)
        self._server = Server(Counted(self._security, built.routes, self._telemetry.counts.requests))
        self._telemetry.begin()
        self._unix = self._unix_listener()
        await self._server.open([self._unix] if self._unix is not None else [])
        try:
            await self._open_port(self._security, self._server)
        except AuroraError as error:
            self._tell(error)
            self._trying = asyncio.create_task(self._try_again(self._security, self._server), name="api port")
        try:
            self._write_address()
        except AuroraError:
            await self.stop()
            raise
        return self._port

    async def stop(self) -> None:
        """Close the door: waiting readers are answered at once, other answers under way are finished."""
        remove_address(self._context.paths)
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.gather(self._trying, return_exceptions=True)
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

    async def _open_port(self, security: Security, server: "Server") -> None:
        """Raises AuroraError when it is taken."""
        listener = _listen(self._context.settings().api.port)
        port = int(listener.getsockname()[1])
        security.serve_port(port)
        await server.add(listener)
        self._port = port

    async def _try_again(self, security: Security, server: "Server") -> None:
        """Until the port is there, and clients are told of it; the settings may name another one meanwhile."""
        delay_s = TRY_AGAIN_S
        while True:
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, MOST_TRY_AGAIN_S)
            with contextlib.suppress(AuroraError):
                if self._port is None:
                    await self._open_port(security, server)
                self._write_address()
                break
        self._tell(None)

    def _write_address(self) -> None:
        write_address(self._context.paths, self._port, str(self._unix.getsockname()) if self._unix else "")

    def _tell(self, trouble: AuroraError | None) -> None:
        """None: it is over."""
        if trouble is None:
            detail, hint = f"the local API has its port {self._port} again", ""
        else:
            serves = "its Unix socket serves alone" if self._unix is not None else "it cannot be reached"
            detail = f"the local API has no port, {serves}: {trouble.detail}"
            hint = trouble.hint
        event = ApiPortTrouble(at=time.time(), component="aurora", detail=detail, hint=hint, recovered=trouble is None)
        self._context.bus.publish(event)

    def _unix_listener(self) -> socket.socket | None:
        """Without it the port serves alone."""
        try:
            return unix_socket.listen(self._context.paths)
        except AuroraError as error:
            log.warning("%s: %s", error.title, error.detail)
            return None


def _listen(port: int) -> socket.socket:
    """A socket on loopback; who connects waits to be taken. Raises AuroraError."""
    # With its protocol named: only then asyncio turns Nagle off for its connections, which else costs a client that
    # keeps its own 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        _claim_alone(listener)
        listener.bind((LOOPBACK, port))
        listener.listen()  # only now nobody else can have it
    except OSError as error:
        listener.close()
        why = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
        raise AuroraError(
            "The local API cannot open its port",
            f"{LOOPBACK}:{port}: {why}",
            "End what has it, or set `api.port` to 0 to take a free one; Aurora tries again by itself",
        ) from error
    listener.settimeout(0)
    return listener


def _claim_alone(listener: socket.socket) -> None:
    """The port is ours alone, and free again at once after a restart."""
    if sys.platform == "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
