"""What healing shows of itself: plain values that the window, the API and the command read."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from aurora_desktop.core.healing_events import MachineResource, PredictionKind, RemedyOutcome

AgentState = Literal["working", "idle", "silent", "stalled", "healing", "escalated", "unreadable"]


class AgentView(Struct, frozen=True, kw_only=True):
    """A watched agent (`agent:<name>`) or a service with a `stall` rule (`service:<name>`).

    `last_source` showed activity last, `silent_s` seconds ago; `sentence` says all of it in words.
    """

    component: str
    state: AgentState
    sentence: str
    last_source: str = ""
    silent_s: float = 0.0
    threshold_s: float = 0.0
    attempts: int = 0
    rung: str = ""
    workspace: str = ""


class OfferView(Struct, frozen=True, kw_only=True):
    """A remedy that waits for the operator's word; `command` is exactly what would run."""

    id: int
    at: float
    component: str
    remedy: str
    sentence: str
    fault: str
    command: tuple[str, ...] = ()


class EscalationView(Struct, frozen=True, kw_only=True):
    at: float
    component: str
    sentence: str
    hint: str = ""


class ResourceView(Struct, frozen=True, kw_only=True):
    """One resource of the machine, in percent; `breached_s`: over its limit for so long, `is_breached`: lastingly."""

    resource: MachineResource
    percent: float
    limit: float
    detail: str = ""
    breached_s: float = 0.0
    is_breached: bool = False
    history: tuple[float, ...] = ()


class MachineAction(Struct, frozen=True, kw_only=True):
    """One line of the healing history of the machine: `action` is the event's type, `freed_bytes` 0 where nothing was
    freed."""

    id: int
    at: float
    action: str
    resource: str
    detail: str
    freed_bytes: int = 0


class PermissionView(Struct, frozen=True, kw_only=True):
    """Something that healing the machine may or may not do, as it was found out."""

    what: str
    allowed: bool
    why: str


class PredictionView(Struct, frozen=True, kw_only=True):
    """`due` is Unix time; `confidence` from 0 to 1."""

    component: str
    kind: PredictionKind
    due: float
    confidence: float
    sentence: str
    advice: str = ""


class ProposalView(Struct, frozen=True, kw_only=True):
    """A better value of a setting, from measurements; `state`: `open`, or `trial` while it is being judged."""

    id: int
    setting: str
    old: str
    new: str
    sentence: str
    state: Literal["open", "trial"] = "open"


class HealingView(Struct, frozen=True, kw_only=True):
    """All of healing, now. `offers` and `escalations` wait for the operator; newest first."""

    enabled: bool = True
    agents: tuple[AgentView, ...] = ()
    offers: tuple[OfferView, ...] = ()
    escalations: tuple[EscalationView, ...] = ()
    machine: tuple[ResourceView, ...] = ()
    permissions: tuple[PermissionView, ...] = ()
    predictions: tuple[PredictionView, ...] = ()
    proposals: tuple[ProposalView, ...] = ()
    predictions_made: int = 0
    predictions_false: int = 0


class RemedyView(Struct, frozen=True, kw_only=True):
    """A remedy as it is declared, and how it did so far; `recognises` are the patterns of its faults."""

    name: str
    kinds: tuple[str, ...]
    summary: str
    recognises: tuple[str, ...]
    verifies: str
    undoes: str
    invasiveness: int
    asks: bool
    enabled: bool = True
    own: bool = False
    tried: int = 0
    worked: int = 0


class RemedyTrial(Struct, frozen=True, kw_only=True):
    """What a text would be recognised as, and what would be done; nothing was done."""

    kind: str
    sentence: str
    facts: dict[str, str] = {}
    remedies: tuple[str, ...] = ()
    next_step: str = ""


class Tried(Struct, frozen=True, kw_only=True):
    """One remedy that was tried: `duration_s` seconds until its outcome was known."""

    remedy: str
    at: float
    outcome: RemedyOutcome
    sentence: str
    duration_s: float


class PastFailure(Struct, frozen=True, kw_only=True):
    """A failure that is remembered; `downtime_s` until it was well again, None if it never was."""

    id: int
    at: float
    component: str
    kind: str
    message: str
    signature: str
    tried: tuple[Tried, ...] = ()
    downtime_s: float | None = None
    source: str = "aurora"


class FailureGroup(Struct, frozen=True, kw_only=True):
    """All failures of one signature, as a search answers them; `newest` first.

    `worked` counts by remedy how often it helped, `failed` how often not; `median_downtime_s` over those that ended.
    """

    signature: str
    kind: str
    sentence: str
    count: int
    first_at: float
    last_at: float
    components: tuple[str, ...]
    worked: dict[str, int] = {}
    failed: dict[str, int] = {}
    median_downtime_s: float | None = None
    newest: tuple[PastFailure, ...] = ()


class FailurePlace(NamedTuple):
    """A group's place among those that answer a question: how much of it the group has, when it was last seen."""

    parts: int
    last_at: float
    id: int

    def __str__(self) -> str:
        return f"{self.parts}:{self.last_at!r}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "FailurePlace":
        """Raises ValueError for what is none."""
        parts, last_at, number = text.split(":")
        place = cls(int(parts), float(last_at), int(number))
        if str(place) != text or not 0 <= min(place.parts, place.id) <= max(place.parts, place.id) < 2**63:
            raise ValueError("not written by us")
        return place


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """`sentence` tells in words of the `groups`, which are best first; `total` failures matched.

    `next_cursor`: where the next groups follow; "" at the end.
    """

    query: str
    sentence: str
    groups: tuple[FailureGroup, ...] = ()
    total: int = 0
    next_cursor: str = ""


class ComponentStatistics(Struct, frozen=True, kw_only=True):
    """Mean time between failures and to recovery, in seconds; None while there is too little to tell."""

    component: str
    failures: int
    mtbf_s: float | None = None
    mttr_s: float | None = None


class RemedyStatistics(Struct, frozen=True, kw_only=True):
    remedy: str
    total: int
    successful: int
    failed: int
    success_rate: float
    median_s: float | None = None


class Together(Struct, frozen=True, kw_only=True):
    """Two kinds of failure that come within a minute of each other more often than chance would have it."""

    first: str
    second: str
    count: int
    lift: float


class AgentHealing(Struct, frozen=True, kw_only=True):
    total: int
    successful: int
    failed: int


class Statistics(Struct, frozen=True, kw_only=True):
    """The first six fields are the earlier system's; `success_rate` in percent; `by_hour` failures by local hour."""

    total_actions: int
    successful: int
    failed: int
    success_rate: float
    by_agent: dict[str, AgentHealing] = {}
    recent_actions: tuple[Tried, ...] = ()
    components: tuple[ComponentStatistics, ...] = ()
    remedies: tuple[RemedyStatistics, ...] = ()
    kinds: dict[str, int] = {}
    by_hour: tuple[int, ...] = (0,) * 24
    together: tuple[Together, ...] = ()


class Checked(Struct, frozen=True, kw_only=True):
    """What a look on demand found: one sentence for each component."""

    findings: tuple[str, ...] = ()


class Imported(Struct, frozen=True, kw_only=True):
    """`read` records of an earlier log: `imported` are new, `known` were there before, the rest `skipped` by reason."""

    read: int
    imported: int
    known: int
    skipped: dict[str, int] = {}


class HealingFace(Protocol):
    """The public face of healing; all calls on the loop's thread.

    `accept`, `decline`, `clear_escalation` and `answer_proposal` are the operator's: no door but the window calls them.
    """

    def view(self) -> HealingView: ...

    async def view_apart(self) -> HealingView:
        """The same, the agents put into words in a thread: ten thousand take longer than a turn of the loop may."""
        ...

    def machine_history(self) -> tuple[MachineAction, ...]:
        """Breaches of the machine's limits, their ends, and what was freed: the last ones, oldest first."""
        ...

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after each change of what `view` shows that no event tells."""
        ...

    def remedies(self) -> tuple[RemedyView, ...]: ...

    async def test_remedy(self, text: str, service: str | None) -> RemedyTrial:
        """What this text would be recognised as, and what would be tried. Raises AuroraError for an unknown service."""
        ...

    async def heal(self, name: str | None, *, check_now: bool) -> Checked:
        """Look at everything (or one service or agent) now; without `check_now` also apply what helps.

        Raises AuroraError for an unknown name.
        """
        ...

    async def search(self, query: str, limit: int = 20, after: FailurePlace | None = None) -> SearchAnswer:
        """The groups behind `after`, or the first."""
        ...

    async def statistics(self) -> Statistics: ...

    async def import_failures(self, source: str, lines: Sequence[str]) -> Imported:
        """Remember what these lines of an earlier system's log `source` tell; none twice. Raises AuroraError."""
        ...

    def accept(self, offer_id: int) -> None:
        """Raises AuroraError when the offer is of no use any more."""
        ...

    def decline(self, offer_id: int) -> None: ...

    def clear_escalation(self, component: str, by: str) -> None: ...

    def answer_proposal(self, proposal_id: int, *, apply: bool) -> None: ...
