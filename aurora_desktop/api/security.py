"""What stands before every route: Host, Origin, token and the size, type and pace of the body.

Loopback is no boundary: a web page can reach it through the browser (hence Host and Origin), and so can
every other user of the machine (hence the token).
"""

import asyncio
import contextlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from aurora_desktop.api.admission import Admission, Entry, RevokedError
from aurora_desktop.api.attempts import FailureLimit
from aurora_desktop.api.problems import MEDIA_TYPE, ProblemError, encode_problem
from aurora_desktop.api.scopes import GRANTED, STOPPING, WAITING, allowed, body_limit
from aurora_desktop.api.streams.pieces import EVENT_STREAM, as_error
from aurora_desktop.core.tokens import SCOPES, Scope

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# A client that sends more than it may still gets to read the answer, if it stops within this much more.
MAX_DRAINED_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 10.0
MAX_REQUESTS = 192
"""Answered at the same time, those that wait for news included. A stop is always answered."""
OPEN_PATHS = frozenset({"/health"})
UNAUTHORIZED = 3000
"""The close code of a WebSocket, as IANA has it registered."""
_TOKEN_PARAMETERS = frozenset({"token", "access_token", "auth", "authorization", "api_key", "apikey", "key"})
TELL_AGAIN_S = 60.0
# A web page reaches no Unix socket: there the name says nothing, and these are what programs send.
_SOCKET_HOSTS = frozenset({b"localhost", b"127.0.0.1"})
COMMON_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_ANSWER, _DENIAL = "http.response", "websocket.http.response"
_HEADERS_OF = {
    401: [(b"www-authenticate", b'Bearer realm="aurora"')],
    429: [(b"retry-after", b"1")],
    503: [(b"retry-after", b"1")],
}

log = logging.getLogger(__name__)


class Security:
    """Lets a request through to `app` with its body read whole, or answers it with a problem."""

    def __init__(
        self,
        app: App,
        tokens: Callable[[], Mapping[Scope, bytes]],
        body_timeout_s: float = BODY_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._hosts: frozenset[bytes] = frozenset()
        self._origins: frozenset[bytes] = frozenset()
        self._body_timeout_s = body_timeout_s
        self._clock = clock
        self._failures = FailureLimit()
        self._admission = Admission(tokens)
        self._told_at: float | None = None
        self._answering = 0

    def serve_port(self, port: int) -> None:
        """Let in what names this port; until then what comes through the Unix socket alone."""
        self._hosts = frozenset(f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost"))
        self._origins = frozenset(b"http://" + host for host in self._hosts)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._upgrade(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("only HTTP and WebSocket are served here")
        headers = _Headers(scope["headers"])
        self._answering += 1
        try:
            entry = self._check(scope, headers)
            async with asyncio.timeout(self._body_timeout_s):
                body = await _read_body(headers, receive, body_limit(scope["path"]))
            if body and entry is not None and not entry.is_valid(self._tokens()):
                raise RevokedError  # while the body came
        except TimeoutError:
            await _refuse(ProblemError(408, "The request body came too slowly"), send)
        except ProblemError as problem:
            await _refuse(problem, send)
        else:
            waits = scope["method"] in ("GET", "HEAD") or scope["path"] in WAITING
            await self._answer(scope, _replay(body, receive), send, entry if waits else None)
        finally:
            self._answering -= 1

    async def _upgrade(self, scope: Message, receive: Receive, send: Send) -> None:
        """A web page may open a WebSocket to any address without asking: only Origin and token tell who does."""
        self._answering += 1
        try:
            entry = self._check({**scope, "method": "GET"}, _Headers(scope["headers"]))
        except ProblemError as problem:
            await _refuse(problem, send, _DENIAL)
        else:
            await self._answer(scope, receive, send, entry)
        finally:
            self._answering -= 1

    async def _answer(self, scope: Message, receive: Receive, send: Send, entry: Entry | None) -> None:
        """`entry`: the answer ends when this does."""
        if entry is None:
            await self._app(scope, receive, _with_common_headers(send))
            return
        answer = _Answer(send)
        try:
            with self._admission.held(entry) as let_go:
                answer.on_single = let_go
                await self._app(scope, receive, _with_common_headers(answer.send))
        except RevokedError as problem:
            await answer.end(problem, _DENIAL if scope["type"] == "websocket" else _ANSWER)

    def _check(self, scope: Message, headers: "_Headers") -> Entry | None:
        """What it enters with; None where no token is needed. Raises ProblemError."""
        self._check_place(scope, headers)
        entry = self._check_token(scope, headers)
        self._check_room(scope["path"])
        return entry

    def _check_place(self, scope: Message, headers: "_Headers") -> None:
        if headers.all(b"content-length") and headers.all(b"transfer-encoding"):
            raise ProblemError(400, "The length of the body is told in two ways", "", "Send one of the two headers")
        hosts = headers.all(b"host")
        served = self._hosts | _SOCKET_HOSTS if _is_unix(scope) else self._hosts
        if len(hosts) != 1 or hosts[0].lower() not in served:
            raise ProblemError(403, "This Host is not served here", "", "Ask 127.0.0.1 with the port of api.json")
        if any(origin.lower() not in self._origins for origin in headers.all(b"origin")):
            raise ProblemError(403, "Web pages of other origins are not served here")

    def _check_room(self, path: str) -> None:
        if self._answering > MAX_REQUESTS and path not in STOPPING:
            raise ProblemError(
                503, "Too many requests wait for their answers", f"at most {MAX_REQUESTS} at a time", "Try again"
            )

    def _check_token(self, scope: Message, headers: "_Headers") -> Entry | None:
        names = {name.lower() for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)}
        if names & _TOKEN_PARAMETERS:
            raise ProblemError(
                400, "A token does not belong in the address", "", "Send `Authorization: Bearer <token>`"
            )
        if scope["path"] in OPEN_PATHS:
            _check_empty(headers)
            return None
        needed = allowed(scope["method"], scope["path"])
        tokens = dict(self._tokens())  # once: the one that is let in now may be rotated at this moment
        granted = _granted(tokens, headers.all(b"authorization"))
        if not granted:
            self._count_failure()
            raise ProblemError(401, "A valid token is needed", "", "It is in the folder `tokens` of the state folder")
        if not granted & needed:
            raise ProblemError(403, "This token does not allow that", "", f"Use the token {_either(needed)}")
        scope[GRANTED] = granted
        return Entry(tokens, granted & needed)

    def _count_failure(self) -> None:
        """Raises ProblemError 429 once there are too many; the log tells once a minute."""
        now = self._clock()
        if self._failures.admits(now):
            return
        if self._told_at is None or now - self._told_at >= TELL_AGAIN_S:
            self._told_at = now
            log.warning("many requests come to the local API without a valid token; they are refused")
        raise ProblemError(429, "Too many requests without a valid token", "", "Wait a second, or use a valid token")


class _Answer:
    """What was sent of an answer, so that one that goes on can be brought to an end in the form that it has.

    `on_single`: called when an answer begins that ends by itself.
    """

    def __init__(self, send: Send) -> None:
        self.on_single: Callable[[], None] = lambda: None
        self._send = send
        self._form = ""

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self._form = "websocket"
        elif message["type"].endswith("response.start"):
            self._form = _media_type(message)
            if self._form != EVENT_STREAM:
                self.on_single()
        await self._send(message)

    async def end(self, problem: ProblemError, refusal: str) -> None:
        """`refusal`: the kind of answer that says so where none has begun."""
        if self._form == "websocket":
            with contextlib.suppress(OSError, RuntimeError):  # it has gone by itself meanwhile
                await self._send({"type": "websocket.close", "code": UNAUTHORIZED, "reason": problem.title})
        elif self._form == EVENT_STREAM:
            await self._send({"type": "http.response.body", "body": as_error(problem)})
        else:
            await _refuse(problem, self._send, refusal)


class _Headers:
    """The headers of one request; uvicorn has put their names in lower case."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def all(self, name: bytes) -> list[bytes]:
        return [value.strip() for key, value in self._raw if key == name]


def _media_type(start: Message) -> str:
    given = dict(start["headers"]).get(b"content-type", b"")
    return bytes(given).partition(b";")[0].decode("latin-1")


def _granted(tokens: Mapping[Scope, bytes], given: list[bytes]) -> set[Scope]:
    """Every token is compared, so that the time taken tells nothing."""
    scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
    equal = {scope for scope, ours in tokens.items() if hmac.compare_digest(ours, token.strip())}
    return equal if scheme.lower() == b"bearer" else set()


def _check_empty(headers: _Headers) -> None:
    """Who needs no token is not listened to either: a body that never comes would hold the connection."""
    if headers.all(b"transfer-encoding") or any(length != b"0" for length in headers.all(b"content-length")):
        raise ProblemError(413, "No body is read here", "", "Send none")


def _is_unix(scope: Message) -> bool:
    """Whether it came through the Unix socket: uvicorn then tells a path without a port."""
    server = scope.get("server")
    return server is not None and server[1] is None


def _either(scopes: Collection[Scope]) -> str:
    """The tokens that open an address, the weakest first."""
    return " or ".join(f"`{scope}`" for scope in SCOPES if scope in scopes)


async def _read_body(headers: _Headers, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises ProblemError 413 over `limit` bytes, 415 for what is not JSON."""
    body, size, more = bytearray(), 0, True
    while more and size <= limit + MAX_DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError(400, "The request ended early")
        size += len(message.get("body", b""))
        if size <= limit:
            body += message.get("body", b"")
        more = message.get("more_body", False)
    if size > limit:
        raise ProblemError(413, "The request body is too large", f"at most {limit} bytes are read")
    if body and not _is_json(headers.all(b"content-type")):
        raise ProblemError(415, "The request body must be JSON", "", "Send `Content-Type: application/json`")
    return bytes(body)


def _is_json(content_types: list[bytes]) -> bool:
    if len(content_types) != 1:
        return False
    media_type, _, parameter = content_types[0].lower().partition(b";")
    return media_type.strip() == b"application/json" and parameter.strip() in (b"", b"charset=utf-8")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hands out the body that was read, then what comes after it (the disconnect)."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def _with_common_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"].endswith("http.response.start"):  # or the refusal of a WebSocket
            message = {**message, "headers": [*message.get("headers", []), *COMMON_HEADERS]}
        await send(message)

    return sent


async def _refuse(problem: ProblemError, send: Send, answer: str = _ANSWER) -> None:
    """Answer, and close the connection: the rest of a refused request is not to be read as the next one."""
    body = encode_problem(problem)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *COMMON_HEADERS,
        *_HEADERS_OF.get(problem.status, ()),
    ]
    await send({"type": f"{answer}.start", "status": problem.status, "headers": headers})
    await send({"type": f"{answer}.body", "body": body})
