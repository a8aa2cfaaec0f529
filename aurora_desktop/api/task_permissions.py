"""A task that comes through the door may tighten what its agent may do, not loosen it: agents can come through it."""

from collections.abc import Iterable, Mapping

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.core.settings.schema_tasks import Permissions, TaskSettings
from aurora_desktop.tasks.task import TaskRequest

_LOOSENESS: Mapping[Permissions, int] = {"read-only": 0, "ask": 1, "edit": 2, "full": 3}


def check_permissions(request: TaskRequest, settings: TaskSettings) -> None:
    """Raises ProblemError 403 where the task asks for more than its agent or role may do."""
    if request.permissions is None:
        return
    for who, allowed in _permissions(request, settings):
        if _LOOSENESS[request.permissions] > _LOOSENESS[allowed]:
            title = f"`{who}` has the permissions `{allowed}`, and `{request.permissions}` is looser"
            hint = "Give it in the settings (docs/tasks.md), or submit the task in Aurora's window"
            raise ProblemError(
                403, title, "a command can only tighten them: what a script can do, an agent can do too", hint
            )


def _permissions(request: TaskRequest, settings: TaskSettings) -> Iterable[tuple[str, Permissions]]:
    """Who would do it, and with which permissions; unknown names are left to whoever takes the task."""
    agents, roles = settings.all_agents, settings.all_roles
    if request.agent in agents:
        yield request.agent, agents[request.agent].permissions
    pipeline = settings.pipelines.get(request.pipeline)
    for name in (request.role, *(pipeline.steps if pipeline else ())):
        if name in roles:
            yield name, roles[name].permissions or agents[roles[name].agent].permissions
