"""The agents' page in the window: tasks, output, cluster, and all of it by keyboard; quitting while they work."""

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QMessageBox

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.task_events import ApprovalAsked, TaskFinished, TaskStateChanged
from aurora_desktop.tasks.view import Entry
from aurora_desktop.ui.models.work import PAGE, in_order
from aurora_desktop.ui.pages.work import APPROVALS, CHAT, CLUSTER, OUTPUT, SECTIONS, SUBMIT, TASKS
from aurora_desktop.ui.widgets.pieces import Button
from aurora_desktop.ui.window import SETTINGS, WORK

from .fake_tasks import FakeTasks, a_work_task
from .fakes import House, a_busy_healing, a_control, a_mix
from .test_control import show

CTRL = Qt.KeyboardModifier.ControlModifier
AT_WORK = "task_0000003b"


@pytest.fixture
def tasks() -> FakeTasks:
    made = FakeTasks()
    made.busy(time.time())
    return made


@pytest.fixture
def house(tasks: FakeTasks) -> House:
    made = House(a_mix())
    made.tasks = tasks
    made.healing.shown = a_busy_healing(time.time())
    return made


@pytest.fixture
def page(window):
    window.show_page(WORK)
    return window.work


def changed(task_id: str = AT_WORK) -> TaskStateChanged:
    return TaskStateChanged(at=1.0, component="agent:claude", task_id=task_id, previous="running", status="completed")


def test_limits_that_loosen_are_shown_above_the_work_and_wait_for_a_held_press(page, window, house, qtbot):
    page.pending.confirm.hold._timer.setInterval(20)
    show(window, house, a_control(pending=("`tasks.agents.bot.permissions`: ask becomes full",)))
    assert page.pending.isVisible()
    assert page.pending.changes.text() == "\u2022 \u201ctasks.agents.bot.permissions\u201d: ask becomes full"
    QTest.mousePress(page.pending.confirm, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: [asked[0] for asked in house.control.asked] == ["confirm_settings"])
    show(window, house, a_control(pending=tuple(f"change {n}" for n in range(9))))
    assert page.pending.changes.text().endswith("and 4 more: read all of them on the page Input")
    assert not page.pending.confirm.isVisible()
    show(window, house, a_control())
    assert not page.pending.isVisible()


# The way there, and what it costs


def test_a_page_that_nobody_opens_builds_nothing_and_reads_the_counts_alone(window, tasks, house):
    assert window.work._built == {}
    before = tasks.looked
    for _ in range(20):
        house.bus.publish(changed())
    window._bridge._flush()
    window._bridge._tick()
    assert window.work._built == {}
    assert tasks.looked == before + 1  # the uncertain ones, for the number on the rail


def test_it_reads_no_more_once_it_is_left(page, window, tasks):
    window.show_page(0)
    window._bridge._flush()
    before = tasks.looked
    window._bridge._tick()
    window._bridge._flush()
    assert tasks.looked == before


def test_by_keys_to_the_page_and_through_its_sections(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_4, CTRL)
    assert window.pages.currentWidget() is window.work
    seen = []
    for _ in SECTIONS:
        seen.append(SECTIONS[window.work.sections.currentIndex()])
        assert window.focusWidget() is not None
        qtbot.keyClick(window, Qt.Key.Key_Tab, CTRL)
    assert tuple(seen) == SECTIONS
    assert set(window.work._built) == set(SECTIONS)
    qtbot.keyClick(window, Qt.Key.Key_5, CTRL)
    assert window.pages.currentIndex() == SETTINGS


@pytest.mark.parametrize("title", SECTIONS)
def test_no_two_visible_buttons_share_a_mnemonic_and_each_has_a_name(page, window, title):
    page.go_to(title)
    page.show_task(AT_WORK) if title == TASKS else None
    buttons = [each for each in window.findChildren(QAbstractButton) if each.isVisible()]
    keys = [each.shortcut().toString() for each in buttons if each.shortcut().toString()]
    assert sorted(keys) == sorted(set(keys))
    assert all(each.accessibleName() for each in buttons if isinstance(each, Button))


def test_without_a_coordinator_it_says_so(plain_window):
    plain_window.show_page(WORK)
    assert not plain_window.work.sections.isVisible()
    plain_window.work.focus_filter()
    plain_window.work.escape()


@pytest.fixture
def plain_window(qapp, qtbot):
    from aurora_desktop.ui.desktop import Desktop

    desktop = Desktop(House(a_mix()).context())
    desktop.start(hidden=False)
    yield desktop.window
    desktop.close()


def test_the_rail_counts_what_waits(window, house, tasks, qtbot):
    badge = window.rail._badges[WORK]
    assert (badge.text(), badge.isVisible()) == ("3", True)
    assert window.rail.buttons[WORK].accessibleName() == "Agents: 3 matters wait for you"
    tasks.questions, tasks.shown = (), ()
    house.bus.publish(changed())
    qtbot.waitUntil(lambda: not badge.isVisible())
    assert window.rail.buttons[WORK].accessibleName() == "Agents"


def test_the_section_counts_its_questions(page, house, tasks, qtbot):
    place = SECTIONS.index(APPROVALS)
    assert page.sections.tabText(place) == "Approvals (2)"
    tasks.questions = ()
    tasks.tell()
    qtbot.waitUntil(lambda: page.sections.tabText(place) == "Approvals")


# Tasks


def test_the_table_follows_the_tasks(page, tasks, house, qtbot):
    model = page.section.model
    assert model.rowCount() == 13
    tasks.become(AT_WORK, status="completed", finished_at=time.time(), activity=None)
    qtbot.waitUntil(lambda: model.index(model.row_of(AT_WORK), 2).data() == "Done")


def test_filter_by_words_and_state(page, window, qtbot):
    section = page.section
    qtbot.keyClick(window, Qt.Key.Key_F, CTRL)
    assert section.filter.hasFocus()
    qtbot.keyClicks(section.filter, "dropped")
    qtbot.keyClick(section.filter, Qt.Key.Key_Return)
    assert [task.id for task in section.model.rows()] == [AT_WORK]
    assert section.selected().id == AT_WORK
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: section.model.rowCount() == 13)
    section.state.setCurrentText("Failed")
    assert sorted(task.status for task in section.model.rows()) == ["dead", "error", "timeout"]
    section.filter.setText("nothing like it")
    qtbot.waitUntil(lambda: section._no_match.isVisible())


def test_of_ten_thousand_all_can_be_reached_and_found(page, tasks, qtbot):
    section = page.section
    tasks.shown = tuple(a_work_task(number, "completed") for number in range(10_000, 0, -1))
    section.show_work()
    assert section.model.rowCount() == PAGE
    section.table.scrollToBottom()
    qtbot.waitUntil(lambda: section.model.rowCount() == 2 * PAGE)
    section.filter.setText("number 77")
    found = len(in_order(tasks.shown, "number 77"))
    qtbot.waitUntil(lambda: section.model.rowCount() == found > 100)
    section.filter.setText("task_00000001")
    qtbot.waitUntil(lambda: [task.number for task in section.model.rows()] == [1])
    section.filter.clear()
    qtbot.waitUntil(lambda: section.model.rowCount() == 2 * PAGE)
    section._limit = 10_000
    section.show_work()
    assert section.model.rowCount() == 10_000


def test_while_much_is_shown_it_is_read_once_a_second(page, tasks, window, qtbot):
    section = page.section
    section.filter.setText("dropped")
    qtbot.waitUntil(lambda: section.model.rowCount() == 1)
    before = tasks.looked
    for _ in range(5):
        tasks.become(AT_WORK, worker="coder-2")
        window._bridge._flush()
    assert section.model.index(0, 8).data() == "coder-1"
    window._bridge._tick()
    assert section.model.index(0, 8).data() == "coder-2"
    assert tasks.looked - before < 15


def test_the_drawer_by_key_and_what_it_tells(page, window, qtbot):
    section = page.section
    section.table.setFocus()
    section.table.selectRow(section.model.row_of(AT_WORK))
    qtbot.keyClick(section.table, Qt.Key.Key_Return)
    drawer = section.drawer
    assert drawer.isVisible()
    told = {key: value.text() for key, value in drawer.facts.values.items() if value.text()}
    assert told["Doing"].startswith("Running Bash for ")
    assert (told["Agent"], told["Cost"], told["Attempts"]) == ("coder (claude)", "$0.42", "1 of 3")
    assert drawer.texts.prompt.toPlainText().startswith("Make the importer resume")
    qtbot.waitUntil(lambda: "AssertionError" in drawer.texts.transcript.toPlainText())
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not drawer.isVisible()


def test_the_only_task_is_opened_by_keys_alone(page, tasks, window, house, qtbot):
    section = page.section
    (kept,) = (task for task in tasks.shown if task.id == AT_WORK)
    tasks.shown = ()
    section.show_work()
    window.show_page(WORK)
    qtbot.waitUntil(section.begin.hasFocus)
    tasks.shown = (kept,)
    section.show_work()
    assert section.table.hasFocus(), "where the words were is the table now"
    qtbot.keyClick(section.table, Qt.Key.Key_Down)
    qtbot.keyClick(section.table, Qt.Key.Key_Return)
    assert section.drawer.isVisible()


def test_the_live_part_grows_with_the_tick(page, window, tasks, qtbot):
    page.show_task(AT_WORK)
    drawer = page.section.drawer
    qtbot.waitUntil(lambda: "25 lines of output" in drawer.texts.transcript.toPlainText())
    tasks.said[AT_WORK].append(Entry(at=1.0, kind="message", text="All is done."))
    window._bridge._tick()
    qtbot.waitUntil(lambda: drawer.texts.transcript.toPlainText().endswith("All is done."))


@pytest.mark.parametrize(
    ("number", "offered"),
    [
        (59, {"cancel"}), (58, {"cancel", "answer"}), (56, {"cancel", "resume"}), (55, {"cancel", "retry", "resume"}),
        (54, {"retry", "log"}), (52, {"retry", "resume", "log"}), (61, {"cancel"}),
    ],
)  # fmt: skip
def test_the_drawer_offers_what_the_state_allows(page, number, offered):
    page.show_task(f"task_{number:08x}")
    drawer = page.section.drawer
    buttons = {"cancel", "answer", "resume", "retry", "log"}
    assert {name for name in buttons if getattr(drawer, name).isVisible()} == offered


@pytest.mark.parametrize(
    ("number", "button", "asked"),
    [
        (59, "cancel", ("cancel", "task_0000003b", "window")), (54, "retry", ("retry", "task_00000036", "window")),
        (55, "resume", ("resume", "task_00000037", "window")), (56, "resume", ("thaw", "task_00000038")),
    ],
)  # fmt: skip
def test_the_buttons_ask_the_coordinator(page, tasks, qtbot, number, button, asked):
    page.show_task(f"task_{number:08x}")
    getattr(page.section.drawer, button).click()
    qtbot.waitUntil(lambda: tasks.asked == [asked])


def test_a_frozen_task_says_what_its_button_does(page):
    page.show_task("task_00000038")
    assert page.section.drawer.resume.accessibleName() == "Let it go on"


def test_delete_cancels_the_chosen_task_but_no_ended_one(page, tasks, qtbot):
    section = page.section
    section.table.setFocus()
    section.table.selectRow(section.model.row_of("task_00000036"))
    qtbot.keyClick(section.table, Qt.Key.Key_Delete)
    section.table.selectRow(section.model.row_of(AT_WORK))
    qtbot.keyClick(section.table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: tasks.asked == [("cancel", AT_WORK, "window")])


def test_a_refusal_is_told(page, window, tasks, qtbot):
    page.show_task("task_00000037")
    tasks.refuses = AuroraError("Reset first", "The emergency stop is latched")
    page.section.drawer.retry.click()
    qtbot.waitUntil(lambda: any(box.text() == "Reset first" for box in window.findChildren(QMessageBox)))


def test_the_log_is_opened(page, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.path()))
    page.show_task("task_00000036")
    page.section.drawer.log.click()
    assert opened == ["/home/ada/.local/state/aurora-desktop/logs/tasks/task_00000036.log"]


def test_a_task_whose_details_are_gone_closes_the_drawer(page, tasks):
    page.show_task(AT_WORK)
    section = page.section
    tasks.shown = tuple(task for task in tasks.shown if task.id != AT_WORK)
    section.show_work()
    assert not section.drawer.isVisible() or section.drawer.task_id != AT_WORK


def test_no_tasks_is_an_invitation(page, tasks, window, qtbot):
    tasks.shown = ()
    page.section.show_work()
    assert page.section.begin.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_N, CTRL)
    assert SECTIONS[page.sections.currentIndex()] == SUBMIT


# Output


def test_each_agent_has_its_output_and_its_newest_task_is_followed(page, tasks, qtbot):
    section = page.go_to(OUTPUT)
    assert [section.agents.tabText(n) for n in range(section.agents.count())] == ["Claude", "Codex", "gemini"]
    assert section.task.number == 58
    qtbot.waitUntil(lambda: "Bash failed" in section.view.toPlainText())
    section.agents.setCurrentIndex(1)
    assert section.task.number == 57
    section.agents.setCurrentIndex(2)
    assert section._empty.isVisible()


def test_another_task_can_be_chosen_and_stays(page, tasks):
    section = page.go_to(OUTPUT)
    place = section.choice.findData(AT_WORK)
    section.choice.setCurrentIndex(place)
    section.choice.activated.emit(place)
    assert section.task.id == AT_WORK
    section.show_work()
    assert section.task.id == AT_WORK
    section.open.click()
    assert page.section.drawer.task_id == AT_WORK


def test_search_in_the_output_by_keys(page, window, qtbot):
    section = page.go_to(OUTPUT)
    qtbot.waitUntil(lambda: "25 lines of output" in section.view.toPlainText())
    qtbot.keyClick(window, Qt.Key.Key_F, CTRL)
    assert section.search.hasFocus()
    qtbot.keyClicks(section.search, "test_row_")
    qtbot.keyClick(section.search, Qt.Key.Key_Return)
    assert section.found.text() == "24 of 24"
    qtbot.keyClick(section.search, Qt.Key.Key_Return)
    assert section.found.text() == "1 of 24"
    section.back.click()
    assert section.found.text() == "24 of 24"
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert section.search.text() == ""
    qtbot.waitUntil(lambda: section.found.text() == "")


def test_scrolling_up_offers_the_way_back(page, qtbot):
    section = page.go_to(OUTPUT)
    qtbot.waitUntil(lambda: section.view.verticalScrollBar().maximum() > 0)
    assert not section.latest.isVisible()
    section.view.verticalScrollBar().setValue(0)
    assert section.latest.isVisible()
    section.latest.click()
    assert section.view.is_following


# Cluster


def test_the_cluster_counts_its_workers_and_shows_the_machine(page, qtbot):
    section = page.go_to(CLUSTER)
    counts = [card.accessibleName() for card in (section.total, section.well, section.unwell)]
    assert counts == ["Workers: 8", "Healthy: 7", "Unhealthy: 1"]
    assert [card.accessibleName() for card in section.levels] == [
        "CPU: 37 %. Under its limit of 90 %", "Memory: 78 %. Near its limit of 85 %",
        "Disk: 93 %. Over its limit of 90 % for 4 min 10 s",
    ]  # fmt: skip


def test_heal_replaces_those_that_are_not_well_or_the_chosen_one(page, tasks, qtbot):
    section = page.go_to(CLUSTER)
    section.heal.click()
    qtbot.waitUntil(lambda: tasks.asked == [("heal", (), "window")])
    section.table.selectRow(3)
    assert section.heal.accessibleName() == "Heal coder-1"
    section.heal.click()
    qtbot.waitUntil(lambda: tasks.asked[-1] == ("heal", ("coder-1",), "window"))
    qtbot.waitUntil(lambda: section.told.text() == "Replaced coder-1")
    section.escape()
    assert section.heal.accessibleName() == "Heal"


def test_refresh_asks_the_programs_again(page, tasks, qtbot):
    section = page.go_to(CLUSTER)
    section.refresh.click()
    qtbot.waitUntil(lambda: tasks.asked == [("check",)])


def test_a_heal_that_is_refused_is_told_in_place(page, tasks, qtbot):
    section = page.go_to(CLUSTER)
    tasks.refuses = AuroraError("No", "the emergency stop is latched")
    section.heal.click()
    qtbot.waitUntil(lambda: section.told.text() == "No. The emergency stop is latched")


def test_healing_is_followed_by_the_cluster_alone(page, window):
    assert not window._bridge._machine_followed
    page.go_to(CLUSTER)
    assert window._bridge._machine_followed
    page.go_to(CHAT)
    assert not window._bridge._machine_followed


# Notifications lead here


def test_a_question_is_told_and_its_notification_opens_it(desktop, house, tasks, qtbot):
    asked = ApprovalAsked(
        at=1.0, component="agent:claude", approval_id="ask_2", task_id=AT_WORK, kind="tool", tool="Bash", summary="rm x"
    )
    heard = []
    desktop.bridge.notice.connect(heard.append)
    house.bus.publish(asked)
    (notice,) = heard
    assert (notice.title, notice.body, notice.urgent) == ("claude waits for your word", "May it use Bash? rm x", True)
    desktop._choose("default", notice)
    window = desktop.window
    assert window.pages.currentWidget() is window.work
    assert window.work.section.chosen().id == "ask_2"


def test_a_given_up_task_is_told_and_opened(desktop, house, qtbot):
    heard = []
    desktop.bridge.notice.connect(heard.append)
    house.bus.publish(
        TaskFinished(
            at=1.0, component="agent:claude", task_id="task_00000031", agent="claude", status="dead", cause="3 lost"
        )
    )
    house.bus.publish(TaskFinished(at=1.0, component="agent:claude", task_id="t", agent="claude", status="completed"))
    (notice,) = heard
    desktop._choose("open", notice)
    assert desktop.window.work.section.drawer.task_id == "task_00000031"


def test_a_question_can_be_opened_for_a_command_but_not_answered_by_it(desktop, tasks):
    assert desktop.show_approval("ask_1")
    assert desktop.window.work.section.chosen().id == "ask_1"
    assert not desktop.show_approval("ask_99")
    assert tasks.asked == []


# Quitting


def box(desktop) -> QMessageBox:
    return desktop._quitting.box


def test_quit_warns_while_agents_work_and_names_them(desktop, house):
    desktop.tray.quit_asked.emit()
    assert box(desktop).text() == "4 tasks are at work"
    assert "claude: Make the importer resume after a dropped connection" in box(desktop).informativeText()
    assert "and 1 more" in box(desktop).informativeText()
    assert house.quits == []
    desktop.tray.quit_asked.emit()
    press(box(desktop), "&Keep working")
    assert (house.quits, desktop._quitting.box) == ([], None)


def test_quit_anyway_quits(desktop, house):
    desktop.tray.quit_asked.emit()
    press(box(desktop), "&Quit anyway")
    assert house.quits == ["tray"]


def test_quit_asks_nothing_while_no_agent_works(desktop, house, tasks):
    tasks.shown = (a_work_task(1, "queued"), a_work_task(2, "completed"))
    desktop.tray.quit_asked.emit()
    assert house.quits == ["tray"]


def test_the_windows_quit_warns_too(window, house):
    window._ask_to_quit()
    (ask,) = [each for each in window.findChildren(QMessageBox) if each.isVisible()]
    press(ask, "&Quit Aurora")
    press(window.quitting.box, "&Quit anyway")
    assert house.quits == ["window"]


def press(asked: QMessageBox, text: str) -> None:
    next(button for button in asked.buttons() if button.text() == text).click()


def test_work_that_changes_while_it_is_hidden_is_shown_on_return(page, window, tasks, qtbot):
    window.show_page(0)
    tasks.become(AT_WORK, status="error", cause="broken", finished_at=time.time())
    window.show_page(WORK)
    model = page.section.model
    assert model.index(model.row_of(AT_WORK), 2).data() == "Failed"
