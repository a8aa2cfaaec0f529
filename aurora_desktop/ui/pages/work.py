"""The agents' page: their tasks, what they ask for, what they say, and the workers; one section at a time."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from aurora_desktop.healing.view import HealingView
from aurora_desktop.safety.view import ControlView
from aurora_desktop.tasks.view import TasksFace
from aurora_desktop.ui.bridge import Bridge
from aurora_desktop.ui.confirming import Confirming
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.pages.keys import Reachable
from aurora_desktop.ui.pages.work_section import WorkSection
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.control_cards import PendingCard
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.sections import Sections
from aurora_desktop.ui.work_feed import Waiting

TASKS, PIPELINES, SUBMIT, APPROVALS, OUTPUT, CLUSTER, CHAT = SECTIONS = (
    "Tasks", "Pipelines", "Submit", "Approvals", "Output", "Cluster", "Chat",
)  # fmt: skip
MOST_PENDING = 5
_NOT_HERE = "This Aurora was started without the part that gives work to agents."


class WorkPage(Reachable):
    """Builds a section when it is first looked at: a page that nobody opens costs next to nothing."""

    shown = Signal(bool)

    def __init__(self, context: UiContext, bridge: Bridge, theme: Theme, tasks: Tasks, confirming: Confirming) -> None:
        super().__init__()
        self.setObjectName("page")
        self._context, self._bridge, self._theme = context, bridge, theme
        self._tasks, self._confirming = tasks, confirming
        self._built: dict[str, WorkSection] = {}
        self.sections = Sections("Sections of the agents' page", SECTIONS)
        self._stack = QStackedWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.pending = PendingCard(theme, MOST_PENDING)
        column.addWidget(self.pending)
        column.addWidget(self.sections)
        column.addWidget(self._stack, 1)
        if context.tasks is None:
            self.sections.hide()
        self._connect()

    @property
    def section(self) -> WorkSection:
        """The one that is shown."""
        return self._section(SECTIONS[self.sections.currentIndex()])

    def go_to(self, title: str) -> WorkSection:
        """Show the section of this title."""
        self.sections.setCurrentIndex(SECTIONS.index(title))
        return self.section

    def show_task(self, task_id: str) -> None:
        """Show one task in detail."""
        from aurora_desktop.ui.pages.work_tasks import TasksSection

        section = self.go_to(TASKS)
        if isinstance(section, TasksSection):
            section.show_work()
            section.select(task_id)

    def show_approval(self, approval_id: str = "", task_id: str = "") -> bool:
        """Show this question, or that of a task; False when it is not asked any more."""
        from aurora_desktop.ui.pages.work_approvals import ApprovalsSection

        section = self.go_to(APPROVALS)
        if not isinstance(section, ApprovalsSection):
            return False
        if task_id:
            section.select_of_task(task_id)
        return section.select(approval_id) if approval_id else True

    def show_waiting(self, waiting: Waiting) -> None:
        """How many questions there are, beside the name of their section."""
        words = f"{APPROVALS} ({waiting.approvals})" if waiting.approvals else APPROVALS
        self.sections.setTabText(SECTIONS.index(APPROVALS), words)

    def show_control(self, view: ControlView) -> None:
        self.pending.show_control(view)
        for section in self._built.values():
            section.show_control(view)

    def show_healing(self, view: HealingView) -> None:
        if self.isVisible():
            self.section.show_healing(view)

    def focus_first(self) -> QWidget:
        """The widget that the page begins with."""
        return self.section.focus_first()

    def focus_filter(self) -> None:
        self.section.focus_filter()

    def escape(self) -> None:
        self.section.escape()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_section()
        self._bridge.follow_work(True)  # noqa: FBT003 - as the bridge's other switches

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._bridge.follow_work(False)  # noqa: FBT003 - as the bridge's other switches
        self._bridge.follow_machine(False)  # noqa: FBT003 - the same

    def _connect(self) -> None:
        feed = self._bridge.work
        confirming, control = self._confirming, self._context.control
        confirming.serve(self.pending.confirm, "Put in force", confirming.confirm_settings, control.confirm_settings)
        self.sections.currentChanged.connect(self._show_section)
        feed.waiting_changed.connect(self.show_waiting)
        feed.changed.connect(lambda: self.section.work_changed())
        feed.ticked.connect(lambda: self.section.tick())
        self._bridge.control_changed.connect(self.show_control)
        self._bridge.healing_changed.connect(self.show_healing)
        for keys, by in (("Ctrl+Tab", 1), ("Ctrl+Shift+Tab", -1)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(lambda by=by: self.sections.step(by))
        self.show_waiting(feed.waiting)
        self.show_control(self._bridge.control)

    def _show_section(self) -> None:
        """Not before the page is seen: the window makes every page, and most are never opened."""
        if not self.isVisible():
            return
        section = self.section
        self._stack.setCurrentWidget(section)
        section.show_work()
        if not self.sections.hasFocus():
            section.focus_first().setFocus()
        shows_machine = SECTIONS[self.sections.currentIndex()] == CLUSTER
        self._bridge.follow_machine(shows_machine)
        if shows_machine and self._bridge.healing is not None:
            section.show_healing(self._bridge.healing)

    def _section(self, title: str) -> WorkSection:
        if title not in self._built:
            face = self._context.tasks
            self._built[title] = _Nothing(self._theme) if face is None else self._build(title, face)
            self._stack.addWidget(self._built[title])
        return self._built[title]

    def _build(self, title: str, face: TasksFace) -> WorkSection:
        """Imported when first shown: the memory of what nobody looks at is better spent elsewhere."""
        context, theme, tasks = self._context, self._theme, self._tasks
        match title:
            case "Tasks":
                return self._tasks_section(face)
            case "Pipelines":
                return self._runs_section(face)
            case "Submit":
                return self._submit_section(face)
            case "Approvals":
                return self._approvals_section(face)
            case "Output":
                return self._output_section(face)
            case "Cluster":
                from aurora_desktop.ui.pages.work_cluster import ClusterSection

                return ClusterSection(face, theme, tasks)
            case _:
                from aurora_desktop.ui.pages.work_chat import ChatSection

                return ChatSection(context, self._bridge.work, face, theme, tasks)

    def _tasks_section(self, face: TasksFace) -> WorkSection:
        from aurora_desktop.ui.pages.work_tasks import TasksSection

        section = TasksSection(face, self._theme, self._tasks)
        section.new_asked.connect(self.new_task)
        section.answer_asked.connect(lambda task_id: self.show_approval(task_id=task_id))
        return section

    def _runs_section(self, face: TasksFace) -> WorkSection:
        from aurora_desktop.ui.pages.work_runs import RunsSection

        section = RunsSection(face, self._theme, self._tasks)
        section.task_asked.connect(self.show_task)
        return section

    def _submit_section(self, face: TasksFace) -> WorkSection:
        from aurora_desktop.ui.pages.work_submit import SubmitSection

        section = SubmitSection(face, self._context.settings, self._theme, self._tasks)
        section.submitted.connect(self.show_task)
        return section

    def _approvals_section(self, face: TasksFace) -> WorkSection:
        from aurora_desktop.ui.pages.work_approvals import ApprovalsSection

        section = ApprovalsSection(face, self._context.control, self._confirming, self._theme, self._tasks)
        section.task_asked.connect(self.show_task)
        return section

    def _output_section(self, face: TasksFace) -> WorkSection:
        from aurora_desktop.ui.pages.work_output import OutputSection

        section = OutputSection(face, self._theme, self._tasks)
        section.task_asked.connect(self.show_task)
        return section

    def new_task(self) -> None:
        """Open the form of a new task."""
        self.go_to(SUBMIT).focus_first().setFocus()


class _Nothing(WorkSection):
    """Where there is no coordinator."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(EmptyState(theme, "page-agents", "Agents get no work here", _NOT_HERE))
