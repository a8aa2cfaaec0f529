"""What waits for the operator: offers, and escalations. Kept over restarts, and told as it changes."""

from collections.abc import Callable
from typing import Literal

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.healing_events import Escalated, EscalationCleared, OfferClosed, RemedyOffered
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.remedies.remedy import Plan
from aurora_desktop.healing.remedies.store import Offer, RemedyStore
from aurora_desktop.healing.view import EscalationView, OfferView

Answer = Literal["accepted", "declined", "expired"]


class Desk:
    """Knows what lies there; what follows from an answer is the engine's matter."""

    def __init__(self, store: RemedyStore, clock: Clock, publish: Callable[[AnyEvent], object]) -> None:
        self._store = store
        self._clock = clock
        self._publish = publish

    # --- offers -----------------------------------------------------------------------------------------------

    def offers(self) -> tuple[OfferView, ...]:
        """Newest first."""
        return tuple(offer.view for offer in reversed(self._store.offers.values()))

    def offer(self, fault: Fault, name: str, plan: Plan) -> None:
        """Lay it there, with exactly what would run."""
        view = OfferView(
            id=self._store.next_id(), at=self._clock.wall(), component=fault.component, remedy=name,
            sentence=plan.sentence, fault=fault.sentence, command=tuple(plan.command),
        )  # fmt: skip
        self._store.add_offer(Offer(view=view, fault=fault))
        self._publish(
            RemedyOffered(
                at=view.at, component=view.component, offer_id=view.id, failure_id=fault.failure_id, remedy=name,
                cause=f"{fault.sentence}: {plan.sentence}", command=view.command,
            )
        )  # fmt: skip

    def known(self, offer_id: int) -> Offer:
        """Raises AuroraError for one that was answered or closed."""
        offer = self._store.offers.get(offer_id)
        if offer is None:
            raise AuroraError("This offer is of no use any more", "It was answered, or what was wrong is over.")
        return offer

    def close_all(self, component: str) -> None:
        """They are of no use any more."""
        for offer in tuple(self._store.offers.values()):
            if offer.view.component == component:
                self.close(offer, "expired")

    def close(self, offer: Offer, answer: Answer) -> None:
        self._store.close_offer(offer.view.id)
        at, component = self._clock.wall(), offer.view.component
        self._publish(OfferClosed(at=at, component=component, offer_id=offer.view.id, answer=answer))

    # --- escalations ------------------------------------------------------------------------------------------

    def escalate(self, component: str, sentence: str, attempts: int, hint: str) -> None:
        """Call the operator: `sentence` is what is wrong, `hint` the next step, or ""."""
        tries = "one remedy" if attempts == 1 else f"{attempts} remedies"
        tried = f"{tries} did not help" if attempts else "there is nothing that Aurora may do"
        cause = f"{sentence}: {tried}, and nothing more is tried until you act"
        hint = hint or "Look at its log, mend the cause, then restart it"
        view = EscalationView(at=self._clock.wall(), component=component, sentence=cause, hint=hint)
        self._store.escalate(view)
        self._publish(Escalated(at=view.at, component=component, cause=cause, attempts=attempts, hint=hint))

    def escalations(self) -> tuple[EscalationView, ...]:
        """Newest first."""
        return tuple(sorted(self._store.escalations.values(), key=lambda view: -view.at))

    def has_escalation(self, component: str) -> bool:
        return component in self._store.escalations

    def clear(self, component: str, by: str) -> None:
        if self.has_escalation(component):
            self._store.clear_escalation(component)
            self._publish(EscalationCleared(at=self._clock.wall(), component=component, by=by))
