"""What the keys of the window ask of a page, and a page of the section that it shows."""

from PySide6.QtWidgets import QTableView, QWidget

from aurora_desktop.ui.widgets.listing import Listing
from aurora_desktop.ui.widgets.search import SearchField


class Reachable(QWidget):
    """Each does of it what it can."""

    def focus_first(self) -> QWidget:
        """The widget that it begins with."""
        return self

    def focus_filter(self) -> None:
        """Put the cursor into the field that narrows or searches, where there is one."""

    def escape(self) -> None:
        """Close what was opened last, then forget what was typed."""


class ListingKeys:
    """The same where a field narrows a table, whose chosen row is shown in detail. To be named before the widget."""

    filter: SearchField
    table: QTableView
    _listing: Listing

    def focus_first(self) -> QWidget:
        """The table."""
        return self.table

    def focus_filter(self) -> None:
        """Put the cursor into the field."""
        self.filter.take_cursor()

    def escape(self) -> None:
        """Close the detail, else show all again."""
        if not self._listing.close_detail():
            self.show_all()

    def show_all(self) -> None:
        """Narrow nothing any more."""
        self.filter.clear()
