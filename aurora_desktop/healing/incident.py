"""What an incident is: one thing that went wrong or was put right, as one value."""

from typing import Literal

from msgspec import Struct

from aurora_desktop.core.healing_events import RemedyOutcome

Outcome = Literal["open", "recovered", "degraded", "gave_up", "escalated", "seen_to", "stopped", "done", "warned"]
StepState = Literal[RemedyOutcome, "running", "offered", "accepted", "declined", "expired"]


class Step(Struct, frozen=True, kw_only=True):
    """One remedy in an incident: offered or tried; `duration_s` once its outcome is known."""

    remedy: str
    at: float
    state: StepState
    sentence: str = ""
    duration_s: float | None = None
    command: tuple[str, ...] = ()
    offer_id: int = 0


class Incident(Struct, frozen=True, kw_only=True):
    """One thing that went wrong or was put right.

    `id` is that of the event which opened it; `at` is Unix time; `downtime_s` is known once it recovered.
    `kind`, `diagnosis`, `signature` and `next_step` are what it was recognised as, if it was; `steps` the remedies,
    oldest first. `subject` tells apart what one component has several of: the resources of the machine.
    """

    id: int
    at: float
    component: str
    cause: str
    action: str = ""
    outcome: Outcome = "open"
    result: str = ""
    failures: int = 0
    attempts: int = 0
    downtime_s: float | None = None
    log_tail: tuple[str, ...] = ()
    subject: str = ""
    kind: str = ""
    diagnosis: str = ""
    signature: str = ""
    next_step: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def is_unsettled(self) -> bool:
        """Whether further events of its component still belong to it."""
        return self.outcome in ("open", "degraded", "escalated", "seen_to")

    @property
    def ended_at(self) -> float:
        """When it was over, as far as that is known."""
        return self.at + (self.downtime_s or 0.0)
