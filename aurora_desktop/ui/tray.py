"""The tray icon: the verdict as a shape and a sentence, and a menu that does the most needed."""

import sys
from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from aurora_desktop.core.events import SERVICE_PREFIX
from aurora_desktop.heartbeat.health import Health, Problem
from aurora_desktop.safety.view import ControlView
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.ui import control_words, icons

TrayState = Literal["healthy", "degraded", "unhealthy", "stopped", "emergency"]

ASK_FOR_TRAY_MS = 3000
PROBLEMS_SHOWN = 3
SNOOZE = "S&nooze notifications for 1 h"
TELL_AGAIN = "&Notify again"
_MENU_CHARACTERS = 72
NO_CONTROL = ControlView(state="closed")


def tray_state(
    health: Health, views: Sequence[ServiceView], *, paused: bool, control: ControlView = NO_CONTROL
) -> TrayState:
    """`emergency` after a stop; `stopped` while supervision is paused or nothing is wanted to run; else the verdict."""
    if control_words.is_emergency(control):
        return "emergency"
    nothing_wanted = all(view.state == "stopped" for view in views) and health.verdict == "healthy"
    return "stopped" if paused or nothing_wanted else health.verdict


class Tray(QObject):
    """The icon in the panel; `availability_changed` tells when a panel that shows it comes or goes.

    It can stop and disarm, never arm or reset: what moves its menu need not be the operator.
    """

    stop_asked = Signal()
    disarm_asked = Signal()

    toggle_asked = Signal()
    open_asked = Signal()
    pause_asked = Signal(bool)
    snooze_asked = Signal(bool)
    restart_asked = Signal(str)
    quit_asked = Signal()
    availability_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_available = False
        self._menu_state: tuple[Health, bool] | None = None
        self._looks: tuple[TrayState, bool] = "stopped", False
        self.menu = QMenu()
        self._build_menu()
        self.icon = QSystemTrayIcon(icons.tray_icon("stopped"), self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._on_activated)
        self.icon.messageClicked.connect(self.open_asked)
        self._ask_timer = QTimer(self, interval=ASK_FOR_TRAY_MS, timerType=Qt.TimerType.VeryCoarseTimer)
        self._ask_timer.timeout.connect(self.look_for_tray)

    def start(self) -> None:
        """Show the icon now if there is a panel, or as soon as one comes."""
        self.look_for_tray()
        self._ask_timer.start()

    def look_for_tray(self) -> None:
        """Ask again whether there is a panel: `isVisible()` is true even without one."""
        available = QSystemTrayIcon.isSystemTrayAvailable()
        if available == self.is_available:
            return
        self.is_available = available
        self.icon.setVisible(available)
        self.availability_changed.emit(available)

    def show_state(self, state: TrayState, health: Health, *, paused: bool, control: ControlView = NO_CONTROL) -> None:
        """Take on the shape of `state` and the words of `health`, and those of control before them."""
        looks = state, control.is_open
        if looks != self._looks:
            self._looks = looks
            self.icon.setIcon(icons.tray_icon(state, armed=control.is_open))
        sentences = (control_words.tray_sentence(control), sentence_case(health.sentence))
        tip = ". ".join(sentence for sentence in sentences if sentence)
        if tip != self.icon.toolTip():
            self.icon.setToolTip(tip)
        self._disarm.setEnabled(control.state in ("arming", "armed"))
        self._menu_state = health, paused
        if not self.menu.isVisible():
            self._show_menu_state()

    def show_snoozed(self, *, snoozed: bool) -> None:
        """Offer to be silent, or to be told again."""
        self._snooze.setText(TELL_AGAIN if snoozed else SNOOZE)

    def tell(self, title: str, body: str) -> None:
        """Show a notification the tray's own way."""
        self.icon.showMessage(title, body, QSystemTrayIcon.MessageIcon.Information)

    def close(self) -> None:
        """Take the icon away."""
        self._ask_timer.stop()
        self.icon.hide()
        self.menu.deleteLater()

    def _build_menu(self) -> None:
        self.menu.addAction(icons.icon("stop-all"), "&Stop everything", self.stop_asked.emit)
        self._disarm = self.menu.addAction("&Disarm", self.disarm_asked.emit)
        self._disarm.setEnabled(False)
        self.menu.addSeparator()
        self._verdict = self.menu.addAction("Aurora")
        self._verdict.setEnabled(False)
        self._below_problems = self.menu.addSeparator()
        self._restarts: list[QAction] = []
        self._problems: list[tuple[str, str]] = []
        self.menu.addAction("&Open Aurora", self.open_asked.emit)
        self._snooze = self.menu.addAction(SNOOZE, self._on_snooze)
        self._pause = self.menu.addAction("&Pause supervision", self._on_pause)
        self._pause.setData(True)
        # A moment later: the entry that was chosen is still to be told.
        self.menu.aboutToHide.connect(lambda: QTimer.singleShot(0, self, self._show_menu_state))
        self.menu.addSeparator()
        self.menu.addAction("&Quit Aurora", self.quit_asked.emit)

    def _show_menu_state(self) -> None:
        """Not while the menu is open: its entries would move under the pointer, or off the screen."""
        if self._menu_state is None:
            return
        health, paused = self._menu_state
        self._menu_state = None
        self._verdict.setText(_menu_text(sentence_case(health.sentence)))
        self._pause.setText("&Resume supervision" if paused else "&Pause supervision")
        self._pause.setData(not paused)
        self._show_problems(health.problems)

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        services = [problem for problem in problems if problem.component.startswith(SERVICE_PREFIX)][:PROBLEMS_SHOWN]
        shown = [(problem.component.removeprefix(SERVICE_PREFIX), problem.sentence) for problem in services]
        if shown == self._problems:
            return
        self._problems = shown
        for old in self._restarts:
            self.menu.removeAction(old)
            old.deleteLater()
        self._restarts = [self._restart_action(name, sentence) for name, sentence in shown]

    def _restart_action(self, name: str, sentence: str) -> QAction:
        action = QAction(_menu_text(f"Restart {sentence}"), self.menu)
        action.setToolTip(sentence)
        action.triggered.connect(lambda: self.restart_asked.emit(name))
        self.menu.insertAction(self._below_problems, action)
        return action

    def _on_snooze(self) -> None:
        self.snooze_asked.emit(self._snooze.text() == SNOOZE)

    def _on_pause(self) -> None:
        self.pause_asked.emit(bool(self._pause.data()))

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        # On macOS the same click opens the menu, which has Open.
        if reason == QSystemTrayIcon.ActivationReason.Trigger and sys.platform != "darwin":
            self.toggle_asked.emit()


def sentence_case(sentence: str) -> str:
    """The sentence with a capital, unless it begins with a service's name followed by a colon."""
    first = sentence.partition(" ")[0]
    return sentence if first.endswith(":") else sentence[:1].upper() + sentence[1:]


def _menu_text(sentence: str) -> str:
    short = sentence if len(sentence) <= _MENU_CHARACTERS else f"{sentence[: _MENU_CHARACTERS - 1].rstrip()}\u2026"
    return short.replace("&", "&&")
