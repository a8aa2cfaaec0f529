"""The addresses of the link: how it is, a new attempt, a message out, the messages in. No address shows a token."""

from typing import Annotated

from msgspec import Meta, Struct

from aurora_desktop.api import shapes
from aurora_desktop.api.answering import Operation, Reply, get, post
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.link.view import IncomingView, LinkFace, LinkView, OutgoingView

MAX_INBOX = 1000


class InboxQuery(Struct, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=MAX_INBOX)] = 50


class SendRequest(shapes.Body, frozen=True, kw_only=True):
    """`key`: one message, however often it is sent."""

    recipient: Annotated[str, Meta(min_length=1, max_length=200)]
    content: Annotated[str, Meta(min_length=1)]
    subject: Annotated[str, Meta(max_length=500)] = ""
    kind: Annotated[str, Meta(min_length=1, max_length=50)] = "text"
    key: Annotated[str, Meta(max_length=200)] = ""


class DeadLetters(shapes.Body, frozen=True, kw_only=True):
    """`key`: that one alone; "" for all."""

    key: Annotated[str, Meta(max_length=200)] = ""


class LinkDoor:
    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def routes(self) -> list[Operation]:
        return [
            get("/v1/link", self.link),
            get("/v1/link/inbox", self.inbox),
            post("/v1/link/reconnect", self.reconnect),
            post("/v1/link/send", self.send, statuses=(202,)),
            post("/v1/link/dead/retry", self.retry_dead),
            post("/v1/link/dead/forget", self.forget_dead),
        ]

    async def link(self) -> LinkView:
        """The link to the collaboration server, its queues, and what went wrong last."""
        return self._link().view()

    async def inbox(self, query: InboxQuery) -> tuple[IncomingView, ...]:
        """What was received, newest first."""
        return await self._link().inbox(query.limit)

    async def reconnect(self) -> LinkView:
        """Try now, whatever the link waits for."""
        return self._link().reconnect()

    async def send(self, body: SendRequest) -> Reply[OutgoingView]:
        """Put a message into the outbox: it is on disk then, and not yet at the server."""
        message = await self._link().send(
            body.recipient, body.content, subject=body.subject, kind=body.kind, key=body.key
        )
        return Reply(202, message)

    async def retry_dead(self, body: DeadLetters) -> LinkView:
        """Put dead letters into the queue again."""
        return await self._link().retry_dead(body.key)

    async def forget_dead(self, body: DeadLetters) -> LinkView:
        """Delete dead letters."""
        return await self._link().forget_dead(body.key)

    def _link(self) -> LinkFace:
        if self._context.link is None:
            raise ProblemError(503, "The link is not running", "", "See `aurora status`")
        return self._context.link
