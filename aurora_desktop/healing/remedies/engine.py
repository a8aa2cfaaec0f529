"""The engine of remedies: from the events of failures to what heals them, one remedy at a time for each component."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import (
    AnyEvent,
    OperatorCommand,
    PartFailed,
    ProbeFailing,
    Record,
    ServiceRecovered,
    ServiceStateChanged,
    SupervisionPaused,
)
from aurora_desktop.core.input_events import EmergencyStopped
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage_events import StorageRecovered
from aurora_desktop.healing.faults import Fault, Sighting, service_of
from aurora_desktop.healing.memory.face import Memory
from aurora_desktop.healing.remedies import course
from aurora_desktop.healing.remedies.attempt import Attempt, Ended, in_words
from aurora_desktop.healing.remedies.consulting import Consulting, why_not
from aurora_desktop.healing.remedies.desk import Desk
from aurora_desktop.healing.remedies.diagnosing import Diagnosis
from aurora_desktop.healing.remedies.gated import GatedFixes, RolledBack
from aurora_desktop.healing.remedies.kinds import KindRegistry
from aurora_desktop.healing.remedies.recognise import UNKNOWN
from aurora_desktop.healing.remedies.remedy import Plan, Remedy
from aurora_desktop.healing.remedies.sightings import is_warning, sighting_of
from aurora_desktop.healing.remedies.store import Offer, RemedyStore
from aurora_desktop.healing.remedies.telling import Telling
from aurora_desktop.healing.view import EscalationView, OfferView, RemedyTrial, RemedyView
from aurora_desktop.healing.yard import Tended, Yard

MOST_WAITING = 1000
"""Sightings that wait for their diagnosis; what is more is dropped: it is a storm of the same."""
CLOSE_S = 10.0
_ON_ITS_WAY = ("waiting", "starting", "stopping", "stopped")

log = logging.getLogger(__name__)


class Interruption(Struct, frozen=True):
    """Why a remedy is cancelled; `leave_alone`: not even to be undone."""

    why: str
    leave_alone: bool = False


class Case:
    """One component that failed: its course, its newest fault, and the remedy that runs.

    `later`: by remedy, the faults that came while another was being seen to.
    `unended`: with those that were cancelled, and still undo what they did.
    """

    def __init__(self, component: str) -> None:
        self.component = component
        self.course = course.Course()
        self.fault: Fault | None = None
        self.later: dict[str, Fault] = {}
        self.refusal: Ended | None = None
        self.task: asyncio.Task[None] | None = None
        self.unended: set[asyncio.Task[None]] = set()
        self.approved: dict[str, Offer] = {}
        self.halted = Interruption("it is not wanted any more")
        self.wellness: asyncio.TimerHandle | None = None


class RemedyEngine:
    """`read` is a reader of the bus, `run` goes on for ever, `apply` takes changed settings, `close` before the quit.

    `tending` says whether anything may be done to a service now; `kinds` and `remedies` are the built-in catalogue.
    The operator's words (`accept`, `decline`, `clear_escalation`) raise AuroraError when they are of no use any more.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        yard: Yard,
        tending: Tended,
        memory: Memory,
        store: RemedyStore,
        gate: GatedFixes,
        kinds: KindRegistry,
        remedies: Sequence[Remedy] = (),
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._publish = publish
        self._yard = yard
        self._tending = tending
        self._memory = memory
        self._store = store
        self._gate = gate
        self._desk = Desk(store, clock, publish)
        self._telling = Telling(clock, publish)
        self._diagnosis = Diagnosis(
            settings,
            kinds=kinds,
            built_in=remedies,
            tended=tending,
            memory=memory,
            gate=gate,
            tell_problem=self._tell_part,
        )
        self._consulting = Consulting(self._diagnosis, tending, clock, self._why_not_asked)
        self._cases: dict[str, Case] = {}
        self._seen: asyncio.Queue[Sighting] = asyncio.Queue(MOST_WAITING)
        self._closing = self._is_paused = False
        self._interruptions: dict[asyncio.Task[None] | None, Interruption] = {}
        self._offering: set[asyncio.Task[None]] = set()
        for offer in store.offers.values():
            case = self._case(offer.view.component)
            case.course = replace(case.course, phase="offered", offered=case.course.offered | {offer.view.remedy})
        for component in store.escalations:
            case = self._case(component)
            case.course = replace(case.course, phase="resting")

    # --- its life ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Roll back what an earlier Aurora left half done, then diagnose what is seen, for ever."""
        self._forget_removed()
        try:
            await self._recover_fixes()
        except Exception as error:  # whatever is wrong with an old fix, failures are diagnosed
            log.exception("fixes of an earlier Aurora could not be looked through")
            self._tell_part(f"fixes of an earlier Aurora could not be looked through: {error}")
        while True:
            sighting = await self._seen.get()
            try:
                await self._diagnose(sighting)
            except Exception as error:  # whatever one failure brings up, the next one is diagnosed
                log.exception("a failure of %s could not be diagnosed", sighting.component)
                self._tell_part(f"a failure of {sighting.component} could not be diagnosed: {error}")

    async def close(self) -> None:
        """Aurora quits: what is half done is undone, or told. Offers and escalations are kept."""
        self._closing = True
        planning = tuple(self._offering)
        for task in planning:  # with the commands by which they look at what there is
            task.cancel()
        running = [*planning, *(task for case in self._cases.values() for task in case.unended)]
        for case in self._cases.values():
            self._stop_timer(case)
            self._cancel(case, Interruption("Aurora quits"))
        if running:
            await asyncio.wait(running, timeout=CLOSE_S)

    def apply(self, settings: Settings) -> None:
        """Changed settings: who edits a definition has acted."""
        before, self._settings = self._settings, settings
        self._diagnosis.apply(settings)
        for component, case in tuple(self._cases.items()):
            name = service_of(component)
            if name is not None and name not in settings.services:
                self._feed(case, course.Stopped())
            elif name is not None and settings.services[name] != before.services.get(name):
                self._feed(case, course.Acted())
            elif case.task is not None and self._why_not(component):
                self._halt(case, "healing was switched off")

    def _forget_removed(self) -> None:
        """Services that were taken out of the settings while no Aurora ran: nobody waits for them any more."""
        for component, case in tuple(self._cases.items()):
            name = service_of(component)
            if name is not None and name not in self._settings.services:
                self._feed(case, course.Stopped())

    async def _recover_fixes(self) -> None:
        """What ran on the half done files meanwhile starts anew on those that it knows."""
        for found in await self._gate.recover():
            self._telling.rolled_back(found)
            name = service_of(found.fix.component)
            if found.problem:
                self._call_for(found)
            if name is None or found.problem or self._why_not(found.fix.component):
                continue
            with contextlib.suppress(AuroraError):  # its settings say `restart: never`
                self._yard.restart(name, "a change of its files that was half done was rolled back")

    def _call_for(self, found: RolledBack) -> None:
        """Half a change of files is nothing to heal on: the operator decides what becomes of it."""
        case = self._case(found.fix.component)
        if not self._desk.has_escalation(case.component):
            case.course = replace(case.course, phase="resting")
            sentence = f"a fix that Aurora's end cut off was not rolled back, because {found.problem}"
            self._desk.escalate(case.component, sentence, 1, found.hint)

    # --- the stream of events ---------------------------------------------------------------------------------

    def read(self, record: Record) -> None:
        """A reader of the bus: quick, since everything else waits for it."""
        event = record.event
        # Asked here too: it may be ready by the time that its turn comes.
        if (sighting := sighting_of(record)) is not None and not self._only_starts(sighting):
            with contextlib.suppress(asyncio.QueueFull):
                self._seen.put_nowait(sighting)
        match event:
            case ServiceRecovered(downtime_s=downtime_s):
                self._memory.recovered(event.component, event.at, downtime_s)
                self._look_later(event.component)
            case ServiceStateChanged(state="running" | "ready"):
                self._look_later(event.component)
            case StorageRecovered() if event.component in self._cases:
                self._feed(self._cases[event.component], course.Lasted())
            case OperatorCommand(command=command):
                self._commanded(event.component, command, by_operator=event.is_by_hand)
            case EmergencyStopped():
                self._halt_marked()
            case SupervisionPaused(paused=paused):
                self._paused(paused=paused)

    def _commanded(self, component: str, command: str, *, by_operator: bool) -> None:
        """What a script asks for is done, and ends no escalation: an agent can run a script, too."""
        case = self._cases.get(component)
        if case is None:
            return
        if command == "stop":
            self._feed(case, course.Stopped(by_operator=by_operator))
        elif command in ("start", "restart") and (by_operator or case.course.phase != "resting"):
            self._feed(case, course.Acted())

    def _halt_marked(self) -> None:
        """The emergency stop: nothing is done any more to what it holds, not even undone."""
        for case in tuple(self._cases.values()):
            spec = self._settings.services.get(service_of(case.component) or "")
            if spec is not None and spec.on_estop != "ignore":
                self._halt(case, "the emergency stop", leave_alone=True)

    def _paused(self, *, paused: bool) -> None:
        self._is_paused = paused
        for case in tuple(self._cases.values()):
            if paused:
                self._halt(case, "supervision was paused")
            elif case.course.phase == "named" and case.fault is not None and not self._is_up(case.component):
                self._look_again(case.fault.sighting)

    def _look_again(self, sighting: Sighting) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._seen.put_nowait(sighting)

    def _halt(self, case: Case, why: str, *, leave_alone: bool = False) -> None:
        case.halted = Interruption(why, leave_alone)
        self._feed(case, course.Halted())
        case.halted = Interruption("it is not wanted any more")

    # --- whether it is well -----------------------------------------------------------------------------------

    def _look_later(self, component: str) -> None:
        """It came up: whether it stays up shows in a moment. Only where there is something to be ended by that."""
        case = self._cases.get(component)
        if case is None or self._closing or case.course.phase not in ("offered", "named", "resting"):
            return
        self._stop_timer(case)
        loop = asyncio.get_running_loop()
        case.wellness = loop.call_later(self._lasting_s(case), self._stayed_up, case)

    def _lasting_s(self, case: Case) -> float:
        """What the operator was asked or told is taken back by lasting health alone: not between two crashes."""
        spec = self._settings.services.get(service_of(case.component) or "")
        if case.course.phase == "named" or spec is None:
            return self._settings.healing.verify_sec
        return max(self._settings.healing.verify_sec, spec.restart_reset_after_sec)

    def _stayed_up(self, case: Case) -> None:
        case.wellness = None
        if self._is_up(case.component):
            self._feed(case, course.Recovered() if case.course.phase == "named" else course.Lasted())

    def _stop_timer(self, case: Case) -> None:
        if case.wellness is not None:
            case.wellness.cancel()
            case.wellness = None

    def _is_up(self, component: str) -> bool:
        name = service_of(component)
        return name is not None and self._tending.is_up(name)

    # --- diagnosis --------------------------------------------------------------------------------------------

    async def _diagnose(self, sighting: Sighting) -> None:
        if self._only_starts(sighting):
            return
        fault = await self._diagnosis.recognised(await self._diagnosis.with_lines(sighting))
        case = self._case(sighting.component)
        if is_warning(sighting) and (fault.kind == UNKNOWN or self._is_known(case, fault)):
            return
        if not is_warning(sighting):
            self._stop_timer(case)
        fault = self._remembered(case, fault)
        if case.course.phase != "trying":  # what comes next there is for the fault that it is tried on
            case.fault = fault
        remedies = await self._diagnosis.ordered(fault)
        reason = self._why_not(fault.component, fault.sighting)
        self._tell_diagnosis(case, fault, remedies, reason)
        candidates = tuple(course.Candidate(remedy.name, remedy.asks) for remedy in remedies)
        if case.course.phase == "trying":
            case.later = {**{remedy.name: fault for remedy in remedies}, **case.later}
        self._feed(case, course.Diagnosed(_key(fault), candidates, may_act=not reason))

    def _only_starts(self, sighting: Sighting) -> bool:
        """A probe that does not succeed yet is no failure; once the time to start is over, that is told as one."""
        if sighting.event != ProbeFailing.event_type():
            return False
        view = self._tending.view(service_of(sighting.component) or "")
        if view is None:
            return False
        # What has a readiness probe is `running` until that succeeds for the first time, and `ready` from then on.
        return view.state in _ON_ITS_WAY or (view.state == "running" and sighting.kind == "readiness")

    def _remembered(self, case: Case, fault: Fault) -> Fault:
        """What is only looked at once more, on demand, has not happened again."""
        known = case.fault
        if known is not None and not self._is_known(case, fault):
            case.refusal = None
        if known is not None and fault.sighting.event_id == 0 and self._is_known(case, fault):
            return replace(fault, failure_id=known.failure_id, signature=known.signature)
        return self._memory.remember(fault)

    def _is_known(self, case: Case, fault: Fault) -> bool:
        return case.fault is not None and case.fault.kind == fault.kind and (
            fault.sighting.at - case.fault.sighting.at < course.INCIDENT_S
        )  # fmt: skip

    def _why_not(self, component: str, sighting: Sighting | None = None) -> str:
        """Why nothing may be done now, in words; "" when it may."""
        if self._closing:
            return "Aurora quits"
        return why_not(self._settings, self._tending, component, sighting) or (
            "supervision is paused" if self._is_paused and service_of(component) is None else ""
        )

    def _why_not_asked(self, component: str) -> str:
        """Why a command may not begin it anew: it would end an escalation, which the operator alone does."""
        waits = "healing gave up on it and waits until you have seen to it"
        return self._why_not(component) or (waits if self._desk.has_escalation(component) else "")

    def _tell_diagnosis(self, case: Case, fault: Fault, remedies: Sequence[Remedy], reason: str) -> None:
        """Once for an incident: a crash loop is not a flood. What nobody recognised is told by the failure itself."""
        new = case.course.key != _key(fault) or (self._clock.monotonic() - case.course.seen_at > course.INCIDENT_S)
        if new and fault.kind != UNKNOWN:
            self._telling.diagnosed(fault, remedies, self._diagnosis.next_step(fault), reason)

    # --- the course -------------------------------------------------------------------------------------------

    def _case(self, component: str) -> Case:
        return self._cases.setdefault(component, Case(component))

    def _feed(self, case: Case, stimulus: course.Stimulus) -> None:
        now, most = self._clock.monotonic(), self._settings.healing.max_attempts
        case.course, effects = course.step(case.course, stimulus, now, most)
        for effect in effects:
            self._perform(case, effect)
        if case.course.phase != "trying":
            case.later = {}

    def _perform(self, case: Case, effect: course.Effect) -> None:
        match effect:
            case course.Try(name, attempt):
                self._begin(case, name, attempt)
            case course.Offer(name):
                self._run(self._offer(case, name, case.later.get(name, case.fault)))
            case course.Cancel():
                self._cancel(case, case.halted)
            case course.CloseOffers():
                self._desk.close_all(case.component)
            case course.Escalate(attempts):
                self._escalate(case, attempts)
            case course.ClearEscalation(by):
                self._desk.clear(case.component, by)

    # --- a remedy ---------------------------------------------------------------------------------------------

    def _begin(self, case: Case, name: str, attempt: int) -> None:
        """In a task of its own; all that still undo what they did are waited for."""
        before, approved = frozenset(case.unended), case.approved.pop(name, None)
        case.fault = case.later.pop(name, case.fault)
        fault = approved.fault if approved is not None else case.fault

        async def work() -> None:
            if before:
                await asyncio.wait(before)
            await self._attempt(case, name, attempt, fault, approved)

        case.task = asyncio.get_running_loop().create_task(work())
        case.unended.add(case.task)
        case.task.add_done_callback(case.unended.discard)
        case.task.add_done_callback(self._no_silence)

    async def _attempt(self, case: Case, name: str, attempt: int, fault: Fault | None, approved: Offer | None) -> None:
        remedy = self._diagnosis.remedy(name)
        reason = self._why_not(case.component, None if approved is not None or fault is None else fault.sighting)
        if remedy is None or fault is None or reason:
            self._settle(case, course.Refused())
            return
        started_at = self._clock.monotonic()
        plan = Plan("", approved.view.command) if approved is not None else None

        def started(plan: Plan) -> None:
            self._telling.started(fault, name, attempt, plan)

        trying = Attempt(remedy, fault, self._yard, started, plan)
        try:
            ended = await trying.run()
        except asyncio.CancelledError:
            cut = self._interruptions.get(asyncio.current_task(), Interruption("Aurora ends"))
            ended = await trying.interrupted(cut.why, leave_alone=cut.leave_alone)
            if ended is not None:
                self._tell_ended(fault, name, ended, started_at)
            if cut.leave_alone:
                await self._gate.leave(case.component)
            return  # the course knows: it, or the quit, has cancelled this
        if ended is not None:
            self._tell_ended(fault, name, ended, started_at)
        is_of_service = service_of(case.component) is not None  # Aurora's own troubles are told where they arise
        if ended is not None and ended.outcome == "refused" and ended.hint and fault.kind != UNKNOWN and is_of_service:
            case.refusal = ended
        self._settle(case, _stimulus_of(ended, tells=case.refusal is ended))

    def _settle(self, case: Case, stimulus: course.Stimulus) -> None:
        if case.task is asyncio.current_task():
            case.task = None
            self._feed(case, stimulus)

    def _cancel(self, case: Case, interruption: Interruption) -> None:
        """Once: a second time would cut off the undoing that follows the first."""
        task = case.task
        if task is not None and not task.done() and task not in self._interruptions:
            self._interruptions[task] = interruption
            task.cancel()

    def _tell_ended(self, fault: Fault, name: str, ended: Ended, started_at: float) -> None:
        duration_s = round(self._clock.monotonic() - started_at, 3)
        self._memory.tried(fault, name, ended.outcome, ended.sentence, duration_s)
        self._telling.ended(fault, name, ended, duration_s)

    # --- offers -----------------------------------------------------------------------------------------------

    async def _offer(self, case: Case, name: str, fault: Fault | None) -> None:
        """Plan it, so that the operator sees exactly what would run."""
        remedy = self._diagnosis.remedy(name)
        plan: Plan | None = None
        if remedy is not None and fault is not None:
            try:
                plan = await remedy.plan(fault, self._yard)
            except (AuroraError, OSError) as error:
                self._tell_ended(fault, name, Ended("refused", in_words(error)), self._clock.monotonic())
            except Exception:  # a fault of the remedy itself: it is not offered, and the next one comes
                log.exception("the remedy %s could not be planned", name)
        if plan is None or fault is None:
            self._feed(case, course.Unoffered(name))
        elif name in case.course.offered:
            self._desk.offer(fault, name, plan)

    def offers(self) -> tuple[OfferView, ...]:
        """Newest first."""
        return self._desk.offers()

    def accept(self, offer_id: int) -> None:
        """The operator's word: it is tried now, or once what is being tried has ended."""
        offer = self._desk.known(offer_id)
        if reason := self._why_not(offer.view.component):
            raise AuroraError(
                f"`{offer.view.remedy}` cannot be applied now", reason, "The offer stays: accept it once that is over."
            )
        case = self._case(offer.view.component)
        self._desk.close(offer, "accepted")
        case.approved[offer.view.remedy] = offer
        self._feed(case, course.Accepted(offer.view.remedy))

    def decline(self, offer_id: int) -> None:
        offer = self._desk.known(offer_id)
        self._desk.close(offer, "declined")
        self._feed(self._case(offer.view.component), course.Declined(offer.view.remedy))

    # --- escalation -------------------------------------------------------------------------------------------

    def _escalate(self, case: Case, attempts: int) -> None:
        fault = case.fault
        sentence = fault.sentence if fault is not None else case.component
        hint = self._diagnosis.next_step(fault) if fault is not None else ""
        if case.refusal is not None:
            found = case.refusal.sentence.removesuffix(case.refusal.hint.rstrip(".")).rstrip(". ")
            sentence, hint = f"{sentence}. {found}", case.refusal.hint
        self._desk.escalate(case.component, sentence, attempts, hint)

    def escalations(self) -> tuple[EscalationView, ...]:
        """Newest first."""
        return self._desk.escalations()

    def clear_escalation(self, component: str, by: str) -> None:
        """Seen to by the operator. Nothing happens where there is none."""
        if self._desk.has_escalation(component):
            self._desk.clear(component, by)
            self._feed(self._case(component), course.Acted())

    # --- what there is, and what would be done ----------------------------------------------------------------

    def remedies(self) -> tuple[RemedyView, ...]:
        """Those of the settings first."""
        return self._diagnosis.views(self._memory.counts)

    async def test(self, text: str, service: str | None) -> RemedyTrial:
        """What this text would be recognised as, and what would be tried. Raises AuroraError for no such service."""
        return await self._consulting.test(text, service)

    async def heal_now(self, name: str | None, *, apply: bool) -> tuple[str, ...]:
        """What is wrong with each service (or this one), and what would be, or (`apply`) is, done about it."""
        return await self._consulting.findings(name, begin=self._begin_anew if apply else None)

    def _begin_anew(self, sighting: Sighting) -> None:
        """As after the operator's own hand: what failed before may be tried again."""
        self._feed(self._case(sighting.component), course.Acted())
        self._look_again(sighting)

    # --- small change -----------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._offering.add(task)
        task.add_done_callback(self._offering.discard)
        task.add_done_callback(self._no_silence)

    def _no_silence(self, task: "asyncio.Task[None]") -> None:
        self._interruptions.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a remedy ended with a fault of ours", exc_info=error)
            self._tell_part(f"a part of healing failed: {type(error).__name__}: {error}")

    def _tell_part(self, detail: str) -> None:
        self._publish(PartFailed(at=self._clock.wall(), component="aurora", detail=detail))


def _key(fault: Fault) -> str:
    """What makes an incident: the kind, or for what nobody knows the signature."""
    return fault.kind if fault.kind != UNKNOWN else fault.signature or fault.sentence


def _stimulus_of(ended: Ended | None, *, tells: bool) -> course.Stimulus:
    if ended is None or ended.outcome == "refused":
        return course.Refused(tells=ended is not None and tells)
    return course.Worked() if ended.outcome == "worked" else course.Failed()
