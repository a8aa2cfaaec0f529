"""What waits for the operator: remedies that ask first, what healing gave up on, and better values for settings."""

import shlex
import time

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from aurora_desktop.healing.view import EscalationView, HealingView, OfferView, ProposalView
from aurora_desktop.ui import icons, phrases
from aurora_desktop.ui.theme import Theme, Tone
from aurora_desktop.ui.tray import sentence_case
from aurora_desktop.ui.widgets.deliberate import DeliberateButton
from aurora_desktop.ui.widgets.pieces import Button, fixed_font_family, label

_ICON_SIZE, _GAP = 20, 12
_NARROW_PX = 560
_HEAD_HEIGHT, _LEAST_HEIGHT = 40, 60
Matter = OfferView | EscalationView | ProposalView


def matters_of(view: HealingView) -> tuple[Matter, ...]:
    """Everything that waits: what is stuck first, then questions, then advice."""
    return (*view.escalations, *view.offers, *(each for each in view.proposals if each.state == "open"))


def summary(matters: tuple[Matter, ...]) -> str:
    """`2 remedies and 1 escalation wait for you`."""
    names = ((EscalationView, "escalation"), (OfferView, "remedy"), (ProposalView, "proposal"))
    counts = [(sum(isinstance(each, kind) for each in matters), name) for kind, name in names]
    parts = [f"{count} {_plural(name, count)}" for count, name in counts if count]
    text = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
    return f"{text} {'waits' if len(matters) == 1 else 'wait'} for you"


def _plural(name: str, count: int) -> str:
    if count == 1:
        return name
    return "remedies" if name == "remedy" else f"{name}s"


class MatterCard(QFrame):
    """One matter: what was found, what would be done, and the buttons that answer."""

    def __init__(self, theme: Theme, tone: Tone, icon: str) -> None:
        super().__init__()
        self.setObjectName("matter")
        self.setProperty("tone", tone)
        self._theme, self._tone, self._icon = theme, tone, icon
        self._image = QLabel()
        self._image.setFixedSize(_ICON_SIZE, _ICON_SIZE)
        self._image.setAccessibleName("Waits for you")
        self.title = label("", "heading", wrap=True)
        self.words = label("", wrap=True)
        self.command = _command_label()
        self.when = label("", "small", wrap=True)
        self.buttons: list[DeliberateButton] = []
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(8)
        self._lay_out()
        theme.changed.connect(self._draw)
        self._draw()

    def settle(self) -> None:
        """Let no button be pressed for a moment."""
        for button in self.buttons:
            button.settle()

    def add_button(self, button: DeliberateButton) -> DeliberateButton:
        """Put a button at the end of the row."""
        self.buttons.append(button)
        self._row.addWidget(button)
        return button

    def tell(self, title: str, words: str, when: str, command: str = "") -> None:
        """Say what it is about."""
        self.title.setText(sentence_case(phrases.quoted(title)))
        self.words.setText(sentence_case(phrases.quoted(words)))
        self.words.setVisible(bool(words))
        self.when.setText(when)
        self.command.setText(command)
        self.command.setVisible(bool(command))
        self.setAccessibleName(self.title.text())
        self.setAccessibleDescription(". ".join(part for part in (self.words.text(), command) if part))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        below = self.width() < _NARROW_PX
        direction = QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight
        if self._outer.direction() != direction:
            self._outer.setDirection(direction)
            at = Qt.AlignmentFlag.AlignLeft if below else Qt.AlignmentFlag.AlignVCenter
            self._outer.setAlignment(self._row, at)
            self._row.setContentsMargins(_ICON_SIZE + _GAP if below else 0, 0, 0, 0)  # below the words

    def _lay_out(self) -> None:
        text = QVBoxLayout()
        text.setSpacing(4)
        for each in (self.title, self.words, self.command, self.when):
            text.addWidget(each)
        left = QHBoxLayout()
        left.setSpacing(_GAP)
        left.addWidget(self._image, 0, Qt.AlignmentFlag.AlignTop)
        left.addLayout(text, 1)
        self._outer = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._outer.setContentsMargins(14, 12, 14, 12)
        self._outer.setSpacing(10)
        self._outer.addLayout(left, 1)
        self._outer.addLayout(self._row)
        self._outer.setAlignment(self._row, Qt.AlignmentFlag.AlignVCenter)

    def _draw(self) -> None:
        tokens = self._theme.tokens
        ratio, surface = self.devicePixelRatioF(), tokens.soft(self._tone)
        self._image.setPixmap(icons.pixmap(self._icon, _ICON_SIZE, ratio, tokens.tone(self._tone), surface))


class Waiting(QWidget):
    """The matters as cards; `expanded_changed` when their list is opened or folded."""

    accepted = Signal(int)
    declined = Signal(int)
    seen_to = Signal(str)
    proposal_answered = Signal(int, bool)
    expanded_changed = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._matters: tuple[Matter, ...] = ()
        self.cards: list[MatterCard] = []
        self.is_expanded = True
        self.heading = label("", "heading")
        self.fold = Button("Fold", "chevron-down", theme, kind="icon")
        self.fold.clicked.connect(lambda: self.expand(expand=not self.is_expanded))
        self._build()
        self.hide()

    def show_healing(self, view: HealingView) -> None:
        """Show what waits now; nothing hides the whole area."""
        matters = matters_of(view)
        if matters == self._matters:
            return
        self._matters = matters
        self.heading.setText(summary(matters) if matters else "")
        self._fill()
        self.setVisible(bool(matters))

    def expand(self, *, expand: bool) -> None:
        """Show the cards, or the summary alone."""
        self.is_expanded = expand
        self.area.setVisible(expand)
        self.fold.set_icon("chevron-down" if expand else "chevron-right")
        self.fold.setAccessibleName("Fold what waits for you" if expand else "Show what waits for you")
        self.fold.setToolTip(self.fold.accessibleName())
        self.expanded_changed.emit(expand)

    def limit_height(self, most: int) -> None:
        """As high as the cards need, up to `most` pixels; the rest is scrolled to."""
        width = self.area.viewport().width()
        wanted = max(self._column.totalHeightForWidth(width), self._column.totalSizeHint().height())
        self.area.setFixedHeight(max(min(wanted, most - _HEAD_HEIGHT), _LEAST_HEIGHT))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.settle()

    def settle(self) -> None:
        """Whatever stands under the pointer now, it cannot be pressed for a moment."""
        for card in self.cards:
            card.settle()

    def _build(self) -> None:
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 4, 0)
        self._column.setSpacing(8)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(inside)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.fold)
        head.addWidget(self.heading, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.area, 1)
        self.expand(expand=True)

    def _fill(self) -> None:
        for card in self.cards:
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = [self._card(matter) for matter in self._matters]
        for card in self.cards:
            self._column.addWidget(card)
        self.settle()

    def _card(self, matter: Matter) -> MatterCard:
        match matter:
            case OfferView():
                return self._offer_card(matter)
            case EscalationView():
                return self._escalation_card(matter)
            case ProposalView():
                return self._proposal_card(matter)

    def _offer_card(self, offer: OfferView) -> MatterCard:
        card = MatterCard(self._theme, "warn", "needs-you")
        when = f"{phrases.named(offer.remedy)}, offered {phrases.moment(offer.at, time.time())}"
        card.tell(phrases.about(offer.component, offer.fault), offer.sentence, when, shlex.join(offer.command))
        decline = card.add_button(DeliberateButton("Decline", "", self._theme, tip="Leave it as it is"))
        apply = card.add_button(DeliberateButton("Apply", "", self._theme, kind="primary", tip="Do this now"))
        _name(decline, f"Decline: {card.title.text()}")
        _name(apply, f"Apply: {card.title.text()}")
        apply.clicked.connect(lambda: self.accepted.emit(offer.id))
        decline.clicked.connect(lambda: self.declined.emit(offer.id))
        return card

    def _escalation_card(self, escalation: EscalationView) -> MatterCard:
        card = MatterCard(self._theme, "bad", "needs-you")
        when = f"Healing rests since {phrases.moment(escalation.at, time.time())}"
        card.tell(phrases.about(escalation.component, escalation.sentence), escalation.hint, when)
        tip = "Healing may try again from here on"
        seen = card.add_button(DeliberateButton("I have seen to it", "", self._theme, kind="primary", tip=tip))
        _name(seen, f"I have seen to it: {card.title.text()}")
        seen.clicked.connect(lambda: self.seen_to.emit(escalation.component))
        return card

    def _proposal_card(self, proposal: ProposalView) -> MatterCard:
        card = MatterCard(self._theme, "info", "needs-you")
        change = f"{proposal.old} \N{RIGHTWARDS ARROW} {proposal.new}"
        when = "A trial: taken back by itself if the outcome is worse"
        card.tell(f"A better value for {proposal.setting}", proposal.sentence, when, change)
        later = card.add_button(DeliberateButton("Not now", "", self._theme, tip="Keep the value"))
        apply = card.add_button(DeliberateButton("Apply", "", self._theme, kind="primary", tip="Try the new value"))
        _name(later, f"Not now: {card.title.text()}")
        _name(apply, f"Apply: {card.title.text()}")
        apply.clicked.connect(lambda: self.proposal_answered.emit(proposal.id, True))  # noqa: FBT003 - a signal's values
        later.clicked.connect(lambda: self.proposal_answered.emit(proposal.id, False))  # noqa: FBT003 - the same
        return card


def _name(button: Button, name: str) -> None:
    """Three buttons that all say Apply are told apart by what they apply."""
    button.setAccessibleName(name)


def _command_label() -> QLabel:
    made = label("", wrap=True)
    made.setObjectName("command")
    made.setFont(QFont(fixed_font_family(), 10))
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made.setAccessibleName("Exactly this would run")
    return made
