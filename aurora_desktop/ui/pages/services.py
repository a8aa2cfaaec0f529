"""The services page: every service, worst first, and a drawer for the chosen one."""

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.ui.models.services import Column, ServicesModel, ServicesProxy
from aurora_desktop.ui.pages.keys import ListingKeys, Reachable
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.delegates import (
    CauseDelegate,
    CellDelegate,
    ChecksDelegate,
    NameDelegate,
    ShapeDelegate,
    SparklineDelegate,
)
from aurora_desktop.ui.widgets.drawer import Drawer
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.listing import Listing
from aurora_desktop.ui.widgets.pieces import Button
from aurora_desktop.ui.widgets.search import SearchField
from aurora_desktop.ui.widgets.tables import make_table

ROW_HEIGHT = 40
_WIDTHS = {
    Column.NAME: 152, Column.STATE: 120, Column.CHECKS: 204, Column.CPU: 136, Column.MEMORY: 146,
    Column.UPTIME: 100, Column.RESTARTS: 86, Column.CAUSE: 180,
}  # fmt: skip
# Given up one after the other where the window is narrow; name, state and cause always stay.
_GIVEN_UP_FIRST = (Column.RESTARTS, Column.UPTIME, Column.CPU, Column.MEMORY, Column.CHECKS)


def columns_that_fit(width: int) -> set[Column]:
    """The columns to show in a table of this width in pixels."""
    shown = set(Column)
    for column in _GIVEN_UP_FIRST:
        if sum(_WIDTHS[each] for each in shown) <= width:
            break
        shown.discard(column)
    return shown


class ServicesPage(ListingKeys, Reachable):
    """Table, toolbar and drawer; what is to be done goes out as signals."""

    add_asked = Signal()
    edit_asked = Signal(str)
    remove_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("page")
        self._theme = theme
        self.model = ServicesModel(self)
        self.proxy = ServicesProxy(self)
        self.proxy.setSourceModel(self.model)
        self.drawer = Drawer(theme)
        self.drawer.hide()
        self._build_toolbar()
        self._build_table()
        self._lay_out()
        self._connect()
        self._on_selected()

    def show_views(self, views: tuple[ServiceView, ...]) -> None:
        """Show the services as they are now."""
        self.model.show(views)
        self._listing.show_rows(are_there=bool(views))
        for button in (self.filter, self.add, self.edit, self.remove):
            button.setVisible(bool(views))
        self._show_in_drawer()

    def selected(self) -> str:
        """The name of the chosen service, or ""."""
        rows = self.table.selectionModel().selectedRows()
        return str(rows[0].data()) if rows else ""

    def select(self, name: str) -> None:
        """Choose this service and bring it into sight."""
        row = self.model.row_named(name)
        index = self.proxy.mapFromSource(self.model.index(row, 0))
        if row >= 0 and index.isValid():
            flags = QItemSelectionModel.SelectionFlag
            self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self.table.scrollTo(index)

    def open_drawer(self) -> None:
        """Show the chosen service in detail."""
        if self.selected():
            self.drawer.show()
            self._show_in_drawer()
            # The table gets its new height with the next turn of the loop.
            QTimer.singleShot(0, self, self._scroll_to_selected)

    def _scroll_to_selected(self) -> None:
        self.table.scrollTo(self.table.currentIndex())

    def close_drawer(self) -> bool:
        """Close the drawer; returns whether it was open."""
        return self._listing.close_detail()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        shown = columns_that_fit(self.width() - 20)
        for column in Column:
            self.table.setColumnHidden(column, column not in shown)

    def _build_toolbar(self) -> None:
        theme = self._theme
        self.filter = SearchField(theme, "Filter services", "Filter by name, state, cause or command")
        self.add = Button("&Add service", "add", theme, tip="Add a service (Ctrl+N)")
        self.edit = Button("&Edit", "edit", theme, kind="quiet", tip="Edit the chosen service (Ctrl+E)")
        self.remove = Button("Re&move", "remove", theme, kind="quiet", tip="Remove the chosen service (Delete)")

    def _build_table(self) -> None:
        sparkline = SparklineDelegate(self._theme)
        delegates = {
            Column.NAME: NameDelegate(self._theme), Column.STATE: ShapeDelegate(self._theme),
            Column.CHECKS: ChecksDelegate(self._theme), Column.CPU: sparkline, Column.MEMORY: sparkline,
            Column.UPTIME: CellDelegate(self._theme), Column.RESTARTS: CellDelegate(self._theme),
            Column.CAUSE: CauseDelegate(self._theme),
        }  # fmt: skip
        self.table = make_table(self.proxy, "Services, worst first", ROW_HEIGHT, _WIDTHS, delegates)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(Column.STATE, Qt.SortOrder.AscendingOrder)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.filter, 1)
        tools.addStretch(1)
        for button in (self.edit, self.remove, self.add):
            tools.addWidget(button)
        self._listing = Listing(self.table, self.drawer, self._empty_state(), detail_height=300)
        self._listing.split.setStretchFactor(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(tools)
        column.addWidget(self._listing, 1)

    def _empty_state(self) -> EmptyState:
        add = Button("&Add service", "add", self._theme, kind="primary", tip="Add a service (Ctrl+N)")
        add.clicked.connect(self.add_asked)
        sentence = "Name a program and Aurora starts it, watches it, and brings it back when it dies."
        return EmptyState(self._theme, "page-services", "No services yet", sentence, add)

    def _connect(self) -> None:
        self.filter.textChanged.connect(self.proxy.show_only)
        self.filter.returnPressed.connect(self._enter_table)
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        self.table.clicked.connect(self.open_drawer)
        self.table.activated.connect(self.open_drawer)
        self.add.clicked.connect(self.add_asked)
        self.edit.clicked.connect(self._for_selected(self.edit_asked.emit))
        self.remove.clicked.connect(self._for_selected(self.remove_asked.emit))
        self.drawer.edit_asked.connect(self.edit_asked)
        self.drawer.closed.connect(self.close_drawer)
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._for_selected(self.remove_asked.emit))
        self._theme.changed.connect(self._show_in_drawer)

    def _for_selected(self, ask: Callable[[str], None]) -> Callable[[], None]:
        def ask_for_selected() -> None:
            if name := self.selected():
                ask(name)

        return ask_for_selected

    def _enter_table(self) -> None:
        self.table.setFocus()
        if not self.selected() and self.proxy.rowCount():
            self.table.selectRow(0)

    def _on_selected(self) -> None:
        for button in (self.edit, self.remove):
            button.setEnabled(bool(self.selected()))
        self._show_in_drawer()

    def _show_in_drawer(self) -> None:
        if self.drawer.isHidden():
            return
        view = self.model.view_named(self.selected() or self.drawer.name)
        if view is None:
            self.drawer.hide()
        else:
            self.drawer.show_view(view)
