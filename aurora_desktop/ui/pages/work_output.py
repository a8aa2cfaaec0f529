"""What each agent says and does, live: one agent at a time, its newest task unless another is chosen."""

import time

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from aurora_desktop.tasks.view import TasksFace, TaskView
from aurora_desktop.ui import phrases, task_words
from aurora_desktop.ui.models.work import in_order
from aurora_desktop.ui.pages.work_section import WorkSection
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.transcripts import TranscriptReader
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, label
from aurora_desktop.ui.widgets.search import SearchField
from aurora_desktop.ui.widgets.sections import Sections
from aurora_desktop.ui.widgets.transcript import MOST_FOUND, TranscriptView

TASKS_OFFERED = 50
DEBOUNCE_MS = 200
_NEWEST = "Its newest task"
_SUMMARY_CHARACTERS = 60
_NOTHING = "Its words, tools and changes to files appear here as soon as it works on a task."


class OutputSection(WorkSection):
    """Follows the newest task of the chosen agent by itself. `task_asked` leads to the task."""

    task_asked = Signal(str)

    def __init__(self, face: TasksFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._face, self._theme = face, theme
        self._names: tuple[str, ...] = ()
        self._offered: tuple[tuple[str, str], ...] = ()
        self.task: TaskView | None = None
        self.reader = TranscriptReader(face, tasks, self)
        self._debounce = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._build()
        self._lay_out()
        self._connect()

    @property
    def agent(self) -> str:
        """Whose output is shown."""
        place = self.agents.currentIndex()
        return self._names[place] if 0 <= place < len(self._names) else ""

    def show_work(self) -> None:
        """Offer agents and their tasks as they are now, and follow the one that is wanted."""
        self._offer_agents()
        tasks = in_order(self._face.tasks(limit=TASKS_OFFERED, agent=self.agent)) if self.agent else []
        self._offer_tasks(tasks)
        wanted = str(self.choice.currentData() or "")
        self.task = next((task for task in tasks if task.id == wanted), tasks[0] if tasks else None)
        self._stack.setCurrentWidget(self._texts if self.task else self._empty)
        self.open.setEnabled(self.task is not None)
        self._show_state()
        self.reader.follow(self.task.id if self.task else "", task_words.agent_name(self.agent))
        self.reader.read_on()

    def tick(self) -> None:
        self._show_state()
        self.reader.read_on()

    def show_agent(self, name: str) -> None:
        """Show what this agent does."""
        self._offer_agents()
        if name in self._names:
            self.agents.setCurrentIndex(self._names.index(name))

    def focus_first(self) -> QWidget:
        """The words."""
        return self.view if self.task else self.agents

    def focus_filter(self) -> None:
        """Put the cursor into the search."""
        self.search.take_cursor()

    def escape(self) -> None:
        """Forget what was searched for."""
        self.search.clear()
        self.view.setFocus()

    def _build(self) -> None:
        self.agents = Sections("Agents", ())
        self.choice = QComboBox()
        self.choice.setAccessibleName("Task")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(18)
        self.state = ElidedLabel("", "muted")
        self.open = Button("Sho&w task", "", self._theme, kind="quiet", tip="The task with all that is known of it")
        self.latest = Button("L&atest", "latest", self._theme, kind="quiet", tip="Scroll along again (End)")
        self.latest.hide()
        self.search = SearchField(self._theme, "Search in the output", "Search")
        self.found = label("", "muted")
        self.found.setAccessibleName("Found")
        self.back = Button("Previous", "chevron-up", self._theme, kind="icon", tip="The one before (Shift+Enter)")
        self.on = Button("Next", "chevron-down", self._theme, kind="icon", tip="The next one (Enter)")
        self.view = TranscriptView(self._theme, "Output of the agent")
        self.view.setPlaceholderText("Nothing was said yet")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.agents)
        head.addStretch(1)
        head.addWidget(self.choice)
        tools = QHBoxLayout()
        tools.setSpacing(6)
        tools.addWidget(self.state, 1)
        for each in (self.latest, self.open, self.found, self.back, self.on):
            tools.addWidget(each)
        tools.insertWidget(3, self.search)
        self._texts = QWidget()
        inner = QVBoxLayout(self._texts)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(8)
        inner.addLayout(tools)
        inner.addWidget(self.view, 1)
        self._empty = EmptyState(self._theme, "page-agents", "Nothing to show of this agent", _NOTHING)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._texts)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._stack, 1)
        for each in (self.back, self.on):
            each.setEnabled(False)
        self.search.setMinimumWidth(120)
        self.search.setMaximumWidth(230)

    def _connect(self) -> None:
        self.agents.currentChanged.connect(self._choose_agent)
        self.choice.activated.connect(self.show_work)
        self.open.clicked.connect(self._open_task)
        self.latest.clicked.connect(self.view.jump_to_latest)
        self.view.following_changed.connect(lambda following: self.latest.setVisible(not following))
        self.reader.began.connect(self.view.clear_lines)
        self.reader.lines.connect(self.view.add_lines)
        self.reader.failed.connect(self.view.setPlaceholderText)
        self.search.textChanged.connect(lambda: self._debounce.start())
        self.search.returnPressed.connect(self._next)
        self._debounce.timeout.connect(self._find)
        self.on.clicked.connect(self._next)
        self.back.clicked.connect(lambda: self._step(-1))
        self._theme.changed.connect(self._find)

    def _offer_agents(self) -> None:
        names = tuple(agent.name for agent in self._face.agents() if agent.kind != "input")
        if names == self._names:
            return
        before = self.agent
        self._names = names
        self.agents.blockSignals(True)  # noqa: FBT003 - Qt's signature
        while self.agents.count():
            self.agents.removeTab(0)
        for name in names:
            self.agents.addTab(task_words.agent_name(name))
        self.agents.setCurrentIndex(names.index(before) if before in names else 0)
        self.agents.blockSignals(False)  # noqa: FBT003 - Qt's signature

    def _offer_tasks(self, tasks: list[TaskView]) -> None:
        offered = (("", _NEWEST), *((task.id, _short(task)) for task in tasks))
        if offered == self._offered:
            return
        self._offered = offered
        wanted = self.choice.currentData()
        self.choice.clear()
        for task_id, words in offered:
            self.choice.addItem(words, task_id)
        self.choice.setCurrentIndex(max(self.choice.findData(wanted), 0))

    def _choose_agent(self) -> None:
        self.choice.setCurrentIndex(0)
        self.show_work()

    def _show_state(self) -> None:
        if self.task is None:
            self.state.setText("")
            return
        parts = (
            f"{task_words.title(self.task)}: {task_words.status(self.task).lower()}",
            task_words.doing(self.task, time.time()), _spent(self.task),
        )  # fmt: skip
        self.state.setText(" \N{MIDDLE DOT} ".join(part for part in parts if part))

    def _open_task(self) -> None:
        if self.task is not None:
            self.task_asked.emit(self.task.id)

    def _find(self) -> None:
        self._debounce.stop()
        text = self.search.text()
        count = self.view.search(text)
        for each in (self.back, self.on):
            each.setEnabled(count > 0)
        more = "+" if count >= MOST_FOUND else ""
        self.found.setText(f"{count:,}{more} found" if text else "")
        if count:
            self.view.go_to(count - 1)  # the newest: what was said last is looked for most
            self.found.setText(f"{count:,} of {count:,}{more}")

    def _next(self) -> None:
        if self._debounce.isActive():
            self._find()
        else:
            self._step(1)

    def _step(self, by: int) -> None:
        place = self.view.step(by)
        if place:
            total = self.view.found_count
            self.found.setText(f"{place:,} of {total:,}{'+' if total >= MOST_FOUND else ''}")


def _short(task: TaskView) -> str:
    cut = task.summary[:_SUMMARY_CHARACTERS]
    summary = f"{cut}\u2026" if len(task.summary) > len(cut) else cut
    return f"{task.number}  {summary} ({task_words.status(task).lower()})"


def _spent(task: TaskView) -> str:
    cost, tokens = phrases.cost(task.usage.cost_usd), phrases.tokens(task.usage.tokens)
    parts = [cost if cost != phrases.NONE else "", f"{tokens} tokens" if tokens != phrases.NONE else ""]
    return ", ".join(part for part in parts if part)
