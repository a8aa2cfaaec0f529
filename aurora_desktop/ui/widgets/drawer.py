"""The drawer below the table: one service in detail, its live log, and what can be done with it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.services import tone
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.detail import DetailDrawer
from aurora_desktop.ui.widgets.log_tail import LogTail
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, Facts, label

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
    # What never failed has its cause there.
    last = f"last failure: {view.last_cause}" if view.last_cause not in ("", view.cause) else ""
    cause = "" if view.cause == view.state else view.cause
    return "; ".join(part for part in (cause, last) if part)


class Drawer(DetailDrawer):
    """Shows one service; asks for what its buttons say with the service's name."""

    start_asked = Signal(str)
    stop_asked = Signal(str)
    restart_asked = Signal(str)
    edit_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Service details", title=label("", "title"))
        self.name = ""
        self.facts, self._cause = Facts(_FACTS), ElidedLabel("", "muted")
        self._build(theme)
        buttons = (self.start, self.stop, self.restart, self.edit)
        self.lay_out(self.facts, self._log_side(), buttons, self._cause)

    def show_view(self, view: ServiceView) -> None:
        """Show this service as it is now."""
        self.name = view.name
        self._title.setText(view.name)
        self.show_state(phrases.STATE_WORDS[view.state], (f"state-{view.state}", tone(view.state)))
        self._cause.setText(phrases.quoted(headline(view)))
        self.facts.show_facts(facts_of(view))
        self._enable(view)
        self.log.follow(view.log_path)

    def _build(self, theme: Theme) -> None:
        self.start = Button("S&tart", "start", theme, tip="Start this service")
        self.stop = Button("Sto&p", "stop", theme, tip="Stop this service until it is started again")
        self.restart = Button("&Restart", "restart", theme, tip="Restart this service and forget its failures")
        self.edit = Button("E&dit", "edit", theme, kind="quiet", tip="Edit this service (Ctrl+E)")
        self.latest = Button("&Latest", "latest", theme, kind="quiet", tip="Scroll along with the log again")
        self.log = LogTail()
        asked = (self.start_asked, self.stop_asked, self.restart_asked, self.edit_asked)
        for button, signal in zip((self.start, self.stop, self.restart, self.edit), asked, strict=True):
            button.clicked.connect(lambda _=False, signal=signal: signal.emit(self.name))
        self.latest.clicked.connect(self.log.jump_to_latest)
        self.latest.hide()
        self.log.following_changed.connect(lambda following: self.latest.setVisible(not following))

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
