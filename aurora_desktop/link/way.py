"""The way to a server: its name is looked up once at a time, and its addresses are tried in turn.

A lookup cannot be broken off: until the system gives it up it holds one of the few threads that all of Aurora shares.
So whoever wants the name waits for the same lookup, however often requests are given up and tried again meanwhile.
"""

import asyncio
import socket
from typing import Any

SHARE_S = 2.0
"""For each address but the last: IPv6 that leads nowhere must not use up the time of IPv4."""

_AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class Way:
    """Used from one loop's thread."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._looking: asyncio.Future[Any] | None = None
        self._good: tuple[Any, ...] | None = None

    async def connect(self) -> socket.socket:
        """A connected socket that does not block; the address that worked last is tried first. Raises OSError."""
        *others, last = sorted(await self._addresses(), key=lambda found: found[4] != self._good)
        for found in others:
            try:
                async with asyncio.timeout(SHARE_S):
                    return await self._connected(found)
            except OSError:  # a TimeoutError is one too
                continue
        return await self._connected(last)

    async def _addresses(self) -> list[_AddressInfo]:
        if self._looking is None or self._looking.done():
            lookup = asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._looking = asyncio.ensure_future(lookup)
            self._looking.add_done_callback(_take_note)
        found: list[_AddressInfo] = await asyncio.shield(self._looking)
        return found

    async def _connected(self, found: _AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = found
        stream = socket.socket(family, kind, protocol)
        try:
            stream.settimeout(0.0)
            await asyncio.get_running_loop().sock_connect(stream, address)
        except BaseException:
            stream.close()
            raise
        self._good = address
        return stream


def _take_note(looking: "asyncio.Future[Any]") -> None:
    """Of its failure, for which nobody may wait any more."""
    if not looking.cancelled():
        looking.exception()
