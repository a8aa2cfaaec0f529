"""What every event is made of; the events themselves are in `events.py`."""

from typing import ClassVar

import msgspec


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_snake_case):
    """What every event carries. `recovery`: belongs in `recovery_events.log`; `error`: counts as an error."""

    recovery: ClassVar[bool] = False
    error: ClassVar[bool] = False

    at: float
    component: str

    @classmethod
    def event_type(cls) -> str:
        """The name of the type as it is written: `service_failed` for ServiceFailed."""
        return str(cls.__struct_config__.tag)
