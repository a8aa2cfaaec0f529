"""What to do with one service: a pure state machine, `(status, stimulus, now) -> (status, effects)`.

The engine performs the effects and feeds back what happens; nothing here does I/O or reads a clock. All times
are monotonic seconds. `restarts` has the rules of what follows a failure.
"""

from msgspec.structs import replace

from aurora_desktop.core.events import FailureKind
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor.outcome import Outcome, format_duration
from aurora_desktop.supervisor.restarts import (
    Step,
    forget_restarts,
    give_up,
    launch,
    recover,
    recovery_due,
    relaunch,
    retry_due,
    why_not_again,
)
from aurora_desktop.supervisor.status import (
    AfterStop,
    Context,
    Status,
    needs_signal_of_readiness,
    recovery_deadline,
    shift,
)
from aurora_desktop.supervisor.stimuli import (
    Adopted,
    Continue,
    DependenciesChanged,
    Exited,
    Freeze,
    Heal,
    Kill,
    NotReady,
    Ready,
    Restart,
    Resumed,
    Spawned,
    SpawnFailed,
    Start,
    Started,
    Stimulus,
    Stop,
    Suspend,
    TellFailed,
    TellRestarting,
    Terminate,
    Thaw,
    TimerDue,
    TreeGone,
    Unwell,
)
from aurora_desktop.supervisor.view import State

HUNG_GRACE_S = 1.0
"""Between SIGTERM and SIGKILL for a service that hangs: TERM stays pending on a stopped process."""
MEMORY_GRACE_S = 0.2
"""The same for a service over its memory limit, which goes on growing meanwhile."""
_GRACES_S: dict[FailureKind, float] = {
    "memory": MEMORY_GRACE_S,
    "liveness": HUNG_GRACE_S,
    "watchdog": HUNG_GRACE_S,
    "stall": HUNG_GRACE_S,
}
DAEMONIZES_S = 5.0
"""A program that ends well within this time and leaves processes behind is taken for a daemon."""


def step(status: Status, spec: Service, stimulus: Stimulus, context: Context) -> Step:
    """Take one stimulus; a stimulus that makes no sense in the state changes nothing."""
    match stimulus:
        case Start(cause):
            return _start(status, cause, context)
        case Stop(cause, hold):
            return _stop(status, spec, cause, context, hold=hold)
        case Restart(cause):
            return _restart(status, spec, cause, context)
        case Heal(cause):
            return _heal(status, spec, cause, context)
        case DependenciesChanged():
            return _try_waiting(status, context)
        case Resumed():
            return _resumed(status, spec, context)
        case Spawned():
            return _spawned(status, spec, context)
        case SpawnFailed():
            return _spawn_failed(status, spec, stimulus, context)
        case Adopted(ready, up_since):
            return _adopted(status, spec, ready, up_since, context)
        case Started():
            return _started(status, spec, context)
        case Ready():
            return _ready(status, context)
        case NotReady(cause):
            return _not_ready(status, cause)
        case Unwell(kind, cause):
            return _unwell(status, spec, kind, cause, context)
        case Exited():
            return _exited(status, spec, stimulus, context)
        case TreeGone():
            return _tree_gone(status, spec, context)
        case TimerDue():
            return _timer_due(status, spec, context)
        case Freeze(cause):
            return _freeze(status, cause, context)
        case Thaw(cause):
            return _thaw(status, cause, context)


def _start(status: Status, cause: str, context: Context) -> Step:
    if status.state == "stopping":
        return replace(forget_restarts(status), wanted=True, after_stop="start", cause=cause), ()
    if status.is_alive:
        return replace(status, wanted=True), ()
    fresh = replace(forget_restarts(status), wanted=True, finished=False, hint="", restarts=0)
    return launch(fresh, cause, context)


def _stop(status: Status, spec: Service, cause: str, context: Context, *, hold: bool) -> Step:
    after: AfterStop = "hold" if hold else "stay"
    if status.state == "stopping":
        return replace(status, wanted=hold, after_stop=after, cause=cause), ()
    if status.is_alive:
        return _terminate(replace(status, wanted=hold), after, cause, spec.timeout_stop_sec, context)
    if hold:
        return status, ()
    stopped = replace(forget_restarts(status), state="stopped", wanted=False, cause=cause, hint="", retry_at=None)
    return stopped, ()


def _terminate(status: Status, after: AfterStop, cause: str, grace_s: float, context: Context) -> Step:
    stopping = replace(
        status,
        state="stopping",
        after_stop=after,
        cause=cause,
        kill_at=context.now + grace_s,
        start_deadline=None,
        frozen_from=None,
        failure=None,
    )
    return stopping, (Terminate(),)


def _restart(status: Status, spec: Service, cause: str, context: Context) -> Step:
    if not status.is_alive or status.state == "stopping":
        return _start(status, cause, context)
    fresh = replace(forget_restarts(status), wanted=True, restarts=0)
    return _terminate(fresh, "start", cause, spec.timeout_stop_sec, context)


def _heal(status: Status, spec: Service, cause: str, context: Context) -> Step:
    """Counted as a restart, and yet it neither spends the budget, which healing has one of its own of, nor gives any
    back: what crashes again is as degraded as before."""
    if not status.wanted or context.paused or status.state == "frozen":
        return status, ()
    if status.state == "stopping":
        return _heal_stopping(status, cause, context)
    counted = replace(
        status,
        attempts=status.attempts + 1,
        down_since=context.now if status.down_since is None else status.down_since,
        last_failure=status.last_failure or cause,
    )
    told = TellRestarting(counted.attempts, 0.0, cause)
    if status.is_alive:
        stopping, effects = _terminate(counted, "start", cause, spec.timeout_stop_sec, context)
        return stopping, (*effects, told)
    launched, effects = launch(replace(counted, finished=False), cause, context)
    return launched, (*effects, told)


def _heal_stopping(status: Status, cause: str, context: Context) -> Step:
    """It is being ended already: for a failure, which is told now, or to be started anew in any case."""
    if status.after_stop != "recover":
        return status, ()
    kind, why = status.failure or ("exit", status.cause)
    down_since = context.now if status.down_since is None else status.down_since
    healing = replace(
        status, after_stop="start", failure=None, cause=cause, attempts=status.attempts + 1, down_since=down_since,
        last_failure=why,
    )  # fmt: skip
    return healing, (TellFailed(kind, why), TellRestarting(healing.attempts, 0.0, cause))


def _try_waiting(status: Status, context: Context) -> Step:
    """What waits for dependencies or for the end of a pause starts once nothing is in its way."""
    if status.state != "waiting" or not status.wanted or context.paused:
        return status, ()
    if status.retry_at is not None and status.retry_at > context.now:
        return status, ()
    return relaunch(status, context)


def _resumed(status: Status, spec: Service, context: Context) -> Step:
    """What was found unwell during the pause is replaced, or looked at again where that goes on by itself."""
    if status.state != "unhealthy" or status.failure is None:
        return _try_waiting(status, context)
    kind, cause = status.failure
    if kind not in ("liveness", "memory", "stall"):
        return _unwell(status, spec, kind, cause, context)
    is_ready = status.up_since is not None and (spec.type == "notify" or spec.readiness_probe is not None)
    return replace(status, state="ready" if is_ready else "running", failure=None, cause="supervision goes on"), ()


def _spawned(status: Status, spec: Service, context: Context) -> Step:
    if status.state != "starting":
        return status, ()
    if spec.type != "oneshot" and needs_signal_of_readiness(spec):
        status = replace(status, start_deadline=context.now + spec.timeout_start_sec)
    if spec.type == "notify" or spec.startup_probe is not None:
        return status, ()
    up_since = None if needs_signal_of_readiness(spec) else context.now
    return replace(status, state="running", up_since=up_since), ()


def _spawn_failed(status: Status, spec: Service, failed: SpawnFailed, context: Context) -> Step:
    if status.state != "starting":
        return status, ()
    told = TellFailed("spawn", failed.cause)
    if not failed.permanent:
        after, effects = recover(status, spec, failed.cause, context)
        return after, (told, *effects)
    return give_up(status, failed.cause, failed.hint, (told,))


def _adopted(status: Status, spec: Service, ready: bool, up_since: float, context: Context) -> Step:
    adopted = replace(status, wanted=True, state="starting", cause="adopted from an earlier Aurora")
    has_started = ready and (spec.type == "notify" or spec.startup_probe is not None)
    if has_started and spec.readiness_probe is None:
        return replace(adopted, state="ready" if spec.type == "notify" else "running", up_since=up_since), ()
    if has_started:
        adopted = replace(adopted, state="running")
    running, effects = _spawned(adopted, spec, context)
    return (replace(running, up_since=up_since) if running.up_since is not None else running), effects


def _started(status: Status, spec: Service, context: Context) -> Step:
    if status.state != "starting":
        return status, ()
    if spec.readiness_probe is not None:
        return replace(status, state="running", cause="started; not ready yet"), ()
    return _ready(status, context) if spec.type == "notify" else _up(status, "running", "started", context)


def _ready(status: Status, context: Context) -> Step:
    if status.state not in ("starting", "running", "unhealthy"):
        return status, ()
    return _up(status, "ready", "ready", context)


def _up(status: Status, state: State, cause: str, context: Context) -> Step:
    up_since = context.now if status.up_since is None else status.up_since
    return replace(status, state=state, cause=cause, hint="", start_deadline=None, up_since=up_since), ()


def _not_ready(status: Status, cause: str) -> Step:
    if status.state != "ready":
        return status, ()
    return replace(status, state="unhealthy", cause=cause), ()


def _unwell(status: Status, spec: Service, kind: FailureKind, cause: str, context: Context) -> Step:
    if status.state not in ("starting", "running", "ready", "unhealthy"):
        return status, ()
    if context.paused:
        return replace(status, state="unhealthy", cause=f"{cause}; supervision is paused", failure=(kind, cause)), ()
    grace_s = _GRACES_S.get(kind)
    grace_s = spec.timeout_stop_sec if grace_s is None else min(grace_s, spec.timeout_stop_sec)
    stopping, effects = _terminate(status, "recover", cause, grace_s, context)
    return replace(stopping, failure=(kind, cause)), effects


def _exited(status: Status, spec: Service, exited: Exited, context: Context) -> Step:
    if not status.is_alive or status.state == "stopping":
        return status, ()
    after, effects = _after_exit(status, spec, exited, context)
    # What it left behind goes before its successor comes: the engine spawns once the tree is gone.
    return after, ((Kill(), *effects) if exited.strays else effects)


def _after_exit(status: Status, spec: Service, exited: Exited, context: Context) -> Step:
    outcome, cause = exited.outcome, _exit_cause(exited)
    told = TellFailed("exit", cause, outcome)
    if outcome.is_success and spec.type == "oneshot":
        return _ended_well(status, f"finished after {format_duration(outcome.uptime_s)}", finished=True)
    if outcome.is_success and spec.restart_policy != "always":
        return _ended_well(status, cause, finished=False)
    if status.state == "frozen":
        return give_up(status, f"{cause} while frozen", "Start it by hand.", (told,))
    if hint := why_not_again(spec, outcome):
        return give_up(status, cause, hint, (told,))
    after, effects = recover(status, spec, cause, context)
    return after, (told, *effects)


def _exit_cause(exited: Exited) -> str:
    outcome, strays = exited.outcome, exited.strays
    if not strays:
        return outcome.words()
    left = f"{outcome.words()}, leaving {strays} process{'es' if strays > 1 else ''} behind"
    if outcome.is_success and outcome.uptime_s < DAEMONIZES_S:
        return f"{left} (does it go into the background? run it in the foreground)"
    return left


def _ended_well(status: Status, cause: str, *, finished: bool) -> Step:
    ended = replace(status, state="stopped", cause=cause, finished=finished, up_since=None, start_deadline=None)
    return replace(forget_restarts(ended), wanted=False), ()


def _tree_gone(status: Status, spec: Service, context: Context) -> Step:
    if status.state != "stopping":
        return status, ()
    status = replace(status, kill_at=None)
    match status.after_stop:
        case "stay":
            return replace(forget_restarts(status), state="stopped", up_since=None), ()
        case "start":
            return launch(status, status.cause, context)
        case "hold":
            waiting = replace(
                forget_restarts(status), state="waiting", cause="held for its dependencies", retry_at=None
            )
            return _try_waiting(waiting, context)
        case "recover":
            return _replaced(status, spec, context)


def _replaced(status: Status, spec: Service, context: Context) -> Step:
    """The tree that was unwell is gone: bring the service back, or give up."""
    kind, cause = status.failure or ("exit", status.cause)
    told = TellFailed(kind, cause)
    if hint := why_not_again(spec, Outcome(signal=9)):
        return give_up(status, cause, hint, (told,))
    after, effects = recover(status, spec, cause, context)
    return after, (told, *effects)


def _timer_due(status: Status, spec: Service, context: Context) -> Step:
    if _is_due(status.deadline, context.now):
        return _deadline_due(status, spec, context)
    if _is_due(recovery_deadline(status, spec), context.now):
        return recovery_due(status, context)
    return status, ()


def _is_due(at: float | None, now: float) -> bool:
    return at is not None and now >= at


def _deadline_due(status: Status, spec: Service, context: Context) -> Step:
    match status.state:
        case "waiting" | "degraded":
            return retry_due(status, context)
        case "stopping":
            return replace(status, kill_at=None), (Kill(),)
    late = f"not ready within {spec.timeout_start_sec:g} s (timeout_start_sec)"
    return _unwell(replace(status, start_deadline=None), spec, "start_timeout", late, context)


def _freeze(status: Status, cause: str, context: Context) -> Step:
    if status.state not in ("waiting", "degraded", "starting", "running", "ready", "unhealthy"):
        return status, ()
    frozen = replace(status, state="frozen", cause=cause, frozen_from=status.state, frozen_at=context.now)
    return frozen, (Suspend(),) if status.is_alive else ()


def _thaw(status: Status, cause: str, context: Context) -> Step:
    if status.state != "frozen" or status.frozen_from is None:
        return status, ()
    thawed = replace(shift(status, context.now - status.frozen_at), state=status.frozen_from, frozen_from=None)
    if thawed.state == "waiting":
        return _try_waiting(thawed, context)
    return replace(thawed, cause=cause), (Continue(),) if thawed.is_alive else ()
