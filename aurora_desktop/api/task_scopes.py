"""Which token gives work to agents: `operate`; where an agent of the kind `input` is to do it, the token `input`.

Else a script that restarts services could type by its own token, by way of a task.
"""

from collections.abc import Iterable

from starlette.requests import Request

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.scopes import GRANTED
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.tokens import Scope
from aurora_desktop.tasks.task import TaskRequest

NEEDS_INPUT = "input_token"
"""The code of a refusal, for clients that have the other token too."""


def check_submission(request: Request, task: TaskRequest, settings: TaskSettings) -> None:
    """Raises ProblemError 403 where the token that came with the request does not do."""
    pipeline = settings.pipelines.get(task.pipeline)
    roles = (task.role, *(pipeline.steps if pipeline is not None else ()))
    known = settings.all_roles
    check_agents(request, (task.agent, *(known[role].agent for role in roles if role in known)), settings)


def check_agents(request: Request, agents: Iterable[str], settings: TaskSettings) -> None:
    """The same for work of these agents."""
    known = settings.all_agents
    uses_hands = any(name in known and known[name].kind == "input" for name in agents)
    needed: Scope = "input" if uses_hands else "operate"
    if needed not in request.scope[GRANTED]:
        detail = "it is work for mouse and keyboard" if uses_hands else ""
        code = NEEDS_INPUT if uses_hands else ""
        raise ProblemError(403, "This token does not allow that", detail, f"Use the token `{needed}`", code)
