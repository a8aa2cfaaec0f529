"""What is wrong with Aurora itself, gathered from the events that tell it."""

import os

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import ApiPortTrouble, PartFailed, Record, SettingsApplied, SettingsRefused
from aurora_desktop.core.healing_events import WatchTrouble
from aurora_desktop.core.storage_events import StorageFailing, StorageQuarantined, StorageRecovered
from aurora_desktop.heartbeat.health import Problem

QUARANTINE_SHOWN_S = 3600.0
"""A file that was set aside is past mending by itself: shown for an hour, then left to the events."""


class OwnProblems:
    """A reader of the bus; the current problems of Aurora's own parts, by what they concern."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._problems: dict[str, Problem] = {}
        self._quarantined: dict[str, tuple[float, Problem]] = {}

    def current(self) -> tuple[Problem, ...]:
        now = self._clock.monotonic()
        fresh = (problem for at, problem in self._quarantined.values() if now - at < QUARANTINE_SHOWN_S)
        return (*self._problems.values(), *fresh)

    def read(self, record: Record) -> None:
        event = record.event
        match event:
            case StorageFailing(path=path, detail=detail, what=what):
                sentence = f"{what} cannot be written: {detail}"
                self._problems[path] = Problem("aurora", sentence, f"Make room or give access: {path}", 1)
            case StorageRecovered(path=path):
                self._problems.pop(path, None)
            case StorageQuarantined(path=path, moved_to=moved_to, reason=reason):
                sentence = f"{os.path.basename(path)} was set aside ({reason}) and {outcome(event)}"
                problem = Problem("aurora", sentence, f"The old file is kept: {moved_to}", 3)
                self._quarantined[path] = (self._clock.monotonic(), problem)
            case SettingsRefused(path=path, problems=problems):
                # The name of the file is enough here: a headline that begins with a long path has no room for the rest.
                first = problems[0].replace(path, os.path.basename(path)) if problems else "the file cannot be read"
                more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
                sentence = f"changed settings are not in force: {first}{more}"
                self._problems["settings"] = Problem("aurora", sentence, f"Correct the settings file: {path}", 2)
            case SettingsApplied():
                self._problems.pop("settings", None)
            case WatchTrouble(component="aurora", recovered=True):
                self._problems.pop("watch", None)
            case WatchTrouble(component="aurora", detail=detail, hint=hint):
                self._problems["watch"] = Problem("aurora", detail, hint, 3)
            case ApiPortTrouble(recovered=True):
                self._problems.pop("api port", None)
            case ApiPortTrouble(detail=detail, hint=hint):
                self._problems["api port"] = Problem("aurora", detail, hint, 3)
            case PartFailed(component=component, detail=detail):
                self._problems[component] = Problem(component, detail, "Restart Aurora", 1)


def outcome(event: StorageQuarantined) -> str:
    """What stands in the place of the file, and what is lost."""
    if not event.restored_from:
        return "begun anew"
    lost = f"; lost: {event.lost}" if event.lost else "; nothing is lost"
    return f"restored out of {event.restored_from}{lost}"
