"""Healing in memory: answers what it was given, and remembers what it was asked."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.view import (
    AgentHealing,
    AgentView,
    Checked,
    ComponentStatistics,
    FailureGroup,
    FailurePlace,
    HealingView,
    Imported,
    MachineAction,
    OfferView,
    PastFailure,
    RemedyStatistics,
    RemedyTrial,
    RemedyView,
    SearchAnswer,
    Statistics,
    Together,
    Tried,
)

AT = 1_750_000_000.0
TRIED = Tried(remedy="next_free_port", at=AT, outcome="worked", sentence="moved to 8081", duration_s=1.5)
PAST = PastFailure(
    id=7, at=AT, component="service:web", kind="port_conflict", message="port 8080 is in use",
    signature="port <number>", tried=(TRIED,), downtime_s=4.0,
)  # fmt: skip
GROUP = FailureGroup(
    signature="port <number>", kind="port_conflict", sentence="port 8080 is in use", count=3, first_at=AT - 100,
    last_at=AT, components=("service:web", "service:api", "service:db"), worked={"next_free_port": 2},
    failed={"next_free_port": 1, "restart": 1}, median_downtime_s=4.0, newest=(PAST,),
)  # fmt: skip
REMEDY = RemedyView(
    name="next_free_port", kinds=("port_conflict",), summary="moves the service to a free port",
    recognises=("address already in use",), verifies="the service is up", undoes="back to its own port",
    invasiveness=2, asks=False, tried=3, worked=2,
)  # fmt: skip
OFFER = OfferView(
    id=4, at=AT, component="service:api", remedy="install_module", sentence="install `requests`", fault="no `requests`"
)
STATISTICS = Statistics(
    total_actions=3, successful=2, failed=1, success_rate=66.7,
    by_agent={"Agent-1": AgentHealing(total=3, successful=2, failed=1)}, recent_actions=(TRIED,),
    components=(ComponentStatistics(component="service:web", failures=3, mtbf_s=3600.0, mttr_s=4.0),),
    remedies=(
        RemedyStatistics(remedy="next_free_port", total=3, successful=2, failed=1, success_rate=66.7, median_s=1.5),
    ),
    kinds={"port_conflict": 3}, by_hour=(0, 0, 0, 3, *[0] * 20),
    together=(Together(first="disk_full", second="port_conflict", count=5, lift=12.0),),
)  # fmt: skip


class FakeHealing:
    """Knows the services `web` and `api`; what is the operator's is noted in `operators`, and must never be."""

    def __init__(self) -> None:
        self.now = HealingView(
            agents=(AgentView(component="agent:Agent-1", state="idle", sentence="waits for you"),), offers=(OFFER,)
        )
        self.answer = SearchAnswer(query="", sentence="Seen 3 times.", groups=(GROUP,), total=3)
        self.told = STATISTICS
        self.actions: tuple[MachineAction, ...] = ()
        self.searches: list[tuple[str, int]] = []
        self.places: list[FailurePlace | None] = []
        self.tests: list[tuple[str, str | None]] = []
        self.heals: list[tuple[str | None, bool]] = []
        self.imports: list[tuple[str, list[str]]] = []
        self.operators: list[str] = []

    def view(self) -> HealingView:
        return self.now

    async def view_apart(self) -> HealingView:
        return self.view()

    def machine_history(self) -> tuple[MachineAction, ...]:
        return self.actions

    def watch(self, on_change: Callable[[], None]) -> None:
        return None

    def remedies(self) -> tuple[RemedyView, ...]:
        return (REMEDY,)

    async def test_remedy(self, text: str, service: str | None) -> RemedyTrial:
        self._known(service)
        self.tests.append((text, service))
        return RemedyTrial(
            kind="port_conflict", sentence="port 8080 is in use", facts={"port": "8080"}, remedies=("next_free_port",)
        )

    async def heal(self, name: str | None, *, check_now: bool) -> Checked:
        self._known(name)
        self.heals.append((name, check_now))
        return Checked(findings=(f"{name}: works",) if name else ())

    async def search(self, query: str, limit: int = 20, after: FailurePlace | None = None) -> SearchAnswer:
        self.searches.append((query, limit))
        self.places.append(after)
        return self.answer

    async def statistics(self) -> Statistics:
        return self.told

    async def import_failures(self, source: str, lines: Sequence[str]) -> Imported:
        self.imports.append((source, list(lines)))
        good = [line for line in lines if _is_json(line)]
        return Imported(
            read=len(lines), imported=len(good), known=0, skipped={"says no time": 1} if len(good) < len(lines) else {}
        )

    def accept(self, offer_id: int) -> None:
        self.operators.append("accept")

    def decline(self, offer_id: int) -> None:
        self.operators.append("decline")

    def clear_escalation(self, component: str, by: str) -> None:
        self.operators.append("clear_escalation")

    def answer_proposal(self, proposal_id: int, *, apply: bool) -> None:
        self.operators.append("answer_proposal")

    def _known(self, name: str | None) -> None:
        if name not in (None, "web", "api"):
            raise AuroraError(f"Nothing is called `{name}`", "", "See `aurora ps`")


def _is_json(line: str) -> bool:
    with suppress(ValueError):
        return bool(json.loads(line))
    return False
