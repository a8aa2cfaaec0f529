"""The rule of stalls, pure: what moved between two looks, how long nothing has, and whether that is too long.

Activity is a change that we saw ourselves. No date of a file and no wall clock is compared with anything: all times are
seconds of our own fair clock, which stands still while Aurora or the machine does.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.settings.schema_healing import StallRule
from aurora_desktop.supervisor.outcome import format_duration

Token = tuple[int | str, ...]
"""Stands for what a source looked like: it differs once something happened there."""
StallState = Literal["working", "idle", "silent", "stalled"]

# The most telling first: it is named when several moved between the same two looks.
SOURCES: tuple[str, ...] = ("probe", "status", "output", "files", "inbox", "network", "cpu")
WORDS: dict[str, str] = {
    "probe": "its progress probe",
    "status": "its status.json",
    "output": "its output",
    "files": "the files of its workspace",
    "inbox": "its inbox",
    "network": "its network traffic",
    "cpu": "its CPU time",
}
LEAST_WINDOW_S = 0.05
"""CPU time comes in ticks of 10 ms: over less than this no percentage means anything."""


class Reading(Struct, frozen=True, kw_only=True, gc=False):
    """What one look saw; a source that is not there, or was not looked at, is missing from `tokens`.

    `cpu_s`: CPU seconds that the tree has used so far. `whole`: everything was looked at, so that it may be judged.
    `idle`: why silence is no stall, in words, or "".
    """

    tokens: dict[str, Token]
    cpu_s: float | None = None
    whole: bool = True
    idle: str = ""


class Silence(Struct, frozen=True, kw_only=True, gc=False):
    """Nothing moved since `since`, when `source` did ("": when we first looked)."""

    since: float
    source: str = ""
    tokens: dict[str, Token]
    cpu: tuple[float, float] | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """`sentence` names the source that was last, and when; `threshold_s` is the one that comes next or was passed."""

    state: StallState
    source: str
    silent_s: float
    threshold_s: float
    sentence: str


def observed(before: Silence | None, reading: Reading, cpu_percent: float, now: float) -> tuple[Silence, str]:
    """The silence after this look, and the source that moved, or "".

    The first look begins the silence anew, so that everybody gets a whole threshold.
    """
    if before is None:
        cpu = None if reading.cpu_s is None else (now, reading.cpu_s)
        return Silence(since=now, tokens=reading.tokens, cpu=cpu), ""
    if reading.cpu_s is None and reading.tokens.items() <= before.tokens.items():
        return before, ""
    moved = [source for source in reading.tokens if _has_moved(source, before.tokens, reading.tokens)]
    cpu, worked = before.cpu, False
    if reading.cpu_s is not None:
        cpu, worked = _cpu(before.cpu, reading.cpu_s, cpu_percent, now)
    if worked:
        moved.append("cpu")
    source = min(moved, key=_rank) if moved else ""
    tokens = {**before.tokens, **reading.tokens}
    since = now if moved else before.since
    return Silence(since=since, source=source or before.source, tokens=tokens, cpu=cpu), source


def rebased(silence: Silence, marks: dict[str, Token]) -> Silence:
    """The same silence with what a remedy of ours left behind taken for what was there: it is no sign of work."""
    return replace(silence, tokens={**silence.tokens, **marks})


def judge(silence: Silence, reading: Reading, rule: StallRule, now: float) -> Verdict:
    """What so much silence means under this rule."""
    silent_s = max(0.0, now - silence.since)
    state: StallState = "working"
    if reading.whole and silent_s >= rule.proactive_threshold_sec:
        state = "idle" if reading.idle else "stalled" if silent_s >= rule.threshold_sec else "silent"
    threshold_s = rule.proactive_threshold_sec if state in ("working", "silent") else rule.threshold_sec
    sentence = _sentence(state, silence.source, silent_s, reading.idle)
    return Verdict(state=state, source=silence.source, silent_s=silent_s, threshold_s=threshold_s, sentence=sentence)


def _sentence(state: StallState, source: str, silent_s: float, idle: str) -> str:
    ago = format_duration(silent_s)
    last = f"the last sign of work was {WORDS[source]}, {ago} ago" if source else f"no sign of work for {ago}"
    match state:
        case "working":
            return last if source else f"looked at for {ago}; nothing has moved yet"
        case "idle":
            return f"{idle}; {last}"
        case "silent":
            return f"silent: {last}"
        case "stalled":
            return f"stalled: {last}"


def _rank(source: str) -> int:
    return SOURCES.index(source)


def _has_moved(source: str, before: dict[str, Token], after: dict[str, Token]) -> bool:
    old, new = before.get(source), after[source]
    if old == new:
        return False
    if old is None:
        return source not in ("files", "network")  # these are not looked at each time: the first look lays the base
    if source == "output":
        return _has_grown(old, new)
    return True


def _has_grown(old: Token, new: Token) -> bool:
    """A log is `(inode, size)`. One that we cut back to nothing when it was rotated is no sign of work."""
    return new[0] != old[0] or (str(new[1]) != "0" and new[1] != old[1])


def _cpu(
    before: tuple[float, float] | None, cpu_s: float, percent: float, now: float
) -> tuple[tuple[float, float], bool]:
    if before is None:
        return (now, cpu_s), False
    passed_s = now - before[0]
    if passed_s < LEAST_WINDOW_S:
        return before, False
    return (now, cpu_s), 100.0 * (cpu_s - before[1]) / passed_s > percent
