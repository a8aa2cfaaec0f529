"""The desktop face of Aurora: the tray icon from the start, the window once it is first wanted."""

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import SERVICE_PREFIX
from aurora_desktop.core.idle_code import give_back_code
from aurora_desktop.core.lean import give_back_memory
from aurora_desktop.core.settings.schema import UiSettings
from aurora_desktop.input.view import InputView, Question
from aurora_desktop.safety.view import ControlView
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.ui import control_words, icons, phrases
from aurora_desktop.ui.bridge import Bridge
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.notices import Notice
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.tray import Tray, tray_state

if TYPE_CHECKING:
    from aurora_desktop.ui.overlay import Overlay
    from aurora_desktop.ui.question import Questions
    from aurora_desktop.ui.quitting import Quitting
    from aurora_desktop.ui.window import Window

log = logging.getLogger(__name__)

# At login the panel may come after us; only then is a window that nobody asked for better than none.
TRAY_GRACE_MS = 10_000
SNOOZE_S = 3600.0
INPUT_PAGE, RECOVERY_PAGE = 1, 2
_ON_EVERY_PAGE = ("guard", "input_agent", "aurora")
# The window is drawn first.
PREPARE_MS = 200
# A window that is closed and opened again keeps what it needs.
TIDY_MS = 10_000


class Desktop(QObject):
    """Owns tray and window. The window's modules are imported when it is first shown: most days it never is."""

    def __init__(self, context: UiContext) -> None:
        super().__init__()
        self._context = context
        self._ui_settings = context.settings.current().ui
        self._views: tuple[ServiceView, ...] = ()
        self._window: Window | None = None
        self._overlay: Overlay | None = None
        self._questions: Questions | None = None
        self._quitting: Quitting | None = None
        QApplication.setWindowIcon(icons.icon("aurora"))
        self.bridge = Bridge(context, self)
        self.tray = Tray(self)
        self._tasks = Tasks(lambda error: log.error("%s", error))
        self._grace = QTimer(self, singleShot=True, interval=TRAY_GRACE_MS)
        self._prepare_timer = QTimer(self, singleShot=True, interval=PREPARE_MS)
        self._prepare_timer.timeout.connect(self._prepare)
        self._tidy_timer = QTimer(self, singleShot=True, interval=TIDY_MS)
        self._connect()
        self._show_health()

    @property
    def window(self) -> "Window | None":
        """The window, if it was ever shown."""
        return self._window

    def start(self, hidden: bool) -> None:
        """Show the tray icon, and the window too unless `hidden`; without a tray the window comes anyway."""
        self.tray.start()
        if not hidden:
            self.raise_window()
        elif not self.tray.is_available:
            self._grace.start()

    def raise_window(self) -> None:
        """Show the window in front of the others."""
        window = self._window or self._make_window()
        window.come_forward()
        self._prepare_soon()

    def toggle_window(self) -> None:
        """Hide the window if it is open, else show it."""
        if self._window and self._window.isVisible() and not self._window.isMinimized():
            self._window.hide()
        else:
            self.raise_window()

    def apply_settings(self, settings: UiSettings) -> None:
        """Take on changed settings of the window."""
        self._ui_settings = settings
        if self._window:
            self._window.choose_theme(settings.theme)

    def ask(self, question: Question) -> None:
        """Put the question of an agent to the operator; the answer goes to `answer_question` of the context."""
        self._make_questions().ask(question)
        self._end_overlay()  # it does not act now

    def close_question(self, task_id: str) -> None:
        """The question is of no interest any more: take it away without an answer."""
        if self._questions:
            self._questions.withdraw(task_id)

    def show_approval(self, approval_id: str) -> bool:
        """Open what an agent asks for on the operator's screen; False when it is not asked any more.

        Nothing is answered by it: that takes the operator's own hand.
        """
        self.raise_window()
        return self._window is not None and self._window.show_approval(approval_id)

    def show_control(self) -> None:
        """Show control and what an agent does as they are now, at once rather than with the next update."""
        self.bridge.touch_control()

    def hide_for_capture(self) -> None:
        """Take border, narration and ring off the screen for a screenshot; returns once the display did so."""
        if self._overlay:
            self._overlay.hide_for_capture()

    def show_again(self) -> None:
        """The screenshot is taken."""
        if self._overlay:
            self._overlay.show_again()

    def close(self) -> None:
        """Take tray and window away; the object is of no use afterwards."""
        self._grace.stop()
        self._prepare_timer.stop()
        self._tasks.cancel()
        self.bridge.close()
        self.tray.close()
        if self._overlay:
            self._overlay.close()
        if self._questions:
            self._questions.close()
        if self._quitting:
            self._quitting.close()
        if self._window:
            self._window.dispose()
            self._window = None
        self._tidy_timer.stop()  # last: the window was hidden by that

    def _connect(self) -> None:
        self.bridge.health_changed.connect(self._show_health)
        self.bridge.notice.connect(self._show_notice)
        self.bridge.control_changed.connect(self._show_control)
        self.bridge.input_changed.connect(self._show_acting)
        self.bridge.emergency.connect(QApplication.beep)
        self.tray.stop_asked.connect(self._stop_everything)
        self.tray.disarm_asked.connect(self._disarm)
        self.tray.toggle_asked.connect(self.toggle_window)
        self.tray.open_asked.connect(self.raise_window)
        self.tray.pause_asked.connect(self._pause)
        self.tray.snooze_asked.connect(lambda snooze: self._snooze(SNOOZE_S if snooze else 0.0))
        self.tray.menu.aboutToShow.connect(self._show_snoozed)
        self.tray.restart_asked.connect(self._restart)
        self.tray.quit_asked.connect(self._quit)
        self.tray.availability_changed.connect(self._on_tray)
        self._grace.timeout.connect(self._show_without_tray)
        self._tidy_timer.timeout.connect(lambda: self._tasks.run(asyncio.to_thread(_give_back)))

    def _quit(self) -> None:
        window = self._window if self._window and self._window.isVisible() else None
        if self._quitting is None:
            from aurora_desktop.ui.quitting import Quitting

            self._quitting = Quitting(self._context, self)
        self._quitting.ask("tray", window)

    def _make_window(self) -> "Window":
        from aurora_desktop.ui.window import Window

        self._window = Window(self._context, self.bridge, self._ui_settings.theme, self._has_tray)
        self._window.seen.connect(lambda seen: self._tidy_timer.stop() if seen else self._tidy_timer.start())
        return self._window

    def _has_tray(self) -> bool:
        return self.tray.is_available

    def _on_tray(self, available: bool) -> None:
        if available:
            self._grace.stop()
        elif self._window is None or not self._window.isVisible():
            self._grace.start()

    def _show_without_tray(self) -> None:
        if not self.tray.is_available:
            self.raise_window()

    def _show_health(self) -> None:
        self._views = self._context.supervisor.views()
        self._show_in_tray()

    def _show_in_tray(self) -> None:
        """With the services as they were at their last event: control changes more often than they do."""
        health, control, paused = self.bridge.health, self.bridge.control, self._context.supervisor.paused
        state = tray_state(health, self._views, paused=paused, control=control)
        self.tray.show_state(state, health, paused=paused, control=control)

    def _show_control(self, control: ControlView) -> None:
        self._show_in_tray()
        self._prepare_soon()
        if not control.is_open:
            self._end_overlay()

    def _show_acting(self, view: InputView) -> None:
        """Only while an agent acts does anything of the overlay exist."""
        task = view.running
        acts = view.control.is_open and view.control.mode != "dry_run" and task is not None
        asks = self._questions is not None and task is not None and task.task_id in self._questions.open
        if not acts or asks or not self._context.settings.current().input.show_overlay:
            self._end_overlay()
            return
        self._make_overlay().show_task(task, waits=view.control.human_active)

    def _make_overlay(self) -> "Overlay":
        if self._overlay is None:
            from aurora_desktop.ui.overlay import Overlay

            self._overlay = Overlay()
        return self._overlay

    def _prepare_soon(self) -> None:
        if control_words.can_arm(self.bridge.control) and self._window and self._window.isVisible():
            self._prepare_timer.start()

    def _prepare(self) -> None:
        """Build what an armed session needs before it is armed: a pause of the loop costs nothing yet."""
        if control_words.can_arm(self.bridge.control):
            self._make_questions()
            if self._context.settings.current().input.show_overlay:
                self._make_overlay().prepare()

    def _end_overlay(self) -> None:
        if self._overlay:
            self._overlay.show_task(None)

    def _make_questions(self) -> "Questions":
        if self._questions is None:
            from aurora_desktop.ui.question import Questions

            # The colours are the window's; and the window is seldom far when there is something to ask.
            self._questions = Questions(self._context, (self._window or self._make_window()).theme)
        return self._questions

    def _stop_everything(self) -> None:
        self._context.control.stop("tray")
        self.bridge.refresh_control()

    def _disarm(self) -> None:
        self._context.control.disarm("tray")
        self.bridge.refresh_control()

    def _notify(self, title: str, body: str) -> None:
        self._show_notice(Notice(title, body))

    def _show_notice(self, notice: Notice) -> None:
        words = replace(notice, title=phrases.quoted(notice.title), body=phrases.quoted(notice.body))
        self._tasks.run(self._tell(words))

    async def _tell(self, notice: Notice) -> None:
        """By the desktop's notification service, which may take its time; else by the tray."""
        if not await asyncio.to_thread(self._offer_or_notify, notice, asyncio.get_running_loop()):
            self.tray.tell(notice.title, notice.body)

    def _offer_or_notify(self, notice: Notice, loop: asyncio.AbstractEventLoop) -> bool:
        """In a thread; what is chosen comes back in another one."""

        def chosen(key: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is there to act
                loop.call_soon_threadsafe(self._choose, key, notice)

        offer = self._context.offer
        if offer is None or not notice.component:
            return self._context.notify(notice.title, notice.body)
        return offer(notice.title, notice.body, self._choices(notice), chosen)

    def _choices(self, notice: Notice) -> list[tuple[str, str]]:
        choices = [("default", "Open"), ("open", "Open")]
        if not notice.urgent and self._context.alerts is not None:
            choices.append(("snooze", "Snooze 1 h"))
        if notice.asks_for_control:
            choices.append(("decline", "Decline"))
        return [*choices, ("restart", f"Restart {notice.restarts}")] if notice.restarts else choices

    def _choose(self, key: str, notice: Notice) -> None:
        """What a button of a notification asks for."""
        if key == "snooze":
            self._snooze(SNOOZE_S)
        elif key == "decline" and notice.asks_for_control:
            self._context.control.decline_request()
        elif key == "restart" and notice.restarts:
            self._restart(notice.restarts)
        elif key in ("default", "open"):
            self._open_at(notice)

    def _open_at(self, notice: Notice) -> None:
        """At what it tells of, else where healing is told; an emergency is on every page."""
        self.raise_window()
        name = notice.component.removeprefix(SERVICE_PREFIX)
        if self._window is None:
            return
        if notice.asks_for_control:
            self._window.show_page(INPUT_PAGE)
        if notice.component in _ON_EVERY_PAGE:
            return
        if notice.approval_id:
            self._window.show_approval(notice.approval_id)
        elif notice.task_id:
            self._window.show_task(notice.task_id)
        elif any(view.name == name for view in self._context.supervisor.views()):
            self._window.show_service(name)
        elif notice.component == "link":
            self._window.show_link()
        else:
            self._window.show_page(RECOVERY_PAGE)

    def _snooze(self, for_s: float) -> None:
        if self._context.alerts is not None:
            self._context.alerts.snooze(for_s)

    def _show_snoozed(self) -> None:
        alerts = self._context.alerts
        self.tray.show_snoozed(snoozed=alerts is not None and alerts.is_snoozed(""))

    def _pause(self, pause: bool) -> None:
        supervisor = self._context.supervisor
        (supervisor.pause if pause else supervisor.resume)("tray")
        self.bridge.refresh()

    def _restart(self, name: str) -> None:
        try:
            self._context.supervisor.restart((name,), "tray")
        except AuroraError as error:  # removed from the settings since the menu was opened
            self._notify(error.title, error.detail)


def _give_back() -> None:
    """What the window alone used: of its code it is 25 MB. It stays built, with all that was typed; for a thread."""
    give_back_memory()
    give_back_code()
