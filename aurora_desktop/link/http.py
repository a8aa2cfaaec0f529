"""One request to the server, each on a connection of its own, so that nothing is sent into one that is half dead.

What failed before the first byte of a request left is certain not to have been done; after that it is doubtful.
"""

import asyncio
import email.utils
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import h11
import msgspec

from aurora_desktop.link.failure import Kind, LinkError, in_a_line, why_unreachable
from aurora_desktop.link.way import Way

TIMEOUT_S = 5.0
MOST_BYTES = 8 * 1024 * 1024
_CHUNK = 65536
_KINDS: dict[int, Kind] = {401: "refused", 403: "refused", 404: "absent", 405: "absent", 429: "throttled"}

Trust = Callable[[], Awaitable[ssl.SSLContext | None]]
"""The certificates to trust; None for an address without TLS."""


class Answer(NamedTuple):
    """`server_now`: Unix time by the server's `Date`, None without one. `took_s`: the whole request."""

    body: dict[str, Any]
    server_now: float | None
    took_s: float


class Http:
    """Asks one server, `base` being `https://host:port`."""

    def __init__(self, base: str, trust: Trust, timeout_s: float = TIMEOUT_S) -> None:
        url = urlsplit(base)
        self._host = url.hostname or ""
        self._way = Way(self._host, url.port or (443 if url.scheme == "https" else 80))
        self._authority = url.netloc
        self._trust = trust
        self._timeout_s = timeout_s

    async def ask(self, method: str, path: str, token: str = "", body: object = None) -> Answer:
        """What it answered with 2xx and `success` not false. Raises LinkError for everything else."""
        begun = time.monotonic()
        is_sent = False

        def sent() -> None:
            nonlocal is_sent
            is_sent = True

        try:
            async with asyncio.timeout(self._timeout_s):
                status, headers, raw = await self._exchange(method, path, token, body, sent)
        except TimeoutError:
            sentence = f"no answer within {self._timeout_s:g} s"
            raise LinkError("unreachable", sentence, _THERE, is_doubtful=is_sent) from None
        except ssl.SSLCertVerificationError as error:
            hint = "Mend the certificate, or name the one to trust with `link.ca_file`"
            raise LinkError("certificate", f"its certificate is not right: {error.verify_message}", hint) from error
        except ssl.SSLError as error:
            raise LinkError("odd", f"it does not speak TLS there: {error.reason or error}", _ADDRESS) from error
        except OSError as error:
            sentence = f"it cannot be reached: {why_unreachable(error)}"
            raise LinkError("unreachable", sentence, _THERE, is_doubtful=is_sent) from error
        except h11.ProtocolError as error:
            raise LinkError(
                "odd", f"it does not speak HTTP: {in_a_line(error)}", _ADDRESS, is_doubtful=is_sent
            ) from error
        renewal = str(body.get("refresh_token", "")) if isinstance(body, dict) else ""
        return _judged(status, headers, raw, time.monotonic() - begun, (token, renewal))

    async def _exchange(
        self, method: str, path: str, token: str, body: object, sent: Callable[[], None]
    ) -> tuple[int, dict[str, str], bytes]:
        trust = await self._trust()
        name = self._host if trust else None
        stream = await self._way.connect()
        reader, writer = await asyncio.open_connection(sock=stream, ssl=trust, server_hostname=name)
        try:
            connection = h11.Connection(h11.CLIENT)
            request = self._request(connection, method, path, token, body)
            sent()
            writer.write(request)
            await writer.drain()
            return await _response(connection, reader)
        finally:
            writer.transport.abort()

    def _request(self, connection: h11.Connection, method: str, path: str, token: str, body: object) -> bytes:
        raw = b"" if body is None else msgspec.json.encode(body)
        headers = [("Host", self._authority), ("User-Agent", "aurora-desktop"), ("Accept", "application/json")]
        headers += [("Connection", "close"), ("Content-Length", str(len(raw)))]
        if raw:
            headers.append(("Content-Type", "application/json"))
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        head = connection.send(h11.Request(method=method, target=path, headers=headers)) or b""
        data = connection.send(h11.Data(data=raw)) or b""
        return head + data + (connection.send(h11.EndOfMessage()) or b"")


_ADDRESS = "Look at `link.url`: is it the server's REST address?"
_THERE = "Look whether the server runs, and whether `link.url` is its address"


async def _response(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    status, headers, body = 0, {}, bytearray()
    begins = data = b""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            if begins[:5] == b"HTTP/"[: len(begins)] and not data:
                raise ConnectionResetError("it closed the connection without a whole answer") from error
            raise
        if event is h11.NEED_DATA:
            data = await reader.read(_CHUNK)
            begins = begins or data
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MOST_BYTES:
                sentence = f"its answer is larger than {MOST_BYTES // 1024**2} MiB"
                raise LinkError("odd", sentence, _ADDRESS, is_doubtful=True)
        elif isinstance(event, h11.EndOfMessage):
            return status, headers, bytes(body)
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("it closed the connection without an answer")


def _judged(status: int, headers: dict[str, str], raw: bytes, took_s: float, secrets: tuple[str, ...]) -> Answer:
    if 300 <= status < 400:
        raise _redirected(status, headers.get("location", ""))
    body = _decoded(raw)
    if 200 <= status < 300 and body is not None and body.get("success") is not False:
        return Answer(body, _date(headers), took_s)
    if body is None and (status < 300 or (status < 500 and status not in _KINDS)):
        sentence = f"it answered {status} with something that is no JSON object"
        raise LinkError("odd", sentence, _ADDRESS, is_doubtful=status < 300)
    said = in_a_line((body or {}).get("error") or "", secrets)
    kind: Kind = "server" if status >= 500 else _KINDS.get(status, "invalid")
    sentence = f"it answered {status}{f': {said}' if said else ''}"
    retry_after_s = _retry_after_s(body or {}, headers) if kind == "throttled" else 0.0
    raise LinkError(kind, sentence, is_doubtful=kind == "server", retry_after_s=retry_after_s, said=said)


def _redirected(status: int, target: str) -> LinkError:
    """Followed it never is: the token is for the host of the settings alone."""
    try:
        where = urlsplit(target).hostname or "another path"
    except ValueError:
        where = "another place"
    hint = "If that is right, write its address into `link.url`"
    return LinkError("odd", f"it redirects ({status}) to {in_a_line(where)}, which is not followed", hint)


def _decoded(raw: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _mended(raw)


def _mended(raw: bytes) -> dict[str, Any] | None:
    """With `?` for half characters, which one sender could else put in the way of everybody's messages."""
    try:
        whole = json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "replace")
        return msgspec.json.decode(whole, type=dict[str, Any])
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None


def _date(headers: dict[str, str]) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _retry_after_s(body: dict[str, Any], headers: dict[str, str]) -> float:
    """What the body says, else the header; a minute where neither says a number."""
    for said in (body.get("retry_after"), headers.get("retry-after")):
        try:
            seconds = float(said)  # type: ignore[arg-type]  # what is no number raises
        except (TypeError, ValueError):
            continue
        if 0 <= seconds < 86_400 * 30:
            return seconds
    return 60.0
