"""A TCP connection by name, every address of it tried in turn."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

_names = ThreadPoolExecutor(8, thread_name_prefix="names")
"""For looking up names alone: a hanging name server holds up nothing else."""


async def connect(host: str, port: int, *, is_tls: bool = False) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address of the host that accepts; `localhost` asks no name server."""
    addresses = ["127.0.0.1", "::1"] if host == "localhost" else await _addresses(host, port)
    refused: OSError = OSError("it has no address")
    for address in addresses:
        try:
            if is_tls:
                return await asyncio.open_connection(address, port, ssl=True, server_hostname=host)
            return await asyncio.open_connection(address, port)
        except OSError as error:
            refused = error
    raise refused


async def _addresses(host: str, port: int) -> list[str]:
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_names, look_up)
    return [str(entry[4][0]) for entry in found]
