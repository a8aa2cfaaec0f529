"""Border, narration and ring: only while an agent acts, and never in the way."""

from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.input.view import Question
from aurora_desktop.ui.overlay import BORDER_PX, NAME, RING_PX, places_on

from .fakes import a_control, a_task


def acting(desktop, house, **more):
    house.control.shown = a_control("armed", **{"mode": "act", **more})
    house.input.running = a_task("t1", status="running", places=((400, 300),))
    desktop.bridge.refresh_control()
    return desktop._overlay


def test_it_does_not_exist_before_an_agent_acts(desktop, house):
    house.control.shown = a_control("armed")
    desktop.bridge.refresh_control()
    assert desktop._overlay is None


def test_while_an_agent_acts_it_tells_who_does_what(desktop, house):
    (window,) = acting(desktop, house).windows
    assert window.isVisible()
    assert window.accessibleName() == 'agent claude: clicking "Save"'
    assert window.geometry() == QGuiApplication.primaryScreen().geometry()


def test_an_agent_without_a_name_is_told_as_one(desktop, house):
    acting(desktop, house)
    house.input.running = a_task(status="running", agent="")
    desktop.bridge.refresh_control()
    (window,) = desktop._overlay.windows
    assert window.accessibleName() == 'an agent: clicking "Save"'


def test_while_the_operator_is_at_it_the_agent_waits_on_the_screen_too(desktop, house):
    (window,) = acting(desktop, house, human_active=True).windows
    assert window.accessibleName() == "agent claude waits: you are using mouse or keyboard"
    assert not window.mask().contains(QPoint(400 + RING_PX // 2 - 2, 300))


def test_while_a_question_is_open_nothing_claims_that_the_agent_acts(desktop, house):
    (window,) = acting(desktop, house).windows
    desktop.ask(Question(task_id="t1", agent="claude", sentence="typing"))
    assert not window.isVisible()
    desktop.bridge.refresh_control()
    assert not window.isVisible()
    desktop.close_question("t1")
    desktop.bridge.refresh_control()
    assert window.isVisible()


def test_what_an_armed_session_needs_is_built_before_it_is_armed(desktop, house, qtbot):
    desktop._prepare_timer.setInterval(1)
    house.control.shown = a_control()
    desktop.bridge.refresh_control()
    assert not desktop._prepare_timer.isActive()
    desktop.raise_window()
    qtbot.waitUntil(lambda: desktop._overlay is not None and desktop._questions is not None)
    assert [window.isVisible() for window in desktop._overlay.windows] == [False]


def test_clicks_go_through_it_and_it_takes_no_focus(desktop, house):
    (window,) = acting(desktop, house).windows
    for flag in (
        Qt.WindowType.WindowTransparentForInput, Qt.WindowType.WindowDoesNotAcceptFocus,
        Qt.WindowType.WindowStaysOnTopHint, Qt.WindowType.FramelessWindowHint,
    ):  # fmt: skip
        assert window.windowFlags() & flag
    assert window.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    assert (window.objectName(), window.windowTitle()) == (NAME, NAME)


def test_it_covers_border_ring_and_words_alone(desktop, house):
    (window,) = acting(desktop, house).windows
    shape = window.mask()
    assert shape.contains(QPoint(BORDER_PX - 1, 200))
    assert shape.contains(window.label_rect().center())
    assert shape.contains(QPoint(400 + RING_PX // 2 - 2, 300))
    assert not shape.contains(QPoint(400, 300))
    assert not shape.contains(QPoint(100, 300))


def test_it_goes_with_the_action_with_control_and_in_a_dry_run(desktop, house):
    (window,) = acting(desktop, house).windows
    house.input.running = None
    desktop.bridge.refresh_control()
    assert not window.isVisible()
    acting(desktop, house)
    assert window.isVisible()
    house.control.shown = a_control()
    desktop.bridge.refresh_control()
    assert not window.isVisible()
    acting(desktop, house, mode="dry_run")
    assert not window.isVisible()


def test_it_can_be_switched_off(desktop, house):
    house.settings.in_force = replace(house.settings.in_force, input=InputSettings(show_overlay=False))
    assert acting(desktop, house) is None


def test_it_is_gone_during_a_capture_whatever_happens(desktop, house):
    (window,) = acting(desktop, house).windows
    desktop.hide_for_capture()
    assert not window.isVisible()
    acting(desktop, house)
    assert not window.isVisible()
    desktop.show_again()
    assert window.isVisible()


def test_long_narration_fits_the_screen(desktop, house):
    overlay = acting(desktop, house)
    overlay.show_task(a_task("t2", sentence="typing " + "x" * 500))
    (window,) = overlay.windows
    assert window.rect().contains(window.label_rect())


def test_places_of_other_screens_are_not_shown(qapp):
    screen = QGuiApplication.primaryScreen()
    assert places_on(screen, ((5, 6), (100_000, 5), (-3, 2))) == (QPoint(5, 6),)
