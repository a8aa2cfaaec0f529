"""What the rest of healing needs of the failure memory."""

from collections.abc import Mapping
from typing import Protocol

from aurora_desktop.core.healing_events import RemedyOutcome
from aurora_desktop.healing.faults import Fault


class Memory(Protocol):
    """All calls on the loop's thread; writes are not waited for, and reach the disk in their order."""

    @property
    def counts(self) -> Mapping[str, tuple[int, int]]:
        """How often each remedy was tried and worked, over everything, by its name."""
        ...

    def remember(self, fault: Fault) -> Fault:
        """The same fault with its number and signature, now remembered."""
        ...

    def tried(self, fault: Fault, remedy: str, outcome: RemedyOutcome, sentence: str, duration_s: float) -> None: ...

    def recovered(self, component: str, at: float, downtime_s: float) -> None:
        """The component is well again: its newest open failures ended."""
        ...

    async def success_of(self, signature: str, remedies: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        """How often each remedy worked and failed for this signature: `{name: (worked, failed)}`."""
        ...
