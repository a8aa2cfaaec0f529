"""The input page: gate, stop key, pending settings, queue, history."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog

from aurora_desktop.input.actions import CursorPosition, Key, LeftClick, MouseMove, Point, Scroll, Type, Wait
from aurora_desktop.input.view import Display
from aurora_desktop.safety.view import ControlRequest
from aurora_desktop.ui.models.tasks import HISTORY, QUEUE, Column, TasksModel, text_of

from .fakes import a_control, a_task
from .test_control import quick, show  # noqa: F401 - a fixture

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(window):
    window.show_page(1)
    return window.input


@pytest.fixture
def picture(tmp_path) -> str:
    image = QImage(640, 400, QImage.Format.Format_RGB32)
    image.fill(QColor("#336699"))
    path = tmp_path / "before.png"
    image.save(str(path))
    return str(path)


def test_a_closed_gate_says_why_and_what_to_do(window, house, page):
    show(window, house, a_control("closed", reason="`enabled` is false", hint="Set it in operator_enabled.yaml"))
    values = {key: value.text() for key, value in page.gate.facts.values.items()}
    assert values["Reason"] == "\u201cenabled\u201d is false"
    assert values["What to do"] == "Set it in operator_enabled.yaml"
    assert not page.gate.arm.isEnabled()


def test_armed_there_is_nothing_to_arm(window, house, page):
    show(window, house, a_control("armed", holder="claude"))
    assert not page.gate.arm.isVisible()
    assert page.gate.facts.values["In control"].text() == "agent claude"


def test_the_mode_of_the_settings_is_offered_first(page, house):
    assert page.gate.modes[house.settings.current().input.mode].isChecked()


def test_the_drill_asks_for_the_key_and_praises(window, house, page):
    show(window, house, a_control(hotkey_state="listening"))
    assert page.stop_key.keys.text() == "Ctrl+Alt+Shift+Escape"
    page.stop_key.prove.click()
    assert house.control.asked == [("drill", True)]
    show(window, house, a_control(drill=True, hotkey_state="listening"))
    assert page.stop_key.instruction.text() == "Press Ctrl+Alt+Shift+Escape now. In this drill it stops nothing"
    show(window, house, a_control(drill=False, hotkey_state="proven"))
    assert page.stop_key.instruction.text() == "It works: this key stops everything"
    assert page.stop_key.state.text() == "Proven"
    show(window, house, a_control(hotkey_state="lost"))
    assert not page.stop_key.instruction.isVisible()


def test_a_drill_can_be_ended(window, house, page):
    show(window, house, a_control(drill=True))
    page.stop_key.prove.click()
    assert house.control.asked == [("drill", False)]


def test_no_drill_begins_while_agents_may_act(window, house, page):
    show(window, house, a_control("armed"))
    assert not page.stop_key.prove.isEnabled()


def test_a_key_that_is_not_heard_cannot_be_proven(window, house, page):
    show(window, house, a_control(hotkey_state="lost"))
    assert not page.stop_key.prove.isEnabled()


def test_settings_that_loosen_wait_for_a_held_press(quick, house, qtbot):  # noqa: F811 - the fixture
    show(quick, house, a_control(pending=("`input.hotkey`: a to b",)))
    quick.show_page(1)
    card = quick.input.pending
    assert card.changes.text() == "\u2022 \u201cinput.hotkey\u201d: a to b"
    QTest.mousePress(card.confirm, LEFT)
    qtbot.waitUntil(lambda: [asked[0] for asked in house.control.asked] == ["confirm_settings"])
    show(quick, house, a_control())
    assert not card.isVisible()


def test_the_queue_is_cancelled_by_click_and_by_key(window, house, page, qtbot):
    house.input.running = a_task("t1", status="running")
    house.input.queued = (a_task("t2", sentence="typing 41 characters"),)
    show(window, house, a_control("armed"))
    table = page.queue.table
    assert page.queue.model.rowCount() == 2
    cell = table.visualRect(page.queue.model.index(1, QUEUE.index(Column.CANCEL)))
    QTest.mouseClick(table.viewport(), LEFT, pos=cell.center())
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert house.input.cancelled == [("t2", "window"), ("t1", "window")]


def test_a_click_elsewhere_in_the_queue_cancels_nothing(window, house, page):
    house.input.queued = (a_task("t2"),)
    show(window, house, a_control("armed"))
    cell = page.queue.table.visualRect(page.queue.model.index(0, 0))
    QTest.mouseClick(page.queue.table.viewport(), LEFT, pos=cell.center())
    assert house.input.cancelled == []


def test_an_action_shows_its_outcome_reason_and_pictures(window, house, page, picture, qtbot):
    house.input.recent = (
        a_task(
            "t1", status="failed", outcome="partial", reason="stopped by `window`", events=31, retry_count=1,
            evidence=(picture, picture), finished_at=1000.0, duration_s=2.0,
        ),
    )  # fmt: skip
    show(window, house, a_control("armed"))
    page.history.table.selectRow(0)
    values = {key: value.text() for key, value in page.history.facts.values.items()}
    assert values["Outcome"] == "Done in part"
    assert values["Reason"] == "stopped by \u201cwindow\u201d"
    assert (values["Events sent"], values["Tries"]) == ("31", "2")
    before = page.history.evidence.thumbnails[0]
    qtbot.waitUntil(lambda: not before.icon().isNull())
    before.click()
    large = next(each for each in page.history.evidence.findChildren(QDialog) if each.isVisible())
    assert large.windowTitle() == "Before the action"
    large.close()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not page.history.details.isVisible()


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ({"text": "x" * 1_000_000}, f"text: {'x' * 500}\u2026 (1,000,000 characters in all)"),
        ({"points": tuple(range(10_000))}, f"points: {', '.join(map(str, range(20)))}\u2026 (10,000 in all)"),
        ({"text": "x" * 500, "points": (1, 2)}, f"text: {'x' * 500}, points: (1, 2)"),
    ],
    ids=("a text", "a path", "what is short"),
)
def test_of_long_parameters_the_details_show_the_beginning(window, house, page, parameters, shown):
    house.input.recent = (a_task("t1", status="completed", outcome="done", parameters=parameters),)
    show(window, house, a_control("armed"))
    page.history.table.selectRow(0)
    assert page.history.facts.values["Parameters"].text() == shown


def test_pictures_that_are_kept_no_longer_are_told(window, house, page, tmp_path, qtbot):
    house.input.recent = (a_task("t1", status="completed", outcome="done", evidence=(str(tmp_path / "gone.png"),)),)
    show(window, house, a_control("armed"))
    page.history.table.selectRow(0)
    before, after = page.history.evidence.thumbnails
    qtbot.waitUntil(lambda: before.text() == "No longer kept")
    assert not after.isVisible()


def test_displays_are_told(window, house, page, monkeypatch):
    from msgspec.structs import replace

    view = replace(house.input.view(), displays=(Display("DP-1", 0, 0, 1920, 1080),), backend="xtest")
    monkeypatch.setattr(house.input, "view", lambda: view)
    window._bridge.refresh()
    values = page.gate.facts.values
    assert (values["Displays"].text(), values["Events by"].text()) == ("DP-1 1920 \u00d7 1080", "xtest")


def test_a_narrow_page_scrolls_down_only(window, house, page, picture, qtbot):
    house.input.recent = (a_task("t1", status="completed", outcome="done", evidence=(picture, picture)),)
    show(window, house, a_control(pending=("x",)))
    page.history.table.selectRow(0)
    window.resize(640, 480)
    qtbot.waitUntil(lambda: page.history.table.isColumnHidden(HISTORY.index(Column.AGENT)))
    qtbot.waitUntil(lambda: page.area.horizontalScrollBar().maximum() == 0)


def test_without_tasks_the_page_says_so(page):
    assert page.queue.nothing.isVisible()
    assert page.history.nothing.isVisible()


@pytest.mark.parametrize(
    ("words", "line", "action"),
    [
        ("Click", "640, 400", LeftClick(at=Point(x=640, y=400))),
        ("Move to", "10 20", MouseMove(at=Point(x=10, y=20))),
        ("Type", " caf\u00e9", Type(text=" caf\u00e9")),
        ("Press", "ctrl+s", Key(keys="ctrl+s")),
        ("Scroll by", "-3", Scroll(dy=-3)),
        ("Wait for", "0.5", Wait(duration_s=0.5)),
        ("Ask where the pointer is", "", CursorPosition()),
    ],
)
def test_a_task_is_submitted_as_an_agent_would(page, house, qtbot, monkeypatch, words, line, action):
    taken = []
    monkeypatch.setattr(house.input, "submit", taken.append)
    page.trial.kind.setCurrentText(words)
    page.trial.line.setText(line)
    page.trial.button.click()
    assert [(each.action, each.operator_user) for each in taken] == [(action, "operator")]
    assert not page.trial.error.isVisible()


@pytest.mark.parametrize(
    ("words", "line", "error"),
    [("Click", "here", "Write it like this: 640, 400"), ("Type", "", ""), ("Wait for", "-1", ""), ("Press", "", "")],
)
def test_a_task_that_cannot_be_is_refused_in_the_form(page, house, words, line, error):
    page.trial.kind.setCurrentText(words)
    page.trial.line.setText(line)
    page.trial.submit()
    assert page.trial.error.isVisible()
    assert page.trial.error.text().startswith(error)
    assert house.input.queued == ()


@pytest.mark.parametrize("columns", [QUEUE, HISTORY])
def test_the_model_keeps_its_promises(qtmodeltester, columns):
    model = TasksModel(columns)
    model.show([a_task("a"), a_task("b"), a_task("c", status="completed", outcome="done")])
    qtmodeltester.check(model)


@pytest.mark.parametrize(
    ("before", "after"),
    [("abc", "bcd"), ("abc", "cab"), ("abc", ""), ("", "ab"), ("abcd", "dcba"), ("ab", "axb")],
)
def test_the_model_becomes_what_it_is_shown(before, after):
    model = TasksModel(HISTORY)
    for letters in (before, after):
        model.show([a_task(letter) for letter in letters])
    assert "".join(model.index(row, 0).data(Qt.ItemDataRole.UserRole + 1).task_id for row in range(len(after))) == after
    assert model.rowCount() == len(after)


def test_a_changed_task_tells_of_its_row_alone(qtbot):
    model = TasksModel(QUEUE)
    model.show([a_task("a"), a_task("b")])
    with qtbot.waitSignal(model.dataChanged) as told:
        model.show([a_task("a"), a_task("b", status="running")])
    assert (told.args[0].row(), told.args[1].row()) == (1, 1)


def test_an_action_without_a_sentence_has_its_name():
    assert text_of(a_task(sentence="", action="left_click_drag"), Column.ACTION) == "left click drag"


def test_an_agent_that_asks_is_shown_with_its_reason(window, house, page):
    request = ControlRequest(agent="claude", reason="to fill in the form", asked_at=1.0, until=61.0)
    show(window, house, a_control(request=request))
    assert page.request.sentence.text() == "Agent claude asks for mouse and keyboard"
    assert page.request.reason.text() == "\u201cto fill in the form\u201d"
    assert window.rail.buttons[1].accessibleName() == "Input: an agent asks for mouse and keyboard"
    page.request.decline.click()
    assert house.control.asked == [("decline_request",)]
    show(window, house, a_control())
    assert not page.request.isVisible()
    assert window.rail.buttons[1].accessibleName() == "Input"
