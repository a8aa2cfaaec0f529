"""The drawer below the tasks: one in detail, what its agent does live, and what can be done about it."""

import time

from PySide6.QtCore import Signal

from aurora_desktop.tasks.view import TaskDetail, TaskView
from aurora_desktop.ui import phrases, task_words
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.detail import DetailDrawer
from aurora_desktop.ui.widgets.pieces import Button, Facts
from aurora_desktop.ui.widgets.task_texts import LIVE, TaskTexts

_FACTS = (
    "What next", "Doing", "Outcome", "Error", "Agent", "Folder", "Worker", "Attempts", "Cost", "Tokens", "Submitted",
    "Took", "Time limit", "Exit code", "Session", "Log file",
)  # fmt: skip
_PART_OF_PIPELINE = "step {step} of round {round}"


def facts_of(detail: TaskDetail, now: float) -> dict[str, str]:
    """What the drawer tells of a task, by label; empty where there is nothing to tell."""
    task = detail.view
    ended = task.finished_at is not None
    place = _PART_OF_PIPELINE.format(step=task.step + 1, round=task.round) if task.run_id else ""
    return {
        "What next": phrases.quoted(task.hint),
        "Doing": "" if ended else task_words.doing(task, now),
        "Outcome": task_words.doing(task, now) if ended else "",
        "Error": phrases.quoted(detail.error),
        "Agent": f"{task_words.who(task)}, {place}" if place else task_words.who(task),
        "Folder": task.cwd,
        "Worker": task.worker,
        "Attempts": f"{task.attempt} of {task.max_attempts}" if task.max_attempts else str(task.attempt or ""),
        "Cost": _told(phrases.cost(task.usage.cost_usd)),
        "Tokens": f"{task.usage.input_tokens:,} in, {task.usage.output_tokens:,} out" if task.usage.tokens else "",
        "Submitted": phrases.moment(task.created_at, now),
        "Took": task_words.took(task),
        "Time limit": phrases.duration(task.timeout_s) if task.timeout_s else "",
        "Exit code": "" if detail.exit_code is None else str(detail.exit_code),
        "Session": detail.session_id or "",
        "Log file": detail.log_path,
    }


def _told(words: str) -> str:
    return "" if words == phrases.NONE else words


def can_retry(task: TaskView) -> bool:
    """Whether it may be begun once more."""
    return task.finished_at is not None or task.status == "uncertain"


class TaskDrawer(DetailDrawer):
    """Shows one task; asks for what its buttons say with the task's id."""

    cancel_asked = Signal(str)
    retry_asked = Signal(str)
    resume_asked = Signal(str)
    thaw_asked = Signal(str)
    log_asked = Signal(str)
    answer_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Task details")
        self.task: TaskView | None = None
        self._log_path = ""
        self.facts, self.texts = Facts(_FACTS, wrap=True), TaskTexts(theme)
        self._build(theme)
        self.lay_out(self.facts, self.texts, (self.answer, self.resume, self.retry, self.cancel, self.log))

    @property
    def task_id(self) -> str:
        return self.task.id if self.task else ""

    def show_detail(self, detail: TaskDetail) -> None:
        """Show this task as it is now."""
        is_other = detail.view.id != self.task_id
        self.task, self._log_path = detail.view, detail.log_path
        self._title.setText(f"{task_words.title(self.task)}: {self.task.summary}")
        self.draw()
        self.texts.show_detail(detail)
        if is_other:
            self.texts.go_to(LIVE)
        self.facts.show_facts(facts_of(detail, time.time()))
        self._enable(self.task)

    def tick(self) -> None:
        """A second has passed."""
        if self.task is not None and self.task.finished_at is None:
            self.facts.values["Doing"].setText(task_words.doing(self.task, time.time()))

    def draw(self) -> None:
        """Show the state in the colours in force."""
        if self.task is not None:
            self.show_state(task_words.status(self.task), task_words.look(self.task))

    def _build(self, theme: Theme) -> None:
        self.answer = Button("Ans&wer", "needs-you", theme, kind="primary", tip="Read what it asks for, and answer")
        self.cancel = Button("&Cancel", "cancel", theme, tip="End the agent; the task is not done any more (Delete)")
        self.retry = Button("Ret&ry", "restart", theme, tip="Once more from the beginning")
        self.resume = Button("Go &on", "start", theme, tip="Go on in the agent's own session")
        self.log = Button("&Log", "open", theme, kind="quiet", tip="Open the log of this task")
        asked = ((self.cancel, self.cancel_asked), (self.retry, self.retry_asked), (self.answer, self.answer_asked))
        for button, signal in asked:
            button.clicked.connect(lambda _=False, signal=signal: signal.emit(self.task_id))
        self.resume.clicked.connect(self._go_on)
        self.log.clicked.connect(lambda: self.log_asked.emit(self._log_path))

    def _go_on(self) -> None:
        if self.task is not None:
            (self.thaw_asked if self.task.frozen else self.resume_asked).emit(self.task.id)

    def _enable(self, task: TaskView) -> None:
        self.answer.setVisible(task.status == "waiting_approval")
        self.cancel.setVisible(task.finished_at is None)
        self.retry.setVisible(can_retry(task))
        self.resume.setVisible(task.can_resume or task.frozen)
        self.resume.set_text("Let it go &on" if task.frozen else "Go &on")
        self.log.setVisible(bool(self._log_path))
