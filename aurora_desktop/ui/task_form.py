"""From what is typed into the form of a task to a request; what cannot be meant is told by field. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.tasks.task import TaskRequest
from aurora_desktop.tasks.view import CliAgentView

Kind = Literal["agent", "role", "pipeline"]
PERMISSIONS = {
    "": "The agent's own", "ask": "Ask me", "read-only": "Read only", "edit": "Edit files", "full": "Everything",
}  # fmt: skip
RETRIES = {"resume": "Go on in its session", "safe": "Begin anew", "never": "Wait for me"}
"""What is done when an attempt is lost half-way."""


class Doer(Struct, frozen=True):
    """Somebody who can do a task, as the form offers it."""

    kind: Kind
    name: str
    words: str
    takes_actions: bool = False


class Typed(Struct, frozen=True, kw_only=True):
    """The fields as they are typed."""

    doer: Doer
    prompt: str
    cwd: str = ""
    timeout: str = ""
    max_usd: str = ""
    max_tokens: str = ""
    permissions: str = ""
    retry: str = "resume"


def doers(settings: TaskSettings) -> list[Doer]:
    """Agents, roles and pipelines, each with what it is."""
    found = [
        Doer("agent", name, f"{name}, an agent", agent.kind == "input") for name, agent in settings.all_agents.items()
    ]
    found += [
        Doer("role", name, f"{name}, a role of {role.agent}") for name, role in settings.all_roles.items() if role.count
    ]
    arrow = f" {chr(0x2192)} "
    found += [
        Doer("pipeline", name, f"{name}, a pipeline: {arrow.join(pipeline.steps)}")
        for name, pipeline in settings.pipelines.items()
    ]
    return found


def request_of(typed: Typed) -> tuple[TaskRequest | None, dict[str, str]]:
    """The request, or by field what is wrong with it."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = {
        "timeout_s": _number(typed.timeout, "timeout", problems),
        "max_usd": _number(typed.max_usd, "max_usd", problems),
        "max_tokens": _whole(typed.max_tokens, problems),
    }
    values |= _work(typed, problems)
    if problems:
        return None, problems
    permissions: Any = typed.permissions or None
    retry: Any = typed.retry
    values[typed.doer.kind] = typed.doer.name
    request = TaskRequest(
        **values, cwd=typed.cwd.strip() or None, permissions=permissions, retry=retry, source="window"
    )
    return request, {}


def _work(typed: Typed, problems: dict[str, str]) -> Mapping[str, Any]:
    if not typed.prompt.strip():
        problems["prompt"] = "say what is to be done"
    elif "\0" in typed.prompt:
        problems["prompt"] = "it holds a NUL character, which no program takes"
    elif typed.doer.takes_actions:
        return {"actions": _actions(typed.prompt, problems)}
    return {"prompt": typed.prompt}


def _actions(text: str, problems: dict[str, str]) -> tuple[dict[str, Any], ...]:
    try:
        return tuple(msgspec.json.decode(text, type=list[dict[str, Any]]))
    except msgspec.DecodeError as error:
        problems["prompt"] = f'this agent takes a list of actions, such as [{{"action": "screenshot"}}]: {error}'
        return ()


def _number(text: str, field: str, problems: dict[str, str]) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text.strip().removeprefix("$").removesuffix("s").strip())
    except ValueError:
        problems[field] = f"\u201c{text.strip()}\u201d is no number"
        return None
    if not 0 < value < float("inf"):
        problems[field] = "it must be more than 0"
    return value


def _whole(text: str, problems: dict[str, str]) -> int | None:
    value = _number(text.replace(",", ""), "max_tokens", problems)
    if value is None or "max_tokens" in problems:  # nothing infinite can be made whole
        return None
    if value != int(value):
        problems["max_tokens"] = "it must be a whole number"
        return None
    return int(value)


def cannot_now(doer: Doer, agents: tuple[CliAgentView, ...], settings: TaskSettings) -> str:
    """Why its tasks would wait: the program of its agent cannot be used; "" when it can or nobody knows yet."""
    names = _agents_of(doer, settings)
    for agent in agents:
        if agent.name in names and agent.available is False:
            why = ". ".join(part.rstrip(".") for part in (agent.detail, agent.hint) if part)
            return f"{agent.name} cannot be used now, so the task would wait. {why}"
    return ""


def _agents_of(doer: Doer, settings: TaskSettings) -> set[str]:
    roles = settings.all_roles
    match doer.kind:
        case "agent":
            return {doer.name}
        case "role":
            return {roles[doer.name].agent} if doer.name in roles else set()
        case "pipeline":
            pipeline = settings.pipelines.get(doer.name)
            return {roles[step].agent for step in pipeline.steps} if pipeline else set()
