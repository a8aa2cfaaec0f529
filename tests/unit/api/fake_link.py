"""A link that shows what it was given and remembers what it was asked."""

from collections.abc import Callable

from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.link.view import IncomingView, LinkView, OutgoingView, QueueView


class FakeLink:
    def __init__(self) -> None:
        self.shown = LinkView(
            enabled=True, state="online", cause="connected", server="https://brain.example:8767", identity="aurora",
            session="a1b2c3d", latency_ms=12.0, last_heartbeat_at=1_700_000_000.0, tokens_in="keyring",
            token_expires_at=1_700_003_600.0, outbox=QueueView(waiting=1, sent=2), received=1,
        )  # fmt: skip
        self.sent: list[tuple[str, ...]] = []
        self.reconnects = 0
        self.settled: list[tuple[str, str]] = []
        self.refuses: AuroraError | None = None
        self.messages = (
            IncomingView(
                message_id="m1", sender="17", kind="task", subject="", content="look at\nthe logs", created_at="then",
                received_at=1_700_000_000.0, task_id="task_1",
            ),
        )  # fmt: skip

    def view(self) -> LinkView:
        return self.shown

    def reconnect(self) -> LinkView:
        if self.refuses:
            raise self.refuses
        self.reconnects += 1
        return replace(self.shown, state="connecting")

    async def send(
        self, recipient: str, content: str, *, subject: str = "", kind: str = "text", key: str = ""
    ) -> OutgoingView:
        if self.refuses:
            raise self.refuses
        self.sent.append((recipient, content, subject, kind, key))
        return OutgoingView(
            key=key or "aurora-1", recipient=recipient, subject=subject, status="waiting", created_at=1_700_000_000.0,
            size=len(content),
        )  # fmt: skip

    async def inbox(self, limit: int = 50) -> tuple[IncomingView, ...]:
        return self.messages[:limit]

    async def retry_dead(self, key: str = "") -> LinkView:
        return self._settled("retry", key)

    async def forget_dead(self, key: str = "") -> LinkView:
        return self._settled("forget", key)

    def _settled(self, how: str, key: str) -> LinkView:
        if self.refuses is not None:
            raise self.refuses
        self.settled.append((how, key))
        self.shown = replace(self.shown, outbox=replace(self.shown.outbox, dead=(), dead_count=0))
        return self.shown

    def watch(self, on_change: Callable[[], None]) -> None:
        """Nothing here changes by itself."""
