"""The workers: how many are well, what the machine has left, and each with what it does."""

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QHeaderView, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.view import HealingView, ResourceView
from aurora_desktop.tasks.view import TasksFace
from aurora_desktop.ui import phrases
from aurora_desktop.ui.confirming import in_words
from aurora_desktop.ui.models.rows import ROW_ROLE
from aurora_desktop.ui.models.work import WorkersModel, workers_in_order
from aurora_desktop.ui.pages.machine import level_in_words, tone_of
from aurora_desktop.ui.pages.work_section import WorkSection
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme, Tone
from aurora_desktop.ui.widgets.bars import LevelBar
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate, NameDelegate, ShapeDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.listing import Listing
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, card, label
from aurora_desktop.ui.widgets.tables import hide_what_does_not_fit, make_table

BY = "window"
_ROW_HEIGHT = 36
_WORKER, _STATUS, _PID, _TASKS, _ERRORS, _UPTIME, _DOING = range(7)
_WIDTHS = {_WORKER: 150, _STATUS: 124, _PID: 84, _TASKS: 76, _ERRORS: 76, _UPTIME: 110, _DOING: 240}
_NARROW_PX = 600
_GIVEN_UP_FIRST = (_UPTIME, _PID)
_NOTHING = "Name roles and agents in the settings: each has as many workers as it is to do tasks at the same time."


class CountCard(QFrame):
    """A number with its meaning."""

    def __init__(self, theme: Theme, name: str, tone: Tone) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self._theme, self._name, self._tone = theme, name, tone
        self.figure = label("0", "figure")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(0)
        column.addWidget(self.figure)
        column.addWidget(label(name, "small"))
        column.addStretch(1)
        theme.changed.connect(self._draw)

    def show_count(self, count: int) -> None:
        """Nought stands back, whatever it counts."""
        self.figure.setText(f"{count:,}")
        self.setAccessibleName(f"{self._name}: {count}")
        self._draw()

    def _draw(self) -> None:
        tone = self._tone if self.figure.text() != "0" else "muted"
        tokens = self._theme.tokens
        self.figure.setStyleSheet(f"color: {tokens.text if tone == 'info' else tokens.tone(tone)};")


class LevelCard(QFrame):
    """One resource of the machine in three short lines."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self.name, self.figure = label("", "heading"), label("", "heading")
        self.bar, self.words = LevelBar(theme), ElidedLabel("", "small")
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.figure)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.bar)
        column.addWidget(self.words)

    def show_resource(self, resource: ResourceView) -> None:
        """Show it as it is now."""
        words = level_in_words(resource)
        self.name.setText(phrases.RESOURCE_WORDS[resource.resource])
        self.figure.setText(f"{resource.percent:.0f} %")
        self.bar.show_level(resource.percent, resource.limit, tone_of(resource))
        self.words.setText(". ".join(part for part in (resource.detail, words) if part))
        self.setAccessibleName(f"{self.name.text()}: {self.figure.text()}. {words}")


class ClusterSection(WorkSection):
    """Counts, levels, table. *Heal* replaces the chosen worker, or those that are not well."""

    def __init__(self, face: TasksFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._face, self._theme, self._tasks = face, theme, tasks
        self.model = WorkersModel(self)
        self.levels: list[LevelCard] = []
        self._build()
        self._lay_out()
        self._connect()

    def show_work(self) -> None:
        """Read the workers."""
        workers = workers_in_order(self._face.workers())
        well = sum(worker.healthy for worker in workers)
        for each, count in ((self.total, len(workers)), (self.well, well), (self.unwell, len(workers) - well)):
            each.show_count(count)
        self.summary.setText(f"{len(workers)} workers, {len(workers) - well} unhealthy")
        self.model.show(workers)
        self._listing.show_rows(are_there=bool(workers))
        self._show_heal()

    def tick(self) -> None:
        """Uptimes and heartbeats move by themselves."""
        self.show_work()
        self.model.tick()

    def show_healing(self, view: HealingView) -> None:
        """Show what the machine has left."""
        while len(self.levels) < len(view.machine):
            self.levels.append(LevelCard(self._theme))
            self._cards.addWidget(self.levels[-1], 1)
        for place, each in enumerate(self.levels):
            each.setVisible(place < len(view.machine))
        for each, resource in zip(self.levels, view.machine, strict=False):
            each.show_resource(resource)

    def focus_first(self) -> QWidget:
        return self.table

    def escape(self) -> None:
        """Choose none."""
        self.table.clearSelection()
        self.told.setText("")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        hide_what_does_not_fit(self.table, _WIDTHS, _GIVEN_UP_FIRST, self.width())
        narrow = self.width() < _NARROW_PX
        for each in (self.total, self.well, self.unwell):
            each.setVisible(not narrow)
        self.summary.setVisible(narrow)

    def _build(self) -> None:
        theme = self._theme
        self.total = CountCard(theme, "Workers", "info")
        self.well = CountCard(theme, "Healthy", "ok")
        self.unwell = CountCard(theme, "Unhealthy", "bad")
        self.summary = ElidedLabel("", "muted")
        self.told = ElidedLabel("", "muted")
        self.told.setAccessibleName("What came of it")
        self.heal = Button("&Heal", "restart", theme, tip="Replace workers that are not well")
        self.refresh = Button("Re&fresh", "", theme, tip="Look at everything again (F5)")
        muted, plain = MutedDelegate(theme), CellDelegate(theme)
        delegates = {
            _WORKER: NameDelegate(theme), _STATUS: ShapeDelegate(theme), _PID: muted, _TASKS: plain, _ERRORS: plain,
            _UPTIME: muted, _DOING: plain,
        }  # fmt: skip
        self.table = make_table(self.model, "Workers, what is not well first", _ROW_HEIGHT, _WIDTHS, delegates)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(_DOING, QHeaderView.ResizeMode.Stretch)

    def _lay_out(self) -> None:
        self._cards = QHBoxLayout()
        self._cards.setSpacing(10)
        for each in (self.total, self.well, self.unwell):
            self._cards.addWidget(each)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.summary, 1)
        tools.addWidget(self.told, 1)
        tools.addWidget(self.refresh)
        tools.addWidget(self.heal)
        empty = EmptyState(self._theme, "page-agents", "There are no workers", _NOTHING)
        unused = card("unused")
        unused.hide()
        self._listing = Listing(self.table, unused, empty, detail_height=0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(self._cards)
        column.addLayout(tools)
        column.addWidget(self._listing, 1)

    def _connect(self) -> None:
        self.table.selectionModel().selectionChanged.connect(self._show_heal)
        self.heal.clicked.connect(lambda: self._tasks.run(self._heal(), self._refused))
        self.refresh.clicked.connect(lambda: self._tasks.run(self._refresh(), self._refused))

    def _chosen(self) -> list[str]:
        rows = self.table.selectionModel().selectedRows()
        return [row.data(ROW_ROLE).name for row in rows]

    def _show_heal(self) -> None:
        chosen = self._chosen()
        words = f"&Heal {chosen[0]}" if chosen else "&Heal"
        if self.heal.text() != words:
            self.heal.set_text(words)
        self.heal.setToolTip("Replace this worker" if chosen else "Replace workers that are not well")

    async def _heal(self) -> None:
        healed = await self._face.heal_workers(self._chosen(), BY)
        self.told.setText(phrases.quoted(healed.message))
        self.show_work()

    async def _refresh(self) -> None:
        """Also ask the agents' programs for their versions: what was installed meanwhile is found."""
        await self._face.check_agents()
        self.show_work()
        self.told.setText("Looked at everything again")

    def _refused(self, error: AuroraError) -> None:
        self.told.setText(in_words(error))
