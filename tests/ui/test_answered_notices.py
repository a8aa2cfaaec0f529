"""The buttons of a notification, and what they do."""

from msgspec.structs import replace

from aurora_desktop.core.events import ServiceGaveUp
from aurora_desktop.core.healing_events import Escalated
from aurora_desktop.core.input_events import ControlRequested, EmergencyStopped
from aurora_desktop.core.link_events import LinkMessageFailed
from aurora_desktop.healing.alerts.view import Snooze
from aurora_desktop.ui.desktop import INPUT_PAGE, RECOVERY_PAGE, Desktop
from aurora_desktop.ui.pages.recovery import SECTIONS

from .fakes import House

GAVE_UP = ServiceGaveUp(at=1.0, component="service:web", cause="no such file")


class FakeAlerts:
    def __init__(self) -> None:
        self.asked: list[tuple[float, str]] = []
        self.snoozed: set[str] = set()

    def snooze(self, for_s: float, component: str = "") -> Snooze:
        self.asked.append((for_s, component))
        return Snooze(until=for_s, component=component)

    def is_snoozed(self, component: str) -> bool:
        return bool(self.snoozed & {component, ""})


class Offered:
    """A notification service with buttons, and somebody who presses one of them."""

    def __init__(self, press: str = "") -> None:
        self.shown: list[tuple[str, list[str]]] = []
        self._press = press

    def offer(self, title, body, choices, on_choice) -> bool:
        self.shown.append((title, [key for key, _ in choices]))
        if self._press:
            on_choice(self._press)
        return True


def a_desktop(house: House, offered: Offered, alerts: FakeAlerts) -> Desktop:
    return Desktop(replace(house.context(), offer=offered.offer, alerts=alerts))


def test_a_failure_can_be_opened_snoozed_and_restarted(house, qtbot, qapp):
    offered = Offered()
    desktop = a_desktop(house, offered, FakeAlerts())
    house.bus.publish(GAVE_UP)
    qtbot.waitUntil(lambda: offered.shown == [("web failed", ["default", "open", "snooze", "restart"])])
    desktop.close()


def test_an_emergency_cannot_be_snoozed(house, qtbot, qapp):
    offered = Offered()
    desktop = a_desktop(house, offered, FakeAlerts())
    house.bus.publish(EmergencyStopped(at=1.0, component="guard", source="tray", latency_ms=1.0))
    qtbot.waitUntil(lambda: offered.shown == [("Emergency stop", ["default", "open"])])
    desktop.close()


def test_restart_restarts_the_service(house, qtbot, qapp):
    desktop = a_desktop(house, Offered("restart"), FakeAlerts())
    house.bus.publish(GAVE_UP)
    qtbot.waitUntil(lambda: house.supervisor.asked == [("restart", ("web",), "tray")])
    desktop.close()


def test_snooze_snoozes_for_an_hour(house, qtbot, qapp):
    alerts = FakeAlerts()
    desktop = a_desktop(house, Offered("snooze"), alerts)
    house.bus.publish(GAVE_UP)
    qtbot.waitUntil(lambda: alerts.asked == [(3600.0, "")])
    desktop.close()


def test_open_shows_the_service_or_the_page_of_recovery(house, qtbot, qapp):
    desktop = a_desktop(house, Offered("default"), FakeAlerts())
    name = house.supervisor.views()[0].name
    house.bus.publish(Escalated(at=1.0, component="agent:coder", cause="silent", attempts=3))
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.pages.currentIndex() == RECOVERY_PAGE)
    house.bus.publish(ServiceGaveUp(at=1.0, component=f"service:{name}", cause="no such file"))
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.pages.currentIndex() == 0)
    house.bus.publish(LinkMessageFailed(at=1.0, component="link", key="k", recipient="9", cause="it answered 404"))
    qtbot.waitUntil(lambda: desktop.window is not None and desktop.window.pages.currentIndex() == RECOVERY_PAGE)
    assert desktop.window.recovery.sections.currentIndex() == SECTIONS.index("Link")
    desktop.close()


def test_what_is_snoozed_is_not_shown_and_the_tray_says_so(house, qtbot, qapp):
    alerts, offered = FakeAlerts(), Offered()
    desktop = a_desktop(house, offered, alerts)
    alerts.snoozed = {""}
    house.bus.publish(GAVE_UP)
    house.bus.publish(EmergencyStopped(at=1.0, component="guard", source="tray", latency_ms=1.0))
    qtbot.waitUntil(lambda: [title for title, _ in offered.shown] == ["Emergency stop"])
    desktop.tray.menu.aboutToShow.emit()
    desktop.tray._snooze.trigger()
    assert alerts.asked == [(0.0, "")]
    desktop.close()


ASKED = ControlRequested(at=1.0, component="input_agent", agent="claude", reason="to fill in the form")


def test_who_asks_for_control_can_be_declined_at_once(house, qtbot, qapp):
    offered = Offered(press="decline")
    desktop = a_desktop(house, offered, FakeAlerts())
    house.bus.publish(ASKED)
    qtbot.waitUntil(lambda: house.control.asked == [("decline_request",)])
    assert offered.shown == [("claude asks for mouse and keyboard", ["default", "open", "decline"])]
    desktop.close()


def test_who_asks_for_control_leads_to_where_it_is_armed(house, qtbot, qapp):
    desktop = a_desktop(house, Offered(press="open"), FakeAlerts())
    house.bus.publish(ASKED)
    qtbot.waitUntil(lambda: desktop.window is not None)
    assert desktop.window.pages.currentIndex() == INPUT_PAGE
    assert house.control.asked == []
    desktop.close()
