"""What keeps the brake, alerts, healing, tasks, backups and the link from being well, as problems of the whole."""

from aurora_desktop.backups.view import BackupsView
from aurora_desktop.healing.alerts.view import AlertsView
from aurora_desktop.healing.view import HealingView, ResourceView
from aurora_desktop.heartbeat.health import Problem
from aurora_desktop.link.view import LinkView
from aurora_desktop.safety.view import ControlView
from aurora_desktop.supervisor.outcome import format_duration
from aurora_desktop.tasks.view import TaskTroubles

_LOOK = "Look at the recovery page"
_SECOND = "Look at the folder that `backups.path` names"
_VERIFY = "`aurora backup verify` looks at all of them"
_LINK = "See `aurora link status`"
_DEAD = "Send them again or forget them, on the recovery page or by `aurora link retry` and `aurora link forget`"
_MOST_AGENTS = 20
"""Thousands may stall together: the heartbeat and the health stay what one can read."""


def of_control(view: ControlView) -> tuple[Problem, ...]:
    """What is wrong with control of mouse and keyboard, and what waits for the operator's hand there.

    That nobody opened its gate is nothing wrong.
    """
    return (*_of_gate(view), *_of_settings(view))


def _of_settings(view: ControlView) -> tuple[Problem, ...]:
    if not view.pending:
        return ()
    more = f" (and {len(view.pending) - 1} more)" if len(view.pending) > 1 else ""
    sentence = f"changed settings that loosen safety are not in force: {view.pending[0]}{more}"
    return (Problem("aurora", sentence, "Read them in the window, on the page Input, and hold the button there", 4),)


def _of_gate(view: ControlView) -> tuple[Problem, ...]:
    if view.state == "latched" and view.stopped_by:
        sentence = f"everything was stopped by {view.stopped_by}"
        return (Problem("input_agent", sentence, view.hint, 1),)
    if view.broken:
        return (Problem("input_agent", f"agents cannot act: {view.reason}", view.hint, 3),)
    return ()


def of_alerts(view: AlertsView) -> tuple[Problem, ...]:
    """Channels that did not take the last alert: whoever relies on them should know before the next one."""
    return tuple(
        Problem(
            "aurora",
            f"alerts do not reach `{channel.name}`: {channel.last.cause}",
            f"Mend it, then run `aurora alerts test {channel.name}`",
            4,
        )
        for channel in view.channels
        if channel.last is not None and not channel.last.ok
    )


def of_healing(troubles: HealingView) -> tuple[Problem, ...]:
    """What waits for the operator, and what is wrong with agents and the machine; the recovery page shows all of it."""
    return (
        *(Problem("healing", _told(e.component, e.sentence), e.hint or _LOOK, 1) for e in troubles.escalations),
        *(Problem("healing", _told(o.component, o.fault), _LOOK, 3) for o in troubles.offers),
        *(Problem(a.component, _told(a.component, a.sentence), _LOOK, 2) for a in troubles.agents[:_MOST_AGENTS]),
        *(Problem("machine", _over(resource), _LOOK, 3) for resource in troubles.machine),
    )


def of_tasks(troubles: TaskTroubles) -> tuple[Problem, ...]:
    """What agents at work wait for, which only the operator can give."""
    return (
        *(
            Problem(f"agent:{a.name}", f"{a.name} cannot be used, and tasks wait for it: {a.detail}", a.hint, 3)
            for a in troubles.unavailable
        ),
        *(
            Problem(
                w.service.name,
                f"the worker {w.name} does not come up, and tasks wait: {w.service.cause}",
                w.service.hint or "Look at its log",
                2,
            )
            for w in troubles.workers[:_MOST_AGENTS]
        ),
        *(
            Problem(f"agent:{q.agent}", f"{q.agent} waits for your word: {q.summary}", "Answer it in the window", 3)
            for q in troubles.approvals[:_MOST_AGENTS]
        ),
        *(
            Problem(f"agent:{t.agent}", f"it is not known how a task of {t.agent} ended: {t.cause}", t.hint, 3)
            for t in troubles.uncertain[:_MOST_AGENTS]
        ),
    )


def of_backups(view: BackupsView) -> tuple[Problem, ...]:
    """What keeps the state from being in two places; only a long time without one is more than a remark."""
    found = []
    if view.overdue_s:
        lasting = format_duration(view.overdue_s)
        sentence = f"there has been no good backup, for {lasting} over its time"
        found.append(Problem("aurora", f"{sentence}: {view.failing}" if view.failing else sentence, view.hint, 2))
    elif view.failing:
        found.append(Problem("aurora", f"no backup can be made: {view.failing}", view.hint, 4))
    if view.trouble:
        found.append(Problem("aurora", f"the second folder has no new backup: {view.trouble}", _SECOND, 4))
    if view.damaged:
        found.append(
            Problem("aurora", f"a backup is damaged: {view.damaged}", "`aurora backup verify` looks at all", 4)
        )
    return tuple(found)


def of_link(view: LinkView) -> tuple[Problem, ...]:
    """A link that is on and not there, unless it is only being begun; and letters that nobody will get."""
    problems = []
    if view.enabled and view.state == "refused":
        problems.append(Problem("link", f"the link is refused: {view.cause}", view.hint or _LINK, 3))
    elif view.enabled and not view.is_up and view.attempt > 1:
        problems.append(Problem("link", f"the link is down: {view.cause}", view.hint or _LINK, 4))
    elif view.state == "degraded":
        problems.append(Problem("link", f"the link works in part: {view.cause}", view.hint or _LINK, 4))
    if view.enabled and view.outbox.dead:
        count = view.outbox.dead_count
        sentence = f"{count} message{' was' if count == 1 else 's were'} not sent: {view.outbox.dead[0].cause}"
        problems.append(Problem("link", sentence, _DEAD, 4))
    return tuple(problems)


def _told(component: str, sentence: str) -> str:
    """The sentence with the name of whom it is about in front, once."""
    name = component.partition(":")[2] or component
    return sentence if sentence.startswith(f"{name}: ") else f"{name}: {sentence}"


def _over(resource: ResourceView) -> str:
    """`disk at 93 % (limit 90 %) for 4 min 10 s`."""
    lasting = format_duration(resource.breached_s)
    name = "CPU" if resource.resource == "cpu" else resource.resource
    return f"{name} at {resource.percent:.0f} % (limit {resource.limit:.0f} %) for {lasting}"
