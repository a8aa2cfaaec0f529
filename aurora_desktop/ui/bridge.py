"""The one place where the stream of events becomes Qt signals: coalesced, and heavy ones only while watched."""

import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from aurora_desktop.core.events import Record, SettingsApplied, SettingsRefused
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.supervisor.incidents import Incidents
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.notices import Notices

FLUSH_MS = 100
TICK_MS = 1000
RECORDS_SHOWN = 2000


class Bridge(QObject):
    """What the widgets listen to.

    `health_changed` (Health) and `notice` (title, body) always come; `services_changed` (tuple of ServiceView)
    and `incidents_changed` (tuple of Incident, newest first) only while something watches. `refusal_changed`
    carries the problems of a refused settings file, or none once one was applied.
    """

    health_changed = Signal(object)
    services_changed = Signal(object)
    incidents_changed = Signal(object)
    refusal_changed = Signal(object)
    settings_applied = Signal()
    notice = Signal(str, str)

    def __init__(self, context: UiContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._notices = Notices()
        self._incidents = Incidents()
        self._incidents_stale = False
        self._watched = False
        self.health: Health = context.health()
        self.refusal: tuple[str, ...] = ()
        self._flush_timer = self._timer(FLUSH_MS, single_shot=True)
        self._flush_timer.timeout.connect(self._flush)
        self._tick_timer = self._timer(TICK_MS)
        self._tick_timer.timeout.connect(self._show_services)
        self._unsubscribe = context.bus.subscribe(self._on_record)

    @property
    def is_watched(self) -> bool:
        return self._watched

    def watch(self) -> None:
        """Begin the heavy updates: what shows the services has become visible."""
        if self._watched:
            return
        self._watched = True
        self._incidents = Incidents(self._context.recent_records(RECORDS_SHOWN))
        self._tick_timer.start()
        self.refresh()

    def unwatch(self) -> None:
        """End the heavy updates."""
        self._watched = False
        self._tick_timer.stop()

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._incidents_stale = True
        self._flush()

    def close(self) -> None:
        """Hear and show nothing any more."""
        self._unsubscribe()
        self._flush_timer.stop()
        self._tick_timer.stop()

    def _timer(self, interval_ms: int, *, single_shot: bool = False) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval_ms)
        timer.setSingleShot(single_shot)
        timer.setTimerType(Qt.TimerType.CoarseTimer)
        return timer

    def _on_record(self, record: Record) -> None:
        enabled = self._context.settings.current().notifications.enabled
        notice = self._notices.consider(record.event, time.monotonic(), enabled=enabled)
        if notice:
            self.notice.emit(notice.title, notice.body)
        self._note_settings(record)
        if self._watched and self._incidents.feed(record) is not None:
            self._incidents_stale = True
        if not self._flush_timer.isActive():
            self._flush_timer.start()

    def _note_settings(self, record: Record) -> None:
        match record.event:
            case SettingsRefused(problems=problems):
                self.refusal = problems
                self.refusal_changed.emit(problems)
            case SettingsApplied():
                self.refusal = ()
                self.refusal_changed.emit(())
                self.settings_applied.emit()

    def _flush(self) -> None:
        if self._watched:
            self._show_services()
            self._show_incidents()
        self._show_health()

    def _show_incidents(self) -> None:
        if self._incidents_stale:
            self._incidents_stale = False
            self.incidents_changed.emit(self._incidents.rows())

    def _show_health(self) -> None:
        self.health = self._context.health()
        self.health_changed.emit(self.health)

    def _show_services(self) -> None:
        self.services_changed.emit(self._context.supervisor.views())
