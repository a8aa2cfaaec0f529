"""The rules of restarting: whether, when and how often a service that failed is started again. Pure, as the policy.

The first restart is at once, then exponential backoff with full jitter; `start_limit_burst` restarts within
`start_limit_interval_sec` spend the budget, after which the service is `degraded` and tried again at the cap, until
it was up for `restart_reset_after_sec` or the operator restarts it.
"""

from msgspec.structs import replace

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor.outcome import Outcome
from aurora_desktop.supervisor.status import Context, Status
from aurora_desktop.supervisor.stimuli import (
    Effect,
    Spawn,
    TellDegraded,
    TellGaveUp,
    TellRecovered,
    TellRestarting,
)

Step = tuple[Status, tuple[Effect, ...]]


def backoff_s(spec: Service, attempts: int, jitter: float) -> float:
    """Delay before the restart after `attempts` earlier ones: none at first, then full jitter under the cap."""
    if attempts == 0:
        return 0.0
    exponent = min(attempts - 1, 30)
    return float(jitter * min(spec.restart_max_delay_sec, spec.restart_sec * 2**exponent))


def launch(status: Status, cause: str, context: Context) -> Step:
    """Spawn now, or wait for what is missing."""
    if context.blockers:
        waits = "waiting for " + ", ".join(f"{blocker.name} ({blocker.state})" for blocker in context.blockers)
        return replace(status, state="waiting", cause=waits, retry_at=None, finished=False), ()
    again = status.down_since is not None
    starting = replace(
        status,
        restarts=status.restarts + again,
        after_stop="stay",
        state="starting",
        cause=cause,
        hint="",
        retry_at=None,
        up_since=None,
        start_deadline=None,
        finished=False,
    )
    return starting, (Spawn(),)


def relaunch(status: Status, context: Context) -> Step:
    """Launch it again, saying why."""
    restarted = f"restarted: {status.last_failure}"
    return launch(status, restarted if status.last_failure else "its dependencies are ready", context)


def recover(status: Status, spec: Service, cause: str, context: Context) -> Step:
    """After a failure: at once, after a backoff, or at the cap once the budget is spent."""
    status = _failed_again(status, spec, cause, context.now)
    recent = tuple(t for t in status.restart_times if context.now - t < spec.start_limit_interval_sec)
    if status.budget_spent or len(recent) >= spec.start_limit_burst:
        return _degrade(status, spec, cause, context)
    status = replace(status, restart_times=(*recent, context.now))
    return _retry(status, spec, cause, context)


def _failed_again(status: Status, spec: Service, cause: str, now: float) -> Status:
    if status.up_since is not None and now - status.up_since >= spec.restart_reset_after_sec:
        status = forget_restarts(status)
    down_since = now if status.down_since is None else status.down_since
    return replace(
        status,
        last_failure=cause,
        down_since=down_since,
        up_since=None,
        start_deadline=None,
        kill_at=None,
        failure=None,
        after_stop="stay",
    )


def forget_restarts(status: Status) -> Status:
    """A clean record: no restart counted, the whole budget left."""
    return replace(status, attempts=0, restart_times=(), budget_spent=False, last_failure="", down_since=None)


def _retry(status: Status, spec: Service, cause: str, context: Context) -> Step:
    delay_s = backoff_s(spec, status.attempts, context.jitter)
    status = replace(status, attempts=status.attempts + 1)
    if context.paused:
        return replace(status, state="waiting", cause=f"{cause}; supervision is paused", retry_at=None), ()
    told = TellRestarting(status.attempts, delay_s, cause)
    if delay_s > 0:
        return replace(status, state="waiting", cause=cause, retry_at=context.now + delay_s), (told,)
    launched, effects = relaunch(status, context)
    return launched, (*effects, told)


def _degrade(status: Status, spec: Service, cause: str, context: Context) -> Step:
    retry_s = spec.restart_max_delay_sec
    degraded = replace(
        status,
        state="degraded",
        budget_spent=True,
        cause=cause,
        hint="Look at its log, mend the cause, then restart it.",
        retry_at=context.now + retry_s,
    )
    told = () if status.budget_spent else (TellDegraded(cause, status.attempts, retry_s),)
    return degraded, told


def retry_due(status: Status, context: Context) -> Step:
    """The backoff, or the wait at the cap, is over."""
    if context.paused:
        return replace(status, retry_at=None, state="waiting"), ()
    if status.state == "waiting":
        return relaunch(status, context)
    status = replace(status, attempts=status.attempts + 1)
    launched, effects = relaunch(status, context)
    return launched, (*effects, TellRestarting(status.attempts, 0.0, status.last_failure))


def recovery_due(status: Status, context: Context) -> Step:
    """It stayed up: first it counts as recovered, later its restarts are forgotten."""
    if status.down_since is None:
        return forget_restarts(status), ()
    downtime_s = (status.up_since or context.now) - status.down_since
    told = TellRecovered(status.attempts, downtime_s, status.last_failure)
    return replace(status, down_since=None), (told,)


def why_not_again(spec: Service, outcome: Outcome) -> str:
    """The rule by which it is not started again, in words; "" when it is."""
    if spec.restart_policy == "never":
        return "It is not started again because of `restart: never`; start it by hand."
    if outcome.exit_code is not None and outcome.exit_code in spec.restart_prevent_exit_status:
        return "It is not started again because of `restart_prevent_exit_status`; start it by hand."
    if spec.type == "oneshot" and outcome.is_unknown:
        return "It may have done its work: start it by hand if it should run again."
    return ""


def give_up(status: Status, cause: str, hint: str, told: tuple[Effect, ...]) -> Step:
    """It stays down until the operator starts it."""
    failed = replace(
        status, state="failed", cause=cause, hint=hint, last_failure=cause, retry_at=None, up_since=None, kill_at=None
    )
    return failed, (*told, TellGaveUp(cause, hint))
