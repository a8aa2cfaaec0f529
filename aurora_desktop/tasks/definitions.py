"""The workers as the supervisor is to have them, without a task being lost for a change of the settings."""

from pathlib import Path

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.tasks.roster import Roster
from aurora_desktop.tasks.workforce import worker_services


class Definitions:
    """A worker that is at work keeps its definition, be it changed or taken out, until it is free."""

    def __init__(self, settings: TaskSettings, address: str, token_file: Path, roster: Roster) -> None:
        self._address, self._token_file, self._roster = address, token_file, roster
        self._current = worker_services(settings, address, token_file)
        self._put_off: set[str] = set()

    def of(self, settings: TaskSettings) -> dict[str, Service]:
        """By their names with the supervisor."""
        fresh = worker_services(settings, self._address, self._token_file)
        busy = {worker.post.component for worker in self._roster.everyone() if worker.task_id}
        kept = {name: service for name, service in self._current.items() if name in busy}
        self._put_off = {name for name, service in kept.items() if fresh.get(name) != service}
        self._current = fresh | kept
        return self._current

    def are_due(self) -> bool:
        """Whether a change that was put off can be made now; told once."""
        if not any(self._is_free(name) for name in self._put_off):
            return False
        self._put_off = set()
        return True

    def _is_free(self, component: str) -> bool:
        worker = self._roster.of_component(component)
        return worker is None or not worker.task_id
