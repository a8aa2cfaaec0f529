"""The same thing happening again is one row: incidents of one component and one signature, close in time."""

import re
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from aurora_desktop.healing.incident import Incident

# With more time between them it is another day's trouble.
APART_S = 86400.0
# What varies from one time to the next; an exit code is part of what happened.
_VARIES = re.compile(r"(?<!code )\b\d[\d.,:]*")


class Group(Struct, frozen=True, kw_only=True):
    """Incidents that are the same, newest first; `id` is that of the oldest, so that it stays while more come."""

    id: int
    members: tuple[Incident, ...]

    @property
    def newest(self) -> Incident:
        return self.members[0]

    @property
    def since(self) -> float:
        """When it happened first, as Unix time."""
        return self.members[-1].at


def grouped(incidents: Iterable[Incident]) -> tuple[Group, ...]:
    """The incidents (newest first) by what they are; the group of the newest comes first."""
    gathered: list[list[Incident]] = []
    newest_of: dict[tuple[str, str], list[Incident]] = {}
    for incident in incidents:
        key = (incident.component, incident.signature or _signature(incident.cause))
        members = newest_of.get(key)
        if members is None or members[-1].at - incident.at > APART_S:
            newest_of[key] = members = []
            gathered.append(members)
        members.append(incident)
    return tuple(Group(id=members[-1].id, members=tuple(members)) for members in gathered)


@lru_cache(maxsize=2048)
def _signature(cause: str) -> str:
    return _VARIES.sub("#", cause)
