"""From the operator's held press, or passphrase, to what control is asked: arm, reset, settings, yes."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety.view import Confirmation, ControlView, Mode
from aurora_desktop.ui import control_words
from aurora_desktop.ui.bridge import Bridge
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.holding import HeldKeys, Hold
from aurora_desktop.ui.passphrase import PassphraseDialog
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.hold_button import HoldButton

Act = Callable[[Confirmation], Coroutine[Any, Any, None]]
CAN_CONFIRM = ("disarmed", "latched")


class Confirming(QObject):
    """One for the window: its keys and its hold buttons. `progressed` tells the part of a held key, and for what."""

    progressed = Signal(float, str)

    def __init__(self, context: UiContext, bridge: Bridge, tasks: Tasks, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._bridge, self._tasks, self._theme = context, bridge, tasks, theme
        self._window = window
        self.mode: Mode = context.settings.current().input.mode
        self.keys = HeldKeys((Qt.Key.Key_A, Qt.Key.Key_R), self)
        self.keys.touched.connect(self.expect)
        self.keys.pressed.connect(self._on_key)
        self._arm_hold = self._hold("arm", self.arm)
        self._reset_hold = self._hold("reset", self.reset)
        bridge.control_changed.connect(self._expect_again)

    @property
    def view(self) -> ControlView:
        return self._bridge.control

    def arm(self, confirmation: Confirmation) -> None:
        """Open the inner gate in the chosen mode."""
        mode = self.mode
        self._run(self._context.control.arm(mode, confirmation))

    def reset(self, confirmation: Confirmation) -> None:
        """Clear the latch."""
        self._run(self._context.control.reset(confirmation))

    def confirm_settings(self, confirmation: Confirmation) -> None:
        """Put the pending safety settings in force."""
        self._run(self._context.control.confirm_settings(confirmation))

    def expect(self) -> None:
        """A press may follow that the guard is to judge: it must watch before it comes."""
        if self.view.state in CAN_CONFIRM or self.view.pending:
            self._context.control.expect_press()

    def serve(self, button: HoldButton, title: str, act: Callable[[Confirmation], None], work: Act) -> None:
        """Let this button do `act` when it was held, or `work` with the passphrase."""
        button.touched.connect(self.expect)
        button.confirmed.connect(act)
        button.clicked.connect(lambda: button.by_passphrase and self.ask_passphrase(title, work))

    def ask_passphrase(self, title: str, work: Act) -> PassphraseDialog:
        """Ask for the passphrase (or a first one) and do `work` with it."""
        is_new = not self.view.has_passphrase
        do = self._set_first(work) if is_new else self._with(work)
        dialog = PassphraseDialog(self._window, self._theme, self._tasks, title, do, is_new=is_new)
        dialog.open()
        return dialog

    def choose_passphrase(self, confirmation: Confirmation) -> None:
        """After a held press: from now on the passphrase is asked for instead of one."""

        async def begin() -> None:
            await self._context.control.allow_passphrase(confirmation)
            set_first = self._context.control.set_passphrase
            PassphraseDialog(
                self._window, self._theme, self._tasks, "Use a passphrase", set_first, is_new=True, instead=True
            ).open()

        self._run(begin())

    def _with(self, work: Act) -> Callable[[str], Coroutine[Any, Any, None]]:
        async def do(passphrase: str) -> None:
            await work(Confirmation(passphrase=passphrase))
            self._bridge.refresh_control()

        return do

    def _set_first(self, work: Act) -> Callable[[str], Coroutine[Any, Any, None]]:
        """Once it is set the dialog has done its part: what `work` says is told by the window."""

        async def do(passphrase: str) -> None:
            await self._context.control.set_passphrase(passphrase)
            self._run(work(Confirmation(passphrase=passphrase)))

        return do

    async def arm_with(self, confirmation: Confirmation) -> None:
        """Arm in the mode that is chosen by then."""
        await self._context.control.arm(self.mode, confirmation)

    def _hold(self, word: str, act: Callable[[Confirmation], None]) -> Hold:
        hold = Hold(self)
        hold.progressed.connect(lambda part: self.progressed.emit(part, f"Keep holding to {word}"))
        hold.confirmed.connect(act)
        self.keys.released.connect(hold.end)
        return hold

    def _on_key(self, key: Qt.Key, pressed_at: int) -> None:
        arms = key == Qt.Key.Key_A
        if self.view.state != ("disarmed" if arms else "latched"):
            self.progressed.emit(0.0, self._why_not("arm" if arms else "reset"))
        elif arms and not control_words.can_arm(self.view):
            self.progressed.emit(0.0, control_words.way_to_arm(self.view))
        elif self.view.needs_passphrase:
            control = self._context.control
            self.ask_passphrase("Arm" if arms else "Reset", self.arm_with if arms else control.reset)
        else:
            (self._arm_hold if arms else self._reset_hold).begin(pressed_at, "key")

    def _why_not(self, verb: str) -> str:
        return f"Nothing to {verb} now. {control_words.state_sentence(self.view)}"

    def _expect_again(self) -> None:
        if self._window.isActiveWindow():
            self.expect()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        async def do() -> None:
            try:
                await work
            finally:
                self._bridge.refresh_control()

        self._tasks.run(do())


def in_words(error: AuroraError) -> str:
    """The error in one line."""
    return control_words.sentences(error.title, error.detail, error.hint)
