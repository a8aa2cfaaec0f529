"""What the settings give an agent to keep to itself: it may print it, and nobody else is to see it."""

from contextlib import suppress
from pathlib import Path

from aurora_desktop.core.settings.env_file import read_env_file
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.settings.values import Environment


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
