"""Presses that are held: long enough, by hand, and by the display's own time."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication

from aurora_desktop.safety.messages import HOLD_S
from aurora_desktop.safety.view import Confirmation
from aurora_desktop.ui.holding import HOLD_MS, Hold
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.hold_button import HoldButton

LEFT = Qt.MouseButton.LeftButton
CHORD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def button(qtbot) -> HoldButton:
    made = HoldButton("Hold to arm", Theme("light"))
    made.hold._timer.setInterval(20)
    qtbot.addWidget(made)
    made.show()
    return made


def press_at(button: HoldButton, time_ms: int, kind=QEvent.Type.MouseButtonPress) -> None:
    """A press as the display would report it."""
    at = QPointF(button.rect().center())
    buttons = LEFT if kind == QEvent.Type.MouseButtonPress else Qt.MouseButton.NoButton
    event = QMouseEvent(kind, at, button.mapToGlobal(at), LEFT, buttons, Qt.KeyboardModifier.NoModifier)
    event.setTimestamp(time_ms)
    QApplication.sendEvent(button, event)


def key(button: HoldButton, kind: QEvent.Type, *, repeated: bool = False, time_ms: int = 0) -> None:
    event = QKeyEvent(kind, Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, " ", repeated)
    event.setTimestamp(time_ms)
    QApplication.sendEvent(button, event)


def test_it_is_held_no_shorter_than_the_guard_asks_for():
    assert HOLD_MS > HOLD_S * 1000


def test_a_press_held_long_enough_confirms_with_the_displays_time(button, qtbot):
    late = 2**32 - 5  # an X server that has run for 49 days
    with qtbot.waitSignal(button.confirmed) as told:
        press_at(button, late)
    assert told.args == [Confirmation(pressed_at=late, kind="button")]


def test_a_press_confirms_once_however_long_it_is_held(button, qtbot):
    spy = QSignalSpy(button.confirmed)
    press_at(button, 5)
    qtbot.waitUntil(lambda: spy.count() == 1)
    qtbot.wait(button.hold._timer.interval() * 3)  # longer than another hold would take
    assert spy.count() == 1


def test_letting_go_early_confirms_nothing(button):
    press_at(button, 5)
    press_at(button, 6, QEvent.Type.MouseButtonRelease)
    assert not button.hold.is_held


def test_moving_off_the_button_lets_go(button):
    QTest.mousePress(button, LEFT)
    QTest.mouseMove(button, QPoint(-20, -20))
    at = QPointF(-20, -20)
    move = QMouseEvent(QEvent.Type.MouseMove, at, button.mapToGlobal(at), LEFT, LEFT, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(button, move)
    assert not button.hold.is_held


@pytest.mark.parametrize("way", ["hide", "disable"])
def test_a_button_that_goes_away_lets_go(button, way):
    press_at(button, 5)
    button.hide() if way == "hide" else button.setEnabled(False)
    assert not button.hold.is_held


@pytest.mark.parametrize("act", ["click", "animateClick"])
def test_a_click_by_a_program_is_no_press(button, act):
    getattr(button, act)()
    assert not button.hold.is_held


def test_the_right_button_is_no_press(button):
    QTest.mousePress(button, Qt.MouseButton.RightButton)
    assert not button.hold.is_held


def test_the_space_key_held_confirms_as_a_key(button, qtbot):
    with qtbot.waitSignal(button.confirmed) as told:
        key(button, QEvent.Type.KeyPress, time_ms=77)
    assert told.args == [Confirmation(pressed_at=77, kind="key")]


def test_keys_that_repeat_by_themselves_neither_begin_nor_end_it(button):
    key(button, QEvent.Type.KeyPress, repeated=True)
    assert not button.hold.is_held
    key(button, QEvent.Type.KeyPress)
    began = button.hold._began
    key(button, QEvent.Type.KeyRelease, repeated=True)
    key(button, QEvent.Type.KeyPress, repeated=True)
    assert (button.hold.is_held, button.hold._began) == (True, began)
    key(button, QEvent.Type.KeyRelease)
    assert not button.hold.is_held


def test_the_guard_is_told_before_the_press_comes(button, qtbot):
    with qtbot.waitSignal(button.touched):
        QApplication.sendEvent(button, _enter())


def _enter():
    from PySide6.QtGui import QEnterEvent

    return QEnterEvent(QPointF(2, 2), QPointF(2, 2), QPointF(2, 2))


def test_progress_rises_and_falls_back(qtbot):
    hold = Hold()
    hold._timer.setInterval(200)
    parts = []
    hold.progressed.connect(parts.append)
    with qtbot.waitSignal(hold.confirmed):
        hold.begin(1, "button")
    assert parts[0] == 0.0
    assert parts[-1] == 0.0
    assert max(parts) > 0


def test_by_passphrase_it_is_a_plain_button(button, qtbot):
    button.by_passphrase = True
    with qtbot.waitSignal(button.clicked):
        QTest.mouseClick(button, LEFT)
    assert not button.hold.is_held


@pytest.mark.parametrize("kind", ["primary", "alarm", ""])
def test_how_much_has_passed_can_be_seen(qtbot, kind):
    made = HoldButton("Hold", Theme("light"), kind=kind)
    qtbot.addWidget(made)
    made.show()
    before = made.grab().toImage()
    made.hold._timer.setInterval(60_000)
    made.hold.begin(1, "button")
    made.hold._began -= 30
    made.hold.progressed.emit(0.5)
    assert made.grab().toImage() != before
