"""Approvals: all of what is asked, an answer of the operator's own hand alone, and none by accident."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety.view import Confirmation
from aurora_desktop.ui.pages.work import APPROVALS, TASKS
from aurora_desktop.ui.passphrase import PassphraseDialog
from aurora_desktop.ui.widgets.deliberate import STILL_MS
from aurora_desktop.ui.window import WORK

from .fake_tasks import FakeTasks, a_work_task, an_approval
from .fakes import House, a_control, a_mix

LEFT = Qt.MouseButton.LeftButton
BASH = an_approval(1, task_id="task_00000001")
MONEY = an_approval(2, task_id="task_00000002", kind="budget", tool="", summary="2 USD are spent", detail="")


@pytest.fixture
def tasks() -> FakeTasks:
    made = FakeTasks()
    made.shown = (a_work_task(1, "waiting_approval", summary="Tidy up"), a_work_task(2, "waiting_approval"))
    made.questions = (BASH, MONEY)
    return made


@pytest.fixture
def house(tasks: FakeTasks) -> House:
    made = House(a_mix())
    made.tasks = tasks
    return made


@pytest.fixture
def section(window):
    window.show_page(WORK)
    section = window.work.go_to(APPROVALS)
    for button in (section.card.once, section.card.for_task):
        button.hold._timer.setInterval(20)
    for still in (*section.card._still, section.card.deny._stillness):
        still._still.setInterval(150)  # long enough to be seen, short enough for two dozen tests
    return section


def ready(section, qtbot):
    """The card, once its buttons may be pressed."""
    qtbot.waitUntil(lambda: section.card.once.isEnabled() and section.card.deny.isEnabled())
    return section.card


def hold(button, qtbot) -> None:
    """Press, and let go once it was held long enough."""
    qtbot.mousePress(button, LEFT)
    qtbot.waitUntil(lambda: not button.hold.is_held)
    qtbot.mouseRelease(button, LEFT)


def confirmations(house: House) -> list[Confirmation]:
    return [asked[1] for asked in house.control.asked if asked[0] == "confirm_answer"]


# What is shown


def test_all_of_it_can_be_read_with_its_task_and_folder(section):
    card = section.card
    assert card.title.text() == "May claude use Bash?"
    assert card.detail.toPlainText().splitlines()[2] == "DROP TABLE audit_2019;"
    told = {key: value.text() for key, value in card.facts.values.items()}
    assert told == {
        "Why": "The tables were found to be read by nothing since March.", "Task": "Task 1: Tidy up",
        "Folder": "/home/ada/projects/importer", "Agent": "claude",
    }  # fmt: skip


def test_what_cannot_be_seen_is_written_out(section, tasks):
    tasks.questions = (an_approval(3, detail="echo safe\u202e#\x1b[2Krm -rf /", summary="a\u200bb"),)
    section.show_work()
    assert section.card.detail.toPlainText() == "echo safe\\u202e#\\x1b[2Krm -rf /"
    assert section.card.summary.text() == "a\\u200bb"


def test_the_oldest_is_asked_first_and_others_are_chosen_from_the_table(section):
    assert section.chosen() == BASH
    section.table.selectRow(1)
    assert section.card.title.text() == "May claude spend more?"
    assert not section.card.for_task.isVisible()


def test_a_single_question_needs_no_table(section, tasks):
    tasks.questions = (BASH,)
    section.show_work()
    assert not section.table.isVisible()
    assert section.focus_first() is section.card.detail


def test_where_there_is_little_room_the_answers_are_still_to_be_seen(section, window, qtbot):
    window.resize(640, 480)
    qtbot.waitUntil(lambda: not section.table.isVisible())
    card = section.card
    qtbot.waitUntil(lambda: card.once.height() >= card.once.sizeHint().height())
    assert section.rect().contains(card.once.mapTo(section, card.once.rect().bottomRight()))


def test_no_question_is_told(section, tasks):
    tasks.questions = ()
    section.show_work()
    assert section._empty.isVisible()


def test_no_button_has_the_focus_when_a_question_comes(section, window):
    assert window.focusWidget() not in (section.card.once, section.card.for_task, section.card.deny)


def test_the_way_to_its_task(section, window):
    section.card.show_task.click()
    assert window.work.sections.currentIndex() == 0
    assert window.work.go_to(TASKS).drawer.task_id == "task_00000001"


# The answer


@pytest.mark.parametrize(("name", "decision"), [("once", "once"), ("for_task", "task")])
def test_yes_is_a_held_press_that_the_guard_vouches_for(section, house, tasks, qtbot, name, decision):
    hold(getattr(ready(section, qtbot), name), qtbot)
    qtbot.waitUntil(lambda: tasks.asked == [("answer", "ask_1", decision, "window", "")])
    (confirmation,) = confirmations(house)
    assert (confirmation.kind, confirmation.passphrase) == ("button", "")
    assert section.chosen() == MONEY


def test_yes_by_key(section, house, tasks, qtbot):
    button = ready(section, qtbot).once
    button.setFocus()
    QTest.keyPress(button, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: bool(tasks.asked))
    assert confirmations(house)[0].kind == "key"
    QTest.keyRelease(button, Qt.Key.Key_Space)


def test_the_guard_watches_before_the_press_comes(section, house, qtbot):
    before = house.control.expected
    ready(section, qtbot).once.setFocus()
    assert house.control.expected == before + 1


@pytest.mark.parametrize("state", ["armed", "closed", "latched"])
def test_it_watches_in_every_state_of_control(section, house, window, qtbot, state):
    house.control.shown = a_control(state)
    window._bridge.refresh_control()
    before = house.control.expected
    ready(section, qtbot).once.setFocus()
    assert house.control.expected > before


def test_a_press_that_the_guard_does_not_believe_allows_nothing(section, house, tasks, qtbot):
    house.control.refuses = AuroraError("This press does not count", "a program may have sent it")
    hold(ready(section, qtbot).once, qtbot)
    qtbot.waitUntil(section.card.error.isVisible)
    assert section.card.error.text() == "This press does not count. A program may have sent it"
    assert (tasks.asked, tasks.questions) == ([], (BASH, MONEY))


def test_a_click_and_a_programs_click_allow_nothing(section, house, tasks, qtbot):
    card = ready(section, qtbot)
    card.once.hold._timer.setInterval(60_000)
    qtbot.mouseClick(card.once, LEFT)
    card.once.click()
    card.for_task.click()
    assert (tasks.asked, confirmations(house)) == ([], [])


def test_where_a_press_proves_nothing_the_passphrase_is_asked_for(section, house, tasks, window, qtbot):
    house.control.shown = a_control(needs_passphrase=True, has_passphrase=True)
    window._bridge.refresh_control()
    card = ready(section, qtbot)
    assert card.once.accessibleName() == "Allow once\u2026"
    card.once.click()
    (dialog,) = window.findChildren(PassphraseDialog)
    dialog.field.setText("correct horse")
    dialog.submit()
    qtbot.waitUntil(lambda: tasks.asked == [("answer", "ask_1", "once", "window", "")])
    assert confirmations(house) == [Confirmation(passphrase="correct horse")]


def test_no_takes_a_click_and_tells_the_agent_why(section, house, tasks, qtbot):
    card = ready(section, qtbot)
    qtbot.keyClicks(card.reason, "Not the staging database")
    qtbot.mouseClick(card.deny, LEFT)
    qtbot.waitUntil(lambda: tasks.asked == [("answer", "ask_1", "deny", "window", "Not the staging database")])
    assert confirmations(house) == []
    assert card.reason.text() == ""


def test_no_by_key_from_the_reason(section, tasks, qtbot):
    card = ready(section, qtbot)
    qtbot.keyClicks(card.reason, "No")
    qtbot.keyClick(card.reason, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: tasks.asked == [("answer", "ask_1", "deny", "window", "No")])


def test_an_answer_that_comes_too_late_is_told(section, tasks, qtbot):
    card = ready(section, qtbot)
    tasks.refuses = AuroraError("Nobody waits for this answer any more")
    qtbot.mouseClick(card.deny, LEFT)
    qtbot.waitUntil(lambda: card.error.text() == "Nobody waits for this answer any more")


# Nothing by accident


def test_the_buttons_rest_for_a_moment_after_they_came(section):
    card = section.card
    assert STILL_MS >= 500
    assert [button.isEnabled() for button in (card.once, card.for_task, card.deny)] == [False, False, False]


def test_they_rest_anew_when_another_question_takes_the_place(section, tasks, qtbot):
    card = ready(section, qtbot)
    tasks.questions = (MONEY,)
    section.show_work()
    assert card.asked == MONEY
    assert not card.once.isEnabled()
    assert not card.deny.isEnabled()


def test_a_hold_ends_when_the_question_changes_under_it(section, tasks, house, qtbot):
    card = ready(section, qtbot)
    card.once.hold._timer.setInterval(60_000)
    qtbot.mousePress(card.once, LEFT)
    assert card.once.hold.is_held
    tasks.questions = (replace(BASH, detail="psql production"), MONEY)
    section.show_work()
    assert not card.once.hold.is_held
    assert not card.once.isEnabled()
    assert (tasks.asked, confirmations(house)) == ([], [])


def test_news_of_other_tasks_moves_nothing(section, tasks, qtbot):
    card = ready(section, qtbot)
    tasks.become("task_00000002", summary="Other words")
    section.show_work()
    section.tick()
    assert card.once.isEnabled()
