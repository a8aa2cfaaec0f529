"""Self-tuning: proposes better values from what was measured, tries them on the operator's word, and judges the trial.

The old value is kept; a trial whose outcome is worse is taken back without asking.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Literal

from msgspec import Struct, field

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import (
    AnyEvent,
    PartFailed,
    Record,
    ServiceFailed,
    ServiceRecovered,
    ServiceRestarting,
    service_component,
)
from aurora_desktop.core.healing_events import TuningEnded, TuningProposed
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema import Service, Settings
from aurora_desktop.healing.machine.machine_store import MachineStore
from aurora_desktop.healing.machine.tuning_rules import (
    Evidence,
    Keys,
    Number,
    Outcome,
    Proposal,
    Recovery,
    propose,
    verdict,
)
from aurora_desktop.healing.view import ProposalView
from aurora_desktop.supervisor.measures import Measures
from aurora_desktop.supervisor.view import ServiceView

TICK_S = 60.0
REVIEW_EVERY = 10
LONGEST_TICK_S = 150.0
"""What is longer than this was a pause of ours, in which nobody saw anything."""
FORGET_AFTER_H = 7 * 24.0
RECOVERIES_KEPT = 20
_STORED = "tuning"
_UNWANTED = ("stopped", "frozen")


class Offer(Struct):
    """A proposal that waits for the operator."""

    id: int
    proposal: Proposal


class Trial(Struct):
    """A value that is being tried; `stood` is what the file had before, None where it had nothing."""

    id: int
    proposal: Proposal
    stood: Number | None
    before: Outcome
    is_in_force: bool = False


class Known(Struct):
    """All that is kept over restarts; `outcomes` and `evidence` by service."""

    last_id: int = 0
    offers: list[Offer] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    declined: list[tuple[str, Number]] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)


Result = Literal["applied", "declined", "kept", "taken_back"]
SetOption = Callable[[str, Keys, object], Awaitable[object]]
"""`SettingsSource.set_option`."""


class Tuner:
    """`run` measures and judges for ever; `read` counts; `proposals` and `answer` are for the window."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        services: Callable[[], tuple[ServiceView, ...]],
        measures: Callable[[str], Measures],
        set_option: SetOption,
        store: MachineStore,
    ) -> None:
        """Blocking: reads what was kept."""
        self._settings = settings
        self._clock = clock
        self._publish = publish
        self._services = services
        self._measures = measures
        self._set_option = set_option
        self._store = store
        self._known = store.value(_STORED, Known) or Known()
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[int] = set()
        self._ticked_at = clock.monotonic()
        self._resume()
        self._compare(settings)

    def _resume(self) -> None:
        """Aurora may have ended between the writing of a value and its taking effect."""
        for trial in [trial for trial in self._known.trials if not trial.is_in_force]:
            trial.before = self._known.outcomes.pop(trial.proposal.service, Outcome())
            trial.is_in_force = True

    # --- for the window -------------------------------------------------------------------------------------------

    def proposals(self) -> tuple[ProposalView, ...]:
        """Those on trial, then those that wait; newest first."""
        waiting = [_view(offer.id, offer.proposal, "open") for offer in reversed(self._known.offers)]
        trying = [_view(trial.id, trial.proposal, "trial") for trial in reversed(self._known.trials)]
        return (*trying, *waiting)

    def answer(self, proposal_id: int, *, apply: bool) -> None:
        """The operator's word. Raises AuroraError when nothing waits under this number (any more)."""
        offer = next((offer for offer in self._known.offers if offer.id == proposal_id), None)
        if offer is None or proposal_id in self._busy:
            raise AuroraError(
                "This proposal does not wait any more", f"number {proposal_id}", "Look at the proposals again."
            )
        if apply:
            self._busy.add(proposal_id)
            self._start(self._try(offer))
            return
        self._known.offers.remove(offer)
        self._known.declined.append((offer.proposal.setting, offer.proposal.new))
        self._end(offer.id, offer.proposal, "declined", "by the operator")
        self._save()  # an Aurora that is killed now must not ask again

    # --- what happens ---------------------------------------------------------------------------------------------

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        event = record.event
        prefix, _, name = event.component.partition(":")
        if prefix != "service" or name not in self._settings.services:
            return
        if isinstance(event, ServiceFailed):
            failures = self._evidence(name).failures
            failures[event.kind] = failures.get(event.kind, 0) + 1
        elif isinstance(event, ServiceRestarting):
            self._add(name, restarts=1)
        elif isinstance(event, ServiceRecovered):
            self._add(name, downtime_s=event.downtime_s)
            recoveries = self._evidence(name).recoveries
            recoveries.append(Recovery(event.attempts, event.downtime_s))
            del recoveries[:-RECOVERIES_KEPT]

    def apply(self, settings: Settings) -> None:
        """Changed settings: what was measured under another definition says nothing of the new one."""
        before, self._settings = self._settings, settings
        for name in {*before.services, *settings.services}:
            if before.services.get(name) != settings.services.get(name):
                self._definition_changed(name)
        self._compare(settings)
        self._save()

    def _definition_changed(self, name: str) -> None:
        outcome = self._known.outcomes.pop(name, Outcome())
        self._known.evidence.pop(name, None)
        for trial in self._known.trials:
            if (
                trial.proposal.service == name
                and not trial.is_in_force
                and self._is(trial.proposal, trial.proposal.new)
            ):
                trial.is_in_force, trial.before = True, outcome

    def _compare(self, settings: Settings) -> None:
        """Let go of proposals that the settings have overtaken, while Aurora ran or while it did not."""
        overtaken = [o for o in self._known.offers if not self._is(o.proposal, o.proposal.old)]
        for offer in [o for o in overtaken if o.id not in self._busy]:
            self._known.offers.remove(offer)
            self._end(offer.id, offer.proposal, "declined", "the setting was changed meanwhile")
        for trial in [t for t in self._known.trials if t.is_in_force and not self._is(t.proposal, t.proposal.new)]:
            self._known.trials.remove(trial)
            self._end(trial.id, trial.proposal, "kept", "the trial ended, since the setting was changed by hand")
        for name in [name for name in self._known.outcomes if name not in settings.services]:
            del self._known.outcomes[name]

    # --- rounds ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Count the hours, judge the trials and look for proposals, for ever; what is known is kept at the end."""
        rounds = 0
        try:
            while True:
                await asyncio.sleep(TICK_S)
                self.tick()
                rounds += 1
                if rounds % REVIEW_EVERY == 0:
                    await self.review()
        finally:
            self._save()

    def tick(self) -> None:
        """Count the time since the last tick for each service that is wanted."""
        now = self._clock.monotonic()
        passed_s, self._ticked_at = now - self._ticked_at, now
        if passed_s > LONGEST_TICK_S:
            return
        for view in self._services():
            if view.state not in _UNWANTED:
                self._add(view.name, hours=passed_s / 3600.0)

    async def review(self) -> None:
        """Judge the trials, then look for what could be better; a service on trial is left alone."""
        for trial in list(self._known.trials):
            if trial.is_in_force and trial.id not in self._busy:
                await self._judge(trial)
        on_trial = {trial.proposal.service for trial in self._known.trials}
        for name, spec in self._settings.services.items():
            if name not in on_trial:
                self._look_at(name, spec)
        self._save()

    def _look_at(self, name: str, spec: Service) -> None:
        try:
            measures = self._measures(name)
        except AuroraError:  # it is in the settings, and not with the supervisor yet
            return
        for proposal in propose(name, spec, measures, self._evidence(name)):
            waits = any(offer.proposal.setting == proposal.setting for offer in self._known.offers)
            if not waits and (proposal.setting, proposal.new) not in self._known.declined:
                self._offer(proposal)

    def _offer(self, proposal: Proposal) -> None:
        self._known.last_id += 1
        self._known.offers.append(Offer(self._known.last_id, proposal))
        self._publish(
            TuningProposed(
                at=self._clock.wall(),
                component=service_component(proposal.service),
                proposal_id=self._known.last_id,
                setting=proposal.setting,
                old=f"{proposal.old:g}",
                new=f"{proposal.new:g}",
                cause=proposal.sentence,
            )
        )

    async def _judge(self, trial: Trial) -> None:
        after = self._known.outcomes.get(trial.proposal.service, Outcome())
        found = verdict(trial.before, after)
        if found == "open":
            return
        measured = f"{after.words}; before, {trial.before.words}"
        if found == "better":
            self._known.trials.remove(trial)
            self._end(trial.id, trial.proposal, "kept", measured)
            return
        is_back = await self._write(trial.id, trial.proposal, trial.stood) is not None
        self._known.trials.remove(trial)
        self._known.declined.append((trial.proposal.setting, trial.proposal.new))
        worse = f"the outcome was worse: {measured}"
        if is_back:
            self._end(trial.id, trial.proposal, "taken_back", worse)
        else:
            self._end(trial.id, trial.proposal, "kept", f"{worse}; yet the settings file could not be changed back")

    # --- writing --------------------------------------------------------------------------------------------------

    async def _try(self, offer: Offer) -> None:
        """Write the new value; the trial begins once the settings are in force."""
        proposal = offer.proposal
        trial = Trial(offer.id, proposal, None, Outcome())
        self._known.trials.append(trial)  # before the write: the settings may be in force before it returns
        stood = await self._write(offer.id, proposal, proposal.new)
        self._busy.discard(offer.id)
        if stood is None:
            self._known.trials.remove(trial)
            return
        trial.stood = stood[0]
        self._known.offers.remove(offer)
        self._save()
        self._end(offer.id, proposal, "applied", proposal.sentence)

    async def _write(self, id_: int, proposal: Proposal, value: Number | None) -> tuple[Number | None] | None:
        """What stood in the file before, in a tuple; None when the file could not be written, which is told."""
        self._busy.add(id_)
        try:
            stood = await self._set_option(proposal.service, proposal.keys, _plain(value))
        except (SettingsError, OSError) as error:
            detail = f"`{proposal.setting}` was not changed: {error}"
            self._publish(PartFailed(at=self._clock.wall(), component="aurora", detail=detail))
            return None
        finally:
            self._busy.discard(id_)
        return (stood if isinstance(stood, int | float) else None,)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- small change ---------------------------------------------------------------------------------------------

    def _evidence(self, name: str) -> Evidence:
        return self._known.evidence.setdefault(name, Evidence({}, []))

    def _add(self, name: str, hours: float = 0.0, restarts: int = 0, downtime_s: float = 0.0) -> None:
        old = self._known.outcomes.get(name, Outcome())
        new = Outcome(old.hours + hours, old.restarts + restarts, old.downtime_s + downtime_s)
        if new.hours > FORGET_AFTER_H:  # what was long ago counts less and less
            new = Outcome(new.hours / 2, new.restarts // 2, new.downtime_s / 2)
        self._known.outcomes[name] = new

    def _is(self, proposal: Proposal, value: Number) -> bool:
        """Whether the settings in force have this value there."""
        place: object = self._settings.services.get(proposal.service)
        for key in proposal.keys:
            place = getattr(place, key, None)
        return place == value

    def _end(self, id_: int, proposal: Proposal, result: Result, cause: str) -> None:
        self._publish(
            TuningEnded(
                at=self._clock.wall(),
                component=service_component(proposal.service),
                proposal_id=id_,
                setting=proposal.setting,
                result=result,
                cause=cause,
            )
        )

    def _save(self) -> None:
        self._store.keep(_STORED, self._known)


def _plain(value: Number | None) -> Number | None:
    """Whole numbers without a decimal point, as a person writes them."""
    return int(value) if value is not None and value == int(value) else value


def _view(id_: int, proposal: Proposal, state: Literal["open", "trial"]) -> ProposalView:
    return ProposalView(
        id=id_,
        setting=proposal.setting,
        old=f"{proposal.old:g}",
        new=f"{proposal.new:g}",
        sentence=proposal.sentence,
        state=state,
    )
