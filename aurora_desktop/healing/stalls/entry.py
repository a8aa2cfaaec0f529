"""One that is watched, from look to look. `look` runs in a thread; all else on the loop, never both at once."""

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.healing.ladder.store import Standing
from aurora_desktop.healing.stalls.glance import Paths, files_token, glance, idle_words
from aurora_desktop.healing.stalls.roster import Watched
from aurora_desktop.healing.stalls.rule import Reading, Silence, Token, Verdict, judge, observed
from aurora_desktop.healing.view import AgentState, AgentView

LASTING_SOURCES = ("status", "inbox", "output")
"""What is the same for the next Aurora; the other tokens only mean something to this one."""


class Extra(Struct, frozen=True):
    """What is not seen in the workspace: the tree of the service, and the answer of a progress probe."""

    tokens: dict[str, Token] = {}
    cpu_s: float | None = None


NO_EXTRA = Extra()


class Entry:
    """`silence` and `verdict` of the last look; None while it is not looked at, `problem` or `rests` saying why.

    `worked` is the source that moved since it was last tended, or "".
    """

    __slots__ = (
        "_idle", "_kept", "_seen_at", "_verdict", "due", "is_busy", "is_put_off", "marker", "paths", "problem", "rests",
        "silence", "standing", "told_at", "told_problem", "walked_at", "watched", "worked",
    )  # fmt: skip

    def __init__(self, watched: Watched, standing: Standing, service_log: str | None, now: float) -> None:
        self.watched = watched
        self.standing = standing
        self.paths = Paths.of(watched, service_log)
        self.silence: Silence | None = None
        self._verdict: Verdict | None = None
        self._seen_at = now
        self.problem = ""
        self.told_problem = ""
        self.rests = ""
        self.marker = ""
        self.due = now
        self.told_at = now
        self.walked_at = float("-inf")
        self.is_put_off = False
        self.is_busy = False
        self.worked = ""
        self._kept: dict[str, Token] = standing.tokens
        self._idle: tuple[Token | None, Token | None, Token | None, str] | None = None

    @property
    def component(self) -> str:
        return self.watched.component

    @property
    def walks(self) -> bool:
        """Whether the files of a workspace count for it."""
        return bool(self.paths.workspace) and self.watched.has("files")

    def rest(self, why: str) -> None:
        """It is not looked at for now; afterwards it has a whole threshold again."""
        self.rests, self.silence, self._verdict = why, None, None

    def begin_anew(self) -> None:
        """Whatever was seen before, it has a whole threshold again."""
        self.silence = None

    # --- looking ----------------------------------------------------------------------------------------------

    def look(self, now: float, extra: Extra) -> bool:
        """The cheap part of a look; returns whether it may be judged only after `look_closely`."""
        self.is_put_off = False
        seen = glance(self.paths)
        self.problem = seen.problem
        if seen.problem:
            self.silence = self._verdict = None
            return False
        tokens = {**seen.tokens, **extra.tokens} if extra.tokens else seen.tokens
        self._take(Reading(tokens=tokens, cpu_s=extra.cpu_s, whole=False), now)
        silent_s = now - self.silence.since if self.silence is not None else 0.0
        return silent_s >= self.watched.rule.proactive_threshold_sec

    def look_closely(self, now: float) -> None:
        """What costs more: the files of the workspace, and whether it says that it waits."""
        self.is_put_off = False
        self.walk(now)
        silence = self.silence
        if silence is not None and now - silence.since >= self.watched.rule.proactive_threshold_sec:
            reading = Reading(tokens={}, idle=self._idle_words())
            self._verdict = judge(silence, reading, self.watched.rule, now)

    def walk(self, now: float) -> None:
        self.walked_at = now
        token = files_token(self.paths.workspace) if self.walks else None
        if token is not None:
            self._take(Reading(tokens={"files": token}, whole=False), now)

    def _take(self, reading: Reading, now: float) -> None:
        before = self.silence or self._from_before(reading, now)
        self.silence, moved = observed(before, reading, self.watched.rule.cpu_percent, now)
        self.worked = moved or self.worked
        self._verdict, self._seen_at = None, now

    def _from_before(self, reading: Reading, now: float) -> Silence | None:
        """What an earlier Aurora saw: a change since then counts, and the threshold begins anew all the same."""
        kept, self._kept = self._kept, {}
        return Silence(since=now, tokens={**reading.tokens, **kept}) if kept else None

    def _idle_words(self) -> str:
        """Looked up again only when status or log are others than at the last time, or its status is not looked at."""
        tokens = self.silence.tokens if self.silence is not None else {}
        status, output, own = tokens.get("status"), tokens.get("output"), self.standing.own_status
        is_unseen = status is None and bool(self.paths.workspace)
        if self._idle is None or self._idle[:3] != (status, output, own) or is_unseen:
            self._idle = (status, output, own, idle_words(self.watched, self.paths, own))
        return self._idle[3]

    @property
    def is_judged(self) -> bool:
        """Whether the last look was close enough for a verdict other than that it works."""
        return self._verdict is not None

    @property
    def verdict(self) -> Verdict | None:
        """Worked out when somebody asks: of ten thousand that work nobody does.

        Nothing is kept: a look may go on in its thread meanwhile, and what it found must not be overwritten.
        """
        verdict, silence = self._verdict, self.silence
        if verdict is None and silence is not None:
            return judge(silence, Reading(tokens={}, whole=False), self.watched.rule, self._seen_at)
        return verdict

    # --- what it is -------------------------------------------------------------------------------------------

    def lasting(self) -> Standing:
        """Where it stands, with what an Aurora after us will want to compare with."""
        tokens = self.silence.tokens if self.silence is not None else self.standing.tokens
        return replace(self.standing, tokens={s: t for s, t in tokens.items() if s in LASTING_SOURCES})

    @property
    def state(self) -> AgentState:
        ladder = self.standing.ladder
        if ladder.escalated:
            return "escalated"
        if self.problem:
            return "unreadable"
        if ladder.rung is not None:
            return "healing"
        verdict = self._verdict
        if verdict is None:  # nobody looked closely, so that it was not silent for long; or it rests
            return "idle" if self.rests else "working"
        return verdict.state

    @property
    def sentence(self) -> str:
        """Everything about it in words."""
        verdict = self.verdict
        words = self.problem or (verdict.sentence if verdict is not None else self.rests)
        ladder = self.standing.ladder
        if ladder.escalated:
            return f"waits for you after {ladder.attempts} failed attempts: {self.standing.sentence}"
        if ladder.rung is not None:
            return f"{ladder.rung} is being verified; {words}"
        return words or "not looked at yet"

    def view(self) -> AgentView:
        verdict, rule = self.verdict, self.watched.rule
        return AgentView(
            component=self.component,
            state=self.state,
            sentence=self.sentence,
            last_source=verdict.source if verdict is not None else "",
            silent_s=round(verdict.silent_s, 1) if verdict is not None else 0.0,
            threshold_s=verdict.threshold_s if verdict is not None else rule.threshold_sec,
            attempts=self.standing.ladder.attempts,
            rung=self.standing.ladder.rung or "",
            workspace=self.paths.workspace,
        )
