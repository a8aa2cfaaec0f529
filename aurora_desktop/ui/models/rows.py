"""A table of values: one row for each, told apart by a key, and nothing told of but what differs."""

from collections.abc import Callable, Hashable, Sequence, Set
from typing import Any, Generic, TypeVar

from msgspec import Struct
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from aurora_desktop.ui.theme import Tone

Index = QModelIndex | QPersistentModelIndex
Row = TypeVar("Row")
Look = tuple[str, Tone]
_NOWHERE = QModelIndex()

ROW_ROLE = Qt.ItemDataRole.UserRole + 1
FILTER_ROLE = Qt.ItemDataRole.UserRole + 2
LOOK_ROLE = Qt.ItemDataRole.UserRole + 3
SHARE_ROLE = Qt.ItemDataRole.UserRole + 4


class Cells(Struct, frozen=True, kw_only=True):
    """One column: `text` of a row's cell; `tip` where it says more.

    `look`: the icon and its tone beside the text; `share`: a part from 0 to 1 that is shown as a bar.
    """

    title: str
    text: Callable[[Any], str]
    tip: Callable[[Any], str] | None = None
    look: Callable[[Any], Look] | None = None
    share: Callable[[Any], float] | None = None
    right: bool = False

    @property
    def alignment(self) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if self.right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter


class RowsModel(QAbstractTableModel, Generic[Row]):
    """`key` tells rows apart; `filter_text` is what a filter searches in, all cells unless it is given."""

    def __init__(
        self,
        columns: Sequence[Cells],
        key: Callable[[Row], Hashable],
        filter_text: Callable[[Row], str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self._key = key
        self._filter_text = filter_text or self._all_cells
        self._rows: list[Row] = []
        self._keys: list[Hashable] = []

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            across = orientation == Qt.Orientation.Horizontal
            return self.columns[section].alignment if across else Qt.AlignmentFlag.AlignCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        return self._value(self._rows[index.row()], self.columns[index.column()], role)

    def rows(self) -> tuple[Row, ...]:
        """Every row, in its order."""
        return tuple(self._rows)

    def show(self, rows: Sequence[Row]) -> None:
        """Become `rows`, in this order; a row whose key stays keeps its selection."""
        keys = [self._key(row) for row in rows]
        if not self._rows and rows:
            self._fill(rows, keys)
            return
        self._keep_only(set(keys))
        known, place = set(self._keys), 0
        while place < len(keys):
            end = place
            while end < len(keys) and keys[end] not in known:
                end += 1
            if end > place:
                self._insert(place, keys[place:end], rows[place:end])
            else:
                self._put(place, keys[place], rows[place])
            place = max(end, place + 1)

    def _value(self, row: Row, column: Cells, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.text(row)
            case Qt.ItemDataRole.ToolTipRole:
                return (column.tip or column.text)(row)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{column.title}: {column.text(row)}"
            case Qt.ItemDataRole.TextAlignmentRole:
                return column.alignment
            case _ if role == ROW_ROLE:
                return row
            case _ if role == FILTER_ROLE:
                return self._filter_text(row)
            case _ if role == LOOK_ROLE:
                return column.look(row) if column.look else None
            case _ if role == SHARE_ROLE:
                return column.share(row) if column.share else None
            case _:
                return None

    def _all_cells(self, row: Row) -> str:
        return " ".join(column.text(row) for column in self.columns).casefold()

    def _keep_only(self, wanted: Set[Hashable]) -> None:
        """Neighbours go together: of ten thousand rows most may go at once."""
        end = len(self._keys)
        while end > 0:
            if self._keys[end - 1] in wanted:
                end -= 1
                continue
            first = end - 1
            while first > 0 and self._keys[first - 1] not in wanted:
                first -= 1
            self._remove(first, end)
            end = first

    def _put(self, place: int, key: Hashable, row: Row) -> None:
        """A row that is there already."""
        if self._keys[place] != key:
            self._move(self._keys.index(key, place), place)
        self._change(place, row)

    def _change(self, place: int, row: Row) -> None:
        before = self._rows[place]
        if before is row or before == row:
            return
        self._rows[place] = row
        changed = [n for n, cells in enumerate(self.columns) if _shown(cells, before) != _shown(cells, row)]
        if changed:
            self.dataChanged.emit(self.index(place, changed[0]), self.index(place, changed[-1]))
        else:  # what no cell shows may be what the details of the row show
            self.dataChanged.emit(self.index(place, 0), self.index(place, 0), [ROW_ROLE])

    def _fill(self, rows: Sequence[Row], keys: list[Hashable]) -> None:
        self.beginInsertRows(_NOWHERE, 0, len(rows) - 1)
        self._rows, self._keys = list(rows), keys
        self.endInsertRows()

    def _insert(self, place: int, keys: list[Hashable], rows: Sequence[Row]) -> None:
        self.beginInsertRows(_NOWHERE, place, place + len(keys) - 1)
        self._rows[place:place] = rows
        self._keys[place:place] = keys
        self.endInsertRows()

    def _move(self, old: int, place: int) -> None:
        self.beginMoveRows(_NOWHERE, old, old, _NOWHERE, place)
        self._rows.insert(place, self._rows.pop(old))
        self._keys.insert(place, self._keys.pop(old))
        self.endMoveRows()

    def _remove(self, first: int, end: int) -> None:
        self.beginRemoveRows(_NOWHERE, first, end - 1)
        del self._rows[first:end], self._keys[first:end]
        self.endRemoveRows()


def _shown(cells: Cells, row: Any) -> tuple[object, ...]:
    """What a cell looks like, and so whether it must be painted anew."""
    return cells.text(row), cells.look(row) if cells.look else None, cells.share(row) if cells.share else None
