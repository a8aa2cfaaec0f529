"""The failure memory's answers as tables: what was found, and the single failures of one kind."""

import time

from PySide6.QtCore import QObject

from aurora_desktop.healing.view import FailureGroup, PastFailure
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.rows import Cells, RowsModel


def what_worked(group: FailureGroup) -> str:
    """`End stray: 4 of 5`, the most successful first; or that nothing did."""
    names = sorted({*group.worked, *group.failed}, key=lambda name: -group.worked.get(name, 0))
    parts = [_how_often(group, name) for name in names if group.worked.get(name)]
    if parts:
        return ", ".join(parts)
    return "nothing that was tried" if names else "nothing was tried"


def _how_often(group: FailureGroup, name: str) -> str:
    worked = group.worked.get(name, 0)
    return f"{phrases.named(name)}: {worked} of {worked + group.failed.get(name, 0)}"


def what_was_tried(failure: PastFailure) -> str:
    """Each remedy and how it ended, in its order."""
    tried = (f"{phrases.named(each.remedy)}: {phrases.STEP_WORDS[each.outcome]}" for each in failure.tried)
    return ", ".join(tried) or "nothing"


def _components(group: FailureGroup) -> str:
    return ", ".join(phrases.component(each) for each in group.components)


class FailureGroupsModel(RowsModel[FailureGroup]):
    """What a search found, best first."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Cells(title="What", text=lambda group: group.sentence),
            Cells(title="Times", text=lambda group: str(group.count), right=True),
            Cells(title="Where", text=_components),
            Cells(title="Last", text=lambda group: phrases.moment(group.last_at, time.time())),
            Cells(title="What worked", text=what_worked),
            Cells(title="Down for", text=lambda group: phrases.duration(group.median_downtime_s), right=True),
        )
        super().__init__(columns, lambda group: group.signature, parent=parent)


class PastFailuresModel(RowsModel[PastFailure]):
    """Single failures, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Cells(title="When", text=lambda failure: phrases.moment(failure.at, time.time())),
            Cells(title="Where", text=lambda failure: phrases.component(failure.component)),
            Cells(title="Message", text=lambda failure: failure.message),
            Cells(title="Tried", text=what_was_tried),
            Cells(title="Down for", text=_down, right=True),
        )
        super().__init__(columns, lambda failure: failure.id, parent=parent)


def _down(failure: PastFailure) -> str:
    return "never ended" if failure.downtime_s is None else phrases.duration(failure.downtime_s)
