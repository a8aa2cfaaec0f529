"""A link that shows what it was given and remembers what it was asked."""

from collections.abc import Callable

from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.link.view import IncomingView, LinkView, OutgoingView, QueueView


def a_link(now: float) -> LinkView:
    """One that waits to try again, with a past."""
    dead = OutgoingView(
        key="k1", recipient="17", subject="", status="dead", created_at=now - 900, size=12, cause="it answered 404"
    )
    return LinkView(
        enabled=True, state="backing_off", cause="it cannot be reached: Connection refused", since=now - 60,
        server="https://brain.example:8767", identity="aurora", session="a1b2c3d", attempt=4, next_attempt_at=now + 7,
        latency_ms=48.0, latencies_ms=(12.0, 31.0, 48.0), error_rate=0.1, last_heartbeat_at=now - 61, tokens_in="file",
        token_expires_at=now + 1800, received=120, warnings=("the tokens lie in a plain file",),
        outbox=QueueView(waiting=3, waiting_bytes=4096, oldest_at=now - 50, sent=41, dead=(dead,), dead_count=1),
        errors=((now - 5, "it cannot be reached: Connection refused"),),
    )  # fmt: skip


class FakeLink:
    def __init__(self) -> None:
        self.shown = LinkView()
        self.asked = 0
        self.settled: list[tuple[str, str]] = []
        self.refuses: AuroraError | None = None
        self._watchers: list[Callable[[], None]] = []

    def show(self, view: LinkView) -> None:
        self.shown = view
        for watcher in self._watchers:
            watcher()

    def view(self) -> LinkView:
        return self.shown

    def reconnect(self) -> LinkView:
        if self.refuses is not None:
            raise self.refuses
        self.asked += 1
        self.shown = replace(self.shown, state="connecting", next_attempt_at=None)
        return self.shown

    async def send(
        self, recipient: str, content: str, *, subject: str = "", kind: str = "text", key: str = ""
    ) -> OutgoingView:
        raise AuroraError("The window sends nothing")

    async def inbox(self, limit: int = 50) -> tuple[IncomingView, ...]:
        return ()

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
        self._watchers.append(on_change)
