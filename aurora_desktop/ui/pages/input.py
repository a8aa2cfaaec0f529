"""The input page: gate, arming, stop key, queue, and what agents did."""

from typing import Any, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input import request
from aurora_desktop.input.view import InputView
from aurora_desktop.safety.view import ControlView, Mode
from aurora_desktop.ui.confirming import Confirming, in_words
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.pages.keys import Reachable
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.control_cards import GateCard, PendingCard, RequestCard, StopKeyCard
from aurora_desktop.ui.widgets.pieces import scrolled
from aurora_desktop.ui.widgets.task_tables import HistoryCard, QueueCard
from aurora_desktop.ui.widgets.try_card import TryCard


class InputPage(Reachable):
    """A card for each matter; what changed control asks the bridge to look again."""

    acted = Signal()
    thaw_asked = Signal(object)

    def __init__(self, context: UiContext, theme: Theme, tasks: Tasks, confirming: Confirming) -> None:
        super().__init__()
        self.setObjectName("page")
        self._context, self._confirming = context, confirming
        self.pending = PendingCard(theme)
        self.request = RequestCard(theme)
        self.gate = GateCard(theme, confirming.mode)
        self.stop_key = StopKeyCard(theme)
        self.queue = QueueCard(theme)
        self.trial = TryCard(theme)
        self.history = HistoryCard(theme, tasks)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(12)
        for each in (self.pending, self.request, self.gate, self.stop_key, self.queue, self.trial, self.history):
            column.addWidget(each)
        column.addStretch(1)
        self.area = scrolled(inside, "Input")
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.area)
        self._connect()

    def show_control(self, view: ControlView) -> None:
        """Show control as it is now."""
        for each in (self.pending, self.request, self.gate, self.stop_key):
            each.show_control(view)

    def show_input(self, view: InputView) -> None:
        """Show queue and history as they are now."""
        for each in (self.gate, self.queue, self.history):
            each.show_input(view)

    def focus_first(self) -> QWidget:
        """The widget that the page begins with."""
        chosen = self.gate.modes[self._confirming.mode]
        return chosen if chosen.isVisible() else self.trial.kind

    def escape(self) -> None:
        """Close what an agent did in detail."""
        self.history.close_details()

    def _connect(self) -> None:
        confirming, control = self._confirming, self._context.control
        confirming.serve(self.gate.arm, "Arm", confirming.arm, confirming.arm_with)
        confirming.serve(self.gate.reset, "Reset", confirming.reset, control.reset)
        self.gate.passphrase.touched.connect(confirming.expect)
        self.gate.passphrase.confirmed.connect(confirming.choose_passphrase)
        confirming.serve(self.pending.confirm, "Put in force", confirming.confirm_settings, control.confirm_settings)
        self.gate.mode_chosen.connect(self._choose)
        self.gate.frozen.thaw_asked.connect(self.thaw_asked)
        self.request.declined.connect(self._decline)
        self.stop_key.drill_asked.connect(self._drill)
        self.queue.cancel_asked.connect(self._cancel)
        self.trial.submitted.connect(self._submit)

    def _choose(self, mode: str) -> None:
        self._confirming.mode = cast(Mode, mode)

    def _decline(self) -> None:
        self._context.control.decline_request()
        self.acted.emit()

    def _drill(self, on: bool) -> None:
        self._context.control.set_drill(on=on)
        self.acted.emit()

    def _submit(self, fields: dict[str, Any]) -> None:
        try:
            self._context.input.submit(request.parse(fields))
        except AuroraError as error:
            self.trial.show_error(in_words(error))
        self.acted.emit()

    def _cancel(self, task_id: str) -> None:
        self._context.input.cancel(task_id, "window")
        self.acted.emit()
