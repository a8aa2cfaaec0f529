"""The failure memory: a question in words, and what happened, what helped, how often and how fast."""

from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QHeaderView, QStackedWidget, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.view import FailureGroup, HealingFace, SearchAnswer
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.failures import FailureGroupsModel, PastFailuresModel, what_worked
from aurora_desktop.ui.models.rows import ROW_ROLE
from aurora_desktop.ui.pages.keys import ListingKeys
from aurora_desktop.ui.pages.section import Section
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate, NameDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.listing import LOW_PX, Listing
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, label
from aurora_desktop.ui.widgets.search import SearchField
from aurora_desktop.ui.widgets.tables import hide_what_does_not_fit, make_table

# Long enough to type the next letter, short enough not to be waited for.
DEBOUNCE_MS = 250
_ROW_HEIGHT = 36
_WHAT, _TIMES, _WHERE, _LAST, _WORKED, _DOWN = range(6)
_WIDTHS = {_WHAT: 300, _TIMES: 70, _WHERE: 150, _LAST: 120, _WORKED: 220, _DOWN: 100}
_GIVEN_UP_FIRST = (_DOWN, _WHERE, _LAST)
_SINGLE_WIDTHS = {0: 124, 1: 130, 2: 320, 3: 220, 4: 110}
_NARROW_PX = 760
_EXAMPLES = ("port conflict", "connection refused", "out of memory")
_INVITATION = "Every failure is kept, with what was tried and what helped. Ask in your own words."
_NO_MATCH = "Try fewer or other words: the name of a service, of a remedy, or a part of the message."


class FailuresSection(ListingKeys, Section):
    """The newest question wins, whichever answer comes first."""

    def __init__(self, healing: HealingFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._healing, self._theme, self._tasks = healing, theme, tasks
        self._asked = 0
        self.filter = SearchField(theme, "Search the failure memory", "What went wrong? Such as: port conflict")
        self.filter.setMaximumWidth(560)
        self.sentence = label("", wrap=True)
        self.sentence.setAccessibleName("Answer")
        self.model, self.singles = FailureGroupsModel(self), PastFailuresModel(self)
        self._debounce = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._build_tables()
        self.details = self._details_card()
        self._lay_out()
        self._connect()

    def ask(self) -> None:
        """Ask what stands in the box, now."""
        self._debounce.stop()
        self._asked += 1
        query = self.filter.text().strip()
        if not query:
            self._show_invitation()
            return
        self.sentence.setText("Looking\u2026")
        self.sentence.show()
        self._tasks.run(self._answer(query, self._asked), self._show_error)

    def focus_first(self) -> QWidget:
        """The box."""
        return self.filter

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        hide_what_does_not_fit(self.table, _WIDTHS, _GIVEN_UP_FIRST, self.width())
        narrow = self.width() < _NARROW_PX
        self.single_table.setColumnHidden(3, narrow)
        self.single_table.setColumnHidden(1, narrow)

    async def _answer(self, query: str, asked: int) -> None:
        try:
            answer = await self._healing.search(query)
        except Exception:
            if asked == self._asked:
                raise
            return
        if asked == self._asked:
            self._show_answer(answer)

    def _show_answer(self, answer: SearchAnswer) -> None:
        self.sentence.setText(phrases.quoted(answer.sentence))
        self.sentence.setVisible(bool(answer.groups))  # else the empty state says it
        self.model.show(answer.groups)
        self._no_match_or_rows(are_there=bool(answer.groups))
        self._show_singles()

    def _no_match_or_rows(self, *, are_there: bool) -> None:
        self._listing.show_rows(are_there=are_there)
        self._stack.setCurrentWidget(self._listing)
        if not are_there:
            self.details.hide()

    def _show_error(self, error: AuroraError) -> None:
        self._show_invitation()
        self.sentence.setText(str(error))
        self.sentence.show()

    def _show_invitation(self) -> None:
        self.sentence.hide()
        self.details.hide()
        self.model.show(())
        self._stack.setCurrentWidget(self._invitation)

    def _build_tables(self) -> None:
        muted = MutedDelegate(self._theme)
        delegates = {
            _WHAT: NameDelegate(self._theme), _TIMES: CellDelegate(self._theme), _WHERE: muted, _LAST: muted,
            _WORKED: CellDelegate(self._theme), _DOWN: muted,
        }  # fmt: skip
        self.table = make_table(self.model, "What was found, best first", _ROW_HEIGHT, _WIDTHS, delegates)
        self.table.horizontalHeader().setStretchLastSection(False)
        self.table.horizontalHeader().setSectionResizeMode(_WHAT, QHeaderView.ResizeMode.Stretch)
        plain = dict.fromkeys(_SINGLE_WIDTHS, muted)
        self.single_table = make_table(self.singles, "Single failures, newest first", 32, _SINGLE_WIDTHS, plain)
        self.single_table.horizontalHeader().setStretchLastSection(False)
        self.single_table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.single_table.setMinimumHeight(72)

    def _details_card(self) -> QFrame:
        frame = QFrame()
        frame.setProperty("card", True)  # noqa: FBT003 - the value of a property
        frame.setAccessibleName("Single failures")
        self.title = ElidedLabel("", "title")
        self.worked = ElidedLabel("", "muted")
        close = Button("Close details", "close", self._theme, kind="icon", tip="Close details (Esc)")
        close.clicked.connect(lambda: self._listing.close_detail())
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(close)
        column = QVBoxLayout(frame)
        column.setContentsMargins(16, 12, 12, 12)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.worked)
        column.addWidget(self.single_table, 1)
        frame.hide()
        return frame

    def _lay_out(self) -> None:
        empty = EmptyState(self._theme, "search", "Nothing like it is remembered", _NO_MATCH)
        self._listing = Listing(self.table, self.details, empty, detail_alone_below_px=LOW_PX, detail_height=260)
        self._invitation = self._make_invitation()
        self._stack = QStackedWidget()
        self._stack.addWidget(self._invitation)
        self._stack.addWidget(self._listing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.filter)
        column.addWidget(self.sentence)
        column.addWidget(self._stack, 1)
        self.sentence.hide()

    def _make_invitation(self) -> QWidget:
        """The examples are buttons: what a question looks like is best seen by asking one."""
        row = QWidget()
        across = QHBoxLayout(row)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(8)
        self.examples = [Button(example, "search", self._theme) for example in _EXAMPLES]
        for button in self.examples:
            button.clicked.connect(partial(self._ask_example, button.text()))
            across.addWidget(button)
        return EmptyState(self._theme, "search", "What went wrong before?", _INVITATION, row)

    def _connect(self) -> None:
        self.filter.textChanged.connect(self._on_typed)
        self.filter.returnPressed.connect(self.ask)
        self._debounce.timeout.connect(self.ask)
        self.table.selectionModel().selectionChanged.connect(self._show_singles)
        self.table.clicked.connect(self._open_details)
        self.table.activated.connect(self._open_details)

    def _on_typed(self, text: str) -> None:
        self._asked += 1  # an answer that is still under way is to another question
        if text.strip():
            self._debounce.start()
        else:
            self.ask()

    def _ask_example(self, words: str, _checked: bool = False) -> None:
        self.filter.setText(words)
        self.filter.setFocus()
        self.ask()

    def _open_details(self) -> None:
        self.details.show()
        self._show_singles()

    def _show_singles(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        group = rows[0].data(ROW_ROLE) if rows else None
        if not isinstance(group, FailureGroup):
            self.details.hide()
            return
        self.title.setText(f"{group.sentence}: the newest {len(group.newest)} of {group.count}")
        self.worked.setText(f"What worked: {what_worked(group)}")
        self.singles.show(group.newest)
