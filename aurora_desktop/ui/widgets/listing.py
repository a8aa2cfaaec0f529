"""What a page of a table consists of: the table, the chosen row in detail below it, words when there is none."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QStackedWidget, QTableView, QWidget

_TABLE_HEIGHT = 420


class Listing(QStackedWidget):
    """The table above its detail, which is hidden at first; `empty` in the place of both where there is no row."""

    def __init__(self, table: QTableView, detail: QWidget, empty: QWidget, *, detail_height: int) -> None:
        super().__init__()
        self._table, self._detail, self._empty = table, detail, empty
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(10)
        self.split.addWidget(table)
        self.split.addWidget(detail)
        self.split.setSizes([_TABLE_HEIGHT, detail_height])
        self.addWidget(self.split)
        self.addWidget(empty)

    def show_rows(self, *, are_there: bool) -> None:
        """Show the table, or the words that stand for it."""
        self.setCurrentWidget(self.split if are_there else self._empty)

    def close_detail(self) -> bool:
        """Close the detail; returns whether it was open."""
        was_open = self._detail.isVisible()
        self._detail.hide()
        if was_open:
            self._table.setFocus()
        return was_open
