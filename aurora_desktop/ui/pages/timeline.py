"""The timeline of the recovery page: what went wrong, what was done, and how it ended."""

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QVBoxLayout,
)

from aurora_desktop.healing.grouping import Group
from aurora_desktop.healing.incident import Incident
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.incidents import Column, IncidentsModel, IncidentsProxy
from aurora_desktop.ui.models.rows import ROW_ROLE
from aurora_desktop.ui.pages.keys import ListingKeys
from aurora_desktop.ui.pages.section import Section
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate, NameDelegate, ShapeDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.incident_card import IncidentCard
from aurora_desktop.ui.widgets.listing import LOW_PX, Listing
from aurora_desktop.ui.widgets.search import SearchField
from aurora_desktop.ui.widgets.tables import make_table

_ROW_HEIGHT = 36
_WIDTHS = {
    Column.WHEN: 124, Column.COMPONENT: 150, Column.CAUSE: 330, Column.ACTION: 240, Column.OUTCOME: 136,
    Column.DOWNTIME: 142,
}  # fmt: skip
_WIDE, _NARROW = 1000, 620
_DETAIL_HEIGHT = 260
_COMPONENT_PX, _OUTCOME_PX = 170, 150


class Timeline(ListingKeys, Section):
    """Table of incidents with its filters, and the chosen one in detail."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.model = IncidentsModel(self)
        self.proxy = IncidentsProxy(self)
        self.proxy.setSourceModel(self.model)
        self._build_filters()
        self._build_table()
        self.details = IncidentCard(theme)
        self.details.hide()
        self._lay_out()
        self._connect()

    def show_incidents(self, incidents: tuple[Incident, ...]) -> None:
        """Show these, newest first."""
        self.model.show_incidents(incidents)
        self._listing.show_rows(are_there=bool(incidents))
        for each in (self.filter, self.component, self.outcome):
            each.setVisible(bool(incidents))
        self._offer_components()
        self._show_details()

    def close_details(self) -> bool:
        """Close the details; returns whether they were open."""
        return self._listing.close_detail()

    def open_details(self) -> None:
        """Show the chosen incident in detail."""
        if self.table.selectionModel().hasSelection():
            self.details.show()
            self._show_details()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.setColumnHidden(Column.DOWNTIME, self.width() < _WIDE)
        self.table.setColumnHidden(Column.ACTION, self.width() < _WIDE - _WIDTHS[Column.DOWNTIME])
        narrow = self.width() < _NARROW
        for box, width in ((self.component, _COMPONENT_PX), (self.outcome, _OUTCOME_PX)):
            box.setMinimumWidth(width - 40 if narrow else width)
        self.table.setColumnWidth(Column.COMPONENT, 110 if narrow else _WIDTHS[Column.COMPONENT])
        self.table.setColumnWidth(Column.WHEN, 100 if narrow else _WIDTHS[Column.WHEN])

    def _build_filters(self) -> None:
        self.filter = SearchField(self._theme, "Filter incidents", "Filter by any word")
        self.component = QComboBox()
        self.component.setAccessibleName("Component")
        self.component.setMinimumWidth(_COMPONENT_PX)
        self.component.addItem("All components", "")
        self.outcome = QComboBox()
        self.outcome.setAccessibleName("Outcome")
        self.outcome.setMinimumWidth(_OUTCOME_PX)
        self.outcome.addItem("All outcomes", "")
        for outcome, word in phrases.OUTCOME_WORDS.items():
            self.outcome.addItem(word, outcome)

    def _build_table(self) -> None:
        muted = MutedDelegate(self._theme)
        delegates = {
            Column.WHEN: muted, Column.COMPONENT: NameDelegate(self._theme), Column.CAUSE: CellDelegate(self._theme),
            Column.ACTION: muted, Column.OUTCOME: ShapeDelegate(self._theme), Column.DOWNTIME: muted,
        }  # fmt: skip
        self.table = make_table(self.proxy, "Incidents, newest first", _ROW_HEIGHT, _WIDTHS, delegates)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.CAUSE, QHeaderView.ResizeMode.Stretch)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.filter, 1)
        tools.addWidget(self.component)
        tools.addWidget(self.outcome)
        tools.addStretch(1)
        sentence = "When something fails or stalls, its cause, what Aurora did and how it ended are listed here."
        empty = EmptyState(self._theme, "page-recovery", "Nothing has gone wrong", sentence)
        self._listing = Listing(
            self.table, self.details, empty, detail_alone_below_px=LOW_PX, detail_height=_DETAIL_HEIGHT
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(tools)
        column.addWidget(self._listing, 1)

    def _connect(self) -> None:
        self.filter.textChanged.connect(self._filter)
        self.component.currentIndexChanged.connect(self._filter)
        self.outcome.currentIndexChanged.connect(self._filter)
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.table.clicked.connect(self.open_details)
        self.table.activated.connect(self.open_details)
        self.details.close_button.clicked.connect(self.close_details)

    def _filter(self) -> None:
        component, outcome = str(self.component.currentData()), str(self.outcome.currentData())
        self.proxy.show_only(self.filter.text(), component, outcome)

    def _offer_components(self) -> None:
        for component in self.model.components():
            if self.component.findData(component) < 0:
                self.component.addItem(phrases.component(component), component)

    def _show_details(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        group = rows[0].data(ROW_ROLE) if rows else None
        if isinstance(group, Group) and not self.details.isHidden():
            self.details.show_group(group)
