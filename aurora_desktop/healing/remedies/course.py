"""The course of healing one component, as a pure rule: `(course, stimulus, now) -> (course, effects)`.

Gentler remedies come first; one is tried at a time; those that ask are offered, and nothing but the operator's word
tries them. Whatever failed is not tried again in the same incident. After `max_attempts` failures, and when nothing is
left to try, the operator is called and healing rests until the operator acts. All times are monotonic seconds.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

INCIDENT_S = 600.0
"""The same fault within this time after the last is the same incident: a crash loop is one."""

Phase = Literal["idle", "trying", "offered", "named", "healed", "resting"]


class Candidate(Struct, frozen=True):
    """A remedy that may help; `asks`: only on the operator's word."""

    name: str
    asks: bool


class Course(Struct, frozen=True, kw_only=True):
    """`named`: it is known what would help or what to do next, and nothing is done. `resting`: the operator was called.

    `key` names the incident; `tried` what failed, was refused or declined in it; `failed` counts its failed remedies.
    `told`: one that may do nothing said what the operator can do.
    """

    phase: Phase = "idle"
    key: str = ""
    seen_at: float = 0.0
    ahead: tuple[Candidate, ...] = ()
    current: str = ""
    offered: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    failed: int = 0
    told: bool = False


# --- stimuli: what happened -------------------------------------------------------------------------------------


class Diagnosed(Struct, frozen=True):
    """A fault; `candidates` in the order in which they are to be tried. `may_act` False: only name what would help."""

    key: str
    candidates: tuple[Candidate, ...]
    may_act: bool = True


class Worked(Struct, frozen=True):
    pass


class Failed(Struct, frozen=True):
    pass


class Refused(Struct, frozen=True):
    """The remedy is not for this fault after all, or may do nothing: no attempt.

    `tells`: it found out what is wrong, and what the operator can do about it.
    """

    tells: bool = False


class Unoffered(Struct, frozen=True):
    """The remedy that was to be offered is not for this fault after all."""

    name: str


class Accepted(Struct, frozen=True):
    name: str


class Declined(Struct, frozen=True):
    name: str


class Recovered(Struct, frozen=True):
    """It is well, and stayed so."""


class Lasted(Struct, frozen=True):
    """It has been well for so long that the trouble is over."""


class Acted(Struct, frozen=True):
    """The operator restarted it, edited its definition, or said that it is seen to."""


class Stopped(Struct, frozen=True):
    """It is not wanted any more. `by_operator` False: a script says so, and no script ends an escalation."""

    by_operator: bool = True


class Halted(Struct, frozen=True):
    """Nothing may be done now: supervision is paused, the emergency stop is latched, or healing was switched off."""


Stimulus = (
    Diagnosed | Worked | Failed | Refused | Unoffered | Accepted | Declined | Recovered | Lasted | Acted | Stopped
    | Halted
)  # fmt: skip

# --- effects: what to do ----------------------------------------------------------------------------------------


class Try(Struct, frozen=True):
    name: str
    attempt: int


class Offer(Struct, frozen=True):
    name: str


class Cancel(Struct, frozen=True):
    """End what is being tried, and undo what it did."""


class CloseOffers(Struct, frozen=True):
    pass


class Escalate(Struct, frozen=True):
    attempts: int


class ClearEscalation(Struct, frozen=True):
    by: str = "operator"


Effect = Try | Offer | Cancel | CloseOffers | Escalate | ClearEscalation
Step = tuple[Course, tuple[Effect, ...]]


def step(course: Course, stimulus: Stimulus, now: float, max_attempts: int) -> Step:
    """Take one stimulus; one that makes no sense in the phase changes nothing."""
    match stimulus:
        case Diagnosed():
            return _diagnosed(course, stimulus, now, max_attempts)
        case Worked() | Failed() | Refused():
            return _tried(course, stimulus, now, max_attempts)
        case Unoffered(name) | Declined(name):
            return _without_offer(course, name, max_attempts, declined=isinstance(stimulus, Declined))
        case Accepted(name):
            return _accepted(course, name)
        case Recovered():
            return _recovered(course)
        case Lasted():
            return _lasted(course)
        case Acted():
            return _acted(course)
        case Stopped(by_operator):
            return _stopped(course, by_operator=by_operator)
        case Halted():
            return _halted(course)


def _diagnosed(course: Course, fault: Diagnosed, now: float, max_attempts: int) -> Step:
    if course.phase == "trying":  # a running remedy sees by itself whether it helped
        return (_with_later(course, fault) if fault.may_act else course), ()
    if course.phase == "resting":
        return course, ()
    if now - course.seen_at > INCIDENT_S:
        course = Course(key=fault.key, offered=course.offered)
    elif fault.key != course.key:  # two that take turns must not begin anew each time
        course = Course(key=fault.key, offered=course.offered, failed=course.failed)
    elif course.phase == "healed":  # what helped did not help for long
        course = replace(course, failed=course.failed + 1)
    left = tuple(c for c in fault.candidates if c.name not in course.tried | course.offered)
    course = replace(course, seen_at=now, ahead=left, phase="named")
    return _next(course, max_attempts) if fault.may_act else (course, ())


def _with_later(course: Course, fault: Diagnosed) -> Course:
    """Another fault, or more of it is known: what may help there comes after what is tried, if that does not help."""
    known = course.tried | course.offered | {course.current, *(candidate.name for candidate in course.ahead)}
    return replace(course, ahead=(*course.ahead, *(c for c in fault.candidates if c.name not in known)))


def _next(course: Course, max_attempts: int) -> Step:
    """Offer what asks, up to the first that may simply be tried."""
    if course.failed >= max_attempts:
        return _escalate(course)
    effects: list[Effect] = []
    for place, candidate in enumerate(course.ahead):
        if not candidate.asks:
            trying = _trying(replace(course, ahead=course.ahead[place + 1 :]), candidate.name)
            return trying, (*effects, Try(candidate.name, trying.failed + 1))
        course = replace(course, offered=course.offered | {candidate.name})
        effects.append(Offer(candidate.name))
    course = replace(course, ahead=())
    if course.offered:
        return replace(course, phase="offered"), tuple(effects)
    return _escalate(course) if course.failed or course.told else (replace(course, phase="named"), ())


def _trying(course: Course, name: str) -> Course:
    return replace(course, phase="trying", current=name)


def _escalate(course: Course) -> Step:
    return replace(course, phase="resting", ahead=(), current=""), (Escalate(course.failed),)


def _tried(course: Course, result: Worked | Failed | Refused, now: float, max_attempts: int) -> Step:
    if course.phase != "trying":
        return course, ()
    name, course = course.current, replace(course, current="", phase="named", seen_at=now)
    if isinstance(result, Worked):
        return replace(course, phase="healed", ahead=(), offered=frozenset()), _close(course)
    failed = course.failed + isinstance(result, Failed)
    told = course.told or (isinstance(result, Refused) and result.tells)
    return _next(replace(course, tried=course.tried | {name}, failed=failed, told=told), max_attempts)


def _without_offer(course: Course, name: str, max_attempts: int, *, declined: bool) -> Step:
    """Where the operator said no to the last offer, nobody need be called."""
    if name not in course.offered:
        return course, ()
    course = replace(course, offered=course.offered - {name}, tried=course.tried | {name})
    if course.phase != "offered" or course.offered:
        return course, ()
    return (replace(course, phase="named"), ()) if declined else _next(course, max_attempts)


def _accepted(course: Course, name: str) -> Step:
    """By the operator's word also where healing rests; behind what is being tried just now."""
    if name not in course.offered:
        return course, ()
    cleared = _clear(course)
    course = replace(course, offered=course.offered - {name}, failed=0)
    if course.phase == "trying":
        return replace(course, ahead=(Candidate(name, False), *course.ahead)), cleared  # noqa: FBT003 - it asked
    trying = _trying(course, name)
    return trying, (*cleared, Try(name, trying.failed + 1))


def _recovered(course: Course) -> Step:
    """By itself or by the operator's hand. An escalation stays: what fails again and again is well between, too."""
    if course.phase in ("trying", "resting"):
        return course, ()
    return replace(course, phase="healed" if course.phase == "healed" else "idle", ahead=(), offered=frozenset()), (
        _close(course)
    )


def _lasted(course: Course) -> Step:
    if course.phase == "resting":
        return Course(offered=frozenset()), (*_close(course), ClearEscalation("lasting health"))
    return _recovered(course)


def _acted(course: Course) -> Step:
    cleared = _clear(course)
    if course.phase == "trying":
        return replace(course, failed=0, tried=frozenset()), cleared
    return Course(offered=course.offered, phase="offered" if course.offered else "idle"), cleared


def _stopped(course: Course, *, by_operator: bool) -> Step:
    ended = (*_cancel(course), *_close(course))
    if course.phase == "resting" and not by_operator:
        return replace(course, offered=frozenset()), ended
    return Course(), (*ended, *_clear(course))


def _halted(course: Course) -> Step:
    """What was tried is neither failed nor tried: with the next fault it may come again."""
    if course.phase != "trying":
        return course, ()
    return replace(course, phase="named", current="", ahead=()), (Cancel(),)


def _cancel(course: Course) -> tuple[Effect, ...]:
    return (Cancel(),) if course.phase == "trying" else ()


def _close(course: Course) -> tuple[Effect, ...]:
    return (CloseOffers(),) if course.offered else ()


def _clear(course: Course) -> tuple[Effect, ...]:
    return (ClearEscalation(),) if course.phase == "resting" else ()
