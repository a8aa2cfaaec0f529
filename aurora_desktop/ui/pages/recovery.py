"""The recovery page: what waits for the operator, and below it one section at a time."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.alerts.view import AlertsFace
from aurora_desktop.healing.incident import Incident
from aurora_desktop.healing.view import HealingFace, HealingView
from aurora_desktop.link.view import LinkFace, LinkView
from aurora_desktop.ui.context import SettingsFace
from aurora_desktop.ui.pages.keys import Reachable
from aurora_desktop.ui.pages.section import Section
from aurora_desktop.ui.pages.timeline import Timeline
from aurora_desktop.ui.tasks import ErrorShown, Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.sections import Sections
from aurora_desktop.ui.widgets.waiting import Waiting

SECTIONS = ("Timeline", "Memory", "Statistics", "Machine", "Agents", "Link", "Alerts")
# The least height at which cards and a section are both of use.
_LOW_PX = 430
_MOST_WAITING = 0.45


class RecoveryPage(Reachable):
    """Builds a section when it is first looked at. `acted`: healing is to be looked at again; `followed`: each second.

    A low window shows either what waits or the section; folding the one brings the other.
    """

    acted = Signal()
    followed = Signal(bool)

    def __init__(
        self,
        healing: HealingFace | None,
        theme: Theme,
        tasks: Tasks,
        show_error: ErrorShown,
        link: LinkFace | None = None,
        alerts: AlertsFace | None = None,
        settings: SettingsFace | None = None,
    ) -> None:
        super().__init__()
        self._link, self._alerts, self._settings = link, alerts, settings
        self.setObjectName("page")
        self._healing, self._theme, self._tasks, self._show_error = healing, theme, tasks, show_error
        self._view: HealingView | None = None
        self._incidents: tuple[Incident, ...] = ()
        self._built: dict[int, Section] = {}
        self.waiting = Waiting(theme)
        self.sections = Sections("Sections of the recovery page", SECTIONS)
        self.sections.setTabVisible(SECTIONS.index("Link"), link is not None)
        self.sections.setTabVisible(SECTIONS.index("Alerts"), alerts is not None and settings is not None)
        self._stack = QStackedWidget()
        self._lay_out()
        self.sections.setVisible(healing is not None)
        self._connect()
        self._show_section(0)

    @property
    def timeline(self) -> Timeline:
        """The section that is there from the start."""
        section = self._built[0]
        assert isinstance(section, Timeline)  # noqa: S101 - the first is built with the page
        return section

    @property
    def section(self) -> Section:
        """The one that is shown."""
        return self._built[self.sections.currentIndex()]

    def show_incidents(self, incidents: tuple[Incident, ...]) -> None:
        """Show these, newest first."""
        self._incidents = incidents
        for section in self._built.values():
            section.show_incidents(incidents)

    def show_healing(self, view: HealingView) -> None:
        """Show healing as it is now."""
        self._view = view
        self.waiting.show_healing(view)
        self.section.show_healing(view)
        self._share_height()

    def show_link(self, view: LinkView) -> None:
        """Show the link as it is now, where somebody looks at it."""
        for section in self._built.values():
            section.show_link(view)

    def show_settings(self) -> None:
        """The settings have changed."""
        for section in self._built.values():
            section.show_settings()

    def go_to(self, title: str) -> None:
        """Show the section of this title."""
        self.sections.setCurrentIndex(SECTIONS.index(title))

    def focus_first(self) -> QWidget:
        """The widget that the page begins with."""
        return self.section.focus_first() if self._stack.isVisible() else self.waiting.fold

    def focus_filter(self) -> None:
        """Put the cursor into the field of the section."""
        self.section.focus_filter()

    def escape(self) -> None:
        """Close what the section has open."""
        self.section.escape()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.followed.emit(True)  # noqa: FBT003 - a signal's value

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.followed.emit(False)  # noqa: FBT003 - a signal's value

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_height()
        self.waiting.settle()  # a banner that came above moved every card

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.waiting)
        column.addWidget(self.sections)
        column.addWidget(self._stack, 1)

    def _connect(self) -> None:
        self.sections.currentChanged.connect(self._show_section)
        self.waiting.expanded_changed.connect(self._share_height)
        for keys, by in (("Ctrl+Tab", 1), ("Ctrl+Shift+Tab", -1)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(lambda by=by: self.sections.step(by))
        if self._healing is not None:
            self._connect_answers(self._healing)

    def _connect_answers(self, healing: HealingFace) -> None:
        waiting = self.waiting
        waiting.accepted.connect(lambda offer: self._act(lambda: healing.accept(offer)))
        waiting.declined.connect(lambda offer: self._act(lambda: healing.decline(offer)))
        waiting.seen_to.connect(lambda component: self._act(lambda: healing.clear_escalation(component, "window")))
        waiting.proposal_answered.connect(
            lambda proposal, apply: self._act(lambda: healing.answer_proposal(proposal, apply=apply))
        )

    def _act(self, act: Callable[[], None]) -> None:
        try:
            act()
        except AuroraError as error:  # of no use any more since the card was shown
            self._show_error(error)
        self.acted.emit()

    def _share_height(self) -> None:
        """What waits gets the room that its cards need, and no more than its part."""
        low = self.height() < _LOW_PX and not self.waiting.isHidden() and self.waiting.is_expanded
        self.sections.setVisible(self._healing is not None and not low)
        self._stack.setVisible(not low)
        most = self.height() if low else round(self.height() * _MOST_WAITING)
        self.waiting.limit_height(most)

    def _show_section(self, place: int) -> None:
        if place not in self._built:
            self._built[place] = self._build(SECTIONS[place])
            self._stack.addWidget(self._built[place])
            self._built[place].show_incidents(self._incidents)
        if self._view is not None:
            self._built[place].show_healing(self._view)
        self._stack.setCurrentWidget(self._built[place])

    def _build(self, title: str) -> Section:
        """Imported when first shown: the memory of what nobody looks at is better spent elsewhere."""
        if title == "Timeline" or self._healing is None:
            return Timeline(self._theme)
        if title == "Memory":
            from aurora_desktop.ui.pages.failures import FailuresSection

            return FailuresSection(self._healing, self._theme, self._tasks)
        if title == "Statistics":
            from aurora_desktop.ui.pages.statistics import StatisticsSection

            return StatisticsSection(self._healing, self._theme, self._tasks)
        if title == "Machine":
            from aurora_desktop.ui.pages.machine import MachineSection

            return MachineSection(self._theme)
        if title == "Link" and self._link is not None:
            from aurora_desktop.ui.pages.link import LinkSection

            return LinkSection(self._link, self._theme, self._tasks, self._show_error)
        if title == "Alerts" and self._alerts is not None and self._settings is not None:
            from aurora_desktop.ui.pages.alerts import AlertsSection

            return AlertsSection(self._alerts, self._settings, self._theme, self._tasks)
        from aurora_desktop.ui.pages.agents import AgentsSection

        return AgentsSection(self._theme)
