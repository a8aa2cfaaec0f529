"""Tray and window together: lazily made, reachable always."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox, QSystemTrayIcon

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import ServiceGaveUp
from aurora_desktop.core.input_events import EmergencyStopped
from aurora_desktop.core.settings.schema import UiSettings
from aurora_desktop.ui import desktop as desktop_module
from aurora_desktop.ui.desktop import Desktop

from .fakes import a_control, a_stop

STOPPED = EmergencyStopped(at=1.0, component="guard", source="panic hotkey", latency_ms=1.0)
GAVE_UP = ServiceGaveUp(at=1.0, component="service:web", cause="no such file")


@pytest.fixture
def panel(monkeypatch):
    there = {"available": True}
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: there["available"]))
    return there


def test_started_hidden_there_is_no_window_yet(desktop, panel):
    desktop.start(hidden=True)
    assert desktop.window is None


def test_started_hidden_nothing_of_the_window_is_imported():
    script = Path(__file__).with_name("start_hidden.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert done.stdout.split() == [], done.stderr
    assert done.returncode == 0, done.stderr


def test_a_click_opens_and_another_closes(desktop, panel, qtbot):
    desktop.start(hidden=True)
    desktop.tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert desktop.window.isVisible()
    desktop.tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert not desktop.window.isVisible()


def test_a_while_after_it_was_closed_memory_is_given_back(desktop, panel, monkeypatch, qtbot):
    given: list[str] = []
    monkeypatch.setattr(desktop_module, "give_back_memory", lambda: given.append("heap"))
    monkeypatch.setattr(desktop_module, "give_back_code", lambda: given.append("code"))
    desktop.start(hidden=False)
    assert not desktop._tidy_timer.isActive()
    desktop.window.close()
    desktop.raise_window()
    assert not desktop._tidy_timer.isActive()
    desktop._tidy_timer.setInterval(1)
    desktop.window.close()
    qtbot.waitUntil(lambda: given == ["heap", "code"], timeout=60_000)


def test_nothing_is_given_back_once_it_is_closed_for_good(house, panel, qapp):
    made = Desktop(house.context())
    made.start(hidden=False)
    made.close()
    assert not made._tidy_timer.isActive()


def test_hidden_without_a_tray_the_window_shows_after_a_while(desktop, panel, qtbot):
    panel["available"] = False
    desktop._grace.setInterval(10)
    desktop.start(hidden=True)
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.isVisible())


def test_a_tray_that_comes_in_time_keeps_the_window_away(desktop, panel):
    panel["available"] = False
    desktop.start(hidden=True)
    panel["available"] = True
    desktop.tray.look_for_tray()
    assert not desktop._grace.isActive()
    assert desktop.window is None


def test_a_tray_that_goes_while_the_window_is_closed_brings_it_back(desktop, panel):
    desktop.start(hidden=True)
    panel["available"] = False
    desktop.tray.look_for_tray()
    assert desktop._grace.isActive()
    desktop._grace.timeout.emit()
    assert desktop.window.isVisible()


def test_closing_hides_where_a_tray_is(desktop, panel, house):
    desktop.start(hidden=False)
    desktop.window.close()
    assert not desktop.window.isVisible()
    assert house.quits == []


@pytest.mark.parametrize(("text", "quits"), [("&Quit Aurora", ["window"]), ("&Minimise", [])])
def test_closing_without_a_tray_asks(desktop, panel, house, text, quits):
    panel["available"] = False
    desktop.start(hidden=False)
    desktop.window.close()
    assert desktop.window.isVisible()
    box = desktop.window.findChild(QMessageBox)
    next(button for button in box.buttons() if button.text() == text).click()
    assert house.quits == quits
    assert desktop.window.isMinimized() == (not quits)


def test_the_platforms_notification_is_the_first_way_and_the_trays_the_second(desktop, house, monkeypatch, qtbot):
    told = []
    monkeypatch.setattr(desktop.tray, "tell", lambda title, body: told.append(title))
    house.bus.publish(GAVE_UP)
    qtbot.waitUntil(lambda: house.notices == [("web failed", "no such file.")])
    assert told == []
    house.bus.publish(ServiceGaveUp(at=2.0, component="service:cache", cause="no program `redis`"))
    qtbot.waitUntil(lambda: house.notices[1:] == [("cache failed", "no program \u201credis\u201d.")])
    house.can_notify = False
    house.bus.publish(ServiceGaveUp(at=2.0, component="service:db", cause="not executable"))
    qtbot.waitUntil(lambda: told == ["db failed"])


def test_tray_actions_reach_the_supervisor(desktop, house):
    for pause in (True, False):
        desktop.tray.pause_asked.emit(pause)
    desktop.tray.restart_asked.emit("web")
    desktop.tray.quit_asked.emit()
    assert house.supervisor.asked == [("pause", (), "tray"), ("resume", (), "tray"), ("restart", ("web",), "tray")]
    assert house.quits == ["tray"]


def test_the_tray_stops_and_disarms(desktop, house):
    desktop.tray.stop_asked.emit()
    desktop.tray.disarm_asked.emit()
    assert house.control.asked == [("stop", "tray"), ("disarm", "tray")]


def test_a_stop_shows_in_the_tray(desktop, house, qtbot):
    house.control.shown = a_stop()
    house.bus.publish(STOPPED)
    qtbot.waitUntil(lambda: desktop.tray.icon.toolTip().startswith("Emergency stop by panic hotkey"))


def test_a_restart_that_cannot_be_is_told(desktop, house, qtbot):
    desktop.tray.restart_asked.emit("gone")
    qtbot.waitUntil(lambda: house.notices == [("There is no service gone", "")])


def test_the_icon_follows_the_health(desktop, house, qtbot):
    assert desktop.tray.icon.toolTip().startswith("mailer:")
    house.supervisor.shown = ()
    house.bus.publish(GAVE_UP)
    qtbot.waitUntil(lambda: desktop.tray.icon.toolTip() == "No services in the settings yet")


def test_what_an_agent_does_asks_nothing_of_the_supervisor(desktop, house, monkeypatch):
    asked = []
    monkeypatch.setattr(house.supervisor, "views", lambda: asked.append("views") or ())
    house.control.shown = a_control("armed", holder="claude")
    desktop.bridge.refresh_control()  # armed: the health is looked at too
    asked.clear()
    house.control.shown = a_control("armed", holder="claude", doing="typing")
    desktop.bridge.refresh_control()
    assert asked == []


def test_changed_settings_reach_the_open_window_and_the_one_to_come(desktop, panel):
    desktop.apply_settings(UiSettings(theme="dark"))
    desktop.start(hidden=False)
    assert desktop.window.theme.is_dark
    desktop.apply_settings(UiSettings(theme="light"))
    assert not desktop.window.theme.is_dark


def test_work_that_fails_unexpectedly_is_told_too(qtbot):
    from aurora_desktop.ui.tasks import Tasks

    async def break_down() -> None:
        raise KeyError("x")

    told: list[AuroraError] = []
    tasks = Tasks(told.append)
    tasks.run(break_down())
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].detail == "KeyError: 'x'"
