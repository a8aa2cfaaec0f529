"""The way to a server: its name is looked up once at a time, and its addresses are tried in turn.

A lookup cannot be broken off before the system gives it up, which takes half a minute where nobody answers. So it is in
a thread of its own, not in one of the few that all of Aurora shares and waits for at its end; and whoever wants the
name waits for the same lookup, however often requests are given up and tried again meanwhile.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

SHARE_S = 2.0
"""For each address but the last: IPv6 that leads nowhere must not use up the time of IPv4."""

_AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class Way:
    """Used from one loop's thread."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._looking: asyncio.Future[list[_AddressInfo]] | None = None
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
        with contextlib.suppress(socket.gaierror):  # it is a name
            return _look_up(self._host, self._port, socket.AI_NUMERICHOST)
        if self._looking is None or self._looking.done():
            self._looking = _begin(lambda: _look_up(self._host, self._port))
        return await asyncio.shield(self._looking)

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


def _look_up(host: str, port: int, flags: int = 0) -> list[_AddressInfo]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))


def _begin(look: Callable[[], list[_AddressInfo]]) -> "asyncio.Future[list[_AddressInfo]]":
    loop = asyncio.get_running_loop()
    looking: asyncio.Future[list[_AddressInfo]] = loop.create_future()
    looking.add_done_callback(lambda _: looking.exception())  # for which nobody may wait any more

    def work() -> None:
        try:
            told = partial(looking.set_result, look())
        except OSError as error:
            told = partial(looking.set_exception, error)
        except UnicodeError as error:  # of a name that is none
            told = partial(looking.set_exception, OSError(str(error)))
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(told)

    threading.Thread(target=work, name="lookup", daemon=True).start()
    return looking
