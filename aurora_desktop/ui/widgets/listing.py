"""What a page of a table consists of: the table, the chosen row in detail below it, words when there is none."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QSplitter, QStackedWidget, QTableView, QWidget

_TABLE_HEIGHT = 420
# Below this height two halves are of no use.
LOW_PX = 330


class Listing(QStackedWidget):
    """The table above its detail, which is hidden at first; `empty` in the place of both where there is no row.

    In less than `detail_alone_below_px` the detail takes the table's place while it is open.
    """

    def __init__(
        self,
        table: QTableView,
        detail: QWidget,
        empty: QWidget,
        *,
        detail_height: int,
        detail_alone_below_px: int = 0,
    ) -> None:
        super().__init__()
        self._table, self._detail, self._empty = table, detail, empty
        self._alone_below_px = detail_alone_below_px
        detail.installEventFilter(self)
        # The row that has the cursor since the table has the focus is not chosen by that: Return chooses it.
        table.activated.connect(lambda index: table.selectRow(index.row()))
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(10)
        self.split.addWidget(table)
        self.split.addWidget(detail)
        self.split.setSizes([_TABLE_HEIGHT, detail_height])
        self.addWidget(self.split)
        self.addWidget(empty)

    def show_rows(self, *, are_there: bool) -> None:
        """Show the table, or the words that stand for it; the focus goes along."""
        focused = QApplication.focusWidget()
        was_in_words = focused is not None and self._empty.isAncestorOf(focused)
        self.setCurrentWidget(self.split if are_there else self._empty)
        if are_there and was_in_words:
            self._table.setFocus()

    def close_detail(self) -> bool:
        """Close the detail; returns whether it was open."""
        was_open = not self._detail.isHidden()
        self._detail.hide()
        if was_open:
            self._table.setFocus()
        return was_open

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._detail and event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self._share_room()
        return super().eventFilter(watched, event)

    def _share_room(self) -> None:
        self._table.setVisible(self._detail.isHidden() or self.height() >= self._alone_below_px)
