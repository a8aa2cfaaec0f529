"""One incident in detail: what it was recognised as, what was tried, the next step, and the last lines printed."""

import shlex
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from aurora_desktop.healing.grouping import Group
from aurora_desktop.healing.incident import Incident, Step
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.incidents import STEP_LOOKS
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.lines import Line, Lines
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, Facts, fixed_font_family, label

_FACTS = ("When", "Cause", "Recognised as", "Next step", "Failures", "Action", "Outcome", "Down for")
_NARROW_PX = 760


class IncidentCard(QFrame):
    """Shows the newest of a group; the others are a press on Older away."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("incident")
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self.setAccessibleName("Incident details")
        self._group: Group | None = None
        self._place = 0
        self._build(theme)
        self._lay_out()

    def show_group(self, group: Group) -> None:
        """Show this group; the one that is looked at stays if it is of the same group."""
        same = self._group is not None and self._group.id == group.id
        added = len(group.members) - len(self._group.members) if same and self._group else 0
        self._place = min(self._place + added, len(group.members) - 1) if same and self._place else 0
        self._group = group
        self._show()

    def _build(self, theme: Theme) -> None:
        self._title = ElidedLabel("", "title")
        self.place = label("", "small")
        self.older = Button("Older", "chevron-down", theme, kind="icon", tip="The one before it")
        self.newer = Button("Newer", "chevron-up", theme, kind="icon", tip="The one after it")
        self.older.clicked.connect(lambda: self._go(1))
        self.newer.clicked.connect(lambda: self._go(-1))
        self.facts = Facts(_FACTS, wrap=True)
        self.steps = Lines(theme)
        self._lines_heading = label("Last lines printed", "heading")
        self.last_lines = QPlainTextEdit(readOnly=True, lineWrapMode=QPlainTextEdit.LineWrapMode.NoWrap)
        self.last_lines.setAccessibleName("Last lines printed")
        self.last_lines.setFont(QFont(fixed_font_family(), 9))
        self.close_button = Button("Close details", "close", theme, kind="icon", tip="Close details (Esc)")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self._title, 1)
        for each in (self.place, self.newer, self.older, self.close_button):
            head.addWidget(each)
        body = QHBoxLayout()
        body.setSpacing(20)
        body.addWidget(self._story(), 3)
        self._lines = QWidget()
        lines = QVBoxLayout(self._lines)
        lines.setContentsMargins(0, 0, 4, 4)
        lines.setSpacing(4)
        lines.addWidget(self._lines_heading)
        lines.addWidget(self.last_lines, 1)
        body.addWidget(self._lines, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 12, 12)
        column.addLayout(head)
        column.addLayout(body, 1)

    def _story(self) -> QScrollArea:
        inside = QWidget()
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight, inside)
        self._halves.setContentsMargins(0, 0, 8, 0)
        self._halves.setSpacing(16)
        self._tried = QWidget()
        tried = QVBoxLayout(self._tried)
        tried.setContentsMargins(0, 0, 0, 0)
        tried.setSpacing(8)
        tried.addWidget(label("Remedies", "heading"))
        tried.addWidget(self.steps)
        tried.addStretch(1)
        self._halves.addWidget(self.facts, 1)
        self._halves.addWidget(self._tried, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        scroll.setAccessibleName("What happened")
        return scroll

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW_PX
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        self._halves.setDirection(direction)
        self._halves.setStretch(0, 0 if narrow else 1)

    def _go(self, by: int) -> None:
        if self._group is not None:
            self._place = max(0, min(self._place + by, len(self._group.members) - 1))
            self._show()

    def _show(self) -> None:
        assert self._group is not None  # noqa: S101 - what is shown was given
        members = self._group.members
        incident = members[self._place]
        self._title.setText(f"{phrases.component(incident.component)}: {incident.diagnosis or incident.cause}")
        self._show_place(len(members))
        self.facts.show_facts(story(incident))
        self.steps.show_lines([line_of(step) for step in incident.steps])
        self._tried.setVisible(bool(incident.steps))
        self._show_lines("\n".join(incident.log_tail))

    def _show_place(self, count: int) -> None:
        self.place.setText(f"{self._place + 1} of {count}")
        for each in (self.place, self.older, self.newer):
            each.setVisible(count > 1)
        self.newer.setEnabled(self._place > 0)
        self.older.setEnabled(self._place < count - 1)

    def _show_lines(self, lines: str) -> None:
        self._lines.setVisible(bool(lines))
        if lines != self.last_lines.toPlainText():
            self.last_lines.setPlainText(lines)
            self.last_lines.verticalScrollBar().setValue(self.last_lines.verticalScrollBar().maximum())


def story(incident: Incident) -> dict[str, str]:
    """The incident as facts."""
    word = phrases.OUTCOME_WORDS[incident.outcome]
    down = incident.downtime_s
    recognised = f"{phrases.named(incident.kind)}: {incident.diagnosis}" if incident.diagnosis else ""
    return {
        "When": datetime.fromtimestamp(incident.at).strftime("%A, %B %d %Y at %H:%M:%S"),
        "Cause": incident.cause,
        "Recognised as": phrases.quoted(recognised),
        "Next step": phrases.quoted(incident.next_step),
        "Failures": f"{incident.failures} times" if incident.failures > 1 else "",
        "Action": incident.action,
        "Outcome": f"{word}: {phrases.quoted(incident.result)}" if incident.result else word,
        "Down for": "" if down is None else phrases.duration(down),
    }


def line_of(step: Step) -> Line:
    """`End stray: helped, after 1.2 s`, and what it did."""
    after = "" if step.duration_s is None else f", after {phrases.duration(step.duration_s)}"
    title = f"{phrases.named(step.remedy)}: {phrases.STEP_WORDS[step.state]}{after}"
    words, command = phrases.quoted(step.sentence), shlex.join(step.command)
    return Line(look=STEP_LOOKS[step.state], title=title, words=words, command=command)
