"""The manners that the tables of all pages have in common."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QHeaderView, QTableView

_Column = TypeVar("_Column", bound=int)


def make_table(
    model: QAbstractItemModel,
    name: str,
    row_height: int,
    widths: Mapping[_Column, int],
    delegates: Mapping[_Column, QAbstractItemDelegate],
) -> QTableView:
    """A table of the model; `widths` and `delegates` by column, heights and widths in pixels."""
    table = QTableView()
    table.setModel(model)
    table.setAccessibleName(name)
    prepare_table(table)
    table.verticalHeader().setDefaultSectionSize(row_height)
    for column, width in widths.items():
        table.setColumnWidth(column, width)
    for column, delegate in delegates.items():
        table.setItemDelegateForColumn(column, delegate)
    return table


def prepare_table(table: QTableView) -> None:
    """Rows to choose one of, no grid, smooth scrolling, the last column takes what is left."""
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    table.setMinimumHeight(140)
    table.verticalHeader().hide()
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setStretchLastSection(True)
    header.setMinimumSectionSize(60)


def fit_rows(table: QTableView, most: int) -> None:
    """As high as its rows, up to this many: for a table on a page that scrolls itself."""
    rows = min(max(table.model().rowCount(), 1), most)
    row_height = table.verticalHeader().defaultSectionSize()
    header = table.horizontalHeader()
    header.ensurePolished()  # before it is shown it has not got its style, and is too low
    table.setFixedHeight(header.sizeHint().height() + rows * row_height + 2)


def hide_what_does_not_fit(
    table: QTableView, widths: Mapping[int, int], given_up_first: Sequence[int], room: int
) -> None:
    """Hide columns, in the order in which they can be done without, until the rest fits into `room` pixels."""
    for column in given_up_first:
        table.setColumnHidden(column, sum(widths.values()) > room)
        if table.isColumnHidden(column):
            room += widths[column]
