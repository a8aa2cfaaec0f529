"""One GET, for probes: no redirects, no pool, nothing left open."""

import asyncio
from urllib.parse import urlsplit

import h11

from aurora_desktop.supervisor.connecting import connect

_CHUNK = 65536


async def http_answer(address: str, most_bytes: int) -> tuple[int, bytes]:
    """Status and body of a GET, the body up to `most_bytes` (0: unread); no redirects are followed.

    Raises OSError or ValueError; takes as long as it takes.
    """
    try:
        return await _answer(address, most_bytes)
    except h11.ProtocolError as error:
        raise ValueError(str(error) or type(error).__name__) from error


async def _answer(address: str, most_bytes: int) -> tuple[int, bytes]:
    url = urlsplit(address)
    is_tls = url.scheme == "https"
    port = url.port or (443 if is_tls else 80)
    reader, writer = await connect(url.hostname or "", port, is_tls=is_tls)
    try:
        connection = h11.Connection(h11.CLIENT)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = [("Host", url.netloc.rpartition("@")[2]), ("User-Agent", "aurora-probe"), ("Connection", "close")]
        request = connection.send(h11.Request(method="GET", target=target, headers=headers)) or b""
        writer.write(request + (connection.send(h11.EndOfMessage()) or b""))
        await writer.drain()
        return await _status(connection, reader), await _body(connection, reader, most_bytes)
    finally:
        writer.transport.abort()


async def _body(connection: h11.Connection, reader: asyncio.StreamReader, most_bytes: int) -> bytes:
    body = b""
    while len(body) < most_bytes:
        event = connection.next_event()
        if isinstance(event, h11.Data):
            body += event.data
        elif event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        else:
            break
    return body[:most_bytes]


async def _status(connection: h11.Connection, reader: asyncio.StreamReader) -> int:
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event.status_code
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("it closed the connection without an answer")
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
