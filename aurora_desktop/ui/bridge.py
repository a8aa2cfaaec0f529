"""The one place where the stream of events becomes Qt signals: coalesced, and heavy ones only while watched."""

import logging
import time

from msgspec.structs import replace
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from aurora_desktop.core.events import Record, SettingsApplied, SettingsRefused
from aurora_desktop.core.healing_events import (
    AgentResumed,
    AgentStalled,
    Escalated,
    EscalationCleared,
    FaultDiagnosed,
    OfferClosed,
    Predicted,
    PredictionWithdrawn,
    RemedyFinished,
    RemedyOffered,
    RemedyStarted,
    ResourceBreached,
    ResourceRelieved,
    SpaceFreed,
    TuningEnded,
    TuningProposed,
)
from aurora_desktop.core.input_events import EmergencyStopped
from aurora_desktop.healing.incident import Incident
from aurora_desktop.healing.incidents import Incidents
from aurora_desktop.healing.view import HealingFace, HealingView
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.safety.view import ControlView
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.notices import Notices
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.work_feed import WorkFeed

log = logging.getLogger(__name__)

FLUSH_MS = 100
TICK_MS = 1000
CONTROL_TICK_MS = 250
CONTROL_FLUSH_MS = 30
RECORDS_SHOWN = 2000
_OF_HEALING = (
    AgentResumed, AgentStalled, Escalated, EscalationCleared, FaultDiagnosed, OfferClosed, Predicted,
    PredictionWithdrawn, RemedyFinished, RemedyOffered, RemedyStarted, ResourceBreached, ResourceRelieved, SpaceFreed,
    TuningEnded, TuningProposed,
)  # fmt: skip


class Bridge(QObject):
    """What the widgets listen to.

    `health_changed` (Health) and `notice` (Notice) always come; `services_changed` (tuple of ServiceView)
    and `incidents_changed` (tuple of Incident, newest first) only while something watches. `refusal_changed`
    carries the problems of a refused settings file, or none once one was applied. `control_changed` (ControlView)
    always comes, `input_changed` (InputView) while something watches or control is armed; `emergency` is a stop.
    `healing_changed` (HealingView) comes while something watches, and each second too while something follows it.
    `link_changed` (LinkView) comes while something watches. `work` tells of tasks.
    """

    health_changed = Signal(object)
    services_changed = Signal(object)
    incidents_changed = Signal(object)
    healing_changed = Signal(object)
    link_changed = Signal(object)
    refusal_changed = Signal(object)
    settings_applied = Signal()
    notice = Signal(object)
    control_changed = Signal(object)
    input_changed = Signal(object)
    emergency = Signal()

    def __init__(self, context: UiContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._notices = Notices()
        self._incidents: Incidents | None = None
        self._incidents_stale = False
        self._healing_stale = self._link_stale = False
        self._healing_followed = self._machine_followed = False
        self._looks_at_healing = False
        self._tasks = Tasks(lambda error: log.error("healing could not be looked at: %s", error))
        self._watched = False
        self.work = WorkFeed(context.tasks, self)
        self.healing: HealingView | None = None
        self.health: Health = context.health()
        self.control: ControlView = context.control.view()
        self.refusal: tuple[str, ...] = ()
        self._flush_timer = self._timer(FLUSH_MS, single_shot=True)
        self._flush_timer.timeout.connect(self._flush)
        self._tick_timer = self._timer(TICK_MS)
        self._tick_timer.timeout.connect(self._tick)
        self._control_timer = self._timer(CONTROL_TICK_MS)
        self._control_timer.timeout.connect(self.refresh_control)
        self._control_flush_timer = self._timer(CONTROL_FLUSH_MS, single_shot=True)
        self._control_flush_timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._control_flush_timer.timeout.connect(self._flush_control)
        self._control_next_turn = self._timer(0, single_shot=True)
        self._control_next_turn.timeout.connect(self.refresh_control)
        self._control_stale = False
        self._closed = False
        self._pace_control()
        self._unsubscribe = context.bus.subscribe(self._on_record)
        if context.healing is not None:
            context.healing.watch(self._touch_healing)
        if context.link is not None:
            context.link.watch(self._touch_link)
        if context.tasks is not None:
            context.tasks.watch(self._touch_work)
            self._flush_soon()  # what waited when Aurora came up is told by no event

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """As they were last told, newest first; none before something watched."""
        return self._incidents.rows() if self._incidents is not None else ()

    @property
    def is_watched(self) -> bool:
        return self._watched

    def watch(self) -> None:
        """Begin the heavy updates: what shows the services has become visible."""
        if self._watched:
            return
        self._watched = True
        if self._incidents is None:  # once: it takes its time, which an armed session does not have
            self._incidents = Incidents(self._context.recent_records(RECORDS_SHOWN))
        self._tick_timer.start()
        self.refresh()

    def unwatch(self) -> None:
        """End the heavy updates."""
        self._watched = False
        self._tick_timer.stop()

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._incidents_stale = self._healing_stale = self._link_stale = True
        self.work.touch()
        self._show_healing_at_once()
        self._flush()

    def follow_healing(self, follow: bool) -> None:
        """Show healing each second: how long an agent is silent, and what the machine uses, moves without events."""
        self._healing_followed = follow
        if follow and self._watched:
            self._show_healing()

    def follow_machine(self, follow: bool) -> None:
        """The same for the page that shows the machine beside the workers."""
        self._machine_followed = follow
        if follow and self._watched:
            self._healing_stale = True
            self._flush_soon()

    def follow_work(self, follow: bool) -> None:
        """Show tasks as they change, and each second: what an agent does lasts without events."""
        self.work.follow(follow)
        if follow and self._watched:
            self._flush_soon()

    def close(self) -> None:
        """Hear and show nothing any more."""
        self._unsubscribe()
        self._tasks.cancel()
        self._flush_timer.stop()
        self._tick_timer.stop()
        self._control_timer.stop()
        self._control_flush_timer.stop()
        self._control_next_turn.stop()
        self._closed = True

    def touch_control(self) -> None:
        """Control changed: shown in the loop's next turn, which keeps no action waiting for what is painted.

        No more often than every CONTROL_FLUSH_MS however much changes.
        """
        if self._closed:
            return
        if self._control_flush_timer.isActive():
            self._control_stale = True
            return
        self._control_flush_timer.start()
        self._control_next_turn.start()

    def _flush_control(self) -> None:
        if self._control_stale:
            self._control_stale = False
            self.touch_control()

    def refresh_control(self) -> None:
        """Show control and its queue as they are now."""
        previous, self.control = self.control, self._context.control.view()
        if _shown(self.control) != _shown(previous):
            self.control_changed.emit(self.control)
        if _weighs(self.control) != _weighs(previous):
            self._show_health()
        if self._watched or "armed" in (self.control.state, previous.state):
            self.input_changed.emit(self._context.input.view())
        self._pace_control()

    def _pace_control(self) -> None:
        """A countdown, a drill and what an agent does come without events."""
        moves = self.control.state in ("arming", "armed") or self.control.drill
        if moves != self._control_timer.isActive():
            self._control_timer.start() if moves else self._control_timer.stop()

    def _timer(self, interval_ms: int, *, single_shot: bool = False) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval_ms)
        timer.setSingleShot(single_shot)
        timer.setTimerType(Qt.TimerType.CoarseTimer)
        return timer

    def _on_record(self, record: Record) -> None:
        enabled = self._context.settings.current().notifications.enabled
        alerts = self._context.alerts
        is_snoozed = alerts.is_snoozed if alerts is not None else _nobody
        notice = self._notices.consider(record.event, time.monotonic(), enabled=enabled, is_snoozed=is_snoozed)
        if notice:
            self.notice.emit(notice)
        self._note_settings(record)
        if isinstance(record.event, EmergencyStopped):
            self.emergency.emit()
        if self._incidents is not None and self._incidents.feed(record) is not None:
            self._incidents_stale = True
        if isinstance(record.event, _OF_HEALING):
            self._healing_stale = True
        self.work.note(record.event)
        self._flush_soon()

    def _touch_healing(self) -> None:
        self._healing_stale = True
        self._flush_soon()

    def _touch_link(self) -> None:
        self._link_stale = True
        self._flush_soon()

    def _touch_work(self) -> None:
        self.work.touch()
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._closed and not self._flush_timer.isActive():
            self._flush_timer.start()

    def _tick(self) -> None:
        self._show_services()
        self._link_stale = True  # what counts down and grows old does so without events
        self._show_link()
        if self._healing_followed or self._machine_followed:
            self._show_healing()
        self.work.tick()

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
            if self._healing_stale:
                self._show_healing()
            self._show_link()
        self.work.flush(watched=self._watched)
        self._show_health()
        self.refresh_control()

    def _show_incidents(self) -> None:
        if self._incidents is not None and self._incidents_stale:
            self._incidents_stale = False
            self.incidents_changed.emit(self._incidents.rows())

    def _show_healing(self) -> None:
        """Looked up beside the loop: of ten thousand agents that takes as long as 25 ms."""
        if self._context.healing is not None and not self._looks_at_healing:
            self._healing_stale, self._looks_at_healing = False, True
            self._tasks.run(self._look_at_healing(self._context.healing))

    async def _look_at_healing(self, healing: HealingFace) -> None:
        try:
            view = await healing.view_apart()
        finally:
            self._looks_at_healing = False
        if self._closed:
            return
        self._take_healing(view)
        if self._healing_stale and self._watched:  # it changed meanwhile
            self._show_healing()

    def _show_link(self) -> None:
        if self._context.link is not None and self._link_stale:
            self._link_stale = False
            self.link_changed.emit(self._context.link.view())

    def _show_healing_at_once(self) -> None:
        self._healing_stale = False
        if self._context.healing is not None:
            self._take_healing(self._context.healing.view())

    def _take_healing(self, view: HealingView) -> None:
        previous, self.healing = self.healing, view
        if view != previous:
            self.healing_changed.emit(view)

    def _show_health(self) -> None:
        self.health = self._context.health()
        self.health_changed.emit(self.health)

    def _show_services(self) -> None:
        self.services_changed.emit(self._context.supervisor.views())


def _nobody(_: str) -> bool:
    return False


def _shown(control: ControlView) -> ControlView:
    """As the screen tells it: a countdown in whole seconds changes nothing in between."""
    return control if control.remaining_s is None else replace(control, remaining_s=int(control.remaining_s))


def _weighs(control: ControlView) -> tuple[object, ...]:
    """What shows beside the health: a latched stop and a broken chain are problems of the whole."""
    return control.state, control.broken, control.reason, control.stopped_by, control.frozen
