"""The drawer below the table: one service in detail, its live log, and what can be done with it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout

from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.ui import icons, phrases
from aurora_desktop.ui.models.services import tone
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.log_tail import LogTail
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, Facts, label

_ICON_SIZE = 20
_FACTS_WIDTH, _NARROW_FACTS_WIDTH = 300, 210
_NARROW = 760
_FACTS = ("Next attempt", "Command", "PID", "Uptime", "Memory", "CPU", "Restarts", "Requires", "Log file")


def facts_of(view: ServiceView) -> dict[str, str]:
    """What the drawer tells of a service, by label; empty where there is nothing to tell."""
    adopted = ", adopted" if view.adopted else ""
    waits = view.next_attempt_in_s is not None
    memory = phrases.size(view.memory_bytes)
    return {
        "Command": view.program,
        "PID": f"{view.pid}{adopted}" if view.pid else phrases.NONE,
        "Uptime": phrases.uptime(view.uptime_s),
        "Memory": f"{memory} of {phrases.size(view.memory_max)} allowed" if view.memory_max else memory,
        "CPU": phrases.percent(view.cpu_percent),
        "Restarts": str(view.restarts),
        "Requires": ", ".join(view.requires),
        "Next attempt": f"in {phrases.duration(view.next_attempt_in_s)}" if waits else "",
        "Log file": view.log_path,
    }


def headline(view: ServiceView) -> str:
    """What is wrong and how to mend it; else why it is as it is, and what last went wrong."""
    if view.problem:
        return ". ".join(part for part in (view.problem, view.hint) if part)
    last = f"last failure: {view.last_cause}" if view.last_cause else ""
    cause = "" if view.cause == view.state else view.cause
    return "; ".join(part for part in (cause, last) if part)


class Drawer(QFrame):
    """Shows one service; asks for what its buttons say with the service's name."""

    start_asked = Signal(str)
    stop_asked = Signal(str)
    restart_asked = Signal(str)
    edit_asked = Signal(str)
    closed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("drawer")
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self.setAccessibleName("Service details")
        self._theme = theme
        self.name = ""
        self._build(theme)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(16, 12, 12, 12)
        rows.setSpacing(10)
        rows.addLayout(self._header())
        body = QHBoxLayout()
        body.setSpacing(20)
        body.addWidget(self._facts_side())
        body.addLayout(self._log_side(), 1)
        rows.addLayout(body, 1)

    def show_view(self, view: ServiceView) -> None:
        """Show this service as it is now."""
        self.name = view.name
        self._title.setText(view.name)
        self._state.setText(phrases.STATE_WORDS[view.state])
        colour = self._theme.tokens.tone(tone(view.state))
        self._state.setStyleSheet(f"color: {colour}; font-weight: 600;")
        surface = self._theme.tokens.surface
        self._image.setPixmap(
            icons.pixmap(f"state-{view.state}", _ICON_SIZE, self.devicePixelRatioF(), colour, surface)
        )
        self._cause.setText(phrases.quoted(headline(view)))
        self.facts.show_facts(facts_of(view))
        self._enable(view)
        self.log.follow(view.log_path)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._scroll.setFixedWidth(_FACTS_WIDTH if self.width() > _NARROW else _NARROW_FACTS_WIDTH)

    def _build(self, theme: Theme) -> None:
        self._image = QLabel()
        self._image.setFixedSize(_ICON_SIZE, _ICON_SIZE)
        self._title = label("", "title")
        self._state = label("")
        self._cause = ElidedLabel("", "muted")
        self.start = Button("S&tart", "start", theme, tip="Start this service")
        self.stop = Button("Sto&p", "stop", theme, tip="Stop this service until it is started again")
        self.restart = Button("&Restart", "restart", theme, tip="Restart this service and forget its failures")
        self.edit = Button("E&dit", "edit", theme, kind="quiet", tip="Edit this service (Ctrl+E)")
        self.close_button = Button("Close details", "close", theme, kind="icon", tip="Close details (Esc)")
        self.latest = Button("&Latest", "latest", theme, kind="quiet", tip="Scroll along with the log again")
        self.log = LogTail()
        asked = (self.start_asked, self.stop_asked, self.restart_asked, self.edit_asked)
        for button, signal in zip((self.start, self.stop, self.restart, self.edit), asked, strict=True):
            button.clicked.connect(lambda _=False, signal=signal: signal.emit(self.name))
        self.close_button.clicked.connect(self.closed)
        self.latest.clicked.connect(self.log.jump_to_latest)
        self.latest.hide()
        self.log.following_changed.connect(lambda following: self.latest.setVisible(not following))

    def _header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self._image, self._title, self._state):
            row.addWidget(widget)
        row.addSpacing(6)
        row.addWidget(self._cause, 1)
        for button in (self.start, self.stop, self.restart, self.edit, self.close_button):
            row.addWidget(button)
        return row

    def _facts_side(self) -> QScrollArea:
        self.facts = Facts(_FACTS)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setFixedWidth(_FACTS_WIDTH)
        self._scroll.setWidget(self.facts)
        return self._scroll

    def _log_side(self) -> QVBoxLayout:
        head = QHBoxLayout()
        head.addWidget(label("Log", "heading"))
        head.addStretch(1)
        head.addWidget(self.latest, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.log, 1)
        return column

    def _enable(self, view: ServiceView) -> None:
        idle = view.state in ("stopped", "failed")
        self.start.setEnabled(idle)
        self.stop.setEnabled(view.state not in ("stopped", "stopping"))
        self.restart.setEnabled(view.state not in ("stopped", "stopping"))
