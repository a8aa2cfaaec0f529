"""The window: what it shows, and everything by keyboard."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QTableView,
    QToolButton,
    QWidget,
)

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import SettingsApplied, SettingsRefused, SupervisionPaused
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.ui.models.services import Column
from aurora_desktop.ui.pages.services import columns_that_fit
from aurora_desktop.ui.service_form import ServiceForm
from aurora_desktop.ui.widgets.banner import Banner
from aurora_desktop.ui.widgets.drawer import headline

from .fakes import House, a_view, many, some_records

CTRL = Qt.KeyboardModifier.ControlModifier


def box_of(window: QWidget) -> QMessageBox:
    boxes = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    assert len(boxes) == 1
    return boxes[0]


def press(box: QMessageBox, text: str) -> None:
    next(button for button in box.buttons() if button.text() == text).click()


def test_banner_has_the_sentence_the_next_step_and_the_worst_service(window):
    banner = window.banner
    assert banner.sentence.text() == "mailer: /opt/mailer/bin/mailerd: no such file, and 3 more"
    assert banner.words.text() == "Correct \u201ccommand\u201d of mailer in the settings"
    assert banner.button.text() == "Restart mailer"
    assert banner.accessibleName().startswith("Verdict: unhealthy. mailer")


def test_banners_button_restarts_it(window, house, qtbot):
    qtbot.mouseClick(window.banner.button, Qt.MouseButton.LeftButton)
    assert house.supervisor.asked == [("restart", ("mailer",), "window")]


def test_banners_details_open_the_drawer(window):
    window.banner.details.click()
    assert window.services.drawer.isVisible()
    assert window.services.drawer.name == "mailer"


def test_in_a_narrow_window_the_drawers_buttons_keep_their_words(window, qtbot):
    window.banner.details.click()
    drawer = window.services.drawer
    window.resize(640, 480)
    qtbot.waitUntil(drawer.restart.icon().isNull)
    qtbot.waitUntil(lambda: drawer.minimumSizeHint().width() <= drawer.width())
    assert drawer.restart.text() == "&Restart"
    window.resize(1100, 700)
    qtbot.waitUntil(lambda: not drawer.restart.icon().isNull())


def test_a_service_that_never_failed_tells_of_no_last_failure():
    adopted = "adopted from an earlier Aurora"
    assert headline(a_view("web", cause=adopted, last_cause=adopted)) == adopted
    assert headline(a_view("web", cause="ready", last_cause="ready")) == ""
    assert headline(a_view("web", last_cause="killed by SIGKILL")) == "last failure: killed by SIGKILL"


def test_when_all_is_well_there_is_nothing_to_press(window, house):
    house.supervisor.shown = (a_view("a"), a_view("b"))
    window._bridge.refresh()
    assert not window.banner.button.isVisible()
    assert window.banner.sentence.text() == "All 2 services run"
    assert window.banner.words.text() == "2 services: 2 ready"


REFUSED = (
    "changed settings are not in force: aurora.yaml:12: services.web.liveness_probe.http.timeout_secs: "
    "there is no key `timeout_secs` here, and nothing reads it (did you mean `timeout_sec`?)"
)


def test_a_long_headline_goes_on_below_and_comes_back_to_one_line(window, qtbot):
    banner = Banner(window.theme)  # one of its own: the window's is told anew each second
    qtbot.addWidget(banner)
    banner.show()
    banner.resize(960, 100)
    banner.show_health(Health("degraded", REFUSED, "Correct it"), "degraded", paused=False, otherwise="")
    qtbot.waitUntil(lambda: _lines(banner)[-1].endswith("?)"), timeout=60_000)
    assert banner.sentence.minimumHeight() >= 2 * banner.sentence.fontMetrics().lineSpacing()
    banner.show_health(Health("healthy", "All run", ""), "healthy", paused=False, otherwise="")
    assert _lines(banner) == ["All run"]
    assert banner.sentence.minimumHeight() == banner.sentence.fontMetrics().lineSpacing()


def _lines(banner: Banner) -> list[str]:
    return banner.sentence._in_lines(banner.sentence.width())


def test_pause_and_resume_from_the_rail_and_the_banner(window, house):
    window.rail.pause.click()
    assert house.supervisor.paused
    assert window.banner.button.text() == "Resume supervision"
    window.banner.button.click()
    assert not house.supervisor.paused


def test_a_pause_from_elsewhere_shows(window, house, qtbot):
    house.supervisor.paused = True
    house.bus.publish(SupervisionPaused(at=1.0, component="aurora", paused=True))
    qtbot.waitUntil(lambda: window.rail.pause.accessibleName() == "Resume supervision")


@pytest.mark.parametrize("place", [1, 2, 3, 4, 0])
def test_pages_by_key(window, qtbot, place):
    qtbot.keyClick(window, (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_5)[place], CTRL)
    assert window.pages.currentIndex() == place
    assert window.rail.buttons[place].isChecked()


def test_choose_open_follow_and_close_by_key(window, qtbot):
    table, drawer = window.services.table, window.services.drawer
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert (drawer.isVisible(), drawer.name) == (True, "mailer")
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert drawer.name == "ingest"
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not drawer.isVisible()
    assert table.hasFocus()


def test_filter_by_key_and_into_the_table(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_F, CTRL)
    assert window.services.filter.hasFocus()
    qtbot.keyClicks(window.services.filter, "web")
    assert window.services.proxy.rowCount() == 1
    qtbot.keyClick(window.services.filter, Qt.Key.Key_Return)
    assert window.services.selected() == "web"
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.services.filter.text() == ""


@pytest.mark.parametrize("command", ["start", "stop", "restart"])
def test_drawers_buttons_ask_the_supervisor(window, house, command):
    window.show_service("nightly-backup" if command == "start" else "web")
    getattr(window.services.drawer, command).click()
    assert house.supervisor.asked == [(command, (window.services.drawer.name,), "window")]


def test_drawer_offers_what_its_state_allows(window):
    window.show_service("nightly-backup")
    drawer = window.services.drawer
    assert [button.isEnabled() for button in (drawer.start, drawer.stop, drawer.restart)] == [True, False, False]
    window.show_service("web")
    assert [button.isEnabled() for button in (drawer.start, drawer.stop, drawer.restart)] == [False, True, True]


def test_drawer_tells_the_facts(window):
    window.show_service("ingest")
    values = {key: value.text() for key, value in window.services.drawer.facts.values.items()}
    assert values["Next attempt"] == "in 42 s"
    assert values["Restarts"] == "5"
    window.show_service("postgres")
    values = {key: value.text() for key, value in window.services.drawer.facts.values.items()}
    assert values["Memory"].endswith("of 1.0 GB allowed")
    assert not window.services.drawer.facts.values["Next attempt"].isVisible()


def test_drawer_closes_when_its_service_is_gone(window, house):
    window.show_service("web")
    house.supervisor.shown = tuple(view for view in house.supervisor.shown if view.name != "web")
    window._bridge.refresh()
    assert window.services.selected() != "web"
    assert window.services.drawer.name != "web" or not window.services.drawer.isVisible()


def test_a_service_that_is_gone_meanwhile_is_told_of(window, house):
    window.show_service("web")
    house.supervisor.shown = ()
    window.services.drawer.restart.click()
    assert box_of(window).text() == "There is no service web"


def test_delete_asks_and_removes(window, house, qtbot):
    window.services.select("web")
    qtbot.keyClick(window.services.table, Qt.Key.Key_Delete)
    assert house.settings.removed == []
    assert box_of(window).defaultButton().text() == "&Keep"
    press(box_of(window), "&Remove")
    qtbot.waitUntil(lambda: house.settings.removed == ["web"])


def test_delete_can_be_thought_better_of(window, house, qtbot):
    window.services.select("web")
    qtbot.keyClick(window.services.table, Qt.Key.Key_Delete)
    press(box_of(window), "&Keep")
    assert house.settings.removed == []


def test_a_refused_removal_is_told(window, house, qtbot, monkeypatch):
    async def refuse(name: str) -> None:
        raise AuroraError("web cannot be removed", "it is needed by reports")

    monkeypatch.setattr(house.settings, "remove_service", refuse)
    window.ask_to_remove("web")
    press(box_of(window), "&Remove")
    qtbot.waitUntil(lambda: any(b.text() == "web cannot be removed" for b in window.findChildren(QMessageBox)))


def test_forms_by_key(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_N, CTRL)
    (form,) = window.findChildren(ServiceForm)
    assert form.windowTitle() == "Add a service"
    form.reject()
    window.services.select("web")
    qtbot.keyClick(window, Qt.Key.Key_E, CTRL)
    assert [f.windowTitle() for f in window.findChildren(ServiceForm) if f.isVisible()] == ["Edit web"]


def test_empty_state_invites_to_add(qapp, qtbot):
    from aurora_desktop.ui.desktop import Desktop

    empty = Desktop(House(()).context())
    empty.start(hidden=False)
    assert empty.window is not None
    page = empty.window.services
    assert not page.table.isVisible()
    assert not page.filter.isVisible()
    add = next(b for b in page.findChildren(QAbstractButton) if b.isVisible() and b.text() == "&Add service")
    add.click()
    assert len(empty.window.findChildren(ServiceForm)) == 1
    empty.close()


@pytest.fixture
def eventful(house):
    """The house, with a past."""
    house.records = some_records(1000.0)
    return house


def test_recovery_shows_filters_and_details(eventful, window, qtbot):
    window.show_page(2)
    page = window.recovery.timeline
    assert page.proxy.rowCount() == 7
    page.component.setCurrentIndex(page.component.findData("service:ingest"))
    page.outcome.setCurrentIndex(page.outcome.findData("degraded"))
    assert page.proxy.rowCount() == 1
    page.table.selectRow(0)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert page.details.isVisible()
    assert page.details.last_lines.toPlainText().endswith("OSError: address in use")
    assert "5 restarts within 60 s" in page.details.facts.values["Outcome"].text()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not page.details.isVisible()


def test_without_incidents_recovery_says_so(window):
    window.show_page(2)
    assert not window.recovery.timeline.table.isVisible()


def test_autostart_switch(window, house, qtbot):
    window.show_page(4)
    switch = window.settings.autostart
    qtbot.waitUntil(switch.isEnabled)
    assert not switch.isChecked()
    switch.click()
    qtbot.waitUntil(lambda: house.autostart.enabled and switch.isEnabled())
    assert switch.isChecked()


def test_a_failed_switch_goes_back_and_says_why(window, house, qtbot):
    house.autostart.fails = AuroraError("Cannot start at login", "no systemd here", "Use XDG autostart")
    window.show_page(4)
    switch = window.settings.autostart
    qtbot.waitUntil(switch.isEnabled)
    switch.click()
    qtbot.waitUntil(window.settings.autostart_error.isVisible)
    assert not switch.isChecked()
    assert window.settings.autostart_error.text() == "Cannot start at login\nno systemd here\nUse XDG autostart"


def test_a_refused_file_shows_until_one_is_applied(window, house):
    window.show_page(4)
    house.bus.publish(SettingsRefused(at=1.0, component="aurora", path="a", problems=("line 3: `x`", "line 4")))
    assert window.settings.refusal.isVisible()
    assert window.settings.problems.text() == "line 3: \u201cx\u201d\nline 4"
    house.bus.publish(SettingsApplied(at=1.0, component="aurora", path="a"))
    assert not window.settings.refusal.isVisible()


def test_the_settings_file_is_opened(window, house, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    window.settings.open.click()
    assert opened == [str(house.settings.path)]
    assert window.settings.path.text() == str(house.settings.path)


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_both_looks_paint(window, choice):
    window.choose_theme(choice)
    window.show_service("web")
    image = window.grab().toImage()
    corner = image.pixelColor(image.width() - 2, 2).lightness()
    assert corner > 200 if choice == "light" else corner < 60


def test_narrow_windows_give_up_the_lesser_columns_first():
    assert columns_that_fit(2000) == set(Column)
    assert columns_that_fit(1100) >= set(Column) - {Column.RESTARTS}
    assert columns_that_fit(300) == {Column.NAME, Column.STATE, Column.CAUSE}


def test_a_resized_window_hides_columns(window, qtbot):
    window.resize(660, 500)
    qtbot.waitUntil(lambda: window.services.table.isColumnHidden(Column.CPU))
    assert not window.services.table.isColumnHidden(Column.CAUSE)


def test_a_hundred_services_keep_selection_and_place(window, house):
    house.supervisor.shown = many(100)
    window._bridge.refresh()
    window.services.select("web-051")
    house.supervisor.shown = tuple(replace(view, uptime_s=99.0, restarts=view.restarts + 1) for view in many(100))
    window._bridge.refresh()
    assert window.services.selected() == "web-051"
    assert window.services.proxy.rowCount() == 100


def test_hidden_window_stops_the_heavy_updates(window):
    window.hide()
    assert not window._bridge.is_watched
    window.come_forward()
    assert window._bridge.is_watched


@pytest.mark.parametrize("kind", [QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QTableView])
def test_everything_has_a_name_for_screen_readers(window, kind):
    window.add_service().show_more(shown=True)
    own = (each for each in window.findChildren(kind) if not each.objectName().startswith("qt_"))
    inner = (QTableView, QLineEdit)
    nameless = [
        each
        for each in own
        if not each.accessibleName()
        and not (isinstance(each, QAbstractButton) and each.text())
        and not isinstance(each.parentWidget(), inner)
        and type(each) is not QAbstractButton
    ]
    assert nameless == []


def test_every_button_can_be_reached_by_tab(window):
    buttons = [each for each in window.findChildren(QToolButton) if not isinstance(each.parentWidget(), QLineEdit)]
    assert all(each.focusPolicy() & Qt.FocusPolicy.TabFocus for each in buttons)


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_no_two_visible_buttons_share_a_mnemonic(window, place):
    window.show_service("web")
    window.show_page(place)
    buttons = [each for each in window.findChildren(QAbstractButton) if each.isVisible()]
    keys = [each.shortcut().toString() for each in buttons if each.shortcut().toString()]
    assert sorted(keys) == sorted(set(keys))
