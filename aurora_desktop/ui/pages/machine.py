"""The machine: how full it is, what healing may do about it, and what is ahead."""

import time

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from aurora_desktop.healing.view import HealingView, PermissionView, PredictionView, ResourceView
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.rows import Look
from aurora_desktop.ui.pages.section import Section
from aurora_desktop.ui.theme import Theme, Tone
from aurora_desktop.ui.widgets.bars import HistoryLine, LevelBar
from aurora_desktop.ui.widgets.lines import Line, Lines
from aurora_desktop.ui.widgets.pieces import ElidedLabel, card, label, scrolled

_NARROW_PX = 700
# So near to the limit is worth a look.
_NEAR = 0.9


def tone_of(resource: ResourceView) -> Tone:
    """Well, near its limit, or over it."""
    if resource.percent >= resource.limit:
        return "bad"
    return "warn" if resource.percent >= _NEAR * resource.limit else "ok"


def level_in_words(resource: ResourceView) -> str:
    """Where the resource stands against its limit."""
    limit = f"its limit of {resource.limit:.0f} %"
    if resource.percent >= resource.limit:
        lasting = f" for {phrases.duration(resource.breached_s)}" if resource.breached_s else ""
        return f"Over {limit}{lasting}"
    return f"Near {limit}" if resource.percent >= _NEAR * resource.limit else f"Under {limit}"


class ResourceCard(QFrame):
    """One resource: the figure, the bar with its mark, words, and how it went."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self._theme = theme
        self.name, self.figure = label("", "heading"), label("", "big")
        self.words, self.detail = label("", wrap=True), ElidedLabel("", "small")
        self.bar, self.history = LevelBar(theme), HistoryLine(theme)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.figure)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(4)
        column.addLayout(head)
        for each in (self.bar, self.words, self.detail):
            column.addWidget(each)
        column.addSpacing(4)
        column.addWidget(self.history)
        column.addStretch(1)

    def show_resource(self, resource: ResourceView) -> None:
        """Show it as it is now."""
        tone = tone_of(resource)
        words = level_in_words(resource)
        self.name.setText(phrases.RESOURCE_WORDS[resource.resource])
        self.figure.setText(f"{resource.percent:.0f} %")
        self.words.setText(words)
        self.words.setStyleSheet("" if tone == "ok" else f"color: {self._theme.tokens.tone(tone)}; font-weight: 600;")
        self.detail.setText(resource.detail)
        self.bar.show_level(resource.percent, resource.limit, tone)
        self.history.show_values(resource.history, resource.limit)
        self.setAccessibleName(f"{self.name.text()}: {self.figure.text()}. {words}")
        self.setAccessibleDescription(resource.detail)


class MachineSection(Section):
    """Scrolls as a whole; side by side where there is room."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.cards: list[ResourceCard] = []
        self._theme = theme
        self._view: HealingView | None = None
        self.nothing = label("The machine has not been looked at yet.", "muted")
        self.predictions, self.permissions = Lines(theme), Lines(theme)
        self.no_predictions = label("", "muted", wrap=True)
        self.no_permissions = label("Nothing is known yet of what healing may do here.", "muted", wrap=True)
        self.honesty = label("", "small", wrap=True)
        self._lay_out()
        theme.changed.connect(self._again)

    def show_healing(self, view: HealingView) -> None:
        """Show bars, permissions and predictions as they are now."""
        self._view = view
        self._show_resources(view.machine)
        self.nothing.setVisible(not view.machine)
        self.permissions.show_lines([permission_line(each) for each in view.permissions])
        self.no_permissions.setVisible(not view.permissions)
        now = time.time()
        soonest = sorted(view.predictions, key=lambda each: each.due)
        self.predictions.show_lines([prediction_line(each, now) for each in soonest])
        self.no_predictions.setText("Nothing is seen coming.")
        self.no_predictions.setVisible(not view.predictions)
        self.honesty.setText(record_of(view))

    def focus_first(self) -> QWidget:
        """The page scrolls by keys."""
        return self.area

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW_PX
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        for row in (self._resources, self._below):
            row.setDirection(direction)

    def _again(self) -> None:
        if self._view is not None:
            self.show_healing(self._view)

    def _show_resources(self, resources: tuple[ResourceView, ...]) -> None:
        while len(self.cards) < len(resources):
            self.cards.append(ResourceCard(self._theme))
            self._resources.addWidget(self.cards[-1], 1)
        for place, each in enumerate(self.cards):
            each.setVisible(place < len(resources))
        for each, resource in zip(self.cards, resources, strict=False):
            each.show_resource(resource)

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(12)
        self._resources = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._resources.setSpacing(12)
        self._below = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._below.setSpacing(12)
        ahead = (self.predictions, self.no_predictions, self.honesty)
        self._below.addWidget(_card("Ahead", *ahead), 1)
        self._below.addWidget(_card("What healing may do here", self.permissions, self.no_permissions), 1)
        column.addWidget(self.nothing)
        column.addLayout(self._resources)
        column.addLayout(self._below)
        column.addStretch(1)
        self.area = scrolled(inside, "The machine")
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.area)


def permission_line(permission: PermissionView) -> Line:
    """May or may not, in a shape and in words."""
    may = "may" if permission.allowed else "may not"
    look: Look = ("state-ready", "ok") if permission.allowed else ("state-stopped", "muted")
    return Line(look=look, title=f"{phrases.quoted(permission.what)}: {may}", words=phrases.quoted(permission.why))


def prediction_line(prediction: PredictionView, now: float) -> Line:
    """What, when, how sure, and what could be done."""
    what = phrases.PREDICTION_WORDS[prediction.kind]
    when, sure = phrases.ahead(prediction.due, now), phrases.sureness(prediction.confidence)
    title = f"{what}, {phrases.component(prediction.component)}: {when} ({sure})"
    words = ". ".join(part.rstrip(".") for part in (prediction.sentence, prediction.advice) if part)
    return Line(look=("state-unhealthy", "warn"), title=title, words=phrases.quoted(words))


def record_of(view: HealingView) -> str:
    """How good the predictions were so far, false alarms first."""
    made, false = view.predictions_made, view.predictions_false
    if not made:
        return "No predictions so far. They are advice: nothing is done because of one."
    alarms = {0: "none was a false alarm", 1: "1 was a false alarm"}.get(false, f"{false} were false alarms")
    return f"{made} predictions so far, {alarms}. They are advice: nothing is done because of one."


def _card(title: str, *parts: QWidget) -> QFrame:
    frame = card("matters")
    frame.setAccessibleName(title)
    column = QVBoxLayout(frame)
    column.setContentsMargins(16, 12, 16, 14)
    column.setSpacing(10)
    column.addWidget(label(title, "heading"))
    for part in parts:
        column.addWidget(part)
    column.addStretch(1)
    return frame
