"""The question of the mode `ask`: no by default, yes by hand alone."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.view import Question
from aurora_desktop.safety.view import Confirmation
from aurora_desktop.ui.passphrase import PassphraseDialog
from aurora_desktop.ui.question import ANSWER_S

from .fakes import a_control

LEFT = Qt.MouseButton.LeftButton
CHORD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
QUESTION = Question(task_id="t1", agent="claude", sentence='Click "Delete all"', places=((320, 200),))


@pytest.fixture
def ask(desktop, house, qtbot):
    """Asks, and gives the dialog."""

    def put(question: Question = QUESTION):
        desktop.ask(question)
        dialog = desktop._questions.open[question.task_id]
        qtbot.waitUntil(dialog.isActiveWindow)
        for hold in (dialog.yes.hold, dialog._hold):
            hold._timer.setInterval(20)
        return dialog

    return put


def test_it_names_agent_and_action_and_the_guard_watches(ask, house):
    dialog = ask()
    assert dialog.sentence.text() == 'Click "Delete all"'
    assert dialog.who.text() == "Agent claude asks"
    assert house.control.expected == 1
    assert dialog.no.hasFocus()


@pytest.mark.parametrize(("agent", "words"), [("", "An agent asks"), ("Claude Code", "Agent Claude Code asks")])
def test_who_asks_is_named_as_it_names_itself_if_it_does(ask, agent, words):
    assert ask(Question(task_id="t1", agent=agent, sentence="typing")).who.text() == words


def test_it_shows_the_text_that_would_be_typed_and_keeps_the_keyboard(ask):
    dialog = ask(Question(task_id="t1", agent="claude", sentence="typing", text="rm -rf /\n\x1b" + "x" * 10_000))
    shown = dialog.text.toPlainText()
    assert dialog.text.isVisible()
    assert shown.startswith("rm -rf /\n\\x1bxxx")
    assert "10,010 characters in all" in shown
    assert dialog.no.hasFocus()


def test_without_a_text_there_is_no_field_for_it(ask):
    assert not ask().text.isVisible()


def test_yes_stays_where_it_is_while_the_time_runs(ask):
    dialog = ask()
    place = dialog.yes.geometry()
    for _ in range(ANSWER_S - 5):
        dialog._second.timeout.emit()
    dialog.layout().activate()
    assert (dialog.no.text(), dialog.yes.geometry()) == ("No (5 s)", place)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Space])
def test_every_usual_key_says_no(ask, house, qtbot, key):
    qtbot.keyClick(ask().no, key)
    qtbot.waitUntil(lambda: house.answers == [("t1", None)])


def test_closing_says_no(ask, house, qtbot, desktop):
    ask().close()
    qtbot.waitUntil(lambda: house.answers == [("t1", None)])
    assert desktop._questions.open == {}


def test_after_half_a_minute_it_is_no_should_nobody_have_closed_it(ask, house, qtbot):
    dialog = ask()
    for _ in range(ANSWER_S):
        dialog._second.timeout.emit()
    assert dialog.no.text() == "No (0 s)"
    assert house.answers == []
    dialog._second.timeout.emit()
    qtbot.waitUntil(lambda: house.answers == [("t1", None)])


def test_yes_is_held(ask, house, qtbot, desktop):
    QTest.mousePress(ask().yes, LEFT)
    qtbot.waitUntil(lambda: len(house.answers) == 1)
    task_id, confirmation = house.answers[0]
    assert (task_id, confirmation.kind) == ("t1", "button")
    qtbot.waitUntil(lambda: desktop._questions.open == {})


def test_yes_is_held_by_key(ask, house, qtbot):
    QTest.keyPress(ask().windowHandle(), Qt.Key.Key_Y, CHORD)
    qtbot.waitUntil(lambda: [answer[1].kind for answer in house.answers] == ["key"])


def test_no_click_of_a_program_says_yes(ask, house):
    dialog = ask()
    dialog.yes.click()
    assert not dialog.yes.hold.is_held
    assert dialog.isVisible()
    assert house.answers == []


def test_a_yes_that_is_not_believed_leaves_the_question_open(ask, house, qtbot):
    house.refuses_answer = AuroraError("The press came from a program")
    dialog = ask()
    QTest.mousePress(dialog.yes, LEFT)
    qtbot.waitUntil(dialog.error.isVisible)
    assert dialog.error.text() == "The press came from a program"
    dialog.reject()
    qtbot.waitUntil(lambda: house.answers == [("t1", None)])


def test_withdrawn_it_answers_nothing(ask, house, desktop):
    dialog = ask()
    desktop.close_question("t1")
    assert not dialog.isVisible()
    desktop.close_question("t1")
    assert house.answers == []


def test_the_place_is_marked_in_the_picture(ask, tmp_path, qtbot):
    image = QImage(640, 400, QImage.Format.Format_RGB32)
    image.fill(QColor("#336699"))
    path = tmp_path / "screen.png"
    image.save(str(path))
    dialog = ask(
        Question(
            task_id="t1",
            agent="a",
            sentence="s",
            places=((420, 300),),
            picture=str(path),
            picture_left=100,
            picture_top=100,
        )
    )
    place = dialog.yes.geometry()
    qtbot.waitUntil(lambda: not dialog.picture.pixmap().isNull())
    dialog.layout().activate()
    assert dialog.yes.geometry() == place
    shown = dialog.picture.pixmap().toImage()
    assert shown.pixelColor(shown.width() // 2, shown.height() // 2).name() == "#336699"
    around = {shown.pixelColor(shown.width() // 2 + dx, shown.height() // 2).name() for dx in range(-20, 21)}
    assert "#ffb000" in around


def test_with_a_passphrase_yes_asks_for_it(house, ask, qtbot, desktop):
    house.control.shown = a_control("armed", needs_passphrase=True, has_passphrase=True)
    dialog = ask()
    dialog.yes.click()
    passphrase = dialog.findChild(PassphraseDialog)
    passphrase.field.setText("correct horse")
    passphrase.submit()
    qtbot.waitUntil(lambda: house.answers == [("t1", Confirmation(passphrase="correct horse"))])
    qtbot.waitUntil(lambda: desktop._questions.open == {})
