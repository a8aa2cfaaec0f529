"""The options of the link to the collaboration server."""

import re
from ipaddress import IPv6Address
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from aurora_desktop.core.settings.options import Count, Name, Section, option
from aurora_desktop.core.settings.schema_tasks import Permissions
from aurora_desktop.core.settings.values import ByteSize

Identity = Annotated[str, Meta(min_length=1, max_length=200)]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LAST_PORT = 65_535
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.IGNORECASE)
_MOST_LABEL = 63


def is_private(address: str) -> bool:
    """Whether nobody on the way to it can read along. `address` is one that can be split."""
    parts = urlsplit(address)
    return parts.scheme in ("https", "wss") or parts.hostname in LOOPBACK


def _is_host(name: str | None) -> bool:
    """A name as DNS takes it (what is not ASCII in its `xn--` form), or an address."""
    if not name:
        return False
    if ":" in name:
        try:
            return bool(IPv6Address(name))
        except ValueError:
            return False
    return bool(_HOST.fullmatch(name)) and all(len(label) <= _MOST_LABEL for label in name.split("."))


class LinkShare(Section, frozen=True):
    """What the server is told of this Aurora, where it takes a state. Nothing by default."""

    health: Annotated[bool, option("The verdict and its sentence.")] = False
    tasks: Annotated[bool, option("How many tasks wait and run; never what they are about.")] = False


class LinkInbound(Section, frozen=True):
    """What messages may ask for. They never get mouse and keyboard."""

    allowed_senders: Annotated[
        list[Identity],
        option("Identities at the server whose messages of the type `task` become tasks. Default: none."),
    ] = []
    agent: Annotated[Name, option("Who does these tasks; an agent of the kind `input` is refused.")] = "claude"
    permissions: Annotated[Permissions, option("What that agent may do at most.")] = "read-only"


class LinkOutbox(Section, frozen=True):
    """Messages that wait to be sent."""

    max_messages: Annotated[Count, option("A message over this is refused.", "messages")] = 1000
    max_bytes: Annotated[ByteSize, option("A message over this size of all together is refused.", "bytes")] = ByteSize(
        10_000_000
    )
    max_age_days: Annotated[
        Annotated[float, Meta(gt=0)], option("One that waits longer becomes a dead letter, and you are told.", "days")
    ] = 7.0


class LinkSettings(Section, frozen=True):
    """The collaboration server. Off by default."""

    enabled: Annotated[bool, option("Keep a connection to the server.")] = False
    url: Annotated[
        str | None, option("Address of the server's REST interface, without a path: `https://brain.example:8767`.")
    ] = None
    websocket_url: Annotated[
        str | None,
        option("Address of its WebSocket: `wss://brain.example:8768`. Default: that host, on the port after it."),
    ] = None
    ai_name: Annotated[Identity | None, option("Name to log in with; the server makes a profile of a new one.")] = None
    ai_nickname: Annotated[str, option("Shown beside the name.")] = "Aurora"
    ai_id: Annotated[Identity | None, option("Identity at the server, where it has one already.")] = None
    ca_file: Annotated[
        str | None, option("Certificates to trust, in PEM, instead of the system's; for a server of your own.")
    ] = None
    allow_plaintext: Annotated[
        bool, option("Allow `http` and `ws` to other machines: everybody on the way can read the tokens.")
    ] = False
    share: Annotated[LinkShare, option("What the server is told.")] = LinkShare()
    inbound: Annotated[LinkInbound, option("What messages may ask for.")] = LinkInbound()
    outbox: Annotated[LinkOutbox, option("Messages that wait to be sent.")] = LinkOutbox()
    poll_s: Annotated[
        Annotated[float, Meta(ge=0.05, le=3600)], option("Time between two looks into the inbox.", "s")
    ] = 5.0
    requests_per_min: Annotated[
        Annotated[int, Meta(ge=6, le=100_000)],
        option("Requests over this wait; the server takes 100 a minute of one identity.", "requests"),
    ] = 90
    reconnect_max_s: Annotated[
        Annotated[float, Meta(ge=1, le=3600)], option("Most between the beginnings of two attempts.", "s")
    ] = 15.0
    max_attempts: Annotated[
        Count | None,
        option("Give up after so many failed attempts, until the network changes or you say so. Default: never."),
    ] = None

    def __post_init__(self) -> None:
        if self.url is not None:
            self._check("url", self.url, ("https", "http"))
        if self.websocket_url is not None:
            self._check("websocket_url", self.websocket_url, ("wss", "ws"))
        if self.url is not None and self.websocket_url is None and urlsplit(self.url).port == _LAST_PORT:
            raise ValueError("there is no port after that of `url`: set `websocket_url`")
        if self.enabled and (self.url is None or self.ai_name is None):
            missing = "url" if self.url is None else "ai_name"
            raise ValueError(f"the link needs `{missing}` where it is enabled")

    def _check(self, name: str, address: str, schemes: tuple[str, str]) -> None:
        secure, _ = schemes
        try:
            parts = urlsplit(address)
            is_address = _is_host(parts.hostname) and parts.port != 0 and parts.scheme in schemes
            is_address &= address.isprintable()
        except ValueError:
            is_address = False
        if not is_address:
            raise ValueError(f"`{name}` is no address: expected one like `{secure}://brain.example:8767`, in ASCII")
        if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
            raise ValueError(f"`{name}` takes scheme, host and port alone: no password, path, `?` or `#`")
        if not is_private(address) and not self.allow_plaintext:
            raise ValueError(
                f"`{name}` would send tokens unencrypted: use `{secure}://`, or set `allow_plaintext: true`"
            )

    @property
    def live_url(self) -> str:
        """`websocket_url`, with its default filled in. Only where there is a `url`."""
        if self.websocket_url is not None:
            return self.websocket_url.rstrip("/")
        parts = urlsplit(self.url or "")
        is_secure = parts.scheme == "https"
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{'wss' if is_secure else 'ws'}://{host}:{(parts.port or (443 if is_secure else 80)) + 1}"
