"""What a change of the settings of agents at work loosens, and which part of it may act at once.

The same rule as for mouse and keyboard (`loosening.py`): an agent that can write the settings file must not be able to
loosen its own limits. An agent that is new, or is run otherwise, waits; of limits the stricter one of old and new
holds; what is no limit (models, times, prompts, pipelines) acts at once.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final, Literal, TypeVar

from msgspec.structs import replace

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.schema_tasks import Budget, CliAgent, Role, TaskSettings

OnEstop = Literal["freeze", "stop", "ignore"]

NO_FOLDER: Final = "/dev/null"
"""An empty list of folders allows all, so "none" has to be said otherwise: nothing lies below this one."""

_HOW_IT_IS_RUN: Final = (
    "kind", "command", "args", "prompt", "events", "env", "env_file", "pass_environment", "version_args",
    "version_pattern",
)  # fmt: skip
_LESS_IS_STRICTER: Final = ("concurrency", "queue_limit", "count", "memory_max")
_MORE_IS_STRICTER: Final = ("output_max_bytes", "keep_max_bytes", "keep_max_days")
"""What agents did is kept; less of it is less to be found out from."""
_PERMISSIONS: Final = ("read-only", "ask", "edit", "full")
_ON_ESTOP: Final = ("stop", "freeze", "ignore")
_ON_LIMIT: Final = ("stop", "ask")
_SHIPPED: Final = TaskSettings()

T = TypeVar("T")


def tightened(old: TaskSettings, new: TaskSettings) -> TaskSettings:
    """The new settings with the old value wherever that is the stricter one, so that nothing is loosened."""
    agents = {
        name: _agent(old.all_agents[name], agent) for name, agent in new.all_agents.items() if name in old.all_agents
    }
    roles = dict(_roles(old, new, agents))
    acting = replace(
        new,
        agents=_told(agents, new.agents, _SHIPPED.all_agents),
        roles=_told(roles, new.roles, _SHIPPED.all_roles),
        pipelines={},
        folders=_folders(old.folders, new.folders),
        **_limits(old, new),
    )
    known = acting.all_roles
    return replace(acting, pipelines={n: p for n, p in new.pipelines.items() if all(s in known for s in p.steps)})


def loosened(old: TaskSettings, new: TaskSettings) -> tuple[str, ...]:
    """A sentence for each change that waits; none if nothing loosens."""
    acting = tightened(old, new)
    return (
        *_changed_agents(acting, new),
        *_changed_roles(acting, new),
        *_differences("tasks", acting, new, ("folders", *_limits(acting, new))),
    )


def tightened_services(marks: Mapping[str, OnEstop], services: Mapping[str, Service]) -> dict[str, Service]:
    """The services, each with the stricter `on_estop` of its own and what the operator confirmed for its name."""
    return {
        name: replace(service, on_estop=strict) if (strict := _marked(marks, name, service)) != service.on_estop
        else service
        for name, service in services.items()
    }  # fmt: skip


def loosened_services(marks: Mapping[str, OnEstop], services: Mapping[str, Service]) -> tuple[str, ...]:
    """A sentence for each service that the emergency stop would hold less."""
    return tuple(
        _sentence(f"services.{name}.on_estop", strict, service.on_estop)
        for name, service in services.items()
        if (strict := _marked(marks, name, service)) != service.on_estop
    )


def marks_of(services: Mapping[str, Service]) -> dict[str, OnEstop]:
    """What the emergency stop does with each that it does not leave alone."""
    return {name: service.on_estop for name, service in services.items() if service.on_estop != "ignore"}


# --- agents, roles and folders ------------------------------------------------------------------------------------


def _agent(old: CliAgent, new: CliAgent) -> CliAgent:
    run = {name: getattr(old, name) for name in _HOW_IT_IS_RUN}
    return replace(
        new,
        permissions=_strictest(_PERMISSIONS, old.permissions, new.permissions),
        budget=_budget(old.budget, new.budget),
        on_estop=_strictest(_ON_ESTOP, old.on_estop, new.on_estop),
        **_limits(old, new),
        **run,
    )


def _budget(old: Budget, new: Budget) -> Budget:
    amounts = [name for name in Budget.__struct_fields__ if name != "on_limit"]
    least = {name: _least(getattr(old, name), getattr(new, name)) for name in amounts}
    return Budget(on_limit=_strictest(_ON_LIMIT, old.on_limit, new.on_limit), **least)


def _roles(old: TaskSettings, new: TaskSettings, agents: Mapping[str, CliAgent]) -> Iterator[tuple[str, Role]]:
    """Those that act at once; one whose new agent waits stays with its old one while there is that.

    A new one is words for an agent that there is: beyond these it has what its agent has.
    """
    for name, role in new.all_roles.items():
        before = old.all_roles.get(name) or Role(agent=role.agent, count=role.count)
        shipped = _SHIPPED.all_roles.get(name)
        chosen = next((each for each in (role, before, shipped) if each is not None and each.agent in agents), None)
        if chosen is not None:
            yield name, _role(before, chosen, old.all_agents, agents)


def _role(old: Role, new: Role, old_agents: Mapping[str, CliAgent], agents: Mapping[str, CliAgent]) -> Role:
    before = old.permissions or (old_agents.get(old.agent) or agents[old.agent]).permissions
    after = new.permissions or agents[new.agent].permissions
    strict = _strictest(_PERMISSIONS, before, after)
    permissions = new.permissions if strict == after else strict
    return replace(new, env=old.env, permissions=permissions, **_limits(old, new))


def _told(acting: Mapping[str, T], named: Mapping[str, T], shipped: Mapping[str, T]) -> dict[str, T]:
    """Those that have to be told: named in the file, or stricter than what is there without being named."""
    return {name: each for name, each in acting.items() if name in named or each != shipped.get(name)}


def _folders(old: list[str], new: list[str]) -> list[str]:
    """Those that old and new allow; real paths, so that no link leads out of one (`watch.with_real_folders`)."""
    if not old or (new and all(_is_below(folder, old) for folder in new)):
        return new
    if not new:
        return old
    both = [*(f for f in new if _is_below(f, old)), *(f for f in old if f not in new and _is_below(f, new))]
    return both or [NO_FOLDER]


def _is_below(folder: str, roots: list[str]) -> bool:
    return any(PurePath(folder).is_relative_to(root) for root in roots)


# --- limits -------------------------------------------------------------------------------------------------------


def _limits(old: Any, new: Any) -> dict[str, Any]:
    """The numbers among the fields, the stricter one of each."""
    there = new.__struct_fields__
    least = {name: _least(getattr(old, name), getattr(new, name)) for name in _LESS_IS_STRICTER if name in there}
    most = {name: max(getattr(old, name), getattr(new, name)) for name in _MORE_IS_STRICTER if name in there}
    return least | most


def _least(*limits: Any) -> Any:
    """None is no limit."""
    return min((limit for limit in limits if limit is not None), default=None)


def _strictest(strict_first: tuple[str, ...], *values: Any) -> Any:
    return min(values, key=strict_first.index)


def _marked(marks: Mapping[str, OnEstop], name: str, service: Service) -> OnEstop:
    strict: OnEstop = _strictest(_ON_ESTOP, marks.get(name, "ignore"), service.on_estop)
    return strict


# --- in words -----------------------------------------------------------------------------------------------------


def _changed_agents(acting: TaskSettings, new: TaskSettings) -> Iterator[str]:
    there = acting.all_agents
    for name, agent in new.all_agents.items():
        where = f"tasks.agents.{name}"
        if name not in there:
            yield f"`{where}`: a new agent of the kind `{agent.kind}` with the permissions `{agent.permissions}`"
            continue
        if otherwise := [f"`{key}`" for key in _HOW_IT_IS_RUN if getattr(agent, key) != getattr(there[name], key)]:
            yield f"`{where}`: it is run otherwise ({', '.join(otherwise)})"
        yield from _differences(where, there[name], agent, ("permissions", "on_estop", *_limits(agent, agent)))
        yield from _differences(f"{where}.budget", there[name].budget, agent.budget, Budget.__struct_fields__)


def _changed_roles(acting: TaskSettings, new: TaskSettings) -> Iterator[str]:
    there = acting.all_roles
    for name, role in new.all_roles.items():
        where = f"tasks.roles.{name}"
        if name not in there:
            yield f"`{where}`: a new role, which `{role.agent}` does"
            continue
        yield from _differences(where, there[name], role, ("agent", "permissions", "count"))
        if role.env != there[name].env:
            yield f"`{where}.env`: its environment is another"


def _differences(where: str, acting: Any, new: Any, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if getattr(acting, name) != getattr(new, name):
            yield _sentence(f"{where}.{name}", getattr(acting, name), getattr(new, name))


def _sentence(where: str, old: object, new: object) -> str:
    return f"`{where}`: {_in_words(old)} becomes {_in_words(new)}"


def _in_words(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "everywhere"
    return f"{value:g}" if isinstance(value, float) else f"{value}"
