"""The ladder: a pure state machine, `(ladder, stimulus, terms) -> (ladder, effects)`.

A rung worked only when new activity was seen within its time. After `max_attempts` that did not, the operator is
called, and the ladder rests until the operator acts. All times are seconds of the fair clock of `stalls.rule`.
"""

from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.healing.faults import Invasiveness

Rung = Literal["force_update", "clear_tasks", "reset_status", "rescue", "restart"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
"""The gentlest first."""
INVASIVENESS: dict[Rung, Invasiveness] = {
    "force_update": Invasiveness.LOOK,
    "clear_tasks": Invasiveness.TIDY,
    "reset_status": Invasiveness.TIDY,
    "rescue": Invasiveness.TIDY,
    "restart": Invasiveness.RESTART,
}


class Ladder(Struct, frozen=True, kw_only=True):
    """`attempts` failed since it last worked; `tried` the rungs of them, and those that were refused, in their order.

    `rung` is being verified: performed at `since`, it has time until `deadline`. `restarts` brought activity that did
    not last, the last of them at `restarted_at`; while `escalated` that is when it was last begun anew, or None.
    """

    attempts: int = 0
    tried: tuple[Rung, ...] = ()
    rung: Rung | None = None
    since: float = 0.0
    deadline: float = 0.0
    escalated: bool = False
    restarts: int = 0
    restarted_at: float | None = None


class Terms(Struct, frozen=True, kw_only=True):
    """The circumstances of one step; `rungs` are those that can be tried here, as `in_order` sorts them.

    Activity so long after a restart is lasting: `lasting_s`.
    """

    now: float
    rungs: tuple[Rung, ...] = ()
    max_attempts: int = 3
    verify_s: float = 60.0
    lasting_s: float = 300.0


# --- stimuli ----------------------------------------------------------------------------------------------------


class Silent(Struct, frozen=True):
    """The proactive threshold is passed: time for the gentlest rung, once."""


class Stalled(Struct, frozen=True):
    """The threshold is passed."""


class Worked(Struct, frozen=True):
    """New activity was seen at `source`."""

    source: str


class Performed(Struct, frozen=True):
    """The rung was performed just now: the time of its verification begins."""


class Broke(Struct, frozen=True):
    """The rung could not be performed; `refused`: it is not for this workspace, and costs no attempt."""

    why: str
    refused: bool = False


class TimePassed(Struct, frozen=True):
    pass


class MarkFound(Struct, frozen=True):
    """The workspace carries the marker of an escalation that we do not know of."""


class Cleared(Struct, frozen=True):
    """The operator acted."""

    by: str


Stimulus = Silent | Stalled | Worked | Performed | Broke | TimePassed | MarkFound | Cleared

# --- effects ----------------------------------------------------------------------------------------------------


class Perform(Struct, frozen=True):
    rung: Rung
    attempt: int


class Succeeded(Struct, frozen=True):
    rung: Rung
    source: str
    took_s: float


class Failed(Struct, frozen=True):
    rung: Rung
    why: str
    took_s: float
    refused: bool = False


class Escalate(Struct, frozen=True):
    """`restarts`: so many brought activity, and silence again; those count as attempts too."""

    attempts: int
    tried: tuple[Rung, ...]
    restarts: int = 0


class Release(Struct, frozen=True):
    by: str


Effect = Perform | Succeeded | Failed | Escalate | Release
Step = tuple[Ladder, tuple[Effect, ...]]


def step(ladder: Ladder, stimulus: Stimulus, terms: Terms) -> Step:
    """Take one stimulus; one that makes no sense now changes nothing."""
    match stimulus:
        case Silent():
            return _silent(ladder, terms)
        case Stalled():
            return _stalled(ladder, terms)
        case Worked(source):
            return _worked(ladder, source, terms)
        case Performed():
            return extended(ladder, terms), ()
        case Broke(why, refused):
            return _broke(ladder, why, terms, refused=refused)
        case TimePassed():
            return _time_passed(ladder, terms)
        case MarkFound():
            return _escalated(ladder) if not ladder.escalated and ladder.rung is None else (ladder, ())
        case Cleared(by):
            return (Ladder(), (Release(by),)) if ladder.escalated else (ladder, ())


def extended(ladder: Ladder, terms: Terms) -> Ladder:
    """The same with all of its time to verify still to come."""
    return ladder if ladder.rung is None else replace(ladder, since=terms.now, deadline=terms.now + terms.verify_s)


def begun_anew(ladder: Ladder, terms: Terms) -> Ladder:
    """Somebody restarted it: what is verified has all of its time, and where it rests, lasting activity ends that."""
    return replace(extended(ladder, terms), restarted_at=terms.now) if ladder.escalated else extended(ladder, terms)


def resumed(ladder: Ladder, terms: Terms) -> Ladder:
    """For another Aurora, whose clock is another: every time begins now."""
    at = None if ladder.restarted_at is None else terms.now
    return replace(extended(ladder, terms), restarted_at=at)


def in_order(rungs: tuple[Rung, ...], success: dict[Rung, tuple[int, int]]) -> tuple[Rung, ...]:
    """Gentlest first; of the equally invasive those first that worked more often: `success` is `(worked, failed)`."""

    def key(rung: Rung) -> tuple[int, float, int]:
        worked, failed = success.get(rung, (0, 0))
        return INVASIVENESS[rung], -(worked + 1) / (worked + failed + 2), RUNGS.index(rung)

    return tuple(sorted(rungs, key=key))


def _silent(ladder: Ladder, terms: Terms) -> Step:
    gentle = [rung for rung in terms.rungs if INVASIVENESS[rung] < Invasiveness.RESTART]
    if ladder.rung is not None or ladder.escalated or ladder.tried or not gentle:
        return ladder, ()
    return _perform(ladder, gentle[0], terms)


def _stalled(ladder: Ladder, terms: Terms) -> Step:
    if ladder.rung is not None or ladder.escalated:
        return ladder, ()
    left = terms.max_attempts - max(ladder.attempts, ladder.restarts)
    untried = tuple(rung for rung in terms.rungs if rung not in ladder.tried)
    # Where nothing but refusals came, another round would only bring more of them.
    rungs = untried or (terms.rungs if ladder.attempts else ())
    if left <= 0 or not rungs:
        return _escalated(ladder)
    # The last attempt is the strongest that there is, else a restart would never have its turn.
    return _perform(ladder, rungs[-1] if left == 1 else rungs[0], terms)


def _perform(ladder: Ladder, rung: Rung, terms: Terms) -> Step:
    performing = extended(replace(ladder, rung=rung), terms)
    return performing, (Perform(rung, ladder.attempts + 1),)


def _worked(ladder: Ladder, source: str, terms: Terms) -> Step:
    has_lasted = ladder.restarted_at is not None and terms.now - ladder.restarted_at >= terms.lasting_s
    if ladder.escalated:  # it rests until the operator acts, whatever the agent does, unless somebody restarted it
        return (Ladder(), (Release("lasting activity"),)) if has_lasted else (ladder, ())
    if ladder.rung is None:
        return (Ladder() if has_lasted or not ladder.restarts else _on_probation(ladder)), ()
    succeeded = Succeeded(ladder.rung, source, terms.now - ladder.since)
    if ladder.rung == "restart":
        return Ladder(restarts=ladder.restarts + 1, restarted_at=terms.now), (succeeded,)
    return _on_probation(ladder), (succeeded,)


def _on_probation(ladder: Ladder) -> Ladder:
    """It works, and it is not known yet whether that lasts."""
    return Ladder(restarts=ladder.restarts, restarted_at=ladder.restarted_at)


def _broke(ladder: Ladder, why: str, terms: Terms, *, refused: bool) -> Step:
    if ladder.rung is None:
        return ladder, ()
    failed = Failed(ladder.rung, why, terms.now - ladder.since, refused)
    attempts = ladder.attempts if refused else ladder.attempts + 1
    return replace(ladder, attempts=attempts, tried=(*ladder.tried, ladder.rung), rung=None), (failed,)


def _time_passed(ladder: Ladder, terms: Terms) -> Step:
    if ladder.rung is None or terms.now < ladder.deadline:
        return ladder, ()
    return _broke(ladder, f"no new activity within {terms.verify_s:g} s", terms, refused=False)


def _escalated(ladder: Ladder) -> Step:
    attempts = max(ladder.attempts, ladder.restarts)
    resting = replace(ladder, escalated=True, rung=None, attempts=attempts, restarted_at=None)
    return resting, (Escalate(attempts, ladder.tried, ladder.restarts),)
