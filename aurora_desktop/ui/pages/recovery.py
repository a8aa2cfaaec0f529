"""The recovery page: what went wrong, what was done, and how it ended."""

from datetime import datetime

from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from aurora_desktop.healing.incident import Incident
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.incidents import INCIDENT_ROLE, Column, IncidentsModel, IncidentsProxy, component_name
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate, NameDelegate, ShapeDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.listing import Listing
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, Facts, card, fixed_font_family, label
from aurora_desktop.ui.widgets.search import SearchField
from aurora_desktop.ui.widgets.tables import make_table

_ROW_HEIGHT = 36
_WIDTHS = {
    Column.WHEN: 124, Column.COMPONENT: 150, Column.CAUSE: 330, Column.ACTION: 270, Column.OUTCOME: 136,
    Column.DOWNTIME: 142,
}  # fmt: skip
_WIDE = 1000
_FACTS = ("When", "Cause", "Failures", "Action", "Outcome", "Down for")


class RecoveryPage(QWidget):
    """Table of incidents with its filters, and the chosen one in detail."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("page")
        self._theme = theme
        self.model = IncidentsModel(self)
        self.proxy = IncidentsProxy(self)
        self.proxy.setSourceModel(self.model)
        self._build_filters()
        self._build_table()
        self._build_details()
        self._lay_out()
        self._connect()

    def show_incidents(self, incidents: tuple[Incident, ...]) -> None:
        """Show these, newest first."""
        self.model.show(incidents)
        self._listing.show_rows(are_there=bool(incidents))
        for each in (self.filter, self.component, self.outcome):
            each.setVisible(bool(incidents))
        self._offer_components()
        self._show_details()

    def focus_filter(self) -> None:
        """Put the cursor into the filter."""
        self.filter.take_cursor()

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

    def _build_filters(self) -> None:
        self.filter = SearchField(self._theme, "Filter incidents", "Filter by any word")
        self.component = QComboBox()
        self.component.setAccessibleName("Component")
        self.component.setMinimumWidth(170)
        self.component.addItem("All components", "")
        self.outcome = QComboBox()
        self.outcome.setAccessibleName("Outcome")
        self.outcome.setMinimumWidth(150)
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

    def _build_details(self) -> None:
        self.details = card("incident")
        self.details.setAccessibleName("Incident details")
        self._title = ElidedLabel("", "title")
        self.facts = Facts(_FACTS, wrap=True)
        self.last_lines = QPlainTextEdit(readOnly=True, lineWrapMode=QPlainTextEdit.LineWrapMode.NoWrap)
        self.last_lines.setAccessibleName("Last lines printed")
        self.last_lines.setPlaceholderText("It printed nothing")
        self.last_lines.setFont(QFont(fixed_font_family(), 9))
        self._close = Button("Close details", "close", self._theme, kind="icon", tip="Close details (Esc)")
        self.details.hide()

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.filter, 1)
        tools.addWidget(self.component)
        tools.addWidget(self.outcome)
        tools.addStretch(1)
        self._lay_out_details()
        sentence = "When a service fails, its cause, what Aurora did about it and how it ended are listed here."
        empty = EmptyState(self._theme, "page-recovery", "Nothing has gone wrong", sentence)
        self._listing = Listing(self.table, self.details, empty, detail_height=240)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(tools)
        column.addWidget(self._listing, 1)

    def _lay_out_details(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._close)
        body = QHBoxLayout()
        body.setSpacing(20)
        body.addWidget(self.facts, 2)
        lines = QVBoxLayout()
        lines.setSpacing(4)
        lines.addWidget(label("Last lines printed", "heading"))
        lines.addWidget(self.last_lines, 1)
        body.addLayout(lines, 3)
        column = QVBoxLayout(self.details)
        column.setContentsMargins(16, 12, 12, 12)
        column.addLayout(head)
        column.addLayout(body, 1)

    def _connect(self) -> None:
        self.filter.textChanged.connect(self._filter)
        self.component.currentIndexChanged.connect(self._filter)
        self.outcome.currentIndexChanged.connect(self._filter)
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.table.clicked.connect(self.open_details)
        self.table.activated.connect(self.open_details)
        self._close.clicked.connect(self.close_details)

    def _filter(self) -> None:
        component, outcome = str(self.component.currentData()), str(self.outcome.currentData())
        self.proxy.show_only(self.filter.text(), component, outcome)

    def _offer_components(self) -> None:
        for component in self.model.components():
            if self.component.findData(component) < 0:
                self.component.addItem(component_name(component), component)

    def _show_details(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        incident = rows[0].data(INCIDENT_ROLE) if rows else None
        if not isinstance(incident, Incident) or self.details.isHidden():
            return
        self._title.setText(f"{component_name(incident.component)}: {incident.cause}")
        self.facts.show_facts(story(incident))
        lines = "\n".join(incident.log_tail)
        if lines != self.last_lines.toPlainText():
            self.last_lines.setPlainText(lines)
            self.last_lines.verticalScrollBar().setValue(self.last_lines.verticalScrollBar().maximum())


def story(incident: Incident) -> dict[str, str]:
    """The incident as facts."""
    word = phrases.OUTCOME_WORDS[incident.outcome]
    down = incident.downtime_s
    return {
        "When": datetime.fromtimestamp(incident.at).strftime("%A, %B %d %Y at %H:%M:%S"),
        "Cause": incident.cause,
        "Failures": f"{incident.failures} times" if incident.failures > 1 else "",
        "Action": incident.action,
        "Outcome": f"{word}: {phrases.quoted(incident.result)}" if incident.result else word,
        "Down for": "" if down is None else phrases.duration(down),
    }
