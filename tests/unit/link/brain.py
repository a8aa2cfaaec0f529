"""A stand-in of the collaboration server: its REST interface and its WebSocket, with what is wrong with them.

It runs on a loop of its own in a thread, on free ports of 127.0.0.1.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

T = TypeVar("T")
KEY = b"of the stand-in"
Reply = tuple[int, dict[str, Any]]


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt(**claims: object) -> str:
    """A token as the server signs it."""
    said = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    sign = hmac.new(KEY, said.encode(), hashlib.sha256).digest()
    return f"{said}.{base64.urlsafe_b64encode(sign).decode().rstrip('=')}"


class Brain:
    """What is said to it, and what it says. `skew_s`: how far its clock is ahead of ours."""

    def __init__(self) -> None:
        self.skew_s = 0.0
        self.token_s, self.refresh_s = 3600.0, 7 * 86_400.0
        self.per_minute = 1_000_000
        self.profiles: dict[str, int] = {}
        self.lists_metadata = False
        self.sessions: dict[str, dict[str, Any]] = {}
        """By their uuid alone: it does not find one by the number of its row."""
        self.messages: list[dict[str, Any]] = []
        self.sockets: dict[int, ServerConnection] = {}
        self.asked: list[tuple[str, str]] = []
        self.logins = self.refreshes = self.greeted = self.subscriptions = 0
        self.refuses_login = False
        self.granted: list[str] = []
        """Every token that it ever gave."""
        self.revoked: set[str] = set()
        self.answers: list[Callable[[str, str], Reply | None]] = []
        """Asked first, in order; the first that gives an answer wins."""
        self.hangs_up = False
        self.raw: bytes | None = None
        """Said to everybody in place of HTTP."""
        self._ids = itertools.count(1)
        self._stamps: dict[int, list[float]] = {}

    def now(self) -> float:
        return time.time() + self.skew_s

    def answer(self, method: str, path: str, query: dict[str, str], token: str, body: dict[str, Any]) -> Reply:
        self.asked.append((method, path))
        for one in self.answers:
            if (said := one(method, path)) is not None:
                return said
        match method, path.removeprefix("/api/v1/"):
            case "POST", "auth/login":
                return self._login(body)
            case "POST", "auth/refresh":
                return self._refresh(body)
            case "POST", "auth/logout":
                self.revoked.add(token)
                return 200, {"success": True, "message": "Logged out successfully"}
        me = self.who(token, "access")
        if me is None:
            return 401, {"success": False, "error": "Invalid or expired token"}
        if (wait := self._over_limit(me)) is not None:
            return 429, {"success": False, "error": "Rate limit exceeded", "retry_after": wait}
        return self._answer(me, method, path.removeprefix("/api/v1/"), query, body)

    def _answer(self, me: int, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Reply:
        match method, path.split("/"):
            case "POST", ["session", "create"]:
                return self._create_session(me, body)
            case "GET", ["session", id_] if id_ in self.sessions:
                return 200, {"success": True, "session": self.sessions[id_]}
            case "DELETE", ["session", id_] if id_ in self.sessions and self.sessions[id_]["ai_id"] == me:
                self.sessions[id_]["status"] = "ended"
                return 200, {"success": True, "session": self.sessions[id_]}
            case "POST", ["message", "send"]:
                return 200, {"success": True, "message": self._shown(self.post(me, **body))}
            case "GET", ["message", "inbox"]:
                return self._page([m for m in self.messages if m["recipient_id"] == me], query)
            case "GET", ["message", "sent"]:
                return self._page([m for m in self.messages if m["sender_id"] == me], query)
            case "PUT", ["brain", "state"]:  # whatever is sent, as in the server at hand
                return 400, {"success": False, "error": "session_identifier is required"}
        return 404, {"success": False, "error": "Not found"}

    def post(self, sender: int, **said: Any) -> dict[str, Any]:
        """A message; it is not looked at whether it was there already."""
        number = next(self._ids)
        message = {
            "id": number, "message_id": str(uuid.uuid4()), "sender_id": sender, "read_at": None, "status": "unread",
            "recipient_id": said.get("recipient_id", said.get("target_ai_id")), "subject": said.get("subject"),
            "content": said["content"], "message_type": said.get("message_type", "text"),
            "metadata": said.get("metadata") or {}, "created_at": f"2026-01-01T00:00:00.{number:06}",
        }  # fmt: skip
        self.messages.append(message)
        return message

    def _page(self, messages: list[dict[str, Any]], query: dict[str, str]) -> Reply:
        limit, offset = int(query.get("limit", 50)), int(query.get("offset", 0))
        newest = [self._shown(message) for message in messages[::-1][offset : offset + limit]]
        return 200, {"success": True, "messages": newest, "total": len(messages), "limit": limit, "offset": offset}

    def _shown(self, message: dict[str, Any]) -> dict[str, Any]:
        """Metadata are taken and not given back."""
        return message if self.lists_metadata else {name: message[name] for name in message if name != "metadata"}

    def _create_session(self, me: int, body: dict[str, Any]) -> Reply:
        number = next(self._ids)
        session = {
            "id": number, "session_id": str(uuid.uuid4()), "ai_id": me, "session_type": body.get("session_type"),
            "title": body.get("title"), "status": "active", "metadata": body.get("metadata"),
            "started_at": "2026-01-01T00:00:00", "session_identifier": f"{number:07x}",
        }  # fmt: skip
        self.sessions[session["session_id"]] = session
        return 201, {"success": True, "session": session}

    # --- who ------------------------------------------------------------------------------------------------------

    def profile(self, name: str) -> int:
        return self.profiles.setdefault(name, len(self.profiles) + 1)

    def _login(self, body: dict[str, Any]) -> Reply:
        if self.refuses_login:
            return 403, {"success": False, "error": "this identity is blocked"}
        self.logins += 1
        return self._grant(self.profile(body["ai_name"]), body["ai_name"])

    def _refresh(self, body: dict[str, Any]) -> Reply:
        me = self.who(body.get("refresh_token", ""), "refresh")
        if me is None:
            return 401, {"success": False, "error": "Invalid refresh token"}
        self.refreshes += 1
        return self._grant(me, next(name for name, id_ in self.profiles.items() if id_ == me))

    def _grant(self, me: int, name: str) -> Reply:
        about = {"ai_id": me, "ai_name": name, "ai_nickname": "x", "iat": self.now(), "jti": next(self._ids)}
        token = jwt(**about, type="access", exp=self.now() + self.token_s)
        renewal = jwt(**about, type="refresh", exp=self.now() + self.refresh_s)
        self.granted += [token, renewal]
        return 200, {
            "success": True, "token": token, "refresh_token": renewal, "expires_in": self.token_s, "ai_id": me,
            "ai_name": name, "ai_nickname": "x",
        }  # fmt: skip

    def who(self, token: str, kind: str) -> int | None:
        said, _, _ = token.rpartition(".")
        if token in self.revoked or not said:
            return None
        body = said.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if token != jwt(**claims) or claims["type"] != kind or claims["exp"] < self.now():
            return None
        return int(claims["ai_id"])

    def _over_limit(self, me: int) -> int | None:
        stamps = self._stamps.setdefault(me, [])
        now = time.monotonic()
        stamps[:] = [at for at in stamps if at > now - 60]
        if len(stamps) >= self.per_minute:
            return int(stamps[0] + 60 - now) + 1
        stamps.append(now)
        return None

    # --- the WebSocket ----------------------------------------------------------------------------------------

    async def live(self, connection: ServerConnection) -> None:
        """A bad token is accepted first; a second socket of one identity takes the first one's place in the list."""
        query = dict(parse_qsl(urlsplit(connection.request.path if connection.request else "").query))
        me = self.who(query.get("token", ""), "access")
        if me is None:
            await connection.send(json.dumps({"type": "error", "error": "Authentication failed"}))
            return
        self.sockets[me] = connection
        self.greeted += 1
        await connection.send(json.dumps({"type": "connected", "ai_id": me}))
        try:
            async for raw in connection:
                await self._hear(connection, json.loads(raw))
        except ConnectionClosed:
            pass
        finally:
            self.sockets.pop(me, None)  # also where it is another one's: its bug

    async def _hear(self, connection: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["type"] == "ping":
            raise RuntimeError("the server's own ping handler is broken")
        if frame["type"] in ("subscribe", "unsubscribe"):
            self.subscriptions += 1  # it answers nothing


class Served:
    """A brain on two ports. `with` opens and closes it; `close_door` and `open_door` are an outage in between."""

    def __init__(self, brain: Brain | None = None, tls: Any = None) -> None:
        self.brain = brain or Brain()
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stand-in")
        self.port = self.live_port = 0
        self._servers: list[Any] = []
        self._answering: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    def __enter__(self) -> "Served":
        self._thread.start()
        self.open_door()
        return self

    def __exit__(self, *_: object) -> None:
        self.close_door()
        self.run(_drained())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def open_door(self) -> None:
        self.run(self._open())

    def close_door(self) -> None:
        self.run(self._close())

    def tell(self, raw: str | bytes) -> None:
        """A frame to everybody."""

        async def told() -> None:
            for socket in tuple(self.brain.sockets.values()):
                await socket.send(raw)

        self.run(told())

    def settings(self, **more: Any) -> dict[str, Any]:
        """What `link:` needs to reach it."""
        secure = "s" if self._tls else ""
        return {
            "enabled": True, "url": f"http{secure}://127.0.0.1:{self.port}", "ai_name": "aurora", "poll_s": 0.05,
            "websocket_url": f"ws{secure}://127.0.0.1:{self.live_port}", "requests_per_min": 100_000, **more,
        }  # fmt: skip

    async def _open(self) -> None:
        rest = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        live = await serve(self.brain.live, "127.0.0.1", self.live_port, ssl=self._tls, close_timeout=0.2)
        self.port, self.live_port = rest.sockets[0].getsockname()[1], next(iter(live.sockets)).getsockname()[1]
        self._servers = [rest, live]

    async def _close(self) -> None:
        for server in self._servers:
            await accept_no_more(server.sockets)
            server.close()
            await server.wait_closed()
        self._servers = []
        await _ended(set(self._answering))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """No coroutine: one that is cancelled before its first step would close nothing."""
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._answering[task] = writer
        task.add_done_callback(lambda task: self._answering.pop(task).close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not self.brain.hangs_up:
                writer.write(await self._replied(reader))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass

    async def _replied(self, reader: asyncio.StreamReader) -> bytes:
        if self.brain.raw:
            await reader.read(65536)  # closed with something unread, a connection is reset
            return self.brain.raw
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        url = urlsplit(target)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        body = json.loads(raw) if raw else {}
        status, answer = self.brain.answer(method, url.path, dict(parse_qsl(url.query)), token, body)
        location = f"Location: {answer.pop('location')}\r\n" if "location" in answer else ""
        content = json.dumps(answer).encode()
        return (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{location}Connection: close\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        ).encode() + content


async def accept_no_more(sockets: Iterable[Any]) -> None:
    """Before a server is closed: asyncio loses a connection that it accepts in the same turn (Python 3.11)."""
    for socket in sockets:
        asyncio.get_running_loop().remove_reader(socket.fileno())
    for _ in range(3):
        await asyncio.sleep(0)


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tuple(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _drained() -> None:
    """What was accepted in the last moment is closed too, before the loop is."""
    await _ended(asyncio.all_tasks() - {asyncio.current_task()})  # type: ignore[arg-type]  # there is one
    for _ in range(3):
        await asyncio.sleep(0)
