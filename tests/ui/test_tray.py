"""The tray icon: shape, sentence, menu, and a panel that comes and goes."""

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QSystemTrayIcon

from aurora_desktop.heartbeat.health import assess
from aurora_desktop.ui import icons
from aurora_desktop.ui.tray import SNOOZE, TELL_AGAIN, Tray, sentence_case, tray_state

from .fakes import a_control, a_mix, a_stop, a_view

STATES = ("healthy", "degraded", "unhealthy", "stopped", "emergency")


@pytest.fixture
def tray(qapp):
    made = Tray()
    yield made
    made.close()


@pytest.fixture
def panel(monkeypatch):
    """A panel that can be there or not."""
    there = {"available": False}
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: there["available"]))
    return there


def actions(tray: Tray) -> list[str]:
    return [action.text() for action in tray.menu.actions() if action.text()]


@pytest.mark.parametrize(
    ("views", "paused", "state"),
    [
        ((a_view("a"), a_view("b")), False, "healthy"),
        ((a_view("a"), a_view("b", "unhealthy", problem="no answer")), False, "degraded"),
        ((a_view("a"), a_view("b", "failed", problem="gone")), False, "unhealthy"),
        ((a_view("a", "stopped"),), False, "stopped"),
        ((), False, "stopped"),
        ((a_view("a"),), True, "stopped"),
        ((a_view("a"), a_view("b", "stopped")), False, "healthy"),
    ],
)
def test_state_of_the_icon(views, paused, state):
    assert tray_state(assess(views, paused=paused), views, paused=paused) == state


def test_troubles_of_aurora_itself_show_even_if_nothing_is_wanted():
    health = assess((), paused=False)
    ill = type(health)("unhealthy", "the disk is full", "")
    assert tray_state(ill, (), paused=False) == "unhealthy"


@pytest.mark.parametrize("size", [16, 22, 24])
def test_states_differ_by_shape_not_only_by_colour(qapp, size):
    shapes = {_bright_pixels(icons.pixmap(f"tray-{state}", size).toImage()) for state in STATES}
    assert len(shapes) == len(STATES)


def _bright_pixels(image: QImage) -> frozenset[tuple[int, int]]:
    places = ((x, y) for x in range(image.width()) for y in range(image.height()))
    return frozenset(at for at in places if image.pixelColor(*at).lightness() > 200)


def test_icon_is_sharp_on_dense_screens(qapp):
    image = icons.pixmap("tray-healthy", 22, 2.0)
    assert (image.width(), image.devicePixelRatio()) == (44, 2.0)
    assert {size.width() for size in icons.tray_icon("healthy").availableSizes()} >= {16, 22, 24, 32, 48}


def test_tooltip_and_header_are_the_sentence(tray):
    health = assess(a_mix())
    tray.show_state("unhealthy", health, paused=False)
    assert tray.icon.toolTip() == health.sentence
    header = tray.menu.actions()[3]
    assert (header.text(), header.isEnabled()) == (health.sentence, False)


def test_menu_restarts_the_worst_three(tray, qtbot):
    tray.show_state("unhealthy", assess(a_mix()), paused=False)
    restarts = [text for text in actions(tray) if text.startswith("Restart")]
    assert [text.split()[1] for text in restarts] == ["mailer:", "ingest:", "search-index:"]
    with qtbot.waitSignal(tray.restart_asked) as asked:
        next(action for action in tray.menu.actions() if action.text() == restarts[1]).trigger()
    assert asked.args == ["ingest"]


def test_menu_forgets_problems_that_are_gone(tray):
    tray.show_state("unhealthy", assess(a_mix()), paused=False)
    tray.show_state("healthy", assess((a_view("a"),)), paused=False)
    assert actions(tray)[2:] == ["The service runs", "&Open Aurora", SNOOZE, "&Pause supervision", "&Quit Aurora"]


def test_menu_pauses_and_resumes(tray, qtbot):
    for paused, text in ((False, "&Pause supervision"), (True, "&Resume supervision")):
        tray.show_state("stopped", assess((), paused=paused), paused=paused)
        with qtbot.waitSignal(tray.pause_asked) as asked:
            next(action for action in tray.menu.actions() if action.text() == text).trigger()
        assert asked.args == [not paused]


def test_long_sentences_do_not_make_the_menu_wide(tray):
    views = (a_view("web", "failed", problem="a & b " * 60),)
    tray.show_state("unhealthy", assess(views), paused=False)
    assert all(len(text.replace("&&", "&")) <= 72 for text in actions(tray))
    assert "a && b" in actions(tray)[2]


def test_only_the_left_click_toggles(tray):
    toggles = []
    tray.toggle_asked.connect(lambda: toggles.append(1))
    for reason in QSystemTrayIcon.ActivationReason:
        tray.icon.activated.emit(reason)
    assert toggles == [1]


def test_icon_comes_with_a_late_panel_and_returns_with_it(tray, panel):
    told = []
    tray.availability_changed.connect(told.append)
    tray.start()
    seen = [tray.icon.isVisible()]
    for available in (True, False, True):
        panel["available"] = available
        tray.look_for_tray()
        seen.append(tray.icon.isVisible())
    assert seen == [False, True, False, True]
    assert told == [True, False, True]


def test_a_sentence_begins_with_a_capital_but_a_name_stays_as_it_is():
    assert sentence_case("all 3 services run") == "All 3 services run"
    assert sentence_case("web: exited") == "web: exited"


def test_stop_is_the_first_entry_always_and_nothing_arms_or_resets(tray, qtbot):
    for view in (a_control(), a_control("armed"), a_stop(), a_control("closed")):
        tray.show_state("healthy", assess(a_mix()), paused=False, control=view)
        assert actions(tray)[:2] == ["&Stop everything", "&Disarm"]
        assert tray.menu.actions()[0].isEnabled()
        assert not [text for text in actions(tray) if " arm" in text.lower() or "reset" in text.lower()]
    with qtbot.waitSignal(tray.stop_asked):
        tray.menu.actions()[0].trigger()


def test_disarm_is_offered_while_armed(tray, qtbot):
    disarm = tray.menu.actions()[1]
    assert not disarm.isEnabled()
    tray.show_state("healthy", assess(()), paused=False, control=a_control("armed"))
    with qtbot.waitSignal(tray.disarm_asked):
        disarm.trigger()


def test_the_tooltip_tells_of_control_first(tray):
    health = assess((a_view("a"),))
    tray.show_state("healthy", health, paused=False, control=a_control("armed"))
    assert tray.icon.toolTip() == "Agents may act: 14:32 left. The service runs"
    tray.show_state("emergency", health, paused=False, control=a_stop())
    assert tray.icon.toolTip().startswith("Emergency stop by panic hotkey at ")
    tray.show_state("healthy", health, paused=False, control=a_control())
    assert tray.icon.toolTip() == "The service runs"


def test_a_stop_is_an_emergency_whatever_the_services_do(qapp):
    assert tray_state(assess(a_mix()), a_mix(), paused=True, control=a_stop()) == "emergency"
    fresh = a_control("latched")
    assert tray_state(assess((a_view("a"),)), (a_view("a"),), paused=False, control=fresh) == "healthy"


@pytest.mark.parametrize("size", [16, 22, 24])
def test_armed_the_icon_has_a_mark(qapp, size):
    plain = icons.tray_icon("healthy").pixmap(size, size).toImage()
    assert icons.tray_icon("healthy", armed=True).pixmap(size, size).toImage() != plain


def test_the_menu_snoozes_and_is_told_whether_it_is_so(tray):
    asked = []
    tray.snooze_asked.connect(asked.append)
    tray._snooze.trigger()
    tray.show_snoozed(snoozed=True)
    assert TELL_AGAIN in actions(tray)
    tray._snooze.trigger()
    assert asked == [True, False]
