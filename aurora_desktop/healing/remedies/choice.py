"""Which remedy first: the least invasive, and among equals what worked before for this very failure."""

from collections.abc import Sequence

from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.memory.face import Memory
from aurora_desktop.healing.remedies.remedy import Remedy


class Choice:
    """Asks the memory only where there is a choice."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def ordered(self, fault: Fault, remedies: Sequence[Remedy]) -> list[Remedy]:
        """In the order in which they are to be tried; otherwise as given."""
        if len(remedies) < 2:
            return list(remedies)
        names = tuple(remedy.name for remedy in remedies)
        history = await self._memory.success_of(fault.signature, names)
        return sorted(remedies, key=lambda remedy: (remedy.invasiveness, -promise(*history.get(remedy.name, (0, 0)))))


def promise(worked: int, failed: int) -> float:
    """How likely it helps, by Laplace's rule of succession: one half for what was never tried."""
    return (worked + 1) / (worked + failed + 2)
