"""One service at work: feeds what happens to the policy and performs what it decides."""

import asyncio
import os
from collections import deque
from collections.abc import Callable

from aurora_desktop.core.events import (
    ProbeFailing,
    ProbeKind,
    ServiceAdopted,
    ServiceFailed,
    ServiceStateChanged,
    service_component,
)
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor import policy
from aurora_desktop.supervisor.adjustments import Adjustments
from aurora_desktop.supervisor.definition import definition_digest
from aurora_desktop.supervisor.ending import SIGKILL
from aurora_desktop.supervisor.incarnation import Incarnation
from aurora_desktop.supervisor.measures import Measures
from aurora_desktop.supervisor.observe import Observation
from aurora_desktop.supervisor.probes import Target
from aurora_desktop.supervisor.processes import PROBE_MARKER, SPAWN_MARKER
from aurora_desktop.supervisor.spawn import Launch, SpawnError, environment, signal_number, spawn, working_folder
from aurora_desktop.supervisor.status import (
    Blocker,
    Context,
    Status,
    is_up,
    needs_signal_of_readiness,
    next_deadline,
    shift,
)
from aurora_desktop.supervisor.stimuli import (
    Adopted,
    Continue,
    Effect,
    Exited,
    Kill,
    Ready,
    Spawn,
    Spawned,
    SpawnFailed,
    Started,
    Stimulus,
    Suspend,
    Terminate,
    TimerDue,
    TreeGone,
    Unwell,
)
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.telling import tell
from aurora_desktop.supervisor.tree import Identity, Tree
from aurora_desktop.supervisor.view import CHECKS_KEPT, SAMPLES_KEPT, Check, State


class Runner:
    """Holds the status, the incarnation and the observation of one service.

    `blockers` says which dependencies are not up; `on_change` is called after each change of state.
    """

    def __init__(
        self,
        name: str,
        spec: Service,
        around: Surroundings,
        blockers: Callable[["Runner"], tuple[Blocker, ...]],
        on_change: Callable[["Runner"], None],
    ) -> None:
        self.name = name
        self.spec = spec
        self.next_spec: Service | None = None
        self.status = Status()
        self.log_path = str(around.paths.service_log(name))
        self.since_wall = around.clock.wall()
        self.checks: deque[Check] = deque(maxlen=CHECKS_KEPT)
        self.memory_history: deque[int] = deque(maxlen=SAMPLES_KEPT)
        self.cpu_history: deque[float] = deque(maxlen=SAMPLES_KEPT)
        self.warning = ""
        self.last_failure = ""
        self.adjustments = Adjustments()
        self.measures = Measures()
        self._spawned_at: float | None = None
        self._around = around
        self._blockers = blockers
        self._on_change = on_change
        self._life: Incarnation | None = None
        self._observation: Observation | None = None
        self._spawn_waits = False
        self._spawn_soon: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failing_probes: set[ProbeKind] = set()
        self._digested: Service | None = None
        self._digest = ""

    # --- what it is -------------------------------------------------------------------------------------------

    @property
    def component(self) -> str:
        return service_component(self.name)

    @property
    def definition(self) -> Service:
        """As the settings have it now; `spec` is what the process that runs was started with."""
        return self.next_spec or self.spec

    @property
    def is_latched(self) -> bool:
        """Whether the emergency stop keeps it from being started."""
        return bool(self._around.latched_by) and self.definition.on_estop != "ignore"

    @property
    def tree(self) -> Tree | None:
        """Its processes, while anything of them may still be there."""
        return self._life.tree if self._life is not None else None

    @property
    def pid(self) -> int | None:
        return self._life.pid if self._life is not None else None

    @property
    def adopted(self) -> bool:
        """Whether an earlier Aurora started what runs now."""
        return self._life is not None and self._life.adopted

    @property
    def uptime_s(self) -> float | None:
        """How long its main process runs."""
        if self._life is None or self._life.pid is None:
            return None
        return max(0.0, self._around.clock.monotonic() - self._life.spawned_at)

    @property
    def is_up(self) -> bool:
        return is_up(self.status, self.spec)

    @property
    def has_processes(self) -> bool:
        """Whether anything of it may still be there."""
        return self._life is not None

    @property
    def is_put_off(self) -> bool:
        """Whether it is spawned in one of the next turns of the loop, since this one had no time."""
        return self._spawn_soon is not None

    @property
    def waits_in_vain(self) -> bool:
        """Whether a dependency that it waits for will not come up by itself soon."""
        return any(blocker.is_down for blocker in self._blockers(self))

    # --- the policy -------------------------------------------------------------------------------------------

    def feed(self, stimulus: Stimulus) -> None:
        """Take one stimulus: decide, act, tell."""
        before = self.status
        around = self._around
        context = Context(
            now=around.clock.monotonic(),
            jitter=around.jitter(),
            blockers=self._blockers(self),
            paused=around.paused,
        )
        self.status, effects = policy.step(before, self.spec, stimulus, context)
        follow_ups = [follow for effect in effects if (follow := self._perform(effect)) is not None]
        for effect in effects:
            if (event := tell(effect, self.component, around, self._adjusted(), self.log_path)) is not None:
                around.publish(event)
                if isinstance(event, ServiceFailed):
                    self.last_failure = event.cause
        self._after_step(before)
        for follow_up in follow_ups:
            self.feed(follow_up)

    def _perform(self, effect: Effect) -> Stimulus | None:
        match effect:
            case Spawn():
                return self._spawn_or_wait()
            case Terminate():
                self._end_tree(signal_number(self.spec.kill_signal))
            case Kill():
                self._end_tree(SIGKILL)
            case Suspend():
                self._set_frozen(frozen=True)
            case Continue():
                if self._life is None and self.status.state == "starting":
                    return self._spawn_or_wait()  # frozen between two spawns
                self._set_frozen(frozen=False)
        return None

    def _after_step(self, before: Status) -> None:
        after = self.status
        if after.state != before.state:
            self.since_wall = self._around.clock.wall()
            self._tell_state(before.state)
        if self.is_up and self._observation is not None:
            self._observation.is_up()
        if self.is_up and self._spawned_at is not None:
            self._measure_start(self._spawned_at)
        self._set_timer()
        if after.state != before.state or after.finished != before.finished:
            self._on_change(self)

    def _measure_start(self, spawned_at: float) -> None:
        self._spawned_at = None
        if needs_signal_of_readiness(self.spec):
            self.measures.started(self._around.clock.monotonic() - spawned_at)

    def _tell_state(self, previous: State) -> None:
        self._around.publish(
            ServiceStateChanged(
                at=self.since_wall,
                component=self.component,
                previous=previous,
                state=self.status.state,
                cause=self.status.cause,
                pid=self.pid,
            )
        )

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = next_deadline(self.status, self.spec)
        if due is not None:
            delay_s = max(0.0, due - self._around.clock.monotonic())
            self._timer = self._around.loop.call_later(delay_s, self._timer_due)

    def _timer_due(self) -> None:
        self._timer = None
        self.feed(TimerDue())

    def stalled(self, stall_s: float) -> None:
        """Aurora itself stood still: move on what is held against the child."""
        self._spawned_at = None  # how long it took to start is not known any more
        self.status = shift(self.status, stall_s)
        self._set_timer()

    # --- the process ------------------------------------------------------------------------------------------

    def _spawn_or_wait(self) -> Stimulus | None:
        if self._life is not None and self._life.is_ending:
            self._spawn_waits = True
            return None
        if self._around.turns.has_time():
            return self._spawn()
        self._spawn_soon = self._around.loop.call_soon(self._spawn_late)
        return None

    def _spawn_late(self) -> None:
        """What was put off, unless something else was decided meanwhile: a stop, a freeze, a start anew."""
        self._spawn_soon = None
        if self.status.state != "starting" or self._life is not None:
            return
        if not self._around.turns.has_time():
            self._spawn_soon = self._around.loop.call_soon(self._spawn_late)
            return
        self.feed(self._spawn())
        if self.status.state == "starting" and self._life is not None:
            self._tell_state("starting")  # its process is new to all who were told of the state alone

    def _spawn(self) -> Stimulus:
        if self.next_spec is not None:
            self.spec, self.next_spec = self.next_spec, None
            self.adjustments.definition_changed(self.spec)
            self.measures = Measures()
        if self.is_latched:  # whatever led here: a restart, changed settings, a policy of its own
            return SpawnFailed(self._around.latched_by, "Reset the emergency stop in Aurora's window, then start it")
        marker = self._around.ledger.take(self.name)
        log_start = self._log_size()
        try:
            child = spawn(self._adjusted(), self._launch(marker), self._around.environment)
        except SpawnError as error:
            self._around.ledger.forget([marker])
            return SpawnFailed(error.title, error.hint, error.permanent)
        info = self._around.table.read(child.pid)
        main = Identity(child.pid, info.started if info else 0)
        tree = Tree(self._around.table, marker, main, self._around.clock.monotonic())
        self._spawned_at = tree.taken_at
        self._life = life = Incarnation(self.name, tree, child, self._around, self._main_ended, self._tree_gone)
        life.watch()
        self._observe(log_start, is_up=False)
        life.write_down(self._definition())
        return Spawned()

    def _launch(self, marker: str) -> Launch:
        return Launch(
            name=self.name,
            marker=marker,
            state_digest=self._around.paths.digest,
            notify_socket=self._around.notify_address,
            log_path=self._around.paths.service_log(self.name),
            most_files=self.adjustments.most_files,
        )

    def _adjusted(self) -> Service:
        """Its definition with what healing changed."""
        return self.adjustments.applied(self.spec)

    def _definition(self) -> str:
        """The digest of `spec`, made once for each definition: a restart has no time to spare."""
        if self._digested is not self.spec:
            self._digested, self._digest = self.spec, definition_digest(self.spec)
        return self._digest

    def adopt(self, tree: Tree, age_s: float, *, ready: bool) -> None:
        """Go on supervising a process that an earlier Aurora started. Raises ProcessLookupError if it is gone."""
        life = Incarnation(self.name, tree, None, self._around, self._main_ended, self._tree_gone, age_s)
        life.watch()
        self._life = life
        self._observe(self._log_size(), is_up=ready)
        now = self._around.clock.wall()
        self._around.publish(
            ServiceAdopted(at=now, component=self.component, pid=tree.main.pid, uptime_s=round(age_s, 3))
        )
        self.feed(Adopted(ready, life.spawned_at))

    def _main_ended(self, exited: Exited) -> None:
        if self._observation is not None:
            self._observation.end()
            self._observation = None
        self._bury()
        self.feed(exited)

    def _tree_gone(self) -> None:
        self._bury()
        # A stop or restart that came meanwhile decides anew, at TreeGone, whether there is a successor.
        spawn_waits = self._spawn_waits and self.status.state == "starting"
        self._spawn_waits = False
        self.feed(TreeGone())
        if spawn_waits:
            self._spawn_late()

    def _bury(self) -> None:
        if self._life is not None and self._life.is_over:
            self._life = None

    def _end_tree(self, number: int) -> None:
        if self._life is None:
            self._around.loop.call_soon(self.feed, TreeGone())
            return
        if self._observation is not None:
            self._observation.end()
        self._life.end(number)

    def kill(self) -> None:
        """SIGKILL whatever is left, whatever the policy thinks: the last resort at quit."""
        if self._life is not None:
            self._end_tree(SIGKILL)

    def verify_alive(self) -> None:
        """Notice the end of the main process even if the watch on it was lost."""
        if self._life is not None:
            self._life.verify_alive()

    def _set_frozen(self, *, frozen: bool) -> None:
        if self._life is None:
            return
        self._life.set_frozen(frozen=frozen)
        if self._observation is not None:
            self._observation.end()
        if not frozen:
            self._observe(self._log_size(), is_up=self.is_up)

    def abandon(self) -> None:
        """Stop watching and leave the processes running, for the next Aurora to adopt."""
        for handle in (self._timer, self._spawn_soon):
            if handle is not None:
                handle.cancel()
        if self._observation is not None:
            self._observation.end()
        if self._life is not None:
            self._life.abandon()

    def disown(self) -> None:
        """Take no more interest in how our child ends."""
        if self._life is not None:
            self._life.disown()

    # --- what is seen of it -----------------------------------------------------------------------------------

    def _observe(self, log_start: int, *, is_up: bool) -> None:
        target = Target(
            folder=working_folder(self.spec),
            environment=self._probe_environment(),
            log_path=self._around.paths.service_log(self.name),
            log_start=log_start,
            was_up=is_up,
        )
        self._failing_probes.clear()
        self._observation = Observation(
            self.spec, target, self._around, self._observed, self._probe_said, self.measures
        )
        self._observation.begin(is_up=is_up)

    def _probe_environment(self) -> dict[str, str]:
        if not any(
            p and p.exec for p in (self.spec.startup_probe, self.spec.readiness_probe, self.spec.liveness_probe)
        ):
            return {}
        return self.command_environment()

    def command_environment(self) -> dict[str, str]:
        """What a command beside it runs in: the service's environment, marked as no part of its tree."""
        try:
            env = environment(self._adjusted(), self._launch(PROBE_MARKER), self._around.environment)
        except SpawnError:
            env = dict(self._around.environment)
        return {**env, SPAWN_MARKER: PROBE_MARKER}

    def _observed(self, stimulus: Stimulus) -> None:
        if isinstance(stimulus, Ready | Started) and self._life is not None:
            self._around.ledger.is_ready(self._life.tree.marker)
        self.feed(stimulus)

    def _probe_said(self, kind: ProbeKind, wrong: str) -> None:
        """Told once when it begins to fail and once when it succeeds again."""
        if bool(wrong) == (kind in self._failing_probes):
            return
        (self._failing_probes.add if wrong else self._failing_probes.discard)(kind)
        now = self._around.clock.wall()
        self._around.publish(
            ProbeFailing(at=now, component=self.component, probe=kind, detail=wrong, recovered=not wrong)
        )

    def notified(self, assignments: dict[str, str]) -> None:
        """A datagram of `sd_notify` came from this service."""
        # Its READY=1 may have come while no Aurora ran; who tends a watchdog has started.
        has_started = self.adopted and self.status.state == "starting" and assignments.get("WATCHDOG") == "1"
        if self.spec.type == "notify" and (assignments.get("READY") == "1" or has_started):
            self._observed(Started() if self.spec.readiness_probe is not None else Ready())
        if assignments.get("WATCHDOG") == "1" and self._observation is not None:
            self._observation.ping()
        if assignments.get("WATCHDOG") == "trigger":
            self.feed(Unwell("watchdog", "it asked for its own replacement (WATCHDOG=trigger)"))

    def _log_size(self) -> int:
        try:
            return os.stat(self.log_path).st_size
        except OSError:
            return 0
