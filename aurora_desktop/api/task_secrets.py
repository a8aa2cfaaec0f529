"""What an agent may have printed of its own environment, and nobody else is to see."""

from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from aurora_desktop.core.settings.env_file import read_env_file
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.tasks.view import ApprovalView, Entry, TaskDetail, Transcript


def secrets(settings: TaskSettings, agent: str, role: str = "") -> Environment:
    """What the settings and the `env_file` give the agent; blocks on the disk.

    A file that cannot be read now hides nothing: the agent was not started with it either.
    """
    there, part = settings.all_agents.get(agent), settings.all_roles.get(role)
    found: dict[str, str] = {}
    if there is not None and there.env_file:
        with suppress(SettingsError, OSError, RuntimeError):
            found = read_env_file(Path.home() / Path(there.env_file).expanduser())
    return Environment({**found, **(there.env if there else {}), **(part.env if part else {})})


def discreet(detail: TaskDetail, hidden: Environment) -> TaskDetail:
    return replace(detail, result=hidden.masked(detail.result), error=hidden.masked(detail.error))


def discreet_transcript(found: Transcript, hidden: Environment) -> Transcript:
    if not hidden:
        return found
    return replace(found, entries=tuple(_discreet_entry(entry, hidden) for entry in found.entries))


def _discreet_entry(entry: Entry, hidden: Environment) -> Entry:
    return replace(entry, text=hidden.masked(entry.text), detail=hidden.masked(entry.detail))


def discreet_question(view: ApprovalView, hidden: Environment) -> ApprovalView:
    masked = hidden.masked
    return replace(view, summary=masked(view.summary), detail=masked(view.detail), reason=masked(view.reason))
