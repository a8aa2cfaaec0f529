"""The engine of remedies, on a yard without processes: what it tells, tries, offers and gives up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from supervisor.yard import in_loop

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import (
    AnyEvent,
    OperatorCommand,
    PartFailed,
    ProbeFailing,
    ProbeKind,
    Record,
    ServiceDegraded,
    ServiceFailed,
    ServiceRecovered,
    ServiceStateChanged,
    SupervisionPaused,
)
from aurora_desktop.core.healing_events import (
    Escalated,
    EscalationCleared,
    FaultDiagnosed,
    OfferClosed,
    RemedyFinished,
    RemedyOffered,
    RemedyStarted,
)
from aurora_desktop.core.input_events import EmergencyStopped
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import HealingSettings, ServiceHealing, UserRemedy
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.faults import Fault, Invasiveness, Sighting
from aurora_desktop.healing.remedies import matcher
from aurora_desktop.healing.remedies.engine import RemedyEngine
from aurora_desktop.healing.remedies.gated import GatedFixes
from aurora_desktop.healing.remedies.kinds import FaultKind, KindRegistry
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError, Remedy
from aurora_desktop.healing.remedies.store import MIGRATIONS, RemedyStore
from aurora_desktop.healing.yard import Ran, Yard
from healing.yard_fake import FakeMemory, FakeYard, service

E = TypeVar("E")
WEB = "service:web"
WAIT_S = 10.0
KINDS = (
    FaultKind(
        name="port_conflict",
        title="Port in use",
        sentence="{service}: port {port} is already in use",
        next_step="See who holds it: ss -ltnp 'sport = :{port}'",
        patterns=(r"[Aa]ddress already in use.*?:(?P<port>\d+)",),
    ),
    FaultKind(
        name="crash_loop",
        title="Crash loop",
        sentence="{service} fails again and again",
        next_step="Look at the last change",
        events=frozenset({"service_degraded"}),
        priority=-1,
    ),
)


class Scripted:
    """A remedy that does what the test says; `log` is shared, so that the order shows."""

    verifies = "the test says so"
    undoes = "it was taken back"

    def __init__(self, name: str, log: list[str], **keys: Any) -> None:
        self.name = name
        self.log = log
        self.kinds: tuple[str, ...] = keys.pop("kinds", ("port_conflict",))
        self.invasiveness = Invasiveness(keys.pop("invasiveness", 1))
        self.asks: bool = keys.pop("asks", False)
        self.summary = f"does {name}"
        self.helps: bool = keys.pop("helps", True)
        self.command: tuple[str, ...] = keys.pop("command", ())
        self.raises: dict[str, Exception] = keys.pop("raises", {})
        self.plans: bool = keys.pop("plans", True)
        self.reached: dict[str, asyncio.Event] = {}
        self.hold: dict[str, asyncio.Event] = {}
        assert not keys

    async def _step(self, step: str) -> None:
        self.log.append(f"{step} {self.name}")
        if step in self.hold:
            self.reached[step].set()
            await self.hold[step].wait()
        if step in self.raises:
            raise self.raises[step]

    def hold_at(self, step: str) -> asyncio.Event:
        """Stay there for ever; the event tells that it is reached."""
        self.hold[step], self.reached[step] = asyncio.Event(), asyncio.Event()
        return self.reached[step]

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        if "plan" in self.raises:
            raise self.raises["plan"]
        return Plan(f"do {self.name}", self.command) if self.plans else None

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        await self._step("apply")
        return Done(f"{self.name} was done")

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool:
        await self._step("verify")
        return self.helps

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:
        await self._step("undo")


class Bench:
    """An engine with all that is around it; `told` is what it published."""

    def __init__(self, engine: RemedyEngine, yard: FakeYard, memory: FakeMemory, store: RemedyStore, bus: Bus) -> None:
        self.engine = engine
        self.yard = yard
        self.memory = memory
        self.store = store
        self.bus = bus
        self.events: list[AnyEvent] = []
        self._news = asyncio.Event()
        bus.subscribe(self._take)

    def _take(self, record: Record) -> None:
        self.events.append(record.event)
        self._news.set()

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[E], count: int = 1) -> E:
        async with asyncio.timeout(WAIT_S):
            while len(self.told(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.told(kind)[count - 1]

    def fail(self, text: str = "Address already in use 127.0.0.1:8080", component: str = WEB, **keys: Any) -> None:
        self.bus.publish(
            ServiceFailed(at=self.yard.clock.wall(), component=component, kind="exit", cause="exited with code 1",
                          exit_code=1, log_tail=("starting", text), **keys)
        )  # fmt: skip

    def command(self, verb: Any, component: str = WEB, source: str = "window") -> None:
        self.bus.publish(OperatorCommand(at=0.0, component=component, command=verb, source=source))

    async def diagnosed(self, count: int) -> None:
        """Until so many failures were looked at, and what followed at once has happened."""
        async with asyncio.timeout(WAIT_S):
            while len(self.memory.remembered) < count:  # noqa: ASYNC110 - a few turns
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)


@asynccontextmanager
async def healing(
    root: Path,
    *remedies: Remedy,
    own: dict[str, UserRemedy] | None = None,
    yard: FakeYard | None = None,
    memory: FakeMemory | None = None,
    **keys: Any,
) -> AsyncIterator[Bench]:
    yard, memory = yard or FakeYard(), memory or FakeMemory()
    database = await asyncio.to_thread(Database.open, root / "state.db", MIGRATIONS, 1)
    bus, store = Bus(), RemedyStore(database)
    healing_settings = HealingSettings(**{"remedies": own or {}, "verify_sec": 0.01, **keys})
    engine = RemedyEngine(
        Settings(services=yard.services, healing=healing_settings),
        clock=yard.clock,
        publish=bus.publish,
        yard=yard,
        tending=yard,
        memory=memory,
        store=store,
        gate=GatedFixes(root / "fixes"),
        kinds=KindRegistry(KINDS),
        remedies=remedies,
    )
    bench = Bench(engine, yard, memory, store, bus)
    unsubscribe = bus.subscribe(engine.read)
    running = asyncio.create_task(engine.run())
    try:
        yield bench
    finally:
        await engine.close()
        running.cancel()
        await asyncio.wait([running])
        unsubscribe()
        await asyncio.to_thread(database.close)


# --- diagnosis ----------------------------------------------------------------------------------------------------


@in_loop
async def test_a_fault_is_told_with_its_facts_its_remedies_and_the_next_step(tmp_path: Path) -> None:
    async with healing(tmp_path, Scripted("free_port", [])) as bench:
        bench.fail()
        told = await bench.until(FaultDiagnosed)
    assert (told.component, told.kind, told.failure_id) == (WEB, "port_conflict", 1)
    assert told.cause == "web: port 8080 is already in use"
    assert told.remedies == ("free_port",)
    assert told.next_step == "See who holds it: ss -ltnp 'sport = :8080'"


@in_loop
async def test_a_crash_loop_is_told_once_and_remembered_each_time(tmp_path: Path) -> None:
    async with healing(tmp_path) as bench:
        for _ in range(5):
            bench.fail()
        await bench.diagnosed(5)
        assert len(bench.told(FaultDiagnosed)) == 1


@in_loop
async def test_what_nobody_knows_is_remembered_and_not_told(tmp_path: Path) -> None:
    for_any = Scripted("name_the_change", [], kinds=("unknown",), plans=False)
    async with healing(tmp_path, Scripted("free_port", []), for_any) as bench:
        bench.fail("something went wrong")
        await bench.diagnosed(1)
        assert bench.memory.remembered[0].kind == "unknown"
        assert bench.told(FaultDiagnosed) == []


@in_loop
async def test_a_spent_budget_is_another_fault_only_where_nothing_else_is_known(tmp_path: Path) -> None:
    async with healing(tmp_path) as bench:
        degraded = ServiceDegraded(at=bench.yard.clock.wall(), component=WEB, cause="x", attempts=5, retry_s=60.0)
        bench.fail("something went wrong")
        bench.bus.publish(degraded)
        assert (await bench.until(FaultDiagnosed)).kind == "crash_loop"
        bench.bus.publish(ProbeFailing(at=0.0, component=WEB, probe="readiness", detail="connection refused"))
        bench.fail("something else")
        await bench.diagnosed(3)


@in_loop
async def test_a_probe_that_does_not_succeed_yet_is_no_failure(tmp_path: Path) -> None:
    async with healing(tmp_path) as bench:
        failing = ProbeFailing(at=0.0, component=WEB, probe="readiness", detail="connection refused")
        bench.yard.states["web"] = "starting"
        bench.bus.publish(failing)
        bench.fail("something went wrong")
        await bench.diagnosed(1)
        assert [fault.sighting.event for fault in bench.memory.remembered] == ["service_failed"]


@in_loop
@pytest.mark.parametrize(("probe", "seen"), [("readiness", ["service_failed"]), ("liveness", ["probe_failing"])])
async def test_before_its_first_readiness_a_service_is_still_on_its_way(
    tmp_path: Path, probe: ProbeKind, seen: list[str]
) -> None:
    async with healing(tmp_path) as bench:
        bench.yard.states["web"] = "running"
        detail = "address already in use x:99"
        bench.bus.publish(ProbeFailing(at=0.0, component=WEB, probe=probe, detail=detail))
        bench.yard.states["web"] = "ready"  # before it was looked at
        if probe == "readiness":
            bench.fail("something went wrong")
        await bench.diagnosed(1)
        assert [fault.sighting.event for fault in bench.memory.remembered] == seen


@in_loop
async def test_more_of_the_log_is_read_where_the_failure_says_too_little(tmp_path: Path) -> None:
    yard = FakeYard({"web": service(env={"TOKEN": "very secret"})})
    log = tmp_path / "web.log"
    log.write_text("Address already in use [x]:99 very secret\n" + "at frame\n" * 30)
    yard.log_paths["web"] = str(log)
    async with healing(tmp_path, yard=yard) as bench:
        bench.fail("at frame")
        assert (await bench.until(FaultDiagnosed)).cause == "web: port 99 is already in use"
        assert "very secret" not in str(bench.memory.remembered)


# --- trying -------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_remedy_is_planned_applied_and_verified_before_it_counts(tmp_path: Path) -> None:
    log: list[str] = []
    async with healing(tmp_path, Scripted("free_port", log)) as bench:
        bench.fail()
        ended = await bench.until(RemedyFinished)
    assert log == ["apply free_port", "verify free_port"]
    assert (ended.outcome, ended.cause, ended.failure_id) == ("worked", "free_port was done", 1)
    assert bench.told(RemedyStarted)[0].cause == "web: port 8080 is already in use: do free_port"
    assert bench.memory.outcomes == [("free_port", "worked")]


@in_loop
async def test_what_does_not_help_is_undone_and_the_next_is_tried(tmp_path: Path) -> None:
    log: list[str] = []
    first, second = Scripted("first", log, helps=False), Scripted("second", log)
    async with healing(tmp_path, first, second) as bench:
        bench.fail()
        await bench.until(RemedyFinished, 2)
    assert log == ["apply first", "verify first", "undo first", "apply second", "verify second"]
    assert [ended.outcome for ended in bench.told(RemedyFinished)] == ["undone", "worked"]
    assert bench.told(Escalated) == []


@in_loop
async def test_gentler_remedies_come_first_and_among_equals_what_worked_before(tmp_path: Path) -> None:
    log: list[str] = []
    remedies = [
        Scripted("rough", log, helps=False, invasiveness=3),
        Scripted("unlucky", log, helps=False),
        Scripted("new", log, helps=False),
        Scripted("lucky", log, helps=False),
    ]
    memory = FakeMemory()
    memory.history = {"lucky": (5, 1), "unlucky": (0, 5)}
    async with healing(tmp_path, *remedies, memory=memory, max_attempts=9) as bench:
        bench.fail()
        await bench.until(Escalated)
    order = [line.removeprefix("apply ") for line in log if line.startswith("apply")]
    assert order == ["lucky", "new", "unlucky", "rough"]


@pytest.mark.parametrize(
    ("step", "error", "outcome", "words"),
    [
        ("apply", AuroraError("It failed", "why"), "failed", "It failed. why"),
        ("apply", OSError(13, "Permission denied"), "failed", "Permission denied"),
        ("apply", RefusedError("Not here", "", "Do it by hand"), "refused", "Not here. Do it by hand"),
        ("apply", ValueError("a bug"), "failed", "a fault of the remedy itself: ValueError: a bug"),
        ("verify", AuroraError("no answer"), "undone", "a was done; it did not help; it was taken back"),
        ("verify", KeyError("a bug"), "undone", "a was done; it did not help; it was taken back"),
        ("plan", RefusedError("Not here"), "refused", "Not here"),
    ],
)
@in_loop
async def test_a_remedy_that_fails_says_how(
    tmp_path: Path, step: str, error: Exception, outcome: str, words: str
) -> None:
    async with healing(tmp_path, Scripted("a", [], raises={step: error})) as bench:
        bench.fail()
        ended = await bench.until(RemedyFinished)
    assert (ended.outcome, ended.cause) == (outcome, words)


@pytest.mark.parametrize("error", [AuroraError("the copy is gone"), ValueError("the copy is gone")])
@in_loop
async def test_an_undo_that_fails_is_told_loudly(tmp_path: Path, error: Exception) -> None:
    async with healing(tmp_path, Scripted("a", [], helps=False, raises={"undo": error})) as bench:
        bench.fail()
        ended = await bench.until(RemedyFinished)
        await bench.until(Escalated)
    assert ended.outcome == "undo_failed"
    assert "could not be undone" in ended.cause
    assert "the copy is gone" in ended.cause


@in_loop
async def test_a_remedy_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.healing.remedies.attempt.APPLY_S", 0.01)
    slow = Scripted("slow", [])
    slow.hold_at("apply")
    async with healing(tmp_path, slow) as bench:
        bench.fail()
        assert (await bench.until(RemedyFinished)).cause == "carrying it out took longer than 0.01 s"


@in_loop
async def test_a_remedy_that_is_not_for_it_after_all_is_passed_over_in_silence(tmp_path: Path) -> None:
    async with healing(tmp_path, Scripted("other", [], plans=False), Scripted("a", [])) as bench:
        bench.fail()
        assert (await bench.until(RemedyFinished)).remedy == "a"
        assert len(bench.told(RemedyStarted)) == 1


@in_loop
async def test_one_remedy_at_a_time_for_each_component(tmp_path: Path) -> None:
    yard = FakeYard({"web": service(), "db": service()})
    slow = Scripted("slow", [])
    reached = slow.hold_at("apply")
    async with healing(tmp_path, slow, yard=yard) as bench:
        bench.fail()
        await reached.wait()
        bench.fail()
        await bench.diagnosed(2)
        assert len(bench.told(RemedyStarted)) == 1
        bench.fail(component="service:db")
        await bench.until(RemedyStarted, 2)


# --- giving up ----------------------------------------------------------------------------------------------------


@in_loop
async def test_another_fault_that_comes_while_one_is_seen_to_is_seen_to_next(tmp_path: Path) -> None:
    log: list[str] = []
    first = Scripted("first", log, kinds=("crash_loop",), helps=False)
    reached = first.hold_at("apply")
    async with healing(tmp_path, first, Scripted("second", log)) as bench:
        at = bench.yard.clock.wall()
        bench.bus.publish(ServiceDegraded(at=at, component=WEB, cause="again and again", attempts=5, retry_s=60.0))
        await reached.wait()
        bench.fail()
        await bench.diagnosed(2)
        first.hold["apply"].set()
        ended = await bench.until(RemedyFinished, 2)
    assert (ended.remedy, ended.outcome) == ("second", "worked")
    assert len(bench.memory.remembered) == 2  # it happened once, however often it is looked at


@in_loop
async def test_after_the_allowed_failures_the_operator_is_called_and_healing_rests(tmp_path: Path) -> None:
    log: list[str] = []
    remedies = [Scripted(name, log, helps=False) for name in "abcd"]
    async with healing(tmp_path, *remedies, max_attempts=2) as bench:
        bench.fail()
        told = await bench.until(Escalated)
        bench.fail()
        await bench.diagnosed(2)
        assert [line for line in log if line.startswith("apply")] == ["apply a", "apply b"]
        assert (told.attempts, bench.engine.escalations()[0].component) == (2, WEB)
        assert told.cause.startswith("web: port 8080 is already in use: 2 remedies did not help")
        bench.command("restart")
        assert bench.told(EscalationCleared)[0].by == "operator"
        assert bench.engine.escalations() == ()
        bench.fail()
        await bench.until(RemedyStarted, 3)


@in_loop
async def test_no_script_ends_an_escalation(tmp_path: Path) -> None:
    log: list[str] = []
    async with healing(tmp_path, Scripted("a", log, helps=False)) as bench:
        bench.fail()
        await bench.until(Escalated)
        for verb in ("restart", "stop", "start"):
            bench.command(verb, source="command")
        bench.fail()
        await bench.diagnosed(2)
        assert bench.told(EscalationCleared) == []
        assert [view.component for view in bench.engine.escalations()] == [WEB]
        assert log.count("apply a") == 1
        bench.command("stop", source="tray")
        assert bench.engine.escalations() == ()


@in_loop
async def test_an_escalation_is_cleared_by_the_operator_and_by_an_edited_definition(tmp_path: Path) -> None:
    async with healing(tmp_path, Scripted("a", [], helps=False)) as bench:
        bench.fail()
        await bench.until(Escalated)
        bench.engine.clear_escalation(WEB, "window")
        assert bench.told(EscalationCleared)[0].by == "window"
        bench.engine.clear_escalation(WEB, "window")
        bench.fail()
        await bench.until(Escalated, 2)
        bench.engine.apply(Settings(services={"web": service(cwd="/elsewhere")}))
        assert len(bench.told(EscalationCleared)) == 2


@in_loop
async def test_an_escalation_outlives_aurora(tmp_path: Path) -> None:
    async with healing(tmp_path, Scripted("a", [], helps=False)) as bench:
        bench.fail()
        await bench.until(Escalated)
    async with healing(tmp_path, Scripted("a", [], helps=False)) as bench:
        assert bench.engine.escalations()[0].component == WEB
        bench.fail()
        await bench.diagnosed(1)
        assert bench.told(RemedyStarted) == []


# --- what holds it back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["healing", "service", "reason", "exit code", "off"])
@in_loop
async def test_where_nothing_may_be_done_it_is_only_named(tmp_path: Path, why: str) -> None:
    spec = service(
        healing=ServiceHealing(remedies=why != "service"),
        restart_prevent_exit_status=[1] if why == "exit code" else [],
    )
    yard = FakeYard({"web": spec})
    if why == "reason":
        yard.reasons["web"] = "supervision is paused"
    keys = {"enabled": why != "healing", "off": ["a"] if why == "off" else []}
    async with healing(tmp_path, Scripted("a", []), yard=yard, **keys) as bench:
        bench.fail()
        told = await bench.until(FaultDiagnosed)
        await bench.diagnosed(1)
        assert bench.told(RemedyStarted) == []
        assert told.remedies == (() if why == "off" else ("a",))
        assert ("nothing is done by itself" in told.cause) == (why != "off")


@in_loop
async def test_a_stop_by_the_operator_cancels_and_undoes(tmp_path: Path) -> None:
    log: list[str] = []
    slow = Scripted("slow", log)
    reached = slow.hold_at("verify")
    async with healing(tmp_path, slow, Scripted("next", log)) as bench:
        bench.fail()
        await reached.wait()
        bench.command("stop")
        ended = await bench.until(RemedyFinished)
        await bench.diagnosed(1)
    assert ended.outcome == "undone"
    assert "interrupted" in ended.cause
    assert log == ["apply slow", "verify slow", "undo slow"]


@in_loop
async def test_the_emergency_stop_cancels_and_touches_nothing_more(tmp_path: Path) -> None:
    log: list[str] = []
    slow = Scripted("slow", log)
    reached = slow.hold_at("verify")
    async with healing(tmp_path, slow, yard=FakeYard({"web": service(on_estop="freeze")})) as bench:
        bench.fail()
        await reached.wait()
        bench.yard.reasons["web"] = "the emergency stop holds it back"
        bench.bus.publish(EmergencyStopped(at=0.0, component="guard", source="hotkey", latency_ms=1.0))
        ended = await bench.until(RemedyFinished)
        assert ended.outcome == "undo_failed"
        assert "the emergency stop, so it was not undone" in ended.cause
        assert log == ["apply slow", "verify slow"]
        bench.fail()
        await bench.diagnosed(2)
        assert len(bench.told(RemedyStarted)) == 1


@in_loop
async def test_what_the_emergency_stop_left_as_it_was_is_not_rolled_back_at_a_later_start(tmp_path: Path) -> None:
    mend = UserRemedy(pattern="Address", command=Command(["mend"]), verify=Command(["look"]), restart=False)
    healed = service(on_estop="freeze", healing=ServiceHealing(check=Command(["check"])))
    yard = FakeYard({"web": healed})
    yard.folders["web"] = tmp_path / "web"
    yard.folders["web"].mkdir()
    yard.holds["look"] = asyncio.Event()
    async with healing(tmp_path, own={"mend": mend}, yard=yard) as bench:
        bench.fail()
        async with asyncio.timeout(WAIT_S):
            while ("web", ("look",)) not in yard.called("run"):  # noqa: ASYNC110 - a few turns
                await asyncio.sleep(0.001)
        bench.bus.publish(EmergencyStopped(at=0.0, component="guard", source="hotkey", latency_ms=1.0))
        assert (await bench.until(RemedyFinished)).outcome == "undo_failed"
    (yard.folders["web"] / "made later").write_text("by the operator")
    assert await GatedFixes(tmp_path / "fixes").recover() == ()
    assert (yard.folders["web"] / "made later").exists()


@in_loop
async def test_the_emergency_stop_is_nothing_to_a_service_that_ignores_it(tmp_path: Path) -> None:
    slow = Scripted("slow", [])
    reached = slow.hold_at("verify")
    async with healing(tmp_path, slow) as bench:
        bench.fail()
        await reached.wait()
        bench.bus.publish(EmergencyStopped(at=0.0, component="guard", source="hotkey", latency_ms=1.0))
        slow.hold["verify"].set()
        assert (await bench.until(RemedyFinished)).outcome == "worked"


@in_loop
async def test_a_pause_undoes_and_its_end_begins_anew(tmp_path: Path) -> None:
    log: list[str] = []
    slow = Scripted("slow", log)
    reached = slow.hold_at("verify")
    async with healing(tmp_path, slow) as bench:
        bench.fail()
        await reached.wait()
        bench.yard.reasons["web"] = "supervision is paused"
        bench.bus.publish(SupervisionPaused(at=0.0, component="aurora", paused=True))
        assert (await bench.until(RemedyFinished)).outcome == "undone"
        slow.hold["verify"].set()
        bench.yard.reasons.clear()
        bench.bus.publish(SupervisionPaused(at=0.0, component="aurora", paused=False))
        assert (await bench.until(RemedyFinished, 2)).outcome == "worked"


@in_loop
async def test_the_quit_leaves_no_plan_of_an_offer_behind(tmp_path: Path) -> None:
    planning, ended = asyncio.Event(), asyncio.Event()

    class Pondering(Scripted):
        async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
            planning.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return None

    async with healing(tmp_path, Pondering("pondering", [], asks=True)) as bench:
        bench.fail()
        await planning.wait()
        await bench.engine.close()
        assert ended.is_set()


@in_loop
async def test_the_quit_does_not_cut_off_what_is_being_undone(tmp_path: Path) -> None:
    slow = Scripted("slow", [])
    verifying, undoing = slow.hold_at("verify"), slow.hold_at("undo")
    async with healing(tmp_path, slow) as bench:
        bench.fail()
        await verifying.wait()
        bench.bus.publish(SupervisionPaused(at=0.0, component="aurora", paused=True))
        await undoing.wait()
        closing = asyncio.create_task(bench.engine.close())
        await asyncio.sleep(0)
        slow.hold["undo"].set()
        await closing
        assert [ended.outcome for ended in bench.told(RemedyFinished)] == ["undone"]


@in_loop
async def test_of_one_component_two_remedies_never_run_at_once(tmp_path: Path) -> None:
    """Also where the second is cancelled while it waits for the first to be undone, and a third comes."""
    log: list[str] = []
    slow = Scripted("slow", log)
    verifying, undoing = slow.hold_at("verify"), slow.hold_at("undo")
    async with healing(tmp_path, slow) as bench:
        bench.fail()
        await verifying.wait()
        for paused in (True, False, True, False):
            bench.bus.publish(SupervisionPaused(at=0.0, component="aurora", paused=paused))
            await undoing.wait()
            await bench.diagnosed(len(bench.memory.remembered) + (not paused))
        assert log == ["apply slow", "verify slow", "undo slow"]
        slow.hold["verify"].set()
        slow.hold["undo"].set()
        await bench.until(RemedyFinished, 2)
        assert log == ["apply slow", "verify slow", "undo slow", "apply slow", "verify slow"]


@in_loop
async def test_an_offer_that_cannot_be_planned_gives_way_to_the_next(tmp_path: Path) -> None:
    held = Scripted("held", [], asks=True, raises={"plan": AuroraError("Nothing is run for `web` now")})
    other = Scripted("other", [], asks=True, invasiveness=2)
    async with healing(tmp_path, held, other) as bench:
        bench.fail()
        offered = await bench.until(RemedyOffered)
        assert offered.remedy == "other"
        bench.engine.decline(offered.offer_id)
        assert bench.engine._cases[WEB].course.offered == frozenset()
        assert bench.told(PartFailed) == []


@in_loop
async def test_offers_and_escalations_of_a_service_that_is_gone_do_not_outlive_a_restart(tmp_path: Path) -> None:
    async with healing(tmp_path, Scripted("asked", [], asks=True)) as bench:
        bench.fail()
        await bench.until(RemedyOffered)
    async with healing(tmp_path, yard=FakeYard({"other": service()})) as bench:
        await bench.until(OfferClosed)
        assert bench.engine.offers() == ()


@in_loop
async def test_the_quit_undoes_what_is_half_done(tmp_path: Path) -> None:
    log: list[str] = []
    slow = Scripted("slow", log)
    reached = slow.hold_at("verify")
    async with healing(tmp_path, slow) as bench:
        bench.fail()
        await reached.wait()
    assert log[-1] == "undo slow"
    assert "Aurora quits" in bench.told(RemedyFinished)[0].cause


@in_loop
async def test_the_quit_tells_of_what_cannot_be_undone(tmp_path: Path) -> None:
    slow = Scripted("slow", [])
    reached = slow.hold_at("apply")
    async with healing(tmp_path, slow) as bench:
        bench.fail()
        await reached.wait()
    (ended,) = bench.told(RemedyFinished)
    assert (ended.outcome, "interrupted while it was carried out: Aurora quits" in ended.cause) == ("failed", True)


# --- offers -------------------------------------------------------------------------------------------------------


def install(log: list[str], **keys: Any) -> Scripted:
    return Scripted("install", log, asks=True, invasiveness=4, command=("pip", "install", "x"), **keys)


@in_loop
async def test_what_asks_is_offered_with_its_command_and_waits(tmp_path: Path) -> None:
    log: list[str] = []
    async with healing(tmp_path, install(log)) as bench:
        bench.fail()
        told = await bench.until(RemedyOffered)
        bench.fail()
        await bench.diagnosed(2)
        (offer,) = bench.engine.offers()
        assert (offer.id, offer.command, told.command) == (told.offer_id, ("pip", "install", "x"), offer.command)
        assert log == []
        bench.engine.accept(offer.id)
        assert (await bench.until(RemedyFinished)).outcome == "worked"
        assert bench.told(OfferClosed)[0].answer == "accepted"
        with pytest.raises(AuroraError, match="of no use any more"):
            bench.engine.accept(offer.id)


@in_loop
async def test_an_offer_outlives_aurora_and_is_accepted_then(tmp_path: Path) -> None:
    async with healing(tmp_path, install([])) as bench:
        bench.fail()
        first = (await bench.until(RemedyOffered)).offer_id
    async with healing(tmp_path, install([])) as bench:
        bench.fail()
        await bench.diagnosed(1)
        assert [offer.id for offer in bench.engine.offers()] == [first]
        bench.engine.accept(first)
        assert (await bench.until(RemedyFinished)).outcome == "worked"
        bench.fail()
        assert (await bench.until(RemedyOffered)).offer_id > first


@in_loop
async def test_a_declined_offer_is_not_made_again(tmp_path: Path) -> None:
    async with healing(tmp_path, install([])) as bench:
        bench.fail()
        bench.engine.decline((await bench.until(RemedyOffered)).offer_id)
        assert bench.told(OfferClosed)[0].answer == "declined"
        bench.fail()
        await bench.diagnosed(2)
        assert len(bench.told(RemedyOffered)) == 1
        assert bench.told(Escalated) == []


@in_loop
async def test_an_offer_ends_when_the_service_is_well_and_stays_so(tmp_path: Path) -> None:
    yard = FakeYard({"web": service(restart_reset_after_sec=0.001, restart_sec=0.0)})
    async with healing(tmp_path, install([]), yard=yard) as bench:
        bench.fail()
        await bench.until(RemedyOffered)
        bench.yard.states["web"] = "running"
        bench.bus.publish(ServiceRecovered(at=0.0, component=WEB, attempts=1, downtime_s=2.5, cause="x"))
        assert (await bench.until(OfferClosed)).answer == "expired"
        assert bench.memory.recoveries == [(WEB, 2.5)]
        assert bench.engine.offers() == ()


@in_loop
async def test_an_offer_stays_while_the_service_only_flickers(tmp_path: Path) -> None:
    async with healing(tmp_path, install([]), verify_sec=3600.0) as bench:
        bench.fail()
        await bench.until(RemedyOffered)
        changed = ServiceStateChanged(at=0.0, component=WEB, previous="starting", state="running", cause="x")
        bench.bus.publish(changed)
        assert bench.engine._cases[WEB].wellness is not None
        bench.fail()
        await bench.diagnosed(2)
        assert bench.engine._cases[WEB].wellness is None
        assert len(bench.engine.offers()) == 1


@in_loop
async def test_nothing_else_is_run_than_what_was_accepted(tmp_path: Path) -> None:
    log: list[str] = []
    remedy = install(log)
    async with healing(tmp_path, remedy) as bench:
        bench.fail()
        offer = (await bench.until(RemedyOffered)).offer_id
        remedy.command = ("rm", "-rf", "x")
        bench.engine.accept(offer)
        assert (await bench.until(RemedyFinished)).outcome == "refused"
        assert log == []


@in_loop
async def test_an_offer_cannot_be_accepted_while_nothing_may_be_done(tmp_path: Path) -> None:
    async with healing(tmp_path, install([])) as bench:
        bench.fail()
        offer = (await bench.until(RemedyOffered)).offer_id
        bench.yard.reasons["web"] = "the emergency stop holds it back"
        with pytest.raises(AuroraError, match="cannot be applied now"):
            bench.engine.accept(offer)
        assert len(bench.engine.offers()) == 1


@in_loop
async def test_an_offer_that_cannot_be_planned_is_none(tmp_path: Path) -> None:
    async with healing(tmp_path, install([], raises={"plan": RefusedError("Not here", "", "By hand")})) as bench:
        bench.fail()
        assert (await bench.until(RemedyFinished)).outcome == "refused"
        assert bench.engine.offers() == ()


# --- remedies of the user -----------------------------------------------------------------------------------------


def own(**keys: Any) -> UserRemedy:
    return UserRemedy(**{"pattern": r"cannot open (?P<file>\S+)", "command": Command(["mend", "{file}"]), **keys})


@in_loop
async def test_a_remedy_of_the_user_heals_what_nobody_else_knows(tmp_path: Path) -> None:
    async with healing(tmp_path, own={"mending": own()}) as bench:
        bench.fail("cannot open /tmp/x; rm -rf /")
        told = await bench.until(FaultDiagnosed)
        assert (await bench.until(RemedyFinished)).outcome == "worked"
    assert told.kind == "mending"
    assert bench.yard.called("run") == [("web", ("mend", "/tmp/x;"))]
    assert bench.yard.called("restart")[0][0] == "web"


@in_loop
async def test_a_remedy_of_the_user_that_does_not_verify_is_undone_and_escalates(tmp_path: Path) -> None:
    remedy = own(verify=Command(["test", "-e", "{file}"]), undo=Command(["spoil", "{file}"]))
    yard = FakeYard()
    yard.ran["test"] = [Ran(1, "")]
    async with healing(tmp_path, own={"mending": remedy}, yard=yard) as bench:
        bench.fail("cannot open /tmp/x")
        assert (await bench.until(RemedyFinished)).outcome == "undone"
        await bench.until(Escalated)
    assert [command for _, command in yard.called("run")] == [
        ("mend", "/tmp/x"), ("test", "-e", "/tmp/x"), ("spoil", "/tmp/x")]  # fmt: skip


@pytest.mark.parametrize("code", [3, None])
@in_loop
async def test_a_command_of_the_user_that_fails_or_hangs_is_undone(tmp_path: Path, code: int | None) -> None:
    yard = FakeYard()
    yard.ran["mend"] = [Ran(code, "no such thing\n")]
    async with healing(tmp_path, own={"mending": own(undo=Command(["spoil"]))}, yard=yard) as bench:
        bench.fail("cannot open x")
        ended = await bench.until(RemedyFinished)
    assert ended.outcome == "undone"
    assert ("did not end in time" if code is None else "exited with code 3: no such thing") in ended.cause
    assert yard.called("restart") == []


@in_loop
async def test_an_undo_of_the_user_that_fails_says_so(tmp_path: Path) -> None:
    yard = FakeYard()
    yard.well, yard.ran["spoil"] = [False], [Ran(1, "")]
    async with healing(tmp_path, own={"mending": own(undo=Command(["spoil"]))}, yard=yard) as bench:
        bench.fail("cannot open x")
        assert (await bench.until(RemedyFinished)).outcome == "undo_failed"


@in_loop
async def test_what_the_log_says_never_becomes_an_option(tmp_path: Path) -> None:
    async with healing(tmp_path, own={"mending": own()}) as bench:
        bench.fail("cannot open --delete-everything")
        ended = await bench.until(RemedyFinished)
        assert ended.outcome == "refused"
        assert "would be taken for an option" in ended.cause
        assert bench.yard.called("run") == []


@in_loop
async def test_a_remedy_for_other_services_is_none_here(tmp_path: Path) -> None:
    yard = FakeYard({"web": service(), "db": service()})
    async with healing(tmp_path, own={"mending": own(services=["db"])}, yard=yard) as bench:
        bench.fail("cannot open x")
        await bench.diagnosed(1)
        assert bench.told(FaultDiagnosed) == []
        bench.fail("cannot open x", component="service:db")
        assert (await bench.until(RemedyFinished)).component == "service:db"


@in_loop
async def test_an_expression_that_explodes_is_told_once_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matcher.search, "__defaults__", (1.5,))
    remedies = {"bomb": own(pattern=r"(a|a)+$", command=Command(["never"])), "mending": own()}
    async with healing(tmp_path, own=remedies) as bench:
        for _ in range(2):
            bench.bus.publish(
                ServiceFailed(at=0.0, component=WEB, kind="exit", cause="x",
                              log_tail=("cannot open x", "a" * 60 + "!"))
            )  # fmt: skip
        await bench.diagnosed(2)
        assert ["`bomb`" in told.detail for told in bench.told(PartFailed)] == [True]
        assert [view.enabled for view in bench.engine.remedies()] == [False, True]
        assert bench.memory.remembered[0].kind == "mending"
        healing_settings = HealingSettings(remedies={"bomb": own(pattern="(a)+$"), "mending": own()})
        bench.engine.apply(Settings(services=bench.yard.services, healing=healing_settings))
        assert [view.enabled for view in bench.engine.remedies()] == [True, True]


# --- what there is, and what would be done ------------------------------------------------------------------------


@in_loop
async def test_a_text_is_tried_out_and_nothing_done(tmp_path: Path) -> None:
    log: list[str] = []
    async with healing(tmp_path, Scripted("a", log), own={"mending": own()}) as bench:
        trial = await bench.engine.test("x\nAddress already in use :8080\ncannot open y", "web")
        assert (trial.kind, trial.facts["port"], trial.facts["mending.file"]) == ("port_conflict", "8080", "y")
        assert trial.remedies == ("a", "mending")
        assert (await bench.engine.test("all is well", None)).kind == "unknown"
        with pytest.raises(AuroraError, match="no service `wob`"):
            await bench.engine.test("x", "wob")
        assert log == []


@in_loop
async def test_looking_now_says_what_is_wrong_and_applies_only_if_asked(tmp_path: Path) -> None:
    yard = FakeYard({"web": service(), "db": service()})
    yard.problems["web"] = "failed: Address already in use :8080"
    log: list[str] = []
    async with healing(tmp_path, Scripted("a", log), yard=yard) as bench:
        assert await bench.engine.heal_now(None, apply=False) == ("web: port 8080 is already in use. What may help: a",)
        assert await bench.engine.heal_now("db", apply=True) == ("db: nothing is wrong",)
        assert log == []
        assert await bench.engine.heal_now("web", apply=True) == (
            "web: port 8080 is already in use. What fits of these is tried now, or offered in the window: a",
        )
        await bench.until(RemedyFinished)
        yard.problems["web"] = "failed: what is that"
        assert await bench.engine.heal_now(None, apply=True) == (
            "web: failed: what is that. No remedy is known for it",
        )
        with pytest.raises(AuroraError, match="no service"):
            await bench.engine.heal_now("wob", apply=False)


@in_loop
async def test_looking_now_ends_no_escalation(tmp_path: Path) -> None:
    yard = FakeYard({"web": service()})
    yard.problems["web"] = "failed: Address already in use :8080"
    log: list[str] = []
    async with healing(tmp_path, Scripted("a", log, helps=False), yard=yard) as bench:
        bench.fail("Address already in use :8080")
        await bench.until(Escalated)
        before = list(log)
        (finding,) = await bench.engine.heal_now("web", apply=True)
        assert "waits until you have seen to it" in finding
        assert [view.component for view in bench.engine.escalations()] == [WEB]
        bench.engine.clear_escalation(WEB, "window")
        await bench.engine.heal_now("web", apply=True)
        await bench.until(RemedyFinished, 2)
    assert log != before


@in_loop
async def test_remedies_are_shown_as_they_are_declared(tmp_path: Path) -> None:
    remedy = own(verify=Command(["true"]), undo=Command(["spoil"]))
    async with healing(tmp_path, Scripted("a", []), own={"mending": remedy}, off=["a"]) as bench:
        mine, built_in = bench.engine.remedies()
    assert (mine.name, mine.own, mine.verifies, mine.undoes) == (
        "mending", True, "`true` exits with 0", "undone by `spoil`")  # fmt: skip
    assert mine.recognises == (r"cannot open (?P<file>\S+)",)
    assert (built_in.enabled, built_in.recognises) == (False, KINDS[0].patterns)


@in_loop
async def test_a_remedy_of_the_user_takes_the_place_of_a_built_in_one_of_its_name(tmp_path: Path) -> None:
    log: list[str] = []
    mine = own(pattern="Address already in use", command=Command(["mend"]))
    async with healing(tmp_path, Scripted("free_port", log), own={"free_port": mine}) as bench:
        bench.fail("Address already in use :8080")
        ended = await bench.until(RemedyFinished)
        assert (ended.remedy, log) == ("free_port", [])
        assert [view.enabled for view in bench.engine.remedies()] == [True, False]


@in_loop
async def test_what_an_earlier_aurora_left_half_done_is_rolled_back_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    await asyncio.to_thread(folder.mkdir)
    yard = FakeYard({"web": service(healing=ServiceHealing(check=Command(["check"])))})
    yard.folders["web"] = folder
    fault = Fault(
        kind="x",
        sentence="x",
        failure_id=7,
        sighting=Sighting(at=0.0, component=WEB, event="service_failed", event_id=1),
    )

    async def change() -> None:
        await asyncio.to_thread((folder / "new").write_text, "new")

    await GatedFixes(tmp_path / "fixes").apply(fault, "mending", yard, change)  # and then it is killed
    async with healing(tmp_path, yard=yard) as bench:
        told = await bench.until(RemedyFinished)
    assert yard.called("restart") == [("web", "a change of its files that was half done was rolled back")]
    assert (told.outcome, told.remedy, told.failure_id) == ("undone", "mending", 7)
    assert "was rolled back" in told.cause
    assert await asyncio.to_thread(lambda: list(folder.iterdir())) == []


@in_loop
async def test_what_was_changed_since_is_not_rolled_back_and_the_operator_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    await asyncio.to_thread(folder.mkdir)
    (folder / "app.py").write_text("old")
    yard = FakeYard({"web": service(healing=ServiceHealing(check=Command(["check"])))})
    yard.folders["web"] = folder
    seen = Sighting(at=0.0, component=WEB, event="service_failed", event_id=1)
    fault = Fault(kind="x", sentence="x", failure_id=7, sighting=seen)

    async def change() -> None:
        await asyncio.to_thread((folder / "app.py").write_text, "fixed")

    await GatedFixes(tmp_path / "fixes").apply(fault, "mending", yard, change)  # and then it is killed
    (folder / "app.py").write_text("by the operator")
    async with healing(tmp_path, yard=yard) as bench:
        told = await bench.until(RemedyFinished)
        called = await bench.until(Escalated)
    assert yard.called("restart") == []
    assert told.outcome == "undo_failed"
    assert "app.py" in called.cause
    assert "fixes-left" in called.hint
    assert (folder / "app.py").read_text() == "by the operator"


@in_loop
async def test_a_storm_of_failures_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.healing.remedies.engine.MOST_WAITING", 5)
    async with healing(tmp_path) as bench:
        for _ in range(50):
            bench.fail()
        await bench.diagnosed(5)
        assert len(bench.memory.remembered) <= 6
