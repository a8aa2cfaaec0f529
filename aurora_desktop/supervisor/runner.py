"""One service at work: feeds what happens to the policy and performs what it decides."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable

import msgspec

from aurora_desktop.core.events import (
    ProbeFailing,
    ProbeKind,
    ServiceAdopted,
    ServiceFailed,
    ServiceStateChanged,
    StrayEnded,
    service_component,
)
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor import policy
from aurora_desktop.supervisor.ending import SIGKILL, Ending
from aurora_desktop.supervisor.exits import Watch, owned, reap, reap_orphans, watch_exit
from aurora_desktop.supervisor.ledger import Entry
from aurora_desktop.supervisor.observe import Observation
from aurora_desktop.supervisor.outcome import Outcome
from aurora_desktop.supervisor.probes import Target
from aurora_desktop.supervisor.processes import PROBE_MARKER, SPAWN_MARKER
from aurora_desktop.supervisor.spawn import Launch, SpawnError, environment, signal_number, spawn, working_folder
from aurora_desktop.supervisor.status import Blocker, Context, Status, is_up, next_deadline, shift
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
from aurora_desktop.supervisor.tree import Identity, Tree, freeze, thaw
from aurora_desktop.supervisor.view import CHECKS_KEPT, SAMPLES_KEPT, Check


def definition_digest(spec: Service) -> str:
    """A short name for the definition, so that an adopted process of an older one is known."""
    plain = msgspec.to_builtins(spec, enc_hook=_plain)
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, tuple):
        return tuple(value)
    if isinstance(value, dict):
        return dict(value)
    raise TypeError(f"no plain form of {type(value).__name__}")


class Runner:
    """Holds the status, the process and the observation of one service.

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
        self.spawned_at: float | None = None
        self.adopted = False
        self.tree: Tree | None = None
        self.checks: deque[Check] = deque(maxlen=CHECKS_KEPT)
        self.memory_history: deque[int] = deque(maxlen=SAMPLES_KEPT)
        self.cpu_history: deque[float] = deque(maxlen=SAMPLES_KEPT)
        self.warning = ""
        self.last_failure = ""
        self._around = around
        self._blockers = blockers
        self._on_change = on_change
        self._child: subprocess.Popen[bytes] | None = None
        self._watch: Watch | None = None
        self._observation: Observation | None = None
        self._ending: Ending | None = None
        self._spawn_waits = False
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
    def pid(self) -> int | None:
        return self.tree.main.pid if self.tree is not None and self._watch is not None else None

    @property
    def is_up(self) -> bool:
        return is_up(self.status, self.spec)

    @property
    def has_processes(self) -> bool:
        """Whether anything of it may still be there."""
        return self.tree is not None

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
            if (event := tell(effect, self.component, self._around, self.spec, self.log_path)) is not None:
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
                if self.tree is None and self.status.state == "starting":
                    return self._spawn_or_wait()  # frozen between two spawns
                self._set_frozen(frozen=False)
        return None

    def _after_step(self, before: Status) -> None:
        after = self.status
        if after.state != before.state:
            self.since_wall = self._around.clock.wall()
            self._around.publish(
                ServiceStateChanged(
                    at=self.since_wall,
                    component=self.component,
                    previous=before.state,
                    state=after.state,
                    cause=after.cause,
                    pid=self.pid,
                )
            )
        if self.is_up and self._observation is not None:
            self._observation.is_up()
        self._set_timer()
        if after.state != before.state or after.finished != before.finished:
            self._on_change(self)

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
        self.status = shift(self.status, stall_s)
        self._set_timer()

    # --- the process ------------------------------------------------------------------------------------------

    def _spawn_or_wait(self) -> Stimulus | None:
        if self._ending is not None:
            self._spawn_waits = True
            return None
        return self._spawn()

    def _spawn(self) -> Stimulus:
        if self.next_spec is not None:
            self.spec, self.next_spec = self.next_spec, None
        marker = self._around.ledger.take(self.name)
        log_start = self._log_size()
        try:
            child = spawn(self.spec, self._launch(marker), self._around.environment)
        except SpawnError as error:
            self._around.ledger.forget([marker])
            return SpawnFailed(error.title, error.hint, error.permanent)
        info = self._around.table.read(child.pid)
        identity = Identity(child.pid, info.started if info else 0)
        self._child, self.adopted = child, False
        self._take(Tree(self._around.table, marker, identity, self._around.clock.monotonic()), 0.0)
        self._observe(log_start, is_up=False)
        self._write_down(marker, identity)
        return Spawned()

    def _launch(self, marker: str) -> Launch:
        return Launch(
            name=self.name,
            marker=marker,
            state_digest=self._around.paths.digest,
            notify_socket=self._around.notify_address,
            log_path=self._around.paths.service_log(self.name),
        )

    def _write_down(self, marker: str, identity: Identity) -> None:
        entry = Entry(
            marker=marker,
            service=self.name,
            pid=identity.pid,
            started=identity.started,
            boot_id=self._around.table.boot_id(),
            spawned_at=self._around.clock.wall(),
            ready=False,
            frozen=False,
            definition=self._definition(),
        )
        self._around.ledger.spawned(marker, entry)

    def _definition(self) -> str:
        """The digest of `spec`, made once for each definition: a restart has no time to spare."""
        if self._digested is not self.spec:
            self._digested, self._digest = self.spec, definition_digest(self.spec)
        return self._digest

    def _take(self, tree: Tree, age_s: float) -> None:
        self.tree = tree
        self.spawned_at = self._around.clock.monotonic() - age_s
        self._watch = watch_exit(tree.main.pid, self._main_ended, self._around.loop)

    def adopt(self, tree: Tree, age_s: float, *, ready: bool) -> None:
        """Go on supervising a process that an earlier Aurora started. Raises ProcessLookupError if it is gone."""
        self._child, self.adopted = None, True
        try:
            self._take(tree, age_s)
        except ProcessLookupError:
            self.tree = None
            raise
        self._observe(self._log_size(), is_up=ready)
        assert self.spawned_at is not None  # noqa: S101 - set by _take
        now = self._around.clock.wall()
        self._around.publish(
            ServiceAdopted(at=now, component=self.component, pid=tree.main.pid, uptime_s=round(age_s, 3))
        )
        self.feed(Adopted(ready, self.spawned_at))

    def _main_ended(self) -> None:
        self._watch = None
        if self._observation is not None:
            self._observation.end()
            self._observation = None
        code, was_child = reap(self._child), self._child is not None
        self._child = None
        uptime_s = self._around.clock.monotonic() - (self.spawned_at or 0.0)
        outcome = Outcome.from_returncode(code, uptime_s)
        if self._ending is not None:
            self._ending.main_ended()
        strays = self._strays(was_child=was_child)
        if not strays and self._ending is None:
            self._forget_tree()
        self.feed(Exited(outcome, strays))

    def _strays(self, *, was_child: bool) -> int:
        """How many processes of the tree are left, now that its main process is gone.

        Orphans of our own child have become our children (subreaper), so that mostly one small read tells that
        there are none; those of an adopted one are looked for among all processes.
        """
        if self.tree is None:
            return 0
        if was_child and sys.platform == "linux":
            orphans = set(self._around.table.children(os.getpid())) - owned
            if not orphans:
                return 0
        return len(self.tree.members())

    def _forget_tree(self) -> None:
        if self.tree is not None:
            self._around.ledger.ended(self.tree.marker)
        self.tree = None

    def _end_tree(self, number: int) -> None:
        if self.tree is None:
            self._around.loop.call_soon(self.feed, TreeGone())
            return
        if self._watch is None:
            self.tell_strays(self.name, self.tree, self._around)
        if self._observation is not None:
            self._observation.end()
        if self._ending is None:
            self._ending = Ending(self.tree, self._around, self._tree_gone)
        self._ending.send(number)

    @staticmethod
    def tell_strays(service: str, tree: Tree, around: Surroundings) -> None:
        """Say of each process of the tree that it was left behind and is ended."""
        component, at = service_component(service), around.clock.wall()
        for info in tree.members().values():
            around.publish(StrayEnded(at=at, component=component, pid=info.pid, program=info.program))

    def kill(self) -> None:
        """SIGKILL whatever is left, whatever the policy thinks: the last resort at quit."""
        if self.tree is not None:
            self._end_tree(SIGKILL)

    def verify_alive(self) -> None:
        """Notice the end of the main process even if the watch on it was lost."""
        if self.tree is not None and self._watch is not None and not self.tree.main_is_alive():
            self._watch.cancel()
            self._main_ended()

    def _tree_gone(self) -> None:
        self._ending = None
        reap_orphans(self._around.table.children(os.getpid()), self._around.table.read)
        if self._watch is not None:  # the table says so before the pidfd did
            self._watch.cancel()
            self._main_ended()
        self._forget_tree()
        # A stop or restart that came meanwhile decides anew, at TreeGone, whether there is a successor.
        spawn_waits = self._spawn_waits and self.status.state == "starting"
        self._spawn_waits = False
        self.feed(TreeGone())
        if spawn_waits:
            self.feed(self._spawn())

    def _set_frozen(self, *, frozen: bool) -> None:
        if self.tree is None:
            return
        (freeze if frozen else thaw)(self.tree)
        self._around.ledger.is_frozen(self.tree.marker, frozen=frozen)
        if self._observation is not None:
            self._observation.end()
        if not frozen:
            self._observe(self._log_size(), is_up=self.is_up)

    def abandon(self) -> None:
        """Stop watching and leave the processes running, for the next Aurora to adopt."""
        if self._timer is not None:
            self._timer.cancel()
        if self._observation is not None:
            self._observation.end()
        if self._watch is not None:
            self._watch.cancel()
        if self._ending is not None:
            self._ending.abandon()
        self.disown()

    def disown(self) -> None:
        """Take no more interest in how our child ends."""
        if self._child is not None:
            owned.discard(self._child.pid)
            self._child.returncode = 0  # keeps Popen from warning that it still runs, which is the intention

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
        self._observation = Observation(self.spec, target, self._around, self._observed, self._probe_said)
        self._observation.begin(is_up=is_up)

    def _probe_environment(self) -> dict[str, str]:
        if not any(
            p and p.exec for p in (self.spec.startup_probe, self.spec.readiness_probe, self.spec.liveness_probe)
        ):
            return {}
        try:
            env = environment(self.spec, self._launch(PROBE_MARKER), self._around.environment)
        except SpawnError:
            env = dict(self._around.environment)
        return {**env, SPAWN_MARKER: PROBE_MARKER}

    def _observed(self, stimulus: Stimulus) -> None:
        if isinstance(stimulus, Ready | Started) and self.tree is not None:
            self._around.ledger.is_ready(self.tree.marker)
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
