"""What main and the process that sends say to each other: one JSON object each way, over stdin and stdout."""

from typing import Literal

from msgspec import Struct

from aurora_desktop.healing.alerts.view import Place


class Send(Struct, frozen=True, kw_only=True, tag="send"):
    """One message to one address, given as `url` or as the name of a `secret`."""

    title: str
    body: str
    severity: Literal["info", "warning", "failure"]
    timeout_s: float
    secrets_folder: str
    url: str = ""
    secret: str = ""


class Look(Struct, frozen=True, kw_only=True, tag="look"):
    """Where these secrets lie."""

    secrets: tuple[str, ...]
    secrets_folder: str


class Keep(Struct, frozen=True, kw_only=True, tag="keep"):
    """Keep an address as a secret of this name."""

    secret: str
    url: str
    secrets_folder: str


class Sent(Struct, frozen=True, kw_only=True):
    """How it went; `final`: it would go the same way again. `place`: where the address came from."""

    ok: bool
    cause: str = ""
    final: bool = False
    place: Place = "settings"


class Looked(Struct, frozen=True):
    """The place of each secret, `missing` where it is in none, and what is wrong with it, in words."""

    places: dict[str, Place]
    wrong: dict[str, str] = {}


Request = Send | Look | Keep
