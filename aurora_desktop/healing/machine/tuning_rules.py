"""Which settings of a service should be others, and whether a changed one did good. Pure rules over measurements."""

import math
from collections.abc import Iterator
from statistics import median
from typing import Literal

from msgspec import Struct

from aurora_desktop.core.events import FailureKind, ProbeKind
from aurora_desktop.core.settings.schema import Probe, Service
from aurora_desktop.supervisor.measures import Latencies, Measures
from aurora_desktop.supervisor.outcome import format_duration

LEAST_CHECKS = 100
LEAST_STARTS = 5
NEAR = 0.6
"""An allowed time that measurements come nearer to than this share of it is too short."""
LEAST_RECOVERIES = 4
TRIAL_H = 24.0
LONGEST_TRIAL_H = 7 * 24.0
EARLY_H = 1.0
SURE, LIKELY = 0.02, 0.1
"""More restarts that chance would bring less often than this end a trial early, and decide it at its end."""
ENOUGH_RESTARTS = 2.3
"""A trial without a restart says something once so many were to be expected: chance has none one time in ten."""
LEAST_DOWNTIME_S = 10.0
_MANY = 300

_TUNED: tuple[ProbeKind, ...] = ("readiness", "liveness")

Keys = tuple[str, ...]
Number = float


class Recovery(Struct, frozen=True):
    """A service came back after so many restarts and seconds."""

    attempts: int
    downtime_s: float


class Evidence(Struct):
    """What happened to a service since its definition is what it is; `failures` by kind."""

    failures: dict[str, int] = {}
    recoveries: list[Recovery] = []

    def count(self, kind: FailureKind) -> int:
        return self.failures.get(kind, 0)


class Proposal(Struct, frozen=True):
    """A better value for one option of a service, with the measurements in words."""

    service: str
    keys: Keys
    old: Number
    new: Number
    sentence: str

    @property
    def setting(self) -> str:
        """As it is written in the settings: `services.web.liveness_probe.timeout_sec`."""
        return ".".join(("services", self.service, *self.keys))


def propose(name: str, spec: Service, measures: Measures, evidence: Evidence) -> list[Proposal]:
    """What the measurements of one service suggest; nothing while there is little to go by."""
    return [
        Proposal(name, keys, old, new, sentence)
        for keys, old, new, sentence in (
            *_probe_timeouts(spec, measures, evidence),
            *_failure_threshold(spec, measures, evidence),
            *_start_timeout(spec, measures, evidence),
            *_backoff(spec, evidence),
        )
        if new != old
    ]


Suggestion = tuple[Keys, Number, Number, str]


def _probe_timeouts(spec: Service, measures: Measures, evidence: Evidence) -> Iterator[Suggestion]:
    """A time-out so near to the usual answers that healthy services fail it."""
    for kind in _TUNED:
        key = f"{kind}_probe"
        probe: Probe | None = getattr(spec, key)
        found = measures.probes.get(kind)
        if probe is None or found is None or found.answered < LEAST_CHECKS:
            continue
        slow_s = found.quantile_s(0.99)
        if slow_s < NEAR * probe.timeout_sec or found.timed_out > found.answered:
            continue
        restarts = evidence.count("liveness") if kind == "liveness" else 0
        sentence = (
            f"1 of 100 answers of the {kind} probe takes {format_duration(slow_s)} or longer, and"
            f" {probe.timeout_sec:g} s are allowed: {_failed(found)}{_cost(restarts)}"
        )
        yield (key, "timeout_sec"), probe.timeout_sec, rounded_up(max(2.5 * slow_s, 2 * probe.timeout_sec)), sentence


def _failure_threshold(spec: Service, measures: Measures, evidence: Evidence) -> Iterator[Suggestion]:
    """Single failed checks among many good ones restart a healthy service."""
    probe, found = spec.liveness_probe, measures.probes.get("liveness")
    restarts = evidence.count("liveness")
    if probe is None or found is None or found.answered < LEAST_CHECKS or restarts < 2 or probe.failure_threshold >= 3:
        return
    wrong = found.timed_out + found.failed
    if wrong > 0.05 * found.checks or found.quantile_s(0.99) >= NEAR * probe.timeout_sec:
        return
    sentence = f"{_failed(found)}, each by itself{_cost(restarts)}"
    yield ("liveness_probe", "failure_threshold"), probe.failure_threshold, probe.failure_threshold + 1, sentence


def _start_timeout(spec: Service, measures: Measures, evidence: Evidence) -> Iterator[Suggestion]:
    """Starts that hardly fit, or starts that hang and are noticed late."""
    starts, timeouts, allowed_s = measures.starts_s, evidence.count("start_timeout"), spec.timeout_start_sec
    if len(starts) < LEAST_STARTS:
        return
    slowest_s = max(starts)
    said = f"the slowest of {len(starts)} starts took {format_duration(slowest_s)}, and {allowed_s:g} s are allowed"
    failed = f": {timeouts} starts did not make it" if timeouts else ""
    if slowest_s > NEAR * allowed_s:
        yield ("timeout_start_sec",), allowed_s, rounded_up(2 * slowest_s), said + failed
    elif timeouts >= 2 and slowest_s < 0.1 * allowed_s:
        new = max(5.0, rounded_up(5 * slowest_s))
        yield ("timeout_start_sec",), allowed_s, new, f"{said}: {timeouts} starts hung, and were noticed late"


def _backoff(spec: Service, evidence: Evidence) -> Iterator[Suggestion]:
    """A service that recovers after several tries alone: what it waits for needs longer than the first ones leave."""
    recent = evidence.recoveries[-20:]
    if len(recent) < LEAST_RECOVERIES or median(r.attempts for r in recent) < 3:
        return
    downtime_s = median(r.downtime_s for r in recent)
    new = rounded_up(min(spec.restart_max_delay_sec, max(2 * spec.restart_sec, downtime_s / 2)))
    if new <= spec.restart_sec or new > spec.restart_max_delay_sec:
        return
    sentence = (
        f"the last {len(recent)} times it came back after {median(r.attempts for r in recent):.0f} tries and"
        f" {format_duration(downtime_s)}: the first tries are in vain, and spend its restart budget"
    )
    yield ("restart_sec",), spec.restart_sec, new, sentence


def _failed(found: Latencies) -> str:
    return f"{found.timed_out + found.failed} of {found.checks} checks failed ({found.timed_out} for want of time)"


def _cost(restarts: int) -> str:
    return f", and it was restarted {restarts} times for it" if restarts else ""


def rounded_up(seconds: float) -> float:
    """To the next of 1, 1.5, 2, 3, 5, 7.5 and their tenfolds: a value that a person would write."""
    if seconds <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(seconds))
    step = next(step for step in (1, 1.5, 2, 3, 5, 7.5, 10) if step * power >= seconds * 0.999)
    return float(f"{step * power:.12g}")


# --- the trial ----------------------------------------------------------------------------------------------------


class Outcome(Struct, frozen=True):
    """What came of a setting: restarts and downtime over so many hours in which the service was wanted."""

    hours: float = 0.0
    restarts: int = 0
    downtime_s: float = 0.0

    @property
    def words(self) -> str:
        if not self.hours:
            return "nothing was measured"
        return (
            f"{self.restarts} restarts and {format_duration(self.downtime_s)} of downtime in {self.hours:.0f} h"
            if self.hours >= 1
            else f"{self.restarts} restarts in {60 * self.hours:.0f} min"
        )


Verdict = Literal["better", "worse", "open"]


def verdict(before: Outcome, after: Outcome) -> Verdict:
    """Whether a changed setting did good; `open` until there is enough to tell.

    Restarts are compared as two rates: given all of them, how many of `after` chance would bring (a binomial test).
    A trial that shows nothing bad by its end is kept.
    """
    if after.hours < EARLY_H:
        return "open"
    if not before.hours:  # nothing to compare with: what does no harm for long is kept
        return "open" if after.hours < LONGEST_TRIAL_H else "better"
    if _chance_of_more(before, after) < SURE and after.restarts >= 3:
        return "worse"
    if after.hours < TRIAL_H:
        return "open"
    if _per_hour(after.downtime_s, after) > 1.5 * _per_hour(before.downtime_s, before) + LEAST_DOWNTIME_S:
        return "worse"
    if _per_hour(after.restarts, after) > _per_hour(before.restarts, before):
        return "worse" if _chance_of_more(before, after) < LIKELY else "better"
    too_early = _per_hour(before.restarts, before) * after.hours < ENOUGH_RESTARTS and after.hours < LONGEST_TRIAL_H
    return "open" if before.restarts and too_early else "better"


def _per_hour(amount: float, outcome: Outcome) -> float:
    return amount / outcome.hours


def _chance_of_more(before: Outcome, after: Outcome) -> float:
    """The chance of as many restarts after as there were, or more, if nothing had changed."""
    total, share = before.restarts + after.restarts, after.hours / (before.hours + after.hours)
    if total > _MANY:
        deviation = math.sqrt(total * share * (1 - share)) or 1.0
        return math.erfc((after.restarts - 0.5 - total * share) / deviation / math.sqrt(2)) / 2
    below = sum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(after.restarts))
    return max(0.0, 1.0 - below)
