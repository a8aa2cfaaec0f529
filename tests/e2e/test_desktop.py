"""Tray and window on a real display, with a real tray and real clicks."""

from collections.abc import Callable
from pathlib import Path

from . import machine
from .aurora import Aurora
from .screen import Screen, Window
from .services import calm, diarist
from .waiting import eventually, holds


def _from_bottom(menu: Window, px: int) -> tuple[int, int]:
    return menu.x + 30, menu.y + menu.height - px


def test_the_icon_appears_and_the_window_with_it(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"web": calm()})
    on_screen.start_desktop()
    eventually(screen.icon, "the icon is in the tray")
    window = eventually(screen.main_window, "the window is open")
    assert "Aurora Desktop" in window.name
    assert on_screen.status()["mode"] == "desktop"


def test_started_hidden_only_the_icon_shows(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"web": calm()})
    on_screen.start_desktop("--hidden")
    eventually(screen.icon, "the icon is in the tray")
    holds(lambda: screen.main_window() is None, 1.0, "the window stays closed")


def test_start_hidden_can_be_set(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({}, ui={"start_hidden": True})
    on_screen.start_desktop()
    eventually(screen.icon, "the icon is in the tray")
    holds(lambda: screen.main_window() is None, 1.0, "the window stays closed")


def test_a_click_on_the_icon_opens_the_window_and_another_hides_it(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"web": calm()})
    on_screen.start_desktop("--hidden")
    screen.click_icon()
    eventually(screen.main_window, "the first click opens the window")
    screen.click_icon()
    eventually(lambda: screen.main_window() is None, "the second click hides it")
    screen.click_icon()
    eventually(screen.main_window, "the third click opens it again")
    assert on_screen.service("web")["state"] == "running"


def test_the_menu_of_the_icon_quits(on_screen: Aurora, screen: Screen, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    on_screen.configure({"web": diarist(diary, "web", requires=["db"]), "db": diarist(diary, "db")})
    on_screen.start_desktop("--hidden")
    on_screen.until("web", "ready")
    screen.click_icon(button=3)
    menu = eventually(screen.menu, "a right click opens the menu")
    screen.click(_from_bottom(menu, 12))
    assert on_screen.ended() == 0
    assert diary.read_text().splitlines()[-2:] == ["web down", "db down"]
    assert on_screen.processes() == []
    eventually(lambda: screen.windows() == [], "nothing of it is left on the screen")


def test_the_menu_pauses_and_resumes_supervision(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"web": calm()})
    on_screen.start_desktop("--hidden")
    for paused in (True, False):
        screen.click_icon(button=3)
        eventually(screen.menu, "a right click opens the menu")
        screen.press("p" if paused else "r")
        eventually(lambda: on_screen.status()["paused"] is paused, "the menu's item was heard")  # noqa: B023 - asked at once
        eventually(lambda: screen.menu() is None, "the menu is closed")
    assert {event["source"] for event in on_screen.events("operator_command")} == {"tray"}


def test_the_icon_comes_back_with_a_new_tray(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"web": calm()})
    on_screen.start_desktop("--hidden")
    eventually(screen.icon, "the icon is in the tray")
    screen.stop_host()
    eventually(lambda: screen.icon() is None, "the tray and the icon are gone")
    screen.start_host()
    eventually(screen.icon, "the icon is in the new tray")
    screen.click_icon()
    eventually(screen.main_window, "the new icon opens the window")


def test_without_a_tray_the_window_shows(on_screen: Aurora, screen: Screen) -> None:
    screen.stop_host()
    on_screen.configure({"web": calm()})
    on_screen.start_desktop()
    eventually(screen.main_window, "the window is open")


def test_hidden_without_a_tray_the_window_shows_in_the_end(on_screen: Aurora, screen: Screen) -> None:
    screen.stop_host()
    on_screen.configure({"web": calm()})
    on_screen.start_desktop("--hidden")
    eventually(screen.main_window, "the window is open", 30)


def test_a_tray_that_arrives_late_gets_the_icon(on_screen: Aurora, screen: Screen) -> None:
    screen.stop_host()
    on_screen.configure({"web": calm()})
    on_screen.start_desktop("--hidden")
    screen.start_host()
    eventually(screen.icon, "the icon is in the tray")


def test_a_second_start_raises_the_window_of_the_first(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"web": calm()})
    on_screen.start_desktop("--hidden")
    eventually(screen.icon, "the icon is in the tray")
    second = on_screen.command("run")
    assert second.returncode == 0
    assert "already running" in second.stdout
    eventually(screen.main_window, "the window of the first is open")
    assert len(on_screen.processes()) == 1


def test_closing_the_window_leaves_all_running(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"web": calm()})
    on_screen.start_desktop()
    eventually(screen.main_window, "the window is open")
    screen.press("alt+F4")
    eventually(lambda: screen.main_window() is None, "the window is closed")
    assert on_screen.service("web")["state"] == "running"
    assert screen.icon() is not None


def test_a_killed_service_comes_back_with_the_window_open(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"web": calm(), "other": calm()})
    on_screen.start_desktop()
    eventually(screen.main_window, "the window is open")
    pid = on_screen.until("web", "running")["pid"]
    machine.kill(pid)
    assert "killed by SIGKILL" in on_screen.until_replaced("web", pid)["last_cause"]
    assert on_screen.until_event("service_recovered", "service:web")["attempts"] == 1
    assert screen.main_window() is not None


def test_the_desktop_is_killed_and_adopts_what_it_left(on_screen: Aurora, screen: Screen) -> None:
    on_screen.configure({"a": calm(), "b": calm(requires=["a"])})
    on_screen.start_desktop("--hidden")
    on_screen.until("b", "running")
    before = on_screen.pids()
    on_screen.crash()
    on_screen.start_desktop("--hidden")
    assert on_screen.pids() == before
    eventually(screen.icon, "the icon is in the tray")


def test_the_death_of_the_display_ends_the_services_in_order(
    make_aurora: Callable[..., Aurora], tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    with Screen(tmp_path) as screen:
        screen.start_host()
        aurora = make_aurora(**screen.environment)
        aurora.configure({"web": diarist(diary, "web", requires=["db"]), "db": diarist(diary, "db")})
        aurora.start_desktop()
        aurora.until("web", "ready")
        eventually(screen.main_window, "the window is open")
        screen.kill_server()
        aurora.ended()
    assert diary.read_text().splitlines() == ["db up", "web up", "web down", "db down"]
    assert aurora.processes() == []


def test_a_display_that_does_not_answer_is_no_reason_not_to_run(make_aurora: Callable[..., Aurora]) -> None:
    aurora = make_aurora(DISPLAY=":4711")
    aurora.configure({"web": calm()})
    aurora.start_desktop()
    assert aurora.status()["mode"] == "headless"
    assert ":4711" in aurora.output
