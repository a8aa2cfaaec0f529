"""The window: the verdict on top, the rail on the left, one page at a time."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QHideEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.safety.view import ControlView
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.ui import phrases
from aurora_desktop.ui.bridge import Bridge
from aurora_desktop.ui.confirming import Confirming
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.holding import StopKey
from aurora_desktop.ui.pages.keys import Reachable
from aurora_desktop.ui.pages.services import ServicesPage
from aurora_desktop.ui.quitting import Quitting
from aurora_desktop.ui.service_form import ServiceForm
from aurora_desktop.ui.tasks import Tasks, as_aurora_error
from aurora_desktop.ui.theme import Choice, Theme
from aurora_desktop.ui.tray import tray_state
from aurora_desktop.ui.widgets.banner import Banner
from aurora_desktop.ui.widgets.emergency import EmergencyBanner
from aurora_desktop.ui.widgets.rail import Rail
from aurora_desktop.ui.widgets.strip import Strip
from aurora_desktop.ui.work_feed import Waiting

if TYPE_CHECKING:
    from aurora_desktop.ui.pages.input import InputPage
    from aurora_desktop.ui.pages.recovery import RecoveryPage
    from aurora_desktop.ui.pages.settings import SettingsPage
    from aurora_desktop.ui.pages.work import WorkPage

PAGES = (
    ("&Services", "page-services"),
    ("I&nput", "page-input"),
    ("Reco&very", "page-recovery"),
    ("Agents", "page-agents"),
    ("Settin&gs", "page-settings"),
)
INPUT, RECOVERY, WORK, SETTINGS = 1, 2, 3, 4
STOP_KEY = Qt.Key.Key_F12
_P = TypeVar("_P", bound=Reachable)
_SIZE = (1280, 800)
_SMALLEST = (640, 480)
_TO_BEGIN = "Add a service and Aurora keeps it running"


class Window(QWidget):
    """Shows what the bridge tells and asks the supervisor to act. `has_tray`: whether a hidden window is reachable.

    Each page but the first is imported and built when it is first wanted: most are not, in most windows.
    `seen` tells that it is shown or hidden.
    """

    seen = Signal(bool)

    def __init__(self, context: UiContext, bridge: Bridge, theme: Choice, has_tray: Callable[[], bool]) -> None:
        super().__init__()
        self.quitting = Quitting(context, self)
        self.setObjectName("window")
        self.setWindowTitle("Aurora Desktop")
        self.setMinimumSize(*_SMALLEST)
        self.resize(*_SIZE)
        self._context, self._bridge, self._has_tray = context, bridge, has_tray
        self._views: tuple[ServiceView, ...] = ()
        self._disposing = False
        self.theme = Theme(theme)
        self._tasks = Tasks(self.show_error)
        self._build()
        self._connect()
        self._add_shortcuts()
        self._restyle()
        self.services.table.setFocus()

    def come_forward(self) -> None:
        """Show the window in front of the others."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def choose_theme(self, choice: Choice) -> None:
        """Take on other colours."""
        self.theme.choose(choice)

    def dispose(self) -> None:
        """Close for good."""
        self._disposing = True
        self._tasks.cancel()
        self._bridge.unwatch()
        self.close()
        self.deleteLater()

    def show_page(self, place: int) -> None:
        """Go to a page."""
        page = self._page(place)
        self.pages.setCurrentWidget(page)
        self.rail.choose(place)
        page.focus_first().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_service(self, name: str) -> None:
        """Show one service in detail."""
        self.show_page(0)
        self.services.filter.clear()
        self.services.select(name)
        self.services.open_drawer()

    def show_link(self) -> None:
        """Show how the link stands."""
        self.show_page(RECOVERY)
        self.recovery.go_to("Link")

    def show_task(self, task_id: str) -> None:
        """Show one task of an agent in detail."""
        self.show_page(WORK)
        self.work.show_task(task_id)

    def show_approval(self, approval_id: str) -> bool:
        """Show what an agent asks for; False when it is not asked any more."""
        self.show_page(WORK)
        return self.work.show_approval(approval_id)

    def show_error(self, error: AuroraError) -> None:
        """Tell of an error that no form shows."""
        box = QMessageBox(QMessageBox.Icon.Warning, "Aurora Desktop", error.title, parent=self)
        box.setInformativeText("\n".join(part for part in (error.detail, error.hint) if part))
        _open_box(box)

    def add_service(self) -> ServiceForm:
        """Open the form for a new service."""
        return self._open_form("")

    def edit_service(self, name: str) -> ServiceForm | None:
        """Open the form of a service that the settings have."""
        return self._open_form(name) if name in self._context.settings.written().services else None

    def ask_to_remove(self, name: str) -> None:
        """Ask, then remove the service from the settings."""
        box = QMessageBox(QMessageBox.Icon.Question, "Remove service", f"Remove {name}?", parent=self)
        box.setInformativeText("It is stopped and taken out of the settings file. Its log is kept.")
        remove = box.addButton("&Remove", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton("&Keep", QMessageBox.ButtonRole.RejectRole))
        remove.clicked.connect(lambda: self._tasks.run(self._context.settings.remove_service(name)))
        _open_box(box)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.confirming.keys.watch(self.windowHandle())
        self._bridge.watch()
        self.seen.emit(True)  # noqa: FBT003 - a signal's value

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._bridge.unwatch()
        self.seen.emit(False)  # noqa: FBT003 - the same

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for headline in (self.banner, self.strip):
            headline.fit(self.height())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.confirming.expect()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._disposing or _session_ends():
            event.accept()
        elif self._has_tray():
            event.ignore()
            self.hide()
        else:
            event.ignore()
            self._ask_to_quit()

    def _build(self) -> None:
        self.confirming = Confirming(self._context, self._bridge, self._tasks, self.theme, self)
        self.banner = Banner(self.theme)
        self.emergency = EmergencyBanner(self.theme)
        self.strip = Strip(self.theme)
        self.stop_key = StopKey(STOP_KEY, self)
        self.rail = Rail(self.theme, PAGES)
        self.services = ServicesPage(self.theme)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.services)
        self._blanks = {place: QWidget() for place in range(1, len(PAGES))}  # where a page is not built yet
        for blank in self._blanks.values():
            self.pages.addWidget(blank)
        self.rail.choose(0)
        column = QVBoxLayout()
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(14)
        column.addWidget(self.banner)
        column.addWidget(self.emergency)
        column.addWidget(self.strip)
        column.addWidget(self.pages, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(column, 1)

    def _connect(self) -> None:
        bridge, services = self._bridge, self.services
        bridge.services_changed.connect(self._show_views)
        bridge.health_changed.connect(self._show_health)
        self.rail.chosen.connect(self.show_page)
        self.rail.pause_asked.connect(self._pause)
        self.banner.resume_asked.connect(lambda: self._pause(False))  # noqa: FBT003 - a Qt slot
        self.banner.restart_asked.connect(self._restart)
        self.banner.thaw_asked.connect(self._thaw)
        self.banner.details_asked.connect(self.show_service)
        self.banner.recovery_asked.connect(lambda: self.show_page(RECOVERY))
        services.add_asked.connect(self.add_service)
        services.edit_asked.connect(self.edit_service)
        services.remove_asked.connect(self.ask_to_remove)
        services.drawer.start_asked.connect(self._start)
        services.drawer.stop_asked.connect(self._stop)
        services.drawer.restart_asked.connect(self._restart)
        self.theme.changed.connect(self._restyle)
        bridge.work.waiting_changed.connect(self._show_waiting)
        self._show_waiting(bridge.work.waiting)
        self._connect_control()

    def _connect_control(self) -> None:
        bridge, control, strip, emergency = self._bridge, self._context.control, self.strip, self.emergency
        bridge.control_changed.connect(self._show_control)
        self.confirming.progressed.connect(strip.show_hold)
        self.confirming.serve(emergency.reset, "Reset", self.confirming.reset, control.reset)
        self.stop_key.pressed.connect(self._stop_everything)
        strip.stop_asked.connect(self._stop_everything)
        strip.disarm_asked.connect(self._disarm)
        strip.extend_asked.connect(self._extend)
        self._show_control(bridge.control)

    # --- the pages --------------------------------------------------------------------------------------------

    @cached_property
    def input(self) -> "InputPage":
        """Who may use mouse and keyboard, and what agents did with them."""
        from aurora_desktop.ui.pages.input import InputPage

        bridge = self._bridge
        page = InputPage(self._context, self.theme, self._tasks, self.confirming)
        page.thaw_asked.connect(self._thaw)
        page.acted.connect(bridge.refresh_control)
        bridge.control_changed.connect(page.show_control)
        bridge.input_changed.connect(page.show_input)
        self._put(INPUT, page)  # first: what it shows is measured in the style of the window
        page.show_control(bridge.control)
        page.show_input(self._context.input.view())
        return page

    @cached_property
    def recovery(self) -> "RecoveryPage":
        """What went wrong, and what was done about it."""
        from aurora_desktop.ui.pages.recovery import RecoveryPage

        bridge, context = self._bridge, self._context
        page = RecoveryPage(
            context.healing, self.theme, self._tasks, self.show_error, context.link, context.alerts, context.settings
        )
        page.followed.connect(bridge.follow_healing)
        page.acted.connect(bridge.refresh)
        bridge.incidents_changed.connect(page.show_incidents)
        bridge.healing_changed.connect(page.show_healing)
        bridge.link_changed.connect(page.show_link)
        bridge.settings_applied.connect(page.show_settings)
        self._put(RECOVERY, page)  # first, as above
        page.show_incidents(bridge.incidents)
        if bridge.healing is not None:
            page.show_healing(bridge.healing)
        return page

    @cached_property
    def work(self) -> "WorkPage":
        """The agents and their tasks."""
        from aurora_desktop.ui.pages.work import WorkPage

        return self._put(WORK, WorkPage(self._context, self._bridge, self.theme, self._tasks, self.confirming))

    @cached_property
    def settings(self) -> "SettingsPage":
        """Start at login, the look, and the settings file."""
        from aurora_desktop.ui.pages.settings import SettingsPage

        page = SettingsPage(self._context, self.theme, self._tasks)
        self._bridge.refusal_changed.connect(page.show_refusal)
        self._bridge.settings_applied.connect(page.show_settings)
        page.show_refusal(self._bridge.refusal)
        return self._put(SETTINGS, page)

    def _page(self, place: int) -> Reachable:
        match place:
            case 0:
                return self.services
            case 1:
                return self.input
            case 2:
                return self.recovery
            case 3:
                return self.work
            case _:
                return self.settings

    def _put(self, place: int, page: _P) -> _P:
        blank = self._blanks.pop(place)
        self.pages.insertWidget(place, page)
        self.pages.removeWidget(blank)
        blank.deleteLater()
        return page

    def _add_shortcuts(self) -> None:
        ways: dict[str, Callable[[], object]] = {
            "Ctrl+F": self._find, "Esc": self._escape, "F5": self._bridge.refresh, "Ctrl+W": self.close,
            "Ctrl+Shift+D": self._disarm, "Ctrl+Shift+E": self._extend,
            "Ctrl+N": self._new, "Ctrl+E": lambda: self.edit_service(self.services.selected()),
        }  # fmt: skip
        for place in range(len(PAGES)):
            ways[f"Ctrl+{place + 1}"] = partial(self.show_page, place)
        for keys, act in ways.items():
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _restyle(self) -> None:
        self.setStyleSheet(self.theme.style_sheet())

    def _show_views(self, views: tuple[ServiceView, ...]) -> None:
        self._views = views
        self.services.show_views(views)

    def _show_health(self, health: Health) -> None:
        paused = self._context.supervisor.paused
        views = self._views or self._context.supervisor.views()
        state = tray_state(health, views, paused=paused)
        otherwise, frozen = phrases.counts(views) or _TO_BEGIN, self._bridge.control.frozen
        self.banner.show_health(health, state, paused=paused, otherwise=otherwise, frozen=frozen)
        self.rail.show_paused(paused=paused)

    def _show_control(self, view: ControlView) -> None:
        self.emergency.show_control(view)
        self.banner.setVisible(self.emergency.isHidden())
        self.strip.show_control(view)
        self.rail.show_badge(INPUT, int(view.request is not None), "an agent asks for mouse and keyboard")

    def _stop_everything(self) -> None:
        self._context.control.stop("window")
        self._bridge.refresh_control()

    def _disarm(self) -> None:
        self._context.control.disarm("window")
        self._bridge.refresh_control()

    def _extend(self) -> None:
        self._context.control.extend()
        self._bridge.refresh_control()

    def _thaw(self, names: tuple[str, ...]) -> None:
        try:
            self._context.control.thaw(names)
        except AuroraError as error:  # a stop came since the button was shown
            self.show_error(error)
        self._bridge.refresh()

    def _show_waiting(self, waiting: Waiting) -> None:
        words = "1 matter waits for you" if waiting.count == 1 else f"{waiting.count} matters wait for you"
        self.rail.show_badge(WORK, waiting.count, words)

    def _new(self) -> None:
        """A task where tasks are shown, else a service."""
        self.work.new_task() if self.pages.currentIndex() == WORK else self.add_service()

    def _find(self) -> None:
        self._page(self.pages.currentIndex()).focus_filter()

    def _escape(self) -> None:
        self._page(self.pages.currentIndex()).escape()

    def _open_form(self, name: str) -> ServiceForm:
        form = ServiceForm(self._context.settings, self.theme, self._tasks, self, name)
        form.open()
        return form

    def _pause(self, pause: bool) -> None:
        supervisor = self._context.supervisor
        (supervisor.pause if pause else supervisor.resume)("window")
        self._bridge.refresh()

    def _start(self, name: str) -> None:
        self._ask(self._context.supervisor.start, name)

    def _stop(self, name: str) -> None:
        self._ask(self._context.supervisor.stop, name)

    def _restart(self, name: str) -> None:
        self._ask(self._context.supervisor.restart, name)

    def _ask(self, act: Callable[[tuple[str, ...], str], None], name: str) -> None:
        try:
            act((name,), "window")
        except AuroraError as error:
            self.show_error(as_aurora_error(error))
        self._bridge.refresh()

    def _ask_to_quit(self) -> None:
        box = QMessageBox(QMessageBox.Icon.Question, "Aurora Desktop", "Keep Aurora running?", parent=self)
        box.setInformativeText("No tray shows Aurora here: a closed window could not be opened again.")
        minimise = box.addButton("&Minimise", QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton("&Quit Aurora", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(minimise)
        minimise.clicked.connect(self.showMinimized)
        leave.clicked.connect(lambda: self.quitting.ask("window", self))
        _open_box(box)


def _session_ends() -> bool:
    app = QGuiApplication.instance()
    return isinstance(app, QGuiApplication) and app.isSavingSession()


def _open_box(box: QMessageBox) -> None:
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
