"""The statistics as tables."""

from collections.abc import Mapping

from msgspec import Struct
from PySide6.QtCore import QObject

from aurora_desktop.healing.view import ComponentStatistics, RemedyStatistics, Together
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.rows import Cells, RowsModel

_FEW = "too few to tell"


class ComponentsModel(RowsModel[ComponentStatistics]):
    """Mean time between failures and to recovery, by component."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Cells(title="Component", text=lambda each: phrases.component(each.component)),
            Cells(title="Failures", text=lambda each: str(each.failures), right=True),
            Cells(title="Between failures", text=lambda each: _mean(each.mtbf_s), right=True),
            Cells(title="To recover", text=lambda each: _mean(each.mttr_s), right=True),
        )
        super().__init__(columns, lambda each: each.component, parent=parent)


class RemediesModel(RowsModel[RemedyStatistics]):
    """How often each remedy was tried, helped, and how long that took."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Cells(title="Remedy", text=lambda each: phrases.named(each.remedy)),
            Cells(
                title="Helped", text=_helped, tip=lambda each: f"{each.success_rate:.0f} % of {each.total}",
                share=lambda each: each.successful / each.total if each.total else 0.0,
            ),
            Cells(title="Took", text=lambda each: phrases.duration(each.median_s), right=True),
        )  # fmt: skip
        super().__init__(columns, lambda each: each.remedy, parent=parent)


class Kind(Struct, frozen=True):
    """How often one kind of failure came, and its part of those of the most frequent kind."""

    kind: str
    count: int
    share: float


def kinds_of(counts: Mapping[str, int]) -> tuple[Kind, ...]:
    """The most frequent kind first."""
    most = max((*counts.values(), 1))
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Kind(kind, count, count / most) for kind, count in ordered)


class KindsModel(RowsModel[Kind]):
    """Failures by kind."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Cells(title="Kind", text=lambda each: phrases.named(each.kind)),
            Cells(title="Failures", text=lambda each: str(each.count), share=lambda each: each.share),
        )
        super().__init__(columns, lambda each: each.kind, parent=parent)


class TogetherModel(RowsModel[Together]):
    """Kinds of failure that come together."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Cells(title="This", text=lambda each: phrases.named(each.first)),
            Cells(title="with this", text=lambda each: phrases.named(each.second)),
            Cells(title="Times", text=lambda each: str(each.count), right=True),
            Cells(title="Than by chance", text=lambda each: f"{each.lift:.1f} times as often", right=True),
        )
        super().__init__(columns, lambda each: (each.first, each.second), parent=parent)


def _mean(seconds: float | None) -> str:
    return _FEW if seconds is None else phrases.duration(seconds)


def _helped(remedy: RemedyStatistics) -> str:
    return f"{remedy.successful} of {remedy.total}"
