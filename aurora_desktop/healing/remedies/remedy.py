"""What a remedy is: declared first, then done, verified, and undone if it did not help."""

from typing import Protocol

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.yard import Yard

ANY_KIND = "*"


class RefusedError(AuroraError):
    """A remedy that may not, or cannot, do anything here; the hint is the next step for the operator."""


class Plan(Struct, frozen=True):
    """What a remedy would do to this fault: in words, and the exact command where it runs one."""

    sentence: str
    command: tuple[str, ...] = ()


class Done(Struct, frozen=True):
    """What a remedy did; `facts` is what its verification and its undoing need to know (no secrets)."""

    sentence: str
    facts: dict[str, str] = {}


class Remedy(Protocol):
    """One remedy; class variables serve as its properties. `summary`, `verifies` and `undoes` say it in words.

    The engine calls `plan`, then (at once, or on the operator's word) `apply`, `verify`, and `undo` when that failed.
    """

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of faults that it is for; ANY_KIND: it decides by itself, in `plan`."""
        ...

    @property
    def invasiveness(self) -> Invasiveness: ...

    @property
    def asks(self) -> bool:
        """Whether it needs the operator's word, each time."""
        ...

    @property
    def summary(self) -> str: ...

    @property
    def verifies(self) -> str: ...

    @property
    def undoes(self) -> str: ...

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        """What it would do, or None when it is not for this fault after all. Raises RefusedError."""
        ...

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        """Raises RefusedError, AuroraError or OSError."""
        ...

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool: ...

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:
        """Back to how it was, to the byte. Raises AuroraError or OSError when it cannot."""
        ...
