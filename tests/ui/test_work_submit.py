"""The form of a task, and the chat."""

import asyncio
import time

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.task_events import TaskFinished
from aurora_desktop.healing.view import Checked
from aurora_desktop.tasks.view import Entry
from aurora_desktop.ui.pages.work import CHAT, SUBMIT
from aurora_desktop.ui.window import WORK

from .fake_tasks import FakeTasks, a_work_task
from .fakes import House, a_mix

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def tasks() -> FakeTasks:
    return FakeTasks()


@pytest.fixture
def house(tasks: FakeTasks) -> House:
    made = House(a_mix())
    made.tasks = tasks
    return made


@pytest.fixture
def form(window, qtbot):
    qtbot.waitUntil(window.isActiveWindow)  # else it has no shortcuts
    window.show_page(WORK)
    return window.work.go_to(SUBMIT)


@pytest.fixture
def chat(window):
    window.show_page(WORK)
    return window.work.go_to(CHAT)


# The form


def test_a_task_by_keyboard_alone(form, window, tasks, qtbot):
    form.focus_first().setFocus()
    qtbot.keyClicks(form.prompt, "Fix the login")
    qtbot.keyClick(form.prompt, Qt.Key.Key_Return)
    qtbot.keyClicks(form.prompt, "and test it")
    qtbot.keyClick(form.prompt, Qt.Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: bool(tasks.requests))
    assert (tasks.requests[0].agent, tasks.requests[0].prompt) == ("claude", "Fix the login\nand test it")
    qtbot.waitUntil(lambda: window.work.sections.currentIndex() == 0)
    assert window.work.section.drawer.task_id == "task_00000001"
    assert form.prompt.toPlainText() == ""


def test_roles_and_pipelines_can_do_it(form, tasks, qtbot):
    place = next(n for n in range(form.doer.count()) if form.doer.itemText(n).startswith("coder"))
    form.doer.setCurrentIndex(place)
    form.prompt.setPlainText("x")
    form.send.click()
    qtbot.waitUntil(lambda: bool(tasks.requests))
    assert (tasks.requests[0].role, tasks.requests[0].agent) == ("coder", "")


def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(form, tasks):
    form.prompt.setPlainText("Do it")
    form.timeout.setText("soon")
    form.send.click()
    assert form.rows["timeout"].error.text() == "\u201csoon\u201d is no number"
    assert form.timeout.property("invalid")
    assert (form.prompt.toPlainText(), tasks.requests) == ("Do it", [])
    form.timeout.setText("")
    form.send.click()
    assert not form.rows["timeout"].error.isVisible()


def test_what_the_coordinator_refuses_is_told_and_nothing_is_lost(form, tasks, qtbot):
    tasks.refuses = AuroraError(
        "The folder is not allowed", "/etc is not below `tasks.folders`", "Add it to the settings"
    )
    form.prompt.setPlainText("Do it")
    form.cwd.setText("/etc")
    form.send.click()
    qtbot.waitUntil(form.error_card.isVisible)
    assert form.error.text().startswith("The folder is not allowed. /etc is not below \u201ctasks.folders\u201d")
    assert (form.prompt.toPlainText(), form.cwd.text(), form.send.isEnabled()) == ("Do it", "/etc", True)
    form.prompt.setPlainText("Do something else")
    assert not form.error_card.isVisible()


def test_two_presses_submit_one_task(form, tasks, qtbot):
    tasks.gate = asyncio.Event()
    form.prompt.setPlainText("Do it")
    form.submit()
    form.submit()
    assert not form.send.isEnabled()
    tasks.gate.set()
    qtbot.waitUntil(lambda: form.send.isEnabled())
    assert len(tasks.requests) == 1


def test_an_agent_that_cannot_be_used_is_told_before(form, house):
    gemini = next((n for n in range(form.doer.count()) if form.doer.itemText(n).startswith("gemini")), -1)
    assert gemini == -1  # the settings of this house do not have it
    missing = {"available": False, "detail": "`claude` was not found", "hint": "Install it"}
    house.tasks.known = (replace(house.tasks.known[0], **missing),)
    form.show_work()
    assert form.note.isVisible()
    assert "\u201cclaude\u201d was not found. Install it" in form.note.text()


def test_the_folder_is_browsed_without_a_loop_of_its_own(form):
    form.browse.click()
    (dialog,) = form.findChildren(QFileDialog)
    assert dialog.fileMode() == QFileDialog.FileMode.Directory
    dialog.fileSelected.emit("/home/ada/work")
    dialog.reject()
    assert form.cwd.text() == "/home/ada/work"


def test_a_low_and_narrow_window_keeps_every_field(form, window, qtbot):
    window.resize(640, 480)
    qtbot.waitUntil(lambda: form._options.y() > form.send.y())


# The chat


def said(chat) -> str:
    return chat.view.toPlainText()


def say(chat, qtbot, text: str) -> None:
    chat.words.setFocus()
    qtbot.keyClicks(chat.words, text)
    qtbot.keyClick(chat.words, Qt.Key.Key_Return)


def end(tasks: FakeTasks, **changes: object) -> None:
    tasks.become(tasks.shown[0].id, **{"status": "completed", "finished_at": time.time(), **changes})


def test_words_become_a_task_and_the_answer_comes_in(chat, tasks, window, qtbot):
    say(chat, qtbot, "What does the importer do?")
    qtbot.waitUntil(lambda: bool(tasks.requests))
    assert (tasks.requests[0].agent, tasks.requests[0].continues) == ("claude", "")
    tasks.said["task_00000001"] = [Entry(at=1.0, kind="message", text="It imports.")]
    window._bridge._tick()
    qtbot.waitUntil(lambda: said(chat).endswith("It imports."))
    assert "What does the importer do?" in said(chat)


def test_the_next_words_go_on_in_the_same_session_unless_a_new_one_is_begun(chat, tasks, window, qtbot):
    for number, text in enumerate(("One", "Two", "Three")):
        if text == "Three":
            chat.anew.click()
        say(chat, qtbot, text)
        qtbot.waitUntil(lambda number=number: len(tasks.requests) == number + 1)
        end(tasks)
        window._bridge._flush()
    assert [request.continues for request in tasks.requests] == ["", "task_00000001", ""]


def test_words_that_come_meanwhile_wait_for_their_turn(chat, tasks, window, qtbot):
    say(chat, qtbot, "One")
    qtbot.waitUntil(lambda: len(tasks.requests) == 1)
    say(chat, qtbot, "Two")
    qtbot.waitUntil(lambda: "Sent when claude is done" in said(chat))
    assert len(tasks.requests) == 1
    end(tasks)
    window._bridge._flush()
    qtbot.waitUntil(lambda: [request.prompt for request in tasks.requests] == ["One", "Two"])


def test_they_are_sent_also_while_another_page_is_shown(chat, tasks, window, house, qtbot):
    say(chat, qtbot, "One")
    qtbot.waitUntil(lambda: len(tasks.requests) == 1)
    say(chat, qtbot, "Two")
    window.show_page(0)
    end(tasks)
    house.bus.publish(
        TaskFinished(at=1.0, component="agent:claude", task_id="task_00000001", agent="claude", status="completed")
    )
    qtbot.waitUntil(lambda: [request.prompt for request in tasks.requests] == ["One", "Two"])


def test_an_answer_that_does_not_come_says_why(chat, tasks, window, qtbot):
    say(chat, qtbot, "One")
    qtbot.waitUntil(lambda: bool(tasks.requests))
    end(tasks, status="error", cause="not logged in")
    window._bridge._flush()
    qtbot.waitUntil(lambda: said(chat).endswith("Failed. not logged in"))


def test_restart_yourself_asks_once(chat, house, qtbot):
    say(chat, qtbot, "restart yourself")
    qtbot.waitUntil(lambda: "Restart Aurora now?" in said(chat))
    say(chat, qtbot, "no")
    assert said(chat).endswith("Aurora goes on.")
    say(chat, qtbot, "restart yourself")
    qtbot.waitUntil(lambda: said(chat).count("Restart Aurora now?") == 2)
    assert house.restarts == []
    say(chat, qtbot, "Yes!")
    assert house.restarts == ["asked for in the chat"]


def test_a_stop_is_heard_also_where_a_yes_was_asked_for(chat, house, qtbot):
    say(chat, qtbot, "restart yourself")
    qtbot.waitUntil(lambda: "Restart Aurora now?" in said(chat))
    say(chat, qtbot, "stop")
    qtbot.waitUntil(lambda: ("stop", "window") in house.control.asked)
    say(chat, qtbot, "yes")
    assert house.restarts == []


def test_heal_reaches_healing(chat, house, qtbot, monkeypatch):
    asked = []

    async def heal(name: str | None, *, check_now: bool) -> Checked:
        asked.append((name, check_now))
        if name == "nosuch":
            raise AuroraError("There is no nosuch", "", "Did you mean web?")
        return Checked(findings=("web: a stray held its port; ended",))

    monkeypatch.setattr(house.healing, "heal", heal)
    say(chat, qtbot, "heal yourself")
    qtbot.waitUntil(lambda: said(chat).endswith("a stray held its port; ended"))
    say(chat, qtbot, "fix web")
    say(chat, qtbot, "heal nosuch")
    qtbot.waitUntil(lambda: said(chat).endswith("There is no nosuch. Did you mean web?"))
    assert asked == [(None, False), ("web", False), ("nosuch", False)]


def test_restart_reaches_the_supervisor(chat, house, qtbot):
    say(chat, qtbot, "restart web")
    qtbot.waitUntil(lambda: house.supervisor.asked == [("restart", ("web",), "window")])


def test_status_tells_the_whole(chat, tasks, qtbot):
    tasks.shown = (a_work_task(7, cause="begun"),)
    say(chat, qtbot, "status")
    qtbot.waitUntil(lambda: said(chat).endswith("Task 7 (claude): At work"))
    assert "10 services: 1 failed" in said(chat)


def test_help_and_what_is_no_command(chat, tasks, qtbot):
    say(chat, qtbot, "help")
    qtbot.waitUntil(lambda: "heal yourself: look at everything" in said(chat))
    say(chat, qtbot, "/frobnicate")
    qtbot.waitUntil(lambda: "There is no command \u201cfrobnicate\u201d" in said(chat))
    assert tasks.requests == []


def test_shift_enter_begins_a_line_and_up_recalls(chat, tasks, qtbot):
    qtbot.keyClicks(chat.words, "One")
    qtbot.keyClick(chat.words, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(chat.words, "two")
    assert tasks.requests == []
    chat.send.click()
    qtbot.waitUntil(lambda: [request.prompt for request in tasks.requests] == ["One\ntwo"])
    qtbot.keyClick(chat.words, Qt.Key.Key_Up)
    assert chat.words.toPlainText() == "One\ntwo"
    chat.escape()
    assert chat.words.toPlainText() == ""


def test_a_refused_task_is_told_in_the_chat(chat, tasks, qtbot):
    tasks.refuses = AuroraError("The queue is full")
    say(chat, qtbot, "One")
    qtbot.waitUntil(lambda: said(chat).endswith("The queue is full"))
