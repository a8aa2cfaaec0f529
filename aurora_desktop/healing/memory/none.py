"""A memory that keeps nothing, for a watch on its own."""

from aurora_desktop.core.events import RemedyOutcome
from aurora_desktop.healing.faults import Fault


class NoMemory:
    """Implements `Memory`."""

    def remember(self, fault: Fault) -> Fault:
        return fault

    def tried(self, fault: Fault, remedy: str, outcome: RemedyOutcome, sentence: str, duration_s: float) -> None:
        """Kept nowhere."""

    def recovered(self, component: str, at: float, downtime_s: float) -> None:
        """Kept nowhere."""

    async def success_of(self, signature: str, remedies: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        """Nothing is known of any."""
        return {remedy: (0, 0) for remedy in remedies if signature}
