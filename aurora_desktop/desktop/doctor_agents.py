"""Checks of the agents that do tasks: whether their programs are there, and are what they should be."""

import asyncio
import shutil
from collections.abc import Mapping

from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.desktop.finding import PROBE_TIMEOUT_S, Finding, Patient
from aurora_desktop.desktop.shell_path import login_shell_path, needs_login_path
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.tasks.verification import Checked, Verification


def agents(patient: Patient) -> list[Finding]:
    """One finding for each agent that the settings speak of, or whose program is there; none needs to be."""
    try:
        settings = patient.settings().tasks
    except SettingsError:  # another check tells of it
        return [Finding("Agents", "ok", "not looked at: the settings cannot be read")]
    own = _environment(patient)
    wanted = _spoken_of(settings)
    there = wanted | {name for name, agent in settings.all_agents.items() if _is_there(agent.program, own)}
    checked = asyncio.run(_check(settings, sorted(there), own))
    found = [_judge(name, one, is_wanted=name in wanted) for name, one in checked.items()]
    return found or [Finding("Agents", "ok", "none in the settings, and neither Claude Code nor Codex is installed")]


def _environment(patient: Patient) -> Mapping[str, str]:
    """With the PATH that Aurora takes over from the login shell where its own is that of a session."""
    path = login_shell_path() if needs_login_path(patient.environ) else None
    return {**patient.environ, **({"PATH": path} if path else {})}


def _spoken_of(settings: TaskSettings) -> set[str]:
    """The agents of the settings, and those whom their roles and pipelines need."""
    roles = set(settings.roles).union(*(pipeline.steps for pipeline in settings.pipelines.values()))
    names = set(settings.agents) | {settings.all_roles[role].agent for role in roles}
    return {name for name in names if settings.all_agents[name].kind != "input"}


def _is_there(program: tuple[str, ...], own: Mapping[str, str]) -> bool:
    return bool(program) and shutil.which(program[0], path=own.get("PATH")) is not None


async def _check(settings: TaskSettings, names: list[str], own: Mapping[str, str]) -> dict[str, Checked]:
    verification = Verification(process_table(), SystemClock(), lambda _: None, PROBE_TIMEOUT_S)
    checking = [verification.check(name, settings.all_agents[name], own) for name in names]
    return dict(zip(names, await asyncio.gather(*checking), strict=True))


def _judge(name: str, checked: Checked, *, is_wanted: bool) -> Finding:
    title = f"Agent {name}"
    if checked.available:
        return Finding(title, "ok", checked.version or "its program is there")
    return Finding(title, "error" if is_wanted else "warning", checked.detail, checked.hint)
