"""The WebSocket: one at a time, with pings of its own level: a frame of the type `ping` would end the connection."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from aurora_desktop.link.failure import Kind, LinkError, in_a_line, why_unreachable
from aurora_desktop.link.http import Trust
from aurora_desktop.link.way import Way

OPEN_S = 5.0
GREETING_S = 5.0
PING_EVERY_S = 4.0
PING_TIMEOUT_S = 3.0
"""A half-open connection is noticed after 7.25 s at the latest, `CLOSE_S` included."""
CLOSE_S = 0.25
"""The library waits for so long also after a ping without an answer, for the end of a connection that is dead."""
MOST_FRAME_BYTES = 1024 * 1024
_REFUSED = ("token", "auth", "expired", "unauthor", "forbidden", "credential")
_POLICY_VIOLATION = 1008
_KINDS: dict[int, Kind] = {401: "refused", 403: "refused", 429: "throttled"}


class Frame(NamedTuple):
    """`kind`: "" for what is no JSON object with a type."""

    kind: str
    body: dict[str, Any]


class Live(Protocol):
    """An open connection whose server has said `connected`."""

    async def receive(self) -> Frame:
        """The next frame. Raises LinkError once it is closed."""
        ...

    async def subscribe(self) -> None:
        """Show that somebody is there: the only frame that the server counts."""
        ...

    @property
    def latency_s(self) -> float | None: ...

    @property
    def token(self) -> str:
        """With which it was opened."""
        ...

    async def close(self) -> None: ...


class _NoRedirects(connect):
    """The token is in the address: it goes to the host of the settings and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Socket:
    """Opens connections to `base`, `wss://host:port`."""

    def __init__(self, base: str, trust: Trust) -> None:
        self._base, self._trust = base, trust
        url = urlsplit(base)
        self._way = Way(url.hostname or "", url.port or (443 if url.scheme == "wss" else 80))
        self._log = logging.getLogger("aurora_desktop.link.socket")
        self._log.setLevel(logging.WARNING)  # on `debug` the library writes addresses, and with them the token

    async def dial(self, token: str) -> Live:
        """Raises LinkError; `refused` where the token is not taken."""
        with _in_words(token):
            async with asyncio.timeout(OPEN_S):
                opened = await self._opened(token)
        return await _greeted(_Connection(opened, token))

    async def _opened(self, token: str) -> ClientConnection:
        trust = await self._trust()
        address = f"{self._base}/ws/v1/connect?token={quote(token, safe='')}"
        stream = await self._way.connect()
        return await _NoRedirects(
            address, sock=stream, ssl=trust, proxy=None, open_timeout=None, ping_interval=PING_EVERY_S,
            ping_timeout=PING_TIMEOUT_S, close_timeout=CLOSE_S, max_size=MOST_FRAME_BYTES, compression=None,
            logger=self._log, user_agent_header="aurora-desktop",
        )  # fmt: skip


@contextlib.contextmanager
def _in_words(token: str) -> Iterator[None]:
    """Raises LinkError for whatever keeps a WebSocket from being opened."""
    try:
        yield
    except TimeoutError:
        raise LinkError("unreachable", f"no WebSocket within {OPEN_S:g} s", _ADDRESS) from None
    except ssl.SSLCertVerificationError as error:
        hint = "Mend the certificate, or name the one to trust with `link.ca_file`"
        raise LinkError("certificate", f"its certificate is not right: {error.verify_message}", hint) from None
    except ssl.SSLError as error:
        sentence = f"its WebSocket does not speak TLS: {in_a_line(error.reason or error, _masked(token))}"
        raise LinkError("odd", sentence, _ADDRESS) from None
    except InvalidStatus as error:
        status = error.response.status_code
        kind: Kind = _KINDS.get(status, "server" if status >= 500 else "odd")
        sentence = f"it answered {status} instead of opening a WebSocket"
        raise LinkError(kind, sentence, _ADDRESS, retry_after_s=60.0 if status == 429 else 0.0) from None
    except OSError as error:
        sentence = f"its WebSocket cannot be reached: {in_a_line(why_unreachable(error), _masked(token))}"
        raise LinkError("unreachable", sentence, _ADDRESS) from None
    except (WebSocketException, EOFError) as error:
        raise LinkError("odd", f"it does not speak WebSocket: {in_a_line(error, _masked(token))}", _ADDRESS) from None


def _masked(token: str) -> tuple[str, ...]:
    """As it is, and as it stands in the address."""
    return token, quote(token, safe="")


_ADDRESS = "Look at `link.websocket_url`; without it the port after that of `link.url` is taken"


async def _greeted(connection: "_Connection") -> "_Connection":
    """A bad token is accepted first, and then answered by an error frame."""
    try:
        async with asyncio.timeout(GREETING_S):
            frame = await connection.receive()
            while frame.kind not in ("connected", "error"):
                frame = await connection.receive()
    except TimeoutError:
        connection.abort()
        raise LinkError("odd", f"its WebSocket said nothing within {GREETING_S:g} s", _ADDRESS) from None
    except BaseException:
        connection.abort()
        raise
    if frame.kind == "error":
        await connection.close()
        raise failure_of(frame, connection.token)
    return connection


def failure_of(frame: Frame, token: str) -> LinkError:
    """What an error frame means."""
    said = in_a_line(frame.body.get("error") or frame.body.get("message") or "an error", _masked(token))
    is_refused = any(word in said.lower() for word in _REFUSED)
    return LinkError("refused" if is_refused else "server", f"its WebSocket says: {said}")


class _Connection:
    def __init__(self, connection: ClientConnection, token: str) -> None:
        self._connection = connection
        self.token = token

    async def receive(self) -> Frame:
        return decoded(await self._through(self._connection.recv))

    async def subscribe(self) -> None:
        frame = msgspec.json.encode({"type": "subscribe", "channel": "messages"}).decode()
        await self._through(lambda: self._connection.send(frame))

    @property
    def latency_s(self) -> float | None:
        return self._connection.latency or None

    async def close(self) -> None:
        await self._connection.close()

    def abort(self) -> None:
        """Let go of it without a word."""
        self._connection.transport.abort()

    async def _through(self, do: Callable[[], Any]) -> Any:
        try:
            return await do()
        except ConnectionClosed as error:
            closing = error.rcvd or error.sent
            why = f"{closing.code} {closing.reason}".strip() if closing else "without a word"
            is_refused = closing is not None and closing.code == _POLICY_VIOLATION
            sentence = f"the WebSocket was closed: {in_a_line(why, _masked(self.token))}"
            raise LinkError("refused" if is_refused else "unreachable", sentence) from None


def decoded(raw: str | bytes) -> Frame:
    """What is binary, no JSON, or without a type is a frame without a kind."""
    if isinstance(raw, str):
        try:
            body = msgspec.json.decode(raw, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            return Frame("", {})
        kind = body.get("type") or body.get("event")
        return Frame(kind if isinstance(kind, str) else "", body)
    return Frame("", {})
