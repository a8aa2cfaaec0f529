"""CloudBrain's REST interface, as its server's code behaves: the one place that knows its names.

Another server, or a newer one, gets an adapter of this shape beside it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.http import Answer

ROOT = "/api/v1"
PAGE = 50
KEY = "aurora_key"
"""The member of `metadata` that holds the idempotency key."""
REFRESH_LIFETIME_S = 7 * 86_400.0

Ask = Callable[[str, str, str, object], Awaitable[Answer]]
T = TypeVar("T", bound=Struct)


class Identity(NamedTuple):
    name: str
    nickname: str
    id: str | None = None


class Granted(NamedTuple):
    """`expires_in`: seconds, where it says so."""

    token: str
    refresh_token: str
    expires_in: float | None
    server_now: float | None
    ai_id: str = ""


class Session(NamedTuple):
    id: str
    identifier: str


class Message(NamedTuple):
    """One of inbox or sent. `key`: the idempotency key that its sender gave it, if it is listed.

    `shows_key` is False where the server lists no `metadata`, as the one at hand does not.
    """

    id: str
    sender: str
    recipient: str
    subject: str
    content: str
    kind: str
    created_at: str
    key: str
    shows_key: bool = True


class Page(NamedTuple):
    messages: tuple[Message, ...]
    total: int


class Outgoing(NamedTuple):
    key: str
    recipient: str
    subject: str
    content: str
    kind: str

    def may_be(self, listed: Message) -> bool:
        """Whether the server lists it there: by its key; by recipient and words where it lists no keys."""
        if listed.shows_key:
            return listed.key == self.key
        ours = (str(_plain_id(self.recipient)), self.subject, self.content, self.kind)
        return (listed.recipient, listed.subject, listed.content, listed.kind) == ours


class Server(Protocol):
    """What the link needs of a server. All raise LinkError."""

    async def login(self, identity: Identity) -> Granted: ...

    async def refresh(self, refresh_token: str) -> Granted: ...

    async def create_session(self, token: str, title: str, metadata: dict[str, str]) -> Session: ...

    async def has_session(self, token: str, session_id: str) -> bool: ...

    async def end_session(self, token: str, session_id: str) -> None: ...

    async def logout(self, token: str) -> None: ...

    async def send(self, token: str, message: Outgoing) -> str: ...

    async def inbox(self, token: str, offset: int) -> Page: ...

    async def sent(self, token: str, offset: int) -> Page: ...

    async def put_state(self, token: str, identifier: str, task: str, thought: str) -> None: ...


class CloudBrain:
    """`ask(method, path, token, body)` does the request."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def greet(self) -> None:
        """It is there and speaks this language, if it refuses what has no token. Raises LinkError else."""
        try:
            await self._ask("POST", f"{ROOT}/auth/verify", "", {})
        except LinkError as failure:
            if failure.kind not in ("refused", "invalid", "throttled"):
                raise

    async def login(self, identity: Identity) -> Granted:
        """An unknown name makes a profile there; an unknown id is refused as one that is blocked is."""
        body: dict[str, object] = {"ai_name": identity.name, "ai_nickname": identity.nickname}
        if identity.id:
            body["ai_id"] = _plain_id(identity.id)
        try:
            return _granted(await self._ask("POST", f"{ROOT}/auth/login", "", body))
        except LinkError as failure:
            if failure.said and failure.kind in ("invalid", "absent"):
                raise LinkError("refused", failure.sentence) from failure
            raise

    async def refresh(self, refresh_token: str) -> Granted:
        return _granted(await self._ask("POST", f"{ROOT}/auth/refresh", "", {"refresh_token": refresh_token}))

    async def create_session(self, token: str, title: str, metadata: dict[str, str]) -> Session:
        body = {"session_type": "aurora_desktop", "title": title, "metadata": metadata}
        answer = await self._ask("POST", f"{ROOT}/session/create", token, body)
        found = _as(answer.body.get("session"), _Session)
        id_ = found.session_id or found.id  # it is looked up by the first; `id` is the number of its row
        if id_ is None:
            raise LinkError("odd", "its session has no id")
        return Session(str(id_), found.session_identifier or str(id_)[:7])

    async def has_session(self, token: str, session_id: str) -> bool:
        """False where the server has forgotten it or ended it."""
        try:
            answer = await self._ask("GET", f"{ROOT}/session/{quote(session_id, safe='')}", token, None)
        except LinkError as failure:
            if failure.kind in ("absent", "invalid"):
                return False
            raise
        session = answer.body.get("session")
        status = session.get("status") if isinstance(session, dict) else ""
        return status not in ("ended", "closed", "expired", "deleted")

    async def end_session(self, token: str, session_id: str) -> None:
        """It may have been ended already."""
        try:
            await self._ask("DELETE", f"{ROOT}/session/{quote(session_id, safe='')}", token, None)
        except LinkError as failure:
            if failure.kind not in ("absent", "invalid"):
                raise

    async def logout(self, token: str) -> None:
        """Takes back the token of a login; one that was got by exchange holds on to its end there."""
        await self._ask("POST", f"{ROOT}/auth/logout", token, {})

    async def send(self, token: str, message: Outgoing) -> str:
        """The id that the server gave it."""
        body = {
            "recipient_id": _plain_id(message.recipient), "subject": message.subject, "content": message.content,
            "message_type": message.kind, "metadata": {KEY: message.key},
        }  # fmt: skip
        answer = await self._ask("POST", f"{ROOT}/message/send", token, body)
        return _message(answer.body.get("message")).id

    async def inbox(self, token: str, offset: int) -> Page:
        """Newest first. `status=unread` is what it is asked for; it has no way to mark one as read."""
        return await self._page("inbox", token, offset, status="unread")

    async def sent(self, token: str, offset: int) -> Page:
        return await self._page("sent", token, offset)

    async def put_state(self, token: str, identifier: str, task: str, thought: str) -> None:
        body = {"session_identifier": identifier, "task": task, "last_thought": thought}
        await self._ask("PUT", f"{ROOT}/brain/state", token, body)

    async def _page(self, which: str, token: str, offset: int, **more: str) -> Page:
        query = urlencode({"limit": PAGE, "offset": offset, **more})
        answer = await self._ask("GET", f"{ROOT}/message/{which}?{query}", token, None)
        listed = answer.body.get("messages")
        if not isinstance(listed, list):
            raise LinkError("odd", f"its {which} is no list of messages")
        total = answer.body.get("total")
        messages = tuple(message for each in listed if (message := _readable(each)) is not None)
        return Page(messages, total if isinstance(total, int) else len(listed))


class _Tokens(Struct):
    token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    ai_id: str | int | None = None


class _Session(Struct):
    session_id: str | None = None
    id: str | int | None = None
    session_identifier: str | None = None


class _Message(Struct):
    message_id: str | None = None
    id: str | int | None = None
    sender_id: str | int | None = None
    recipient_id: str | int | None = None
    subject: str | None = None
    content: str | None = None
    message_type: str | None = None
    created_at: str | float | None = None
    metadata: Any = None


def _granted(answer: Answer) -> Granted:
    found = _as(answer.body, _Tokens)
    if not _is_header_safe(found.token):
        raise LinkError("odd", "its token holds characters that no token has")
    ai_id = "" if found.ai_id is None else str(found.ai_id)
    return Granted(found.token, found.refresh_token or "", found.expires_in, answer.server_now, ai_id)


def _is_header_safe(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _message(found: object) -> Message:
    said = _as(found, _Message)
    id_ = said.message_id or said.id
    if id_ is None:
        raise LinkError("odd", "a message of it has no id", is_doubtful=True)
    metadata = _metadata(said.metadata)
    return Message(
        id=str(id_), sender=_text(said.sender_id), recipient=_text(said.recipient_id), subject=said.subject or "",
        content=said.content or "", kind=said.message_type or "text", created_at=_text(said.created_at),
        key=_text((metadata or {}).get(KEY)), shows_key=metadata is not None,
    )  # fmt: skip


def _metadata(said: Any) -> dict[str, Any] | None:
    """None where none is listed. Some columns give it back as the text that was put in."""
    if isinstance(said, str):
        try:
            said = msgspec.json.decode(said)
        except (msgspec.MsgspecError, RecursionError):
            return None
    return said if isinstance(said, dict) else None


def _readable(found: object) -> Message | None:
    """What is not understood of a message must not keep the others back: its id is enough, without one it is none."""
    try:
        return _message(found)
    except LinkError:
        id_ = (found.get("message_id") or found.get("id")) if isinstance(found, dict) else None
        if not isinstance(id_, str | int):
            return None
        return Message(str(id_), "", "", "", "", "unreadable", "", "")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _as(found: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(found, kind, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        raise LinkError("odd", f"its answer lacks something: {error}", is_doubtful=True) from error


def _plain_id(identity: str) -> str | int:
    """Its ids are numbers."""
    return int(identity) if identity.isascii() and identity.isdigit() and len(identity) < 19 else identity
