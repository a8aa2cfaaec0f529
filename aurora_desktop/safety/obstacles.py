"""Everything that keeps the gate closed besides the operator."""

from aurora_desktop.safety.around import Around
from aurora_desktop.safety.chain import Chain
from aurora_desktop.safety.standing import Obstacle


class Obstacles:
    """Asks the session, the outer gate and the chain; is told of the rest: `fault` (a part of the brake failed),
    `unsupported` (the guard does not run here) and `audit` (its log cannot be written)."""

    def __init__(self, around: Around, chain: Chain) -> None:
        self._around, self._chain = around, chain
        self.fault: Obstacle | None = None
        self.unsupported: Obstacle | None = None
        self.audit: Obstacle | None = None

    @property
    def gate_is_open(self) -> bool:
        """The outer gate, the operator's file."""
        return self._around.gate.current().is_open

    def now(self) -> tuple[Obstacle, ...]:
        """Worst first; where there can be no input at all, that alone."""
        first = self.fault or self.unsupported or self._around.obstacle()
        if first is not None:
            return (first,)
        gate = self._around.gate.current()
        closed = () if gate.is_open else (Obstacle(gate.reason, gate.hint),)
        return (*closed, *((self.audit,) if self.audit else ()), *self._chain.obstacles())
