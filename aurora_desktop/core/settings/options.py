"""What every option is made of: its base, its description, and the types that many share."""

from typing import Annotated, Any

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0, extra={"unit": "s"})]
Delay = Annotated[float, Meta(ge=0, extra={"unit": "s"})]
Count = Annotated[int, Meta(ge=1)]
Percent = Annotated[float, Meta(gt=0, le=100, extra={"unit": "%"})]
Port = Annotated[int, Meta(ge=1, le=65535)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the settings; what it does not know is refused."""


def option(sentence: str, unit: str = "") -> Any:
    """The description of one option as msgspec metadata."""
    return Meta(description=sentence, extra={"unit": unit} if unit else None)
