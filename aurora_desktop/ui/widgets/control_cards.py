"""The cards of the input page: the gate with its arming, the stop key with its drill, what waits to be confirmed."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QRadioButton, QVBoxLayout, QWidget

from aurora_desktop.input.view import InputView
from aurora_desktop.safety.view import ControlView, Mode
from aurora_desktop.ui import control_words, icons, phrases
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.frozen import Frozen
from aurora_desktop.ui.widgets.hold_button import HoldButton
from aurora_desktop.ui.widgets.pieces import Button, Facts, card, label, let_go_of_focus

_ICON_SIZE = 18
_MODE_TIPS: dict[Mode, str] = {
    "ask": "A question names each action and shows its place; without your answer it is refused",
    "act": "Agents act without asking",
    "dry_run": "Everything but the events: checked, written down, not sent",
}
_PROVE = {False: "&Prove the stop key", True: "&Prove the stop key again"}
_FACTS = ("Reason", "What to do", "In control", "Crashes of the worker", "Events by", "Displays")


class GateCard(QFrame):
    """The gate: what state it is in and why, and the way to arm or reset it."""

    mode_chosen = Signal(str)

    def __init__(self, theme: Theme, mode: Mode) -> None:
        super().__init__()
        _as_card(self, "gate")
        self.sentence = label("", "heading", wrap=True)
        self.facts = Facts(_FACTS, wrap=True)
        self.modes: dict[Mode, QRadioButton] = {}
        self._group = QButtonGroup(self)
        self._modes = QWidget()
        modes = QHBoxLayout(self._modes)
        modes.setContentsMargins(0, 0, 0, 0)
        modes.setSpacing(16)
        for each, words in control_words.MODE_WORDS.items():
            modes.addWidget(self._mode_button(each, words, checked=each == mode))
        modes.addStretch(1)
        self.arm = HoldButton("Hold to arm", theme, tip=f"Agents may act for a while ({control_words.ARM_KEYS})")
        self.reset = HoldButton("Hold to reset", theme, tip=f"Clear the latch ({control_words.RESET_KEYS})")
        self.passphrase = HoldButton(
            "Hold to use a passphrase", theme, kind="quiet", tip="For work through VNC or with an on-screen keyboard"
        )
        self.frozen_words = label("Still frozen by the last stop:", "muted")
        self.frozen = Frozen(theme)
        self._lay_out()

    def show_control(self, view: ControlView) -> None:
        """Show the gate as it is now."""
        self.sentence.setText(control_words.state_sentence(view))
        for button, usable in ((self.arm, control_words.can_arm(view)), (self.reset, view.state == "latched")):
            if not usable:
                let_go_of_focus(button)
        self.arm.setEnabled(control_words.can_arm(view))
        self.arm.setVisible(view.state in ("closed", "disarmed"))
        self._modes.setVisible(view.state in ("closed", "latched", "disarmed"))
        self.reset.setVisible(view.state == "latched" and not control_words.is_emergency(view))
        for button, verb in ((self.arm, "arm"), (self.reset, "reset")):
            button.by_passphrase = view.needs_passphrase
            button.set_text(f"{verb.capitalize()}\u2026" if view.needs_passphrase else f"Hold to {verb}")
        may_choose = view.state == "disarmed" and not view.needs_passphrase
        if not may_choose:
            let_go_of_focus(self.passphrase)
        self.passphrase.setVisible(may_choose)
        frozen = view.frozen if not control_words.is_emergency(view) else ()
        self.frozen.show_names(frozen)
        self.frozen_words.setVisible(bool(frozen))

    def show_input(self, view: InputView) -> None:
        """Show what is around the gate."""
        control = view.control
        facts = {
            "Reason": control_words.sentences(control.reason),
            "What to do": control_words.what_to_do(control),
            "In control": control_words.agent_name(control.holder) if control.holder else "",
            "Crashes of the worker": str(control.worker_restarts) if control.worker_restarts else "",
            "Events by": view.backend,
            "Displays": ", ".join(f"{each.id} {each.width} \u00d7 {each.height}" for each in view.displays),
        }
        self.facts.show_facts(facts)
        self.facts.setVisible(any(facts.values()))

    def _mode_button(self, mode: Mode, words: str, *, checked: bool) -> QRadioButton:
        radio = QRadioButton(words)
        radio.setAccessibleDescription(_MODE_TIPS[mode])
        radio.setToolTip(_MODE_TIPS[mode])
        radio.setChecked(checked)
        radio.clicked.connect(lambda: self.mode_chosen.emit(mode))
        self._group.addButton(radio)
        self.modes[mode] = radio
        return radio

    def _lay_out(self) -> None:
        column = _column(self)
        column.addWidget(self.sentence)
        column.addWidget(self.facts)
        column.addWidget(self._modes)
        row = QHBoxLayout()
        row.addWidget(self.arm)
        row.addWidget(self.reset)
        row.addStretch(1)
        row.addWidget(self.passphrase)
        column.addLayout(row)
        column.addWidget(self.frozen_words)
        column.addWidget(self.frozen)


class StopKeyCard(QFrame):
    """The panic hotkey, whether it is proven, and the drill that proves it."""

    drill_asked = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        _as_card(self, "stopKey")
        self._theme = theme
        self._view = ControlView(state="closed")
        self._image = QLabel()
        self._image.setFixedSize(_ICON_SIZE, _ICON_SIZE)
        self.keys = label("", "big")
        self.keys.setAccessibleName("Stop key")
        self.state = label("")
        self.instruction = label("", "title", wrap=True)
        self.instruction.hide()
        self.prove = Button("&Prove the stop key", "prove", theme, tip="Press it once while it stops nothing")
        self.prove.clicked.connect(lambda: self.drill_asked.emit(not self._view.drill))
        self._lay_out()
        theme.changed.connect(self._draw)

    def show_control(self, view: ControlView) -> None:
        """Show the hotkey as it is now."""
        succeeded = self._view.drill and view.hotkey_state == "proven"
        self._view = view
        self.keys.setText(control_words.hotkey_text(view.hotkey))
        self.state.setText(control_words.HOTKEY_WORDS[view.hotkey_state])
        may_drill = view.hotkey_state in ("listening", "proven") and view.state not in ("arming", "armed")
        if not may_drill:
            let_go_of_focus(self.prove)
        self.prove.setEnabled(may_drill)
        self.prove.set_text("End the &drill" if view.drill else _PROVE[view.hotkey_state == "proven"])
        if view.drill and not succeeded:
            self.instruction.setText(f"Press {self.keys.text()} now. In this drill it stops nothing")
        elif succeeded:
            self.instruction.setText("It works: this key stops everything")
        self.instruction.setVisible(view.drill or succeeded or self._still_praised())
        self._draw()

    def _still_praised(self) -> bool:
        """The tick stays until the next drill, or until the key is lost."""
        return self.instruction.text().startswith("It works") and self._view.hotkey_state == "proven"

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(10)
        for each in (self.keys, self._image, self.state):
            row.addWidget(each)
        row.addStretch(1)
        column = _column(self)
        column.addWidget(label("Stop key", "heading"))
        column.addLayout(row)
        column.addWidget(self.instruction)
        column.addWidget(self.prove, 0, Qt.AlignmentFlag.AlignLeft)
        words = "It stops everything from anywhere on the screen, also while Aurora's window is closed or hangs."
        column.addWidget(label(words, "muted", wrap=True))

    def _draw(self) -> None:
        name, tone = control_words.HOTKEY_LOOKS[self._view.hotkey_state]
        tokens = self._theme.tokens
        self._image.setPixmap(
            icons.pixmap(name, _ICON_SIZE, self.devicePixelRatioF(), tokens.tone(tone), tokens.surface)
        )
        self._image.setAccessibleName(self.state.text())


class RequestCard(QFrame):
    """An agent asks for mouse and keyboard: the operator arms below, or says no."""

    declined = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("noticeCard")
        self.sentence = label("", "heading", wrap=True)
        self.reason = label("", wrap=True)
        self.reason.setAccessibleName("What the agent says")
        self.decline = Button("Decl&ine", "close", theme, tip="The agent is told no")
        self.decline.clicked.connect(self.declined)
        column = _column(self)
        column.addWidget(self.sentence)
        column.addWidget(self.reason)
        column.addWidget(self.decline, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_control(self, view: ControlView) -> None:
        """Show who asks, if anybody does."""
        asked = view.request
        if asked is None:
            let_go_of_focus(self.decline)
        else:
            who = control_words.agent_name(asked.agent)
            self.sentence.setText(f"{who[:1].upper()}{who[1:]} asks for mouse and keyboard")
            self.reason.setText(f"\u201c{asked.reason}\u201d" if asked.reason else "It does not say why.")
        self.setVisible(asked is not None)


class PendingCard(QFrame):
    """Changed settings that loosen safety: not in force until the operator says so.

    `most`: so many are shown; of more some are to be read elsewhere, where alone they can be put in force.
    """

    def __init__(self, theme: Theme, most: int | None = None) -> None:
        super().__init__()
        self.setObjectName("noticeCard")
        self._most = most
        self.changes = label("", wrap=True)
        self.changes.setAccessibleName("Safety settings that wait")
        self.confirm = HoldButton("Hold to put in force", theme, tip="These changes loosen safety")
        column = _column(self)
        column.addWidget(label("Changed settings that loosen safety wait for you", "heading"))
        column.addWidget(self.changes)
        column.addWidget(self.confirm, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_control(self, view: ControlView) -> None:
        """Show what waits, if anything does."""
        self.setVisible(bool(view.pending))
        shown = [f"\u2022 {phrases.quoted(each)}" for each in view.pending[: self._most]]
        if rest := len(view.pending) - len(shown):
            shown.append(f"and {rest} more: read all of them on the page Input")
        self.changes.setText("\n".join(shown))
        self.confirm.setVisible(not rest)
        self.confirm.by_passphrase = view.needs_passphrase
        self.confirm.set_text("Put in force\u2026" if view.needs_passphrase else "Hold to put in force")


def _as_card(frame: QFrame, name: str) -> None:
    frame.setObjectName(name)
    frame.setProperty("card", card(name).property("card"))


def _column(frame: QFrame) -> QVBoxLayout:
    column = QVBoxLayout(frame)
    column.setContentsMargins(16, 14, 16, 14)
    column.setSpacing(10)
    return column
