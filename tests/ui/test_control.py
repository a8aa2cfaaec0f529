"""Control in the window: strip, emergency, arming and reset by hand, the passphrase."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.heartbeat.health import Health, Problem
from aurora_desktop.safety.view import UNNAMED_AGENT, Confirmation
from aurora_desktop.ui import control_words
from aurora_desktop.ui.passphrase import PassphraseDialog
from aurora_desktop.ui.widgets.hold_button import HoldButton
from aurora_desktop.ui.widgets.pieces import Button

from .fakes import a_control, a_stop

LEFT = Qt.MouseButton.LeftButton
CHORD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def quick(window):
    """The window, whose presses need not be held for long."""
    confirming = window.confirming
    page = window.input
    buttons = (page.gate.arm, page.gate.reset, page.pending.confirm, window.emergency.reset)
    for hold in (confirming._arm_hold, confirming._reset_hold, *(button.hold for button in buttons)):
        hold._timer.setInterval(20)
    return window


def show(window, house, view) -> None:
    house.control.shown = view
    window._bridge.refresh_control()


def shown_dialogs(window) -> list[PassphraseDialog]:
    return [each for each in window.findChildren(PassphraseDialog) if each.isVisible()]


@pytest.mark.parametrize(
    ("view", "sentence", "words"),
    [
        (a_control("closed", reason="no display", hint="Log in"), "Closed: agents cannot", "No display. Log in"),
        (a_control("latched"), "Latched, as on every first start", "Hold Ctrl+Shift+R for one second to reset"),
        (a_stop(), "Stopped and latched", "Hold Ctrl+Shift+R for one second to reset"),
        (a_control(), "Disarmed: agents cannot", "Hold Ctrl+Shift+A for one second to arm"),
        (a_control(needs_passphrase=True), "Disarmed", "Press Ctrl+Shift+A to choose a passphrase and arm"),
        (
            a_control(needs_passphrase=True, has_passphrase=True),
            "Disarmed",
            "Press Ctrl+Shift+A to arm with your passphrase",
        ),
        (a_control("arming"), "Arming", ""),
        (a_control("armed", mode="act"), "Armed: agents may act", "Nobody acts now"),
        (a_control("armed", mode="ask", holder="claude"), "Armed: agents ask", "Agent claude has control"),
        (
            a_control("armed", mode="dry_run", holder="x", doing='clicking "Save"'),
            "Armed for a dry run",
            'Agent x: clicking "Save"',
        ),
        (a_control("armed", holder=UNNAMED_AGENT, doing="typing"), "Armed", "An agent: typing"),
        (a_control("armed", holder=UNNAMED_AGENT), "Armed", "An agent has control"),
        (
            a_control("armed", holder="claude", doing="typing", human_active=True),
            "Armed",
            "Agent claude waits: you are using mouse or keyboard",
        ),
    ],
)
def test_the_strip_says_the_state_in_words(window, house, view, sentence, words):
    show(window, house, view)
    assert window.strip.sentence.text().startswith(sentence)
    assert window.strip.words.text() == words
    assert window.strip.accessibleName().startswith("Control: ")


def test_every_state_has_a_shape_of_its_own(window, house):
    shapes = {}
    views = [a_control(state) for state in ("closed", "latched", "disarmed", "arming")]
    views += [a_control("armed", mode=mode) for mode in ("act", "ask", "dry_run")]
    for view in views:
        show(window, house, view)
        image = window.strip._image.pixmap().toImage()
        shapes[bytes(image.constBits())] = view
    assert len(shapes) == len(views)


def test_the_countdown_shows_while_armed(window, house):
    show(window, house, a_control("armed", remaining_s=872.9))
    assert (window.strip.left.text(), window.strip.left.isVisible()) == ("14:32", True)
    show(window, house, a_control("armed", remaining_s=3 * 3600 + 61))
    assert window.strip.left.text() == "3:01:01"
    show(window, house, a_control())
    assert not window.strip.left.isVisible()
    assert not window.strip.disarm.isVisible()


def test_armed_the_countdown_runs_without_events(window, house, qtbot):
    show(window, house, a_control("armed", remaining_s=60.0))
    house.control.shown = a_control("armed", remaining_s=42.0)
    qtbot.waitUntil(lambda: window.strip.left.text() == "00:42")
    show(window, house, a_control())
    assert not window._bridge._control_timer.isActive()


@pytest.mark.parametrize("state", ["closed", "latched", "disarmed", "arming", "armed"])
@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_stop_is_on_every_page_in_every_state(window, house, state, place):
    show(window, house, a_control(state))
    window.show_page(place)
    assert window.strip.stop.isVisible()
    assert window.strip.stop.isEnabled()


def test_stop_acts_on_the_press_without_asking(window, house):
    QTest.mousePress(window.strip.stop, LEFT)
    assert house.control.asked == [("stop", "window")]
    assert not window.findChildren(QMessageBox)


def test_one_key_stops_from_the_window_and_from_its_dialogs(window, house, qtbot):
    QTest.keyPress(window.windowHandle(), Qt.Key.Key_F12)
    form = window.add_service()
    qtbot.waitUntil(form.isActiveWindow)
    QTest.keyPress(form.windowHandle(), Qt.Key.Key_F12)
    assert house.control.asked == [("stop", "window")] * 2
    form.reject()


def test_extend_and_disarm_by_one_click_and_by_key(window, house, qtbot):
    show(window, house, a_control("armed"))
    QTest.mouseClick(window.strip.extend, LEFT)
    QTest.mouseClick(window.strip.disarm, LEFT)
    qtbot.keyClick(window, Qt.Key.Key_E, CHORD)
    qtbot.keyClick(window, Qt.Key.Key_D, CHORD)
    assert house.control.asked == [("extend",), ("disarm", "window")] * 2


def test_in_a_narrow_window_the_strip_keeps_its_words(window, house, qtbot):
    show(window, house, a_control("armed"))
    window.resize(640, 480)
    qtbot.waitUntil(lambda: window.strip.sentence.width() > 90 and window.strip.width() < 560)
    assert window.strip.disarm.accessibleName() == "Disarm"
    assert window.strip.stop.text() == "Stop  F12"


def test_what_the_stopper_said_does_not_run_into_the_time():
    said = control_words.stopped_sentence(a_stop(stopped_by="api: the budget is spent"))
    assert said.startswith("Emergency stop by a program, by the API: the budget is spent, at ")


def test_after_a_stop_the_whole_banner_is_an_alarm(window, house):
    show(window, house, a_stop(frozen=("web", "worker:coder-1")))
    alarm = window.emergency
    assert alarm.isVisible()
    assert not window.banner.isVisible()
    assert alarm.sentence.text().startswith("Emergency stop by panic hotkey at ")
    assert alarm.frozen_words.text() == "Frozen: web, worker coder-1. You can let them go on after the reset."
    assert "hold Ctrl+Shift+R for one second" in alarm.way.text()
    show(window, house, a_control())
    assert not alarm.isVisible()
    assert window.banner.isVisible()


def test_a_fresh_latch_is_no_alarm_and_can_be_reset_on_the_page(window, house):
    show(window, house, a_control("latched"))
    window.show_page(1)
    assert not window.emergency.isVisible()
    assert window.input.gate.reset.isVisible()


def test_frozen_services_go_on_one_by_one_or_all(window, house):
    names = ("a", "b", "worker:c", "d", "e")
    show(window, house, a_control(frozen=names))
    buttons = window.input.gate.frozen.buttons
    assert [button.text() for button in buttons] == [
        "Let a go on", "Let b go on", "Let worker c go on", "Let all 5 go on",
    ]  # fmt: skip
    buttons[1].click()
    buttons[-1].click()
    assert house.control.asked == [("thaw", ("b",)), ("thaw", names)]


def test_what_is_still_frozen_after_a_reset_can_go_on(window, house):
    show(window, house, a_control(frozen=("web",)))
    window.show_page(1)
    window.input.gate.frozen.buttons[0].click()
    assert house.control.asked == [("thaw", ("web",))]


def test_a_service_that_may_not_go_on_yet_is_told_and_not_a_crash(window, house, monkeypatch):
    def refuse(names):
        raise AuroraError("The emergency stop is latched")

    monkeypatch.setattr(house.control, "thaw", refuse)
    window._thaw(("web",))
    box = next(box for box in window.findChildren(QMessageBox) if box.isVisible())
    assert box.text() == "The emergency stop is latched"
    box.close()


def test_the_banner_lets_frozen_services_go_on(window, house):
    problem = Problem("service:web", "web: frozen", "", 1)
    health = Health(verdict="degraded", sentence="web: frozen", next_step="", problems=(problem,))
    for frozen, words in ((("web",), "Let web go on"), (("web", "db"), "Let all 2 go on"), ((), "Restart web")):
        window.banner.show_health(health, "degraded", paused=False, otherwise="", frozen=frozen)
        assert window.banner.button.text() == words
        window.banner.button.click()
    assert house.control.asked == [("thaw", ("web",)), ("thaw", ("web", "db"))]
    assert house.supervisor.asked == [("restart", ("web",), "window")]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("hotkey", "the stop key"),
        ("hotkey, pressed twice", "the stop key, pressed twice"),
        ("api: the budget is spent", "a program, by the API: the budget is spent"),
        ("corner", "the pointer in a corner of the screen"),
        ("windowed", "windowed"),
    ],
)
def test_who_stopped_is_named_as_people_know_it(source, words):
    assert control_words.stopper(source) == words


def test_an_unproven_stop_key_is_told_before_anything_is_held(window, house, qtbot):
    show(window, house, a_control(hotkey_state="listening"))
    assert not window.input.gate.arm.isEnabled()
    assert window.strip.words.text() == "Prove the stop key first: the page Input has the button"
    QTest.keyPress(window.windowHandle(), Qt.Key.Key_A, CHORD)
    assert window.strip.words.text().startswith("Prove the stop key first")
    assert house.control.asked == []


def test_control_that_was_lost_says_why(window, house):
    show(window, house, a_control(reason="lost the lease"))
    assert window.strip.words.text().startswith("No longer armed: lost the lease. Hold Ctrl+Shift+A")
    show(window, house, a_control(reason="disarmed by window"))
    assert window.strip.words.text().startswith("Hold Ctrl+Shift+A")


def test_what_waits_to_be_confirmed_is_told_on_every_page(window, house):
    show(window, house, a_control(pending=("more actions",)))
    assert window.strip.words.text().endswith("Changed settings that loosen safety wait for you on the page Input")


@pytest.mark.parametrize("name", ["emergency", "arm", "prove"])
def test_a_button_that_goes_hands_the_focus_to_no_other(window, house, name):
    window.show_page(1)
    show(window, house, a_stop() if name == "emergency" else a_control())
    button = {
        "emergency": window.emergency.reset, "arm": window.input.gate.arm, "prove": window.input.stop_key.prove,
    }[name]  # fmt: skip
    button.setFocus()
    assert button.hasFocus()
    show(window, house, a_control("armed"))
    assert not isinstance(window.focusWidget(), Button)


def test_the_way_on_shows_in_both_looks(window, house):
    show(window, house, a_stop())
    for choice in ("light", "dark"):
        window.choose_theme(choice)
        image = window.emergency.grab().toImage()
        assert image.pixelColor(image.width() // 2, image.height() // 2).red() > 120


@pytest.mark.parametrize(
    ("letter", "view", "asked"),
    [(Qt.Key.Key_A, a_control(), "arm"), (Qt.Key.Key_R, a_stop(), "reset")],
)
def test_keys_held_arm_and_reset(quick, house, qtbot, letter, view, asked):
    show(quick, house, view)
    expected = house.control.expected
    QTest.keyPress(quick.windowHandle(), Qt.Key.Key_Control)
    assert house.control.expected > expected
    QTest.keyPress(quick.windowHandle(), letter, CHORD)
    qtbot.waitUntil(lambda: bool(house.control.asked))
    assert house.control.asked[0][0] == asked
    confirmation = house.control.asked[0][-1]
    assert isinstance(confirmation, Confirmation)
    assert confirmation.kind == "key"
    QTest.keyRelease(quick.windowHandle(), letter, CHORD)


@pytest.mark.parametrize("released", [Qt.Key.Key_A, Qt.Key.Key_Shift, Qt.Key.Key_Control])
def test_any_key_let_go_ends_the_hold(window, house, released):
    show(window, house, a_control())
    QTest.keyPress(window.windowHandle(), Qt.Key.Key_A, CHORD)
    assert window.confirming._arm_hold.is_held
    assert window.strip.words.text() == "Hold Ctrl+Shift+A for one second to arm"
    window.confirming._arm_hold.progressed.emit(0.5)
    assert window.strip.words.text() == "Keep holding to arm"
    QTest.keyRelease(window.windowHandle(), released, CHORD)
    assert not window.confirming._arm_hold.is_held


def test_other_modifiers_do_not_arm(window, house):
    show(window, house, a_control())
    QTest.keyPress(window.windowHandle(), Qt.Key.Key_A, CHORD | Qt.KeyboardModifier.AltModifier)
    QTest.keyPress(window.windowHandle(), Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert not window.confirming._arm_hold.is_held


@pytest.mark.parametrize("state", ["closed", "latched", "armed"])
def test_where_nothing_can_be_armed_the_strip_says_so(window, house, state):
    show(window, house, a_control(state))
    QTest.keyPress(window.windowHandle(), Qt.Key.Key_A, CHORD)
    assert not window.confirming._arm_hold.is_held
    assert window.strip.words.text().startswith("Nothing to arm now. ")


def test_a_refused_arming_is_told_with_its_reason(quick, house, qtbot):
    show(quick, house, a_control())
    house.control.refuses = AuroraError("Not armed", "the press came from a program", "Use your own keyboard")
    QTest.keyPress(quick.windowHandle(), Qt.Key.Key_A, CHORD)
    qtbot.waitUntil(lambda: any(box.isVisible() for box in quick.findChildren(QMessageBox)))
    box = quick.findChild(QMessageBox)
    assert (box.text(), box.informativeText()) == ("Not armed", "the press came from a program\nUse your own keyboard")


def test_buttons_held_arm_in_the_chosen_mode(quick, house, qtbot):
    show(quick, house, a_control())
    quick.show_page(1)
    quick.input.gate.modes["dry_run"].click()
    QTest.mousePress(quick.input.gate.arm, LEFT)
    qtbot.waitUntil(lambda: bool(house.control.asked))
    assert house.control.asked[0][:2] == ("arm", "dry_run")
    assert house.control.asked[0][2].kind == "button"


def test_the_alarms_button_held_resets(quick, house, qtbot):
    show(quick, house, a_stop())
    QTest.mousePress(quick.emergency.reset, LEFT)
    qtbot.waitUntil(lambda: [asked[0] for asked in house.control.asked] == ["reset"])


def test_no_click_of_a_program_arms_resets_or_loosens(window, house):
    for view in (a_control(pending=("x",)), a_stop()):
        show(window, house, view)
        for button in window.findChildren(HoldButton):
            button.click()
    assert house.control.asked == []
    assert shown_dialogs(window) == []


def test_the_guard_watches_whenever_the_window_could_confirm(window, house):
    show(window, house, a_control("closed"))
    before = house.control.expected
    window.confirming.expect()
    assert house.control.expected == before
    show(window, house, a_control())
    assert house.control.expected > before


def test_the_passphrase_is_asked_where_presses_cannot_be_told_apart(window, house, qtbot):
    show(window, house, a_control(needs_passphrase=True, has_passphrase=True))
    QTest.keyPress(window.windowHandle(), Qt.Key.Key_A, CHORD)
    (dialog,) = shown_dialogs(window)
    assert not dialog.again.isVisible()
    qtbot.keyClicks(dialog.field, "correct horse")
    qtbot.keyClick(dialog.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(house.control.asked))
    assert house.control.asked == [("arm", "ask", Confirmation(passphrase="correct horse"))]
    qtbot.waitUntil(lambda: not shown_dialogs(window))


def test_a_wrong_passphrase_is_told_in_the_dialog(window, house, qtbot):
    show(window, house, a_stop(needs_passphrase=True, has_passphrase=True))
    house.control.refuses = AuroraError("That is not the passphrase")
    window.emergency.reset.click()
    (dialog,) = shown_dialogs(window)
    dialog.field.setText("wrong one")
    dialog.submit()
    qtbot.waitUntil(dialog.error.isVisible)
    assert dialog.error.text() == "That is not the passphrase"
    assert dialog.accept_button.isEnabled()
    dialog.reject()


@pytest.mark.parametrize(
    ("typed", "again", "problem"),
    [
        ("", "", "Type your passphrase"),
        ("short", "short", "At least 8 characters"),
        ("longer 1", "longer 2", "The two"),
    ],
)
def test_a_first_passphrase_is_checked(window, house, typed, again, problem):
    show(window, house, a_control(needs_passphrase=True))
    window.input.gate.arm.click()
    (dialog,) = shown_dialogs(window)
    dialog.field.setText(typed)
    dialog.again.setText(again)
    dialog.submit()
    assert dialog.error.text().startswith(problem)
    assert house.control.asked == []
    dialog.reject()


def test_a_first_passphrase_is_set_and_used_at_once(window, house, qtbot):
    show(window, house, a_control(needs_passphrase=True))
    window.input.gate.arm.click()
    (dialog,) = shown_dialogs(window)
    for field in (dialog.field, dialog.again):
        field.setText("correct horse")
    dialog.submit()
    qtbot.waitUntil(lambda: len(house.control.asked) == 2)
    assert [asked[0] for asked in house.control.asked] == ["set_passphrase", "arm"]


def test_a_held_press_lets_a_passphrase_be_asked_for_instead(window, house, qtbot):
    show(window, house, a_control("disarmed"))
    assert not window.input.gate.passphrase.isHidden()
    window.input.gate.passphrase.confirmed.emit(Confirmation(pressed_at=7))
    qtbot.waitUntil(lambda: bool(shown_dialogs(window)))
    (dialog,) = shown_dialogs(window)
    for field in (dialog.field, dialog.again):
        field.setText("correct horse")
    dialog.submit()
    qtbot.waitUntil(lambda: len(house.control.asked) == 2)
    assert [asked[0] for asked in house.control.asked] == ["allow_passphrase", "set_passphrase"]
    show(window, house, a_control("disarmed", needs_passphrase=True, has_passphrase=True))
    assert window.input.gate.passphrase.isHidden()
