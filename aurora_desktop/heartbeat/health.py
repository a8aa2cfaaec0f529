"""The health of the whole: one verdict, one sentence that names the worst thing, and the next step."""

from collections.abc import Sequence

from msgspec import Struct

from aurora_desktop.core.events import Verdict
from aurora_desktop.supervisor.view import ServiceView

_SEVERITY = {"failed": 0, "degraded": 1, "unhealthy": 2, "waiting": 3, "starting": 4}


class Problem(Struct, frozen=True):
    """Something that is not well: the component, what it is in words, and the next step (or "")."""

    component: str
    sentence: str
    next_step: str
    severity: int


class Health(Struct, frozen=True):
    """The verdict of the whole; `problems` worst first."""

    verdict: Verdict
    sentence: str
    next_step: str
    problems: tuple[Problem, ...] = ()


def assess(views: Sequence[ServiceView], own_problems: Sequence[Problem] = (), *, paused: bool = False) -> Health:
    """Judge the services and Aurora's own parts.

    `unhealthy` when a service failed or spent its restarts, or Aurora itself has a problem of severity 0 or 1;
    `degraded` for every lesser problem and while supervision is paused.
    """
    problems = sorted([*own_problems, *map(_problem_of, filter(lambda v: v.is_problem, views))], key=_rank)
    if paused:
        problems.append(Problem("aurora", "supervision is paused", "Resume supervision", 5))
    if not problems:
        return Health("healthy", _well(views), "")
    worst = problems[0]
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    verdict: Verdict = "unhealthy" if worst.severity <= 1 else "degraded"
    return Health(verdict, f"{worst.sentence}{more}", worst.next_step, tuple(problems))


def _problem_of(view: ServiceView) -> Problem:
    severity = _SEVERITY.get(view.state, 4)
    return Problem(f"service:{view.name}", f"{view.name}: {view.problem}", view.hint, severity)


def _rank(problem: Problem) -> tuple[int, str]:
    return (problem.severity, problem.component)


def _well(views: Sequence[ServiceView]) -> str:
    up = sum(1 for v in views if v.state in ("running", "ready"))
    if not views:
        return "no services in the settings yet"
    wanted = sum(1 for v in views if v.state != "stopped")
    if not wanted:
        return "all services are stopped"
    if up < wanted:
        return f"{up} of {wanted} services run, the others are on their way"
    return f"all {up} services run" if up > 1 else "the service runs"
