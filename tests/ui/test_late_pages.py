"""A page is built when it is first wanted: it knows what was told before, and comes without a flash."""

import time

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from aurora_desktop.core.events import SettingsRefused
from aurora_desktop.input.view import Question
from aurora_desktop.ui.pages.recovery import SECTIONS as RECOVERY_SECTIONS
from aurora_desktop.ui.pages.work import SECTIONS as WORK_SECTIONS
from aurora_desktop.ui.window import INPUT, PAGES, RECOVERY, SETTINGS, WORK

from .fake_link import FakeLink
from .fake_tasks import FakeTasks
from .fakes import a_busy_healing, a_control, a_task, some_records

LATE = ("input", "recovery", "work", "settings")


@pytest.fixture
def house(house):
    now = time.time()
    house.records = list(some_records(now))
    house.healing.shown = a_busy_healing(now)
    house.tasks = FakeTasks()
    house.tasks.busy(now)
    house.link = FakeLink()
    return house


class Shown(QObject):
    """Hears of every widget that became a window of its own."""

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self.windows: list[QWidget] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.windows.append(watched)
        return False


def test_none_is_built_before_it_is_looked_at(window):
    assert not set(LATE) & set(vars(window))
    window.show_page(SETTINGS)
    assert set(LATE) & set(vars(window)) == {"settings"}


def test_none_comes_as_a_window_of_its_own_first(window, qapp):
    shown = Shown(qapp)
    qapp.installEventFilter(shown)
    for place in range(len(PAGES)):
        window.show_page(place)
        qapp.processEvents()
    for title in RECOVERY_SECTIONS:
        window.recovery.go_to(title)
        qapp.processEvents()
    for title in WORK_SECTIONS:
        window.work.go_to(title)
        qapp.processEvents()
    qapp.removeEventFilter(shown)
    assert shown.windows == []


def test_nor_does_a_part_of_a_form_or_question(window, desktop, qapp):
    shown = Shown(qapp)
    qapp.installEventFilter(shown)
    form = window.edit_service("web")
    desktop.ask(Question(task_id="t1", agent="claude", sentence="Type", text="ls"))
    qapp.processEvents()
    qapp.removeEventFilter(shown)
    form.close()
    assert shown.windows == [form, *desktop._questions.open.values()]


def test_what_went_wrong_before_is_shown(window):
    window.show_page(RECOVERY)
    assert window.recovery.timeline.model.rowCount() > 0
    assert not window.recovery.waiting.isHidden()


def test_a_refusal_from_before_is_shown(window, house):
    house.bus.publish(SettingsRefused(at=1.0, component="settings", path="a", problems=("line 3: x",)))
    window.show_page(SETTINGS)
    assert window.settings.problems.text() == "line 3: x"


def test_control_and_its_queue_are_shown_as_they_are(window, house, qtbot):
    house.control.shown = a_control("disarmed", pending=("a rule",))
    house.input.queued = (a_task("t1"), a_task("t2"))
    window._bridge.refresh_control()
    window.show_page(INPUT)
    assert window.input.pending.isVisible()
    table = window.input.queue.table
    assert table.model().rowCount() == 2
    rows_px = 2 * table.verticalHeader().defaultSectionSize()
    qtbot.waitUntil(lambda: table.viewport().height() >= rows_px, timeout=60_000)  # no row is cut


def test_a_badge_comes_without_the_page(window, house):
    window._bridge.refresh()
    assert window.rail.buttons[WORK].accessibleName() != "Agents"
    assert "work" not in vars(window)
