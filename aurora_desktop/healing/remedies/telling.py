"""What the engine of remedies tells: each diagnosis, each remedy that begins, and how it ended."""

from collections.abc import Callable, Sequence

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.healing_events import FaultDiagnosed, RemedyFinished, RemedyStarted
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.remedies.attempt import Ended
from aurora_desktop.healing.remedies.gated import RolledBack
from aurora_desktop.healing.remedies.remedy import Plan, Remedy

_CUT_OFF = "Aurora ended while it was tried"


class Telling:
    """Makes the events of what happened, and publishes them."""

    def __init__(self, clock: Clock, publish: Callable[[AnyEvent], object]) -> None:
        self._clock = clock
        self._publish = publish

    def diagnosed(self, fault: Fault, remedies: Sequence[Remedy], next_step: str, held_back: str) -> None:
        """`held_back`: why nothing is done by itself, or ""."""
        held = f"; nothing is done by itself: {held_back}" if held_back and remedies else ""
        self._publish(
            FaultDiagnosed(
                at=self._clock.wall(),
                component=fault.component,
                failure_id=fault.failure_id,
                kind=fault.kind,
                cause=f"{fault.sentence}{held}",
                signature=fault.signature,
                remedies=tuple(remedy.name for remedy in remedies),
                next_step=next_step,
            )
        )

    def started(self, fault: Fault, remedy: str, attempt: int, plan: Plan) -> None:
        self._publish(
            RemedyStarted(
                at=self._clock.wall(),
                component=fault.component,
                failure_id=fault.failure_id,
                remedy=remedy,
                attempt=attempt,
                cause=f"{fault.sentence}: {plan.sentence}",
            )
        )

    def ended(self, fault: Fault, remedy: str, ended: Ended, duration_s: float) -> None:
        self._publish(
            RemedyFinished(
                at=self._clock.wall(),
                component=fault.component,
                failure_id=fault.failure_id,
                remedy=remedy,
                outcome=ended.outcome,
                cause=ended.sentence,
                duration_s=duration_s,
            )
        )

    def rolled_back(self, found: RolledBack) -> None:
        """A change of files that an earlier Aurora left half done."""
        could_not = f"{_CUT_OFF}, and its change of files was not rolled back: {found.problem}"
        self._publish(
            RemedyFinished(
                at=self._clock.wall(),
                component=found.fix.component,
                failure_id=found.fix.failure_id,
                remedy=found.fix.remedy,
                outcome="undo_failed" if found.problem else "undone",
                cause=could_not if found.problem else f"{_CUT_OFF}; its change of files was rolled back",
                duration_s=0.0,
            )
        )
