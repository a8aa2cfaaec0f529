"""What alerts show of themselves: plain values that the window, the API and the command read."""

from typing import Literal, Protocol

from msgspec import Struct

from aurora_desktop.core.settings.schema_healing import AlertKind

Place = Literal["settings", "keyring", "file", "missing", "unknown"]

DESKTOP = "desktop"
"""The name under which a test tells of the desktop's own notifications."""


class Delivered(Struct, frozen=True, kw_only=True):
    """How the last delivery to a channel went, at `at` (Unix time); `cause` says why it failed."""

    at: float
    ok: bool
    title: str
    cause: str = ""
    tries: int = 1


class ChannelView(Struct, frozen=True, kw_only=True):
    """`address` without anything that is secret; `place`: where the secret lies; `waiting`: alerts not yet sent."""

    name: str
    address: str
    on: tuple[AlertKind, ...]
    place: Place
    warning: str = ""
    hint: str = ""
    waiting: int = 0
    last: Delivered | None = None


class Snooze(Struct, frozen=True, kw_only=True):
    """Silence until `until` (Unix time), of one component, or ("") of all."""

    until: float
    component: str = ""


class AlertsView(Struct, frozen=True, kw_only=True):
    """`held_back`: alerts that were not sent because they were the same as one before, or snoozed."""

    channels: tuple[ChannelView, ...] = ()
    snoozes: tuple[Snooze, ...] = ()
    held_back: int = 0


class TestResult(Struct, frozen=True, kw_only=True):
    """How a test alert to one channel went, in words."""

    __test__ = False  # no class of tests, whatever pytest takes it for

    channel: str
    ok: bool
    cause: str
    duration_s: float


class AlertsFace(Protocol):
    """The public face of alerts; all calls on the loop's thread."""

    def view(self) -> AlertsView: ...

    async def look(self) -> AlertsView:
        """The view, with the places of the secrets looked up; takes a second, in a process of its own."""
        ...

    async def test(self, channel: str | None) -> tuple[TestResult, ...]:
        """Send a test alert to one channel, or to all and the desktop. Raises AuroraError for an unknown one."""
        ...

    async def try_address(self, url: str) -> TestResult:
        """Send a test alert to an address that is not in the settings. Raises AuroraError for what is none."""
        ...

    async def keep_secret(self, name: str, url: str) -> str:
        """Keep an address for a channel that names it as `secret`; why it lies in a plain file, "" for the keyring.

        Raises AuroraError when it cannot be kept.
        """
        ...

    def snooze(self, for_s: float, component: str = "") -> Snooze:
        """Be silent of one component, or ("") of all; 0 seconds end it. Emergencies are told all the same."""
        ...

    def is_snoozed(self, component: str) -> bool: ...
