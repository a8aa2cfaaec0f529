"""What is wrong with Aurora itself, gathered from the events that tell it."""

from aurora_desktop.core.events import (
    PartFailed,
    Record,
    SettingsApplied,
    SettingsRefused,
    StorageFailing,
    StorageRecovered,
)
from aurora_desktop.heartbeat.health import Problem


class OwnProblems:
    """A reader of the bus; the current problems of Aurora's own parts, by what they concern."""

    def __init__(self) -> None:
        self._problems: dict[str, Problem] = {}

    def current(self) -> tuple[Problem, ...]:
        return tuple(self._problems.values())

    def read(self, record: Record) -> None:
        event = record.event
        match event:
            case StorageFailing(path=path, detail=detail):
                sentence = f"events cannot be written: {detail}"
                self._problems[path] = Problem("aurora", sentence, f"Make room or give access: {path}", 1)
            case StorageRecovered(path=path):
                self._problems.pop(path, None)
            case SettingsRefused(problems=problems):
                first = problems[0] if problems else "the file cannot be read"
                more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
                sentence = f"changed settings are not in force: {first}{more}"
                self._problems["settings"] = Problem("aurora", sentence, "Correct the settings file", 2)
            case SettingsApplied():
                self._problems.pop("settings", None)
            case PartFailed(component=component, detail=detail):
                self._problems[component] = Problem(component, detail, "Restart Aurora", 1)
