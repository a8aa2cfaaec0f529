"""What the built-in remedies share: the service that is meant, its verification, and commands for people to copy."""

import shlex
from collections.abc import Sequence
from typing import ClassVar

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.remedies.remedy import Done, RefusedError
from aurora_desktop.healing.yard import Yard

WELL_WITHIN_S = 60.0
"""A restarted service that needs longer to come up has not been helped."""
STAYS_S = 3.0
"""A service that is up for so long did not fail at once again."""
LONGEST_WORDS = 200


class Helping:
    """The parts that most remedies have in common: verified by the service being well, nothing to undo, not asked."""

    asks: ClassVar[bool] = False
    verifies: ClassVar[str] = "the service comes up and stays up"
    undoes: ClassVar[str] = "there is nothing to undo"

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool:  # noqa: ARG002 - the shape of a remedy
        return await is_well(fault, yard)

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:  # noqa: ARG002 - nothing to undo
        return None


def named(fault: Fault, yard: Yard) -> tuple[str, Service]:
    """The service's name and definition. Raises RefusedError when it is none, or not in the settings any more."""
    name = fault.service
    spec = yard.service(name) if name is not None else None
    if name is None or spec is None:
        raise RefusedError(f"{fault.component} is no service of the settings", "", "Nothing can be done here.")
    return name, spec


async def is_well(fault: Fault, yard: Yard) -> bool:
    name = fault.service
    return name is not None and await yard.until_well(name, WELL_WITHIN_S, STAYS_S)


def typed(command: Sequence[str]) -> str:
    """The command as one types it into a shell."""
    return shlex.join(command)


def plain(text: str, longest: int = LONGEST_WORDS) -> str:
    """Somebody else's words on one line, without control characters, cut."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def ending(output: str, lines: int = 4) -> str:
    """The last lines of what a command printed, on one."""
    return plain(" | ".join(line for line in output.splitlines()[-lines:] if line.strip()), 600)
