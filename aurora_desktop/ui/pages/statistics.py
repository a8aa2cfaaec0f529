"""The statistics: how often, how long, what helped, at which hour, and what fails together."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QHeaderView, QStackedWidget, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.incident import Incident
from aurora_desktop.healing.view import HealingFace, HealingView, Statistics
from aurora_desktop.ui.models.rows import RowsModel
from aurora_desktop.ui.models.statistics import ComponentsModel, KindsModel, RemediesModel, TogetherModel, kinds_of
from aurora_desktop.ui.pages.section import Section
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.bars import HourBars
from aurora_desktop.ui.widgets.delegates import CellDelegate, NameDelegate, ShareDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.lines import Line, Lines
from aurora_desktop.ui.widgets.pieces import card, label, scrolled
from aurora_desktop.ui.widgets.tables import fit_rows, make_table

# A storm of failures must not count itself again and again.
RELOAD_MS = 2000
_ROW_HEIGHT, _MOST_ROWS = 32, 8
_NARROW_PX = 820
Row = TypeVar("Row")


class Figure(QWidget):
    """One number, and what it counts."""

    def __init__(self, caption: str) -> None:
        super().__init__()
        self.value = label("\N{EN DASH}", "figure")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.value)
        column.addWidget(label(caption, "small"))
        self._caption = caption

    def show_value(self, text: str) -> None:
        """Show this number."""
        self.value.setText(text)
        self.setAccessibleName(f"{self._caption}: {text}")


class TableCard(QFrame, Generic[Row]):
    """A table under its title, as high as its rows; words while there are none."""

    def __init__(self, title: str, model: RowsModel[Row], widths: tuple[int, ...], nothing: str, theme: Theme) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self.setAccessibleName(title)
        self.model = model
        self.table = make_table(model, title, _ROW_HEIGHT, dict(enumerate(widths)), {})
        self.table.setProperty("inCard", True)  # noqa: FBT003 - the value of a property
        self.table.setMinimumHeight(0)
        self.table.horizontalHeader().setStretchLastSection(False)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place, cells in enumerate(model.columns):
            delegate = NameDelegate if place == 0 else ShareDelegate if cells.share else CellDelegate
            self.table.setItemDelegateForColumn(place, delegate(theme))
        self._nothing = label(nothing, "muted", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(6)
        for each in (label(title, "heading"), self._nothing, self.table):
            column.addWidget(each)
        column.addStretch(1)
        self.show_rows(())

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these."""
        self.model.show(rows)
        fit_rows(self.table, _MOST_ROWS)
        self.table.setVisible(bool(rows))
        self._nothing.setVisible(not rows)


class StatisticsSection(Section):
    """Counted when it is looked at, and again while it is, once something happened."""

    def __init__(self, healing: HealingFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._healing, self._theme, self._tasks = healing, theme, tasks
        self._loading = False
        self._later = QTimer(self, singleShot=True, interval=RELOAD_MS)
        self._later.timeout.connect(self.load)
        self.figures = [Figure(each) for each in ("Remedies tried", "Helped", "Did not help", "Success")]
        self.hours = HourBars(theme)
        self.trials = Lines(theme)
        self.error = label("", "error", wrap=True)
        self._build_tables()
        self._lay_out()

    def load(self) -> None:
        """Count anew."""
        if not self._loading:
            self._loading = True
            self._tasks.run(self._load(), self._show_error)

    def show_incidents(self, incidents: tuple[Incident, ...]) -> None:  # noqa: ARG002 - that they changed is enough
        """Something happened."""
        if self.isVisible() and not self._later.isActive():
            self._later.start()

    def show_healing(self, view: HealingView) -> None:
        """Show the values that are on trial."""
        trials = [each for each in view.proposals if each.state == "trial"]
        self.trials.show_lines(
            [
                Line(
                    look=("state-starting", "info"),
                    title=f"{each.setting}: {each.old} \N{RIGHTWARDS ARROW} {each.new}",
                    words=each.sentence,
                )
                for each in trials
            ]
        )
        self._trial_card.setVisible(bool(trials))

    def focus_first(self) -> QWidget:
        """The first table."""
        return self.components.table

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.load()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(1 if self.width() < _NARROW_PX else 2)

    async def _load(self) -> None:
        try:
            statistics = await self._healing.statistics()
        finally:
            self._loading = False
        self.error.hide()
        self._show(statistics)

    def _show(self, statistics: Statistics) -> None:
        rate = f"{statistics.success_rate:.0f} %" if statistics.total_actions else "\N{EN DASH}"
        counts = (statistics.total_actions, statistics.successful, statistics.failed)
        for figure, text in zip(self.figures, (*(f"{count:,}" for count in counts), rate), strict=True):
            figure.show_value(text)
        self.hours.show_counts(statistics.by_hour)
        anything = statistics.total_actions or statistics.components or statistics.kinds
        self._stack.setCurrentIndex(0 if anything else 1)
        self.components.show_rows(statistics.components)
        self.remedies.show_rows(statistics.remedies)
        self.kinds.show_rows(kinds_of(statistics.kinds))
        self.together.show_rows(statistics.together)

    def _show_error(self, error: AuroraError) -> None:
        self._stack.setCurrentIndex(0)
        self.error.setText(str(error))
        self.error.show()

    def _build_tables(self) -> None:
        theme = self._theme
        self.components = TableCard("By component", ComponentsModel(self), (0, 78, 134, 98), "Nothing failed.", theme)
        self.remedies = TableCard("By remedy", RemediesModel(self), (0, 150, 70), "No remedy was tried.", theme)
        self.kinds = TableCard("By kind", KindsModel(self), (0, 230), "Nothing was recognised.", theme)
        words = "No two kinds of failure come together more often than by chance."
        self.together = TableCard("What fails together", TogetherModel(self), (0, 150, 70, 140), words, theme)

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(12)
        self._trial_card = _card("On trial", self.trials)
        self._trial_card.hide()
        self.error.hide()
        hours = _card("By hour of the day", self.hours)
        self._cards: list[QFrame] = [self.components, self.remedies, hours, self.kinds, self.together]
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        for each in (self.error, self._figures_card(), self._trial_card):
            column.addWidget(each)
        column.addLayout(self._grid)
        column.addStretch(1)
        self._columns = 0
        sentence = "Once something failed: how often, how long it took, what helped, and what fails together."
        self._empty = EmptyState(self._theme, "page-recovery", "Nothing to count yet", sentence)
        self._arrange(2)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        self._stack = QStackedWidget()
        self._stack.addWidget(scrolled(inside, "Statistics"))
        self._stack.addWidget(self._empty)
        around.addWidget(self._stack)

    def _figures_card(self) -> QFrame:
        frame = card("figures")
        row = QHBoxLayout(frame)
        row.setContentsMargins(16, 10, 16, 12)
        for figure in self.figures:
            row.addWidget(figure, 1)
        return frame

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for place, each in enumerate(self._cards):
            self._grid.removeWidget(each)
            self._grid.addWidget(each, place // columns, place % columns)
        for column in range(2):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)


def _card(title: str, part: QWidget) -> QFrame:
    frame = card("statistic")
    frame.setAccessibleName(title)
    column = QVBoxLayout(frame)
    column.setContentsMargins(16, 12, 16, 12)
    column.setSpacing(6)
    column.addWidget(label(title, "heading"))
    column.addWidget(part)
    column.addStretch(1)
    return frame
