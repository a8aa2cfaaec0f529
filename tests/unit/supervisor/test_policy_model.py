"""The policy against a model of the world: whatever happens, in any order, the promises hold."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aurora_desktop.core.settings.schema import Probe, Service, TcpProbe
from aurora_desktop.core.settings.values import Command
from aurora_desktop.supervisor import policy, status, stimuli
from aurora_desktop.supervisor.outcome import Outcome
from aurora_desktop.supervisor.status import Blocker, Context, Status

PROBE = Probe(tcp=TcpProbe(port=1))
SPECS = st.builds(
    Service,
    command=st.just(Command(["program"])),
    type=st.sampled_from(["simple", "notify"]),
    restart=st.sampled_from(["always", "on-failure", "never"]),
    restart_sec=st.sampled_from([0.0, 0.5, 3.0]),
    restart_max_delay_sec=st.just(20.0),
    start_limit_burst=st.integers(1, 4),
    start_limit_interval_sec=st.just(30.0),
    timeout_stop_sec=st.sampled_from([0.0, 5.0]),
    readiness_probe=st.sampled_from([None, PROBE]),
)


class World(RuleBasedStateMachine):
    """One service, its processes as the machine has them, and the operator."""

    @initialize(spec=SPECS)
    def begin(self, spec: Service) -> None:
        self.spec = spec
        self.status = Status()
        self.now = 0.0
        self.main_alive = False
        self.strays = 0
        self.spawn_waits = False
        self.ending = False
        self.blocked = False
        self.paused = False
        self.operator_wants = False
        self.frozen_by_operator = False
        self.automatic_restarts: list[float] = []
        self.by_operator = False
        self.by_healing = False

    def feed(self, stimulus: stimuli.Stimulus, jitter: float = 0.0) -> None:
        blockers = (Blocker("db", "starting"),) if self.blocked else ()
        context = Context(now=self.now, jitter=jitter, blockers=blockers, paused=self.paused)
        self.status, effects = policy.step(self.status, self.spec, stimulus, context)
        for effect in effects:
            self.perform(effect)

    def perform(self, effect: stimuli.Effect) -> None:
        match effect:
            case stimuli.Spawn():
                assert self.operator_wants, "spawned although the operator stopped it"
                assert not self.paused or self.by_operator, "spawned by itself during a pause"
                assert not self.blocked, "spawned while a dependency is down"
                if self.ending:
                    self.spawn_waits = True  # as the runner does: the old tree first
                else:
                    self.spawn()
            case stimuli.TellRestarting(_, delay_s) if not self.by_healing:
                self.automatic_restarts.append(self.now + delay_s)
            case stimuli.Terminate():
                self.ending = True
            case stimuli.Kill():
                self.ending = True
                self.main_alive, self.strays = False, 0

    def spawn(self) -> None:
        assert not self.main_alive, "a twin"
        assert not self.strays, "started beside what its predecessor left"
        self.main_alive = True
        self.feed(stimuli.Spawned())

    # --- the operator -----------------------------------------------------------------------------------------

    @rule()
    def operator_starts(self) -> None:
        self.operator_wants = self.by_operator = True
        if not self.status.is_alive or self.status.state == "stopping":
            self.automatic_restarts.clear()
        self.feed(stimuli.Start("operator"))
        self.by_operator = False

    @rule()
    def operator_restarts(self) -> None:
        self.operator_wants = self.by_operator = True
        self.automatic_restarts.clear()
        self.feed(stimuli.Restart("operator"))
        self.by_operator = False

    @rule()
    def operator_stops(self) -> None:
        self.operator_wants = False
        self.feed(stimuli.Stop("operator"))

    @rule()
    def dependency_stops(self) -> None:
        if self.operator_wants:
            self.blocked = True
            self.feed(stimuli.Stop("dependency", hold=True))

    @rule(blocked=st.booleans())
    def dependency_changes(self, blocked: bool) -> None:
        self.blocked = blocked
        self.feed(stimuli.DependenciesChanged())

    @rule(paused=st.booleans())
    def operator_pauses(self, paused: bool) -> None:
        self.paused = paused
        if not paused:
            self.feed(stimuli.Resumed())

    @rule(freeze=st.booleans())
    def operator_freezes(self, freeze: bool) -> None:
        self.feed(stimuli.Freeze("stop") if freeze else stimuli.Thaw("go on"))

    @rule()
    def healing_restarts(self) -> None:
        before = self.status
        self.by_healing = True
        self.feed(stimuli.Heal("healed"))
        self.by_healing = False
        assert self.status.restart_times == before.restart_times, "the budget was spent or given back"
        assert self.status.budget_spent == before.budget_spent

    # --- the process ------------------------------------------------------------------------------------------

    @precondition(lambda self: self.main_alive)
    @rule(code=st.sampled_from([0, 3, -9]), strays=st.integers(0, 2), jitter=st.floats(0, 0.999))
    def main_ends(self, code: int, strays: int, jitter: float) -> None:
        self.main_alive = False
        self.strays += strays
        outcome = Outcome.from_returncode(code, self.now - (self.status.up_since or self.now))
        self.feed(stimuli.Exited(outcome, self.strays), jitter)

    @precondition(lambda self: self.ending)
    @rule()
    def tree_ends(self) -> None:
        """The runner reports the end of the tree, whichever signal it took."""
        self.main_alive, self.strays, self.ending = False, 0, False
        if self.status.state == "stopping" and self.status.after_stop == "hold":
            self.automatic_restarts.clear()
        self.by_operator = self.status.after_stop == "start"
        spawn_waits = self.spawn_waits and self.status.state == "starting"
        self.spawn_waits = False
        self.feed(stimuli.TreeGone())
        self.by_operator = False
        if spawn_waits:
            self.spawn()

    @precondition(lambda self: self.main_alive and not self.ending)
    @rule(kind=st.sampled_from(["liveness", "watchdog", "memory"]))
    def turns_unwell(self, kind: str) -> None:
        self.feed(stimuli.Unwell(kind, "unwell"))  # type: ignore[arg-type]

    @precondition(lambda self: self.main_alive)
    @rule(ready=st.booleans())
    def readiness_changes(self, ready: bool) -> None:
        self.feed(stimuli.Ready() if ready else stimuli.NotReady("503"))

    @precondition(lambda self: self.status.state == "starting" and not self.main_alive and not self.ending)
    @rule(permanent=st.booleans())
    def spawn_fails(self, permanent: bool) -> None:
        self.feed(stimuli.SpawnFailed("it failed", permanent=permanent))

    # --- time -------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 7.0, 100.0]), jitter=st.floats(0, 0.999))
    def time_passes(self, seconds: float, jitter: float) -> None:
        """In steps, as the runner's timer would: no deadline is slept through."""
        until = self.now + seconds
        while (due := status.next_deadline(self.status, self.spec)) is not None and due <= until:
            self.now = max(self.now, due)
            before = self.status
            self.feed(stimuli.TimerDue(), jitter)
            assert self.status != before, "a timer that changes nothing would fire for ever"
        self.now = until

    # --- the promises -----------------------------------------------------------------------------------------

    @invariant()
    def no_child_is_lost(self) -> None:
        if not hasattr(self, "status"):
            return
        if self.main_alive:
            assert self.status.is_alive or self.ending, f"a process runs that is {self.status.state}"

    @invariant()
    def it_comes_back_or_says_why_not(self) -> None:
        if not hasattr(self, "status"):
            return
        if self.status.state == "waiting" and not self.blocked and not self.paused:
            assert self.status.retry_at is not None, "waits for nothing"

    @invariant()
    def the_budget_is_respected(self) -> None:
        if not hasattr(self, "status"):
            return
        interval = self.spec.start_limit_interval_sec
        recent = [at for at in self.automatic_restarts if self.now - at < interval]
        at_the_cap = interval // self.spec.restart_max_delay_sec + 1
        assert len(recent) <= self.spec.start_limit_burst + at_the_cap


World.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestPolicyModel = World.TestCase
