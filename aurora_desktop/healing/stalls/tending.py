"""What follows a look: telling, the ladder, its rungs, the memory. On the loop; files are touched in a thread."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, FailureKind
from aurora_desktop.core.healing_events import (
    AgentResumed,
    AgentStalled,
    Escalated,
    EscalationCleared,
    RemedyFinished,
    RemedyOutcome,
    RemedyStarted,
    WatchTrouble,
)
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.faults import Fault, Sighting
from aurora_desktop.healing.ladder import ladder as rules
from aurora_desktop.healing.ladder import marks
from aurora_desktop.healing.ladder.ladder import Effect, Rung, Stimulus, Terms
from aurora_desktop.healing.ladder.performing import Patient
from aurora_desktop.healing.ladder.store import LadderStore, Standing
from aurora_desktop.healing.memory.face import Memory
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.stalls import hands
from aurora_desktop.healing.stalls.command import Runs
from aurora_desktop.healing.stalls.entry import Entry
from aurora_desktop.healing.stalls.rule import WORDS, rebased
from aurora_desktop.supervisor.outcome import format_duration

RESTART_TIMEOUT_S = 60.0
IN_MEMORY = "ladder:"
"""Before the name of each rung in the memory, apart from the remedies of services."""

log = logging.getLogger(__name__)


Publish = Callable[[AnyEvent], object]


class Replaces(Protocol):
    """The supervisor's way to replace a service that is alive and does not work."""

    def __call__(self, name: str, kind: FailureKind, cause: str) -> None: ...


class Policy(Struct, frozen=True, kw_only=True):
    """What the settings, with `orchestration.yml`, allow the ladder. `heals`: rungs are tried on agents at all."""

    heals: bool = True
    may_reset: bool = True
    max_attempts: int = 3
    verify_s: float = 60.0


class Tending:
    """Takes each entry that has something to be told or done. `fair_now` is the time of the rule."""

    def __init__(
        self,
        *,
        clock: Clock,
        fair_now: Callable[[], float],
        publish: Publish,
        store: LadderStore,
        memory: Memory,
        unwell: Replaces,
        run: Runs,
        policy: Callable[[], Policy],
    ) -> None:
        self._clock = clock
        self._fair_now = fair_now
        self._publish = publish
        self._store = store
        self._memory = memory
        self._unwell = unwell
        self._run = run
        self._policy = policy

    def is_wanted(self, entry: Entry, now: float) -> bool:
        """Whether there is anything to be told or done."""
        ladder = entry.standing.ladder
        return (
            entry.problem != entry.told_problem
            or ladder.escalated
            or (ladder.rung is not None and now >= ladder.deadline)
            or (bool(entry.worked) and entry.standing.is_open)
            or self._is_to_be_judged(entry)
        )

    def _is_to_be_judged(self, entry: Entry) -> bool:
        state = entry.verdict.state if entry.is_judged and entry.verdict is not None else "working"
        if state not in ("silent", "stalled"):
            return False
        ladder, told = entry.standing.ladder, entry.standing.told
        if told not in (state, "stalled"):
            return True
        may_act = ladder.rung is None and (self._policy().heals or entry.watched.workspace is None)
        return may_act and not (state == "silent" and ladder.tried)

    async def tend(self, entry: Entry) -> None:
        """Tell and do what the last look asks for."""
        self._tell_trouble(entry)
        worked, entry.worked = entry.worked, ""
        await self._look_for_marker(entry)
        if worked:
            await self._worked(entry, worked)
        await self._feed(entry, rules.TimePassed())
        if entry.verdict is not None and entry.silence is not None and not entry.problem:
            await self._judge(entry)

    async def clear(self, entry: Entry, by: str) -> None:
        """The operator acts: the marker is removed, and the ladder begins anew."""
        await asyncio.to_thread(hands.remove_marker, entry)
        await self._feed(entry, rules.Cleared(by))

    def restarted(self, entry: Entry) -> None:
        """It has another process, or its rest is over: what is being verified has its whole time from now on."""
        self._keep(entry, replace(entry.standing, ladder=rules.extended(entry.standing.ladder, self._terms(entry))))

    def begun_anew(self, entry: Entry) -> None:
        """The same of a service of which nothing but its process is watched: lasting activity of that says enough."""
        self._keep(entry, replace(entry.standing, ladder=rules.begun_anew(entry.standing.ladder, self._terms(entry))))

    def resumed(self, component: str) -> Standing:
        """As an earlier Aurora kept it; its clock was another, so what was being verified has all of its time again."""
        standing = self._store.standing(component)
        return replace(standing, ladder=rules.resumed(standing.ladder, self._terms()))

    # --- what the look says -----------------------------------------------------------------------------------

    def _tell_trouble(self, entry: Entry) -> None:
        if entry.problem == entry.told_problem:
            return
        told, entry.told_problem = entry.told_problem, entry.problem
        self._publish(
            WatchTrouble(
                at=self._clock.wall(),
                component=entry.component,
                detail=entry.problem or told,
                hint="Give Aurora a folder that it may read and write." if entry.problem else "",
                recovered=not entry.problem,
            )
        )

    async def _look_for_marker(self, entry: Entry) -> None:
        """The operator says that it is mended by removing the marker."""
        standing = entry.standing
        if not (standing.ladder.escalated and standing.has_marker) or entry.problem or entry.watched.workspace is None:
            return
        if not await asyncio.to_thread(hands.has_marker, entry):
            await self._feed(entry, rules.Cleared(f"the operator, who removed {marks.ESCALATION}"))

    async def _worked(self, entry: Entry, source: str) -> None:
        standing = entry.standing
        await self._feed(entry, rules.Worked(source))
        if not standing.told:
            return
        now = self._clock.wall()
        stalled_s = round(self._fair_now() - entry.told_at + standing.silent_s, 1)
        cause = f"it works again, as {_word(source)} shows, after {format_duration(stalled_s)}"
        self._publish(AgentResumed(at=now, component=entry.component, source=source, stalled_s=stalled_s, cause=cause))
        if standing.fault is not None:
            self._memory.recovered(entry.component, now, stalled_s)
        blank = replace(entry.standing, told="", fault=None, silent_s=0.0)
        self._keep(entry, blank)

    async def _judge(self, entry: Entry) -> None:
        assert entry.verdict is not None  # noqa: S101 - `tend` has looked
        if entry.verdict.state == "silent":
            self._tell_stalled(entry, "silent")
            await self._feed(entry, rules.Silent())
        elif entry.verdict.state == "stalled":
            self._tell_stalled(entry, "stalled")
            await self._feed(entry, rules.Stalled())

    def _tell_stalled(self, entry: Entry, state: str) -> None:
        verdict, standing = entry.verdict, entry.standing
        if verdict is None or standing.told in (state, "stalled") or standing.ladder.escalated:
            return
        at = self._clock.wall()
        entry.told_at = self._fair_now()
        standing = replace(standing, told=state, stalled_at=at - verdict.silent_s, silent_s=verdict.silent_s)
        self._publish(
            AgentStalled(
                at=at,
                component=entry.component,
                source=verdict.source,
                silent_s=round(verdict.silent_s, 1),
                cause=verdict.sentence,
                proactive=state == "silent",
            )
        )
        if state == "stalled" and standing.fault is None:
            standing = replace(standing, fault=self._remembered(entry))
        self._keep(entry, standing)

    def _remembered(self, entry: Entry) -> Fault:
        assert entry.verdict is not None  # noqa: S101 - only who was judged is remembered
        verdict = entry.verdict
        message = f"stalled: no sign of work; the last was {verdict.source or 'none'}"
        sighting = Sighting(
            at=self._clock.wall(),
            component=entry.component,
            event="agent_stalled",
            event_id=0,
            kind="stall",
            message=message,
        )
        facts = {"source": verdict.source, "silent_s": f"{verdict.silent_s:.0f}"}
        return self._memory.remember(Fault(kind="stall", sentence=verdict.sentence, sighting=sighting, facts=facts))

    # --- the ladder -------------------------------------------------------------------------------------------

    async def _feed(self, entry: Entry, stimulus: Stimulus) -> None:
        rungs = await self._rungs(entry, stimulus)
        if rungs is None:
            return
        ladder, effects = rules.step(entry.standing.ladder, stimulus, self._terms(entry, rungs))
        if ladder != entry.standing.ladder:
            self._keep(entry, replace(entry.standing, ladder=ladder))
        for effect in effects:
            await self._carry_out(entry, effect)

    def _terms(self, entry: Entry | None = None, rungs: tuple[Rung, ...] = ()) -> Terms:
        policy = self._policy()
        threshold_s = entry.watched.rule.threshold_sec if entry is not None else 0.0
        return Terms(
            now=self._fair_now(),
            rungs=rungs,
            max_attempts=policy.max_attempts,
            verify_s=policy.verify_s,
            lasting_s=max(policy.verify_s, threshold_s),
        )

    async def _rungs(self, entry: Entry, stimulus: Stimulus) -> tuple[Rung, ...] | None:
        """Those that can be tried now, in their order; None when nothing is to be tried."""
        if not isinstance(stimulus, rules.Silent | rules.Stalled):
            return ()
        standing, policy = entry.standing, self._policy()
        if standing.ladder.rung is not None or standing.ladder.escalated:
            return None
        if entry.watched.workspace is None:
            return ("restart",)
        if not policy.heals:
            return None
        try:
            rungs, has_marker = await asyncio.to_thread(hands.examined, entry, self._patient(entry))
        except OSError as error:
            log.info("%s: its workspace cannot be examined: %s", entry.component, error)
            rungs, has_marker = ("restart",) if entry.watched.can_restart else (), False
        if has_marker:
            await self._feed(entry, rules.MarkFound())
            return None
        return await self._sorted(entry, rungs)

    async def _sorted(self, entry: Entry, rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
        signature = entry.standing.fault.signature if entry.standing.fault is not None else ""
        if not signature:
            return rules.in_order(rungs, {})
        known = await self._memory.success_of(signature, tuple(IN_MEMORY + rung for rung in rungs))
        return rules.in_order(rungs, {rung: known.get(IN_MEMORY + rung, (0, 0)) for rung in rungs})

    async def _carry_out(self, entry: Entry, effect: Effect) -> None:
        match effect:
            case rules.Perform(rung, attempt):
                await self._perform(entry, rung, attempt)
            case rules.Succeeded(rung, source, took_s):
                cause = f"{_word(source)} moved after {format_duration(took_s)}"
                self._finished(entry, rung, "worked", cause, took_s)
            case rules.Failed(rung, why, took_s, refused):
                self._finished(entry, rung, "refused" if refused else "failed", why, took_s)
            case rules.Escalate():
                await self._escalate(entry, effect)
            case rules.Release(by):
                entry.begin_anew()
                self._keep(entry, Standing(ladder=entry.standing.ladder, own_status=entry.standing.own_status))
                self._publish(EscalationCleared(at=self._clock.wall(), component=entry.component, by=by))

    async def _perform(self, entry: Entry, rung: Rung, attempt: int) -> None:
        if entry.standing.fault is None:
            self._keep(entry, replace(entry.standing, fault=self._remembered(entry)))
        cause = entry.verdict.sentence if entry.verdict is not None else ""
        self._publish(
            RemedyStarted(
                at=self._clock.wall(),
                component=entry.component,
                failure_id=_failure_id(entry),
                remedy=rung,
                attempt=attempt,
                cause=cause,
            )
        )
        await self._feed(entry, await self._performed(entry, rung))

    async def _performed(self, entry: Entry, rung: Rung) -> Stimulus:
        try:
            if rung == "restart":
                await self._restart(entry)
                return rules.Performed()
            wrote = await asyncio.to_thread(hands.perform, entry, rung, self._patient(entry))
        except RefusedError as error:
            return rules.Broke(_line(error), refused=True)
        except AuroraError as error:
            return rules.Broke(_line(error))
        except OSError as error:
            return rules.Broke(f"it could not be done: {error.strerror or type(error).__name__}")
        own = wrote.tokens.get("status", entry.standing.own_status)
        if entry.silence is not None:
            entry.silence = rebased(entry.silence, wrote.tokens)
        self._keep(entry, replace(entry.standing, own_status=own))
        return rules.Performed()

    async def _restart(self, entry: Entry) -> None:
        """By the supervisor where a service runs it, else by its own command. Raises AuroraError, OSError."""
        watched = entry.watched
        cause = entry.verdict.sentence if entry.verdict is not None else "stalled"
        if watched.service is not None:
            self._unwell(watched.service, "stall", cause)
        elif watched.restart is not None:
            await self._run_restart(watched.restart, watched.workspace or Path.home())

    async def _run_restart(self, command: Command, folder: Path) -> None:
        ran = await self._run(command, folder, RESTART_TIMEOUT_S, None)
        if not ran.ok:
            how = "did not end in time" if ran.code is None else f"exited with code {ran.code}"
            raise AuroraError(f"its restart command {how}", command[0], "Run it by hand and see what it says.")

    async def _escalate(self, entry: Entry, effect: rules.Escalate) -> None:
        reason = entry.verdict.sentence if entry.verdict is not None else "stalled"
        if effect.restarts:
            reason = f"{reason}; after {effect.restarts} restarts it worked for a moment only"
        found = entry.watched.workspace is not None and await asyncio.to_thread(hands.has_marker, entry)
        has_marker = found or await self._lay_marker(entry, effect)
        at = self._clock.wall()
        standing = replace(entry.standing, escalated_at=at, sentence=reason, has_marker=has_marker)
        self._keep(entry, standing)
        hint = "Look after it, then say so in Aurora's window."
        if has_marker:
            hint = f"Look after it, then remove {entry.watched.workspace}/{marks.ESCALATION}, or say so in the window."
        self._publish(Escalated(at=at, component=entry.component, cause=reason, attempts=effect.attempts, hint=hint))

    async def _lay_marker(self, entry: Entry, effect: rules.Escalate) -> bool:
        if entry.watched.workspace is None:
            return False
        try:
            await asyncio.to_thread(hands.call_the_operator, entry, self._patient(entry), effect)
        except OSError as error:
            log.warning("%s: %s cannot be laid down: %s", entry.component, marks.ESCALATION, error)
            return False
        return True

    def _finished(self, entry: Entry, rung: Rung, outcome: RemedyOutcome, cause: str, took_s: float) -> None:
        took_s = round(took_s, 2)
        self._publish(
            RemedyFinished(
                at=self._clock.wall(),
                component=entry.component,
                failure_id=_failure_id(entry),
                remedy=rung,
                outcome=outcome,
                cause=cause,
                duration_s=took_s,
            )
        )
        if entry.standing.fault is not None:
            self._memory.tried(entry.standing.fault, IN_MEMORY + rung, outcome, cause, took_s)

    def _patient(self, entry: Entry) -> Patient:
        return Patient(
            agent=entry.watched.name,
            reason=entry.verdict.sentence if entry.verdict is not None else "stalled",
            wall=self._clock.wall(),
            may_reset=self._policy().may_reset,
            can_restart=entry.watched.can_restart,
        )

    def _keep(self, entry: Entry, standing: Standing) -> None:
        """A status.json of ours is remembered until somebody writes another."""
        seen = entry.silence.tokens.get("status") if entry.silence is not None else None
        if seen is not None and seen != standing.own_status and standing.own_status is not None:
            standing = replace(standing, own_status=None)
        entry.standing = standing
        self._store.keep(entry.component, entry.lasting())


# --- in words -----------------------------------------------------------------------------------------------------


def _failure_id(entry: Entry) -> int:
    return entry.standing.fault.failure_id if entry.standing.fault is not None else 0


def _word(source: str) -> str:
    return WORDS.get(source, source)


def _line(error: AuroraError) -> str:
    return f"{error.title}: {error.detail}" if error.detail else error.title
