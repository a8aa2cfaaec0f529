"""What the link shows of itself, and what can be asked of it: plain values that window, door and command read."""

from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from aurora_desktop.core.link_events import LinkState

TokenPlace = Literal["keyring", "file", "memory", "none"]


class OutgoingView(Struct, frozen=True, kw_only=True):
    """A message of ours. `is_in_doubt`: it may have arrived, which is looked up before it is sent again."""

    key: str
    recipient: str
    subject: str
    status: Literal["waiting", "sent", "dead"]
    created_at: float
    size: int
    tries: int = 0
    is_in_doubt: bool = False
    cause: str = ""


class IncomingView(Struct, frozen=True, kw_only=True):
    """A message for us. `task_id`: the task that was made of it; `cause`: why none was."""

    message_id: str
    sender: str
    kind: str
    subject: str
    content: str
    created_at: str
    received_at: float
    task_id: str = ""
    cause: str = ""


class QueueView(Struct, frozen=True, kw_only=True):
    """`dead`: the newest of the dead letters, of which there are `dead_count`."""

    waiting: int = 0
    waiting_bytes: int = 0
    oldest_at: float | None = None
    sent: int = 0
    dead: tuple[OutgoingView, ...] = ()
    dead_count: int = 0


class LinkView(Struct, frozen=True, kw_only=True):
    """The link now. Times in Unix time; `attempt` counts those since it was last online. `errors`: newest first."""

    enabled: bool = False
    state: LinkState = "offline"
    cause: str = "the link is off in the settings"
    hint: str = ""
    since: float = 0.0
    server: str = ""
    identity: str = ""
    session: str = ""
    attempt: int = 0
    next_attempt_at: float | None = None
    latency_ms: float | None = None
    latencies_ms: tuple[float, ...] = ()
    error_rate: float = 0.0
    last_heartbeat_at: float | None = None
    tokens_in: TokenPlace = "none"
    token_expires_at: float | None = None
    outbox: QueueView = QueueView()
    received: int = 0
    missing: tuple[str, ...] = ()
    """Capabilities that this server lacks."""
    warnings: tuple[str, ...] = ()
    errors: tuple[tuple[float, str], ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether messages pass."""
        return self.state in ("online", "degraded")


class LinkFace(Protocol):
    """The public face of the link; all calls on the loop's thread. Errors are AuroraError."""

    def view(self) -> LinkView: ...

    def reconnect(self) -> LinkView:
        """Try now, whatever it waits for. Raises AuroraError where the link is off."""
        ...

    async def send(
        self, recipient: str, content: str, *, subject: str = "", kind: str = "text", key: str = ""
    ) -> OutgoingView:
        """Put a message into the outbox; it is on disk when this returns. The message that has this `key` is returned.

        Raises AuroraError for a recipient or content that cannot be, and for a full outbox.
        """
        ...

    async def inbox(self, limit: int = 50) -> tuple[IncomingView, ...]:
        """The newest messages, newest first."""
        ...

    async def retry_dead(self, key: str = "") -> LinkView:
        """Put the dead letter of this key, or all of them, into the queue again; on disk when this returns.

        One that may have arrived is looked for first. Raises AuroraError for an unknown key and a full outbox.
        """
        ...

    async def forget_dead(self, key: str = "") -> LinkView:
        """Take note of the dead letter of this key, or of all: they are deleted. Raises AuroraError as above."""
        ...

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after each change of what these show."""
        ...


class TaskTaker(Protocol):
    """Who makes tasks of messages."""

    async def take(self, prompt: str, key: str, sender: str) -> str:
        """The id of the task; the one that has this key already, if there is. On disk when this returns.

        Raises NotNowError where it is to be asked again later, AuroraError where it is not taken.
        """
        ...
