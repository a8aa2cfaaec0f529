"""Notifications over a real bus, to a small notification service."""

import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jeepney import DBusAddress, new_error, new_method_return

from aurora_desktop.desktop.bus_connection import BusConnection, BusError
from aurora_desktop.desktop.notifications import Notifier

from .bus_service import BusService


class NotificationService(BusService):
    """Answers as a notification daemon does, and keeps what it was asked to show."""

    name = "org.freedesktop.Notifications"

    def __init__(self, bus: str, capabilities: tuple[str, ...]) -> None:
        self.shown: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self._capabilities = list(capabilities)
        super().__init__(bus)

    def answer(self, member: str, message: Any) -> list[Any]:
        if member == "GetCapabilities":
            return [new_method_return(message, "as", (self._capabilities,))]
        if member == "Notify":
            self.shown.put(message.body)
            return [new_method_return(message, "u", (7,))]
        return [new_error(message, "org.freedesktop.DBus.Error.UnknownMethod")]


Start = Callable[..., NotificationService]


@pytest.fixture
def start(session_bus: str) -> Iterator[Start]:
    running: list[NotificationService] = []

    def start_service(*capabilities: str) -> NotificationService:
        running.append(NotificationService(session_bus, capabilities or ("body", "body-markup")))
        return running[-1]

    yield start_service
    running[-1].stop()


@pytest.fixture
def notifier(session_bus: str) -> Iterator[Notifier]:
    notifier = Notifier("/icon.svg", {"DBUS_SESSION_BUS_ADDRESS": session_bus})
    yield notifier
    notifier.close()


def test_notification_is_shown_with_its_urgency(start: Start, notifier: Notifier) -> None:
    service = start()
    assert notifier.notify("web failed", "exited with code 3", "critical")
    program, replaces, icon, title, body, actions, hints, expiry = service.shown.get_nowait()
    assert (program, replaces, icon, actions, expiry) == ("Aurora Desktop", 0, "/icon.svg", [], -1)
    assert (title, body) == ("web failed", "exited with code 3")
    assert hints["urgency"] == ("y", 2)


def test_markup_in_the_body_is_escaped(start: Start, notifier: Notifier) -> None:
    service = start()
    assert notifier.notify("a < b & c", "<b>bold</b> & 'more'")
    shown = service.shown.get_nowait()
    assert shown[3:5] == ("a < b & c", "&lt;b&gt;bold&lt;/b&gt; &amp; 'more'")


def test_service_without_markup_gets_the_text_as_it_is(start: Start, notifier: Notifier) -> None:
    service = start("body")
    assert notifier.notify("title", "1 < 2")
    assert service.shown.get_nowait()[4] == "1 < 2"


def test_text_that_d_bus_forbids_does_not_cost_the_connection(start: Start, notifier: Notifier) -> None:
    service = start()
    assert notifier.notify("nul \0 and \ud800", "")
    assert notifier.notify("again", "")
    assert [service.shown.get_nowait()[3] for _ in range(2)] == ["nul  and ?", "again"]


def test_service_that_was_restarted_is_found_again(start: Start, notifier: Notifier) -> None:
    first = start()
    assert notifier.notify("one", "")
    first.stop()
    assert not notifier.notify("lost", "")
    second = start()
    assert notifier.notify("two", "")
    assert second.shown.get_nowait()[3] == "two"


def test_bus_without_service_is_left_to_the_caller(notifier: Notifier) -> None:
    assert not notifier.notify("title", "body")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"},
        {"DBUS_SESSION_BUS_ADDRESS": "tcp:host=localhost"},
        {"DBUS_SESSION_BUS_ADDRESS": "nonsense"},
        {"XDG_RUNTIME_DIR": "/nonexistent"},
    ],
)
def test_no_bus_is_left_to_the_caller(environ: dict[str, str]) -> None:
    assert not Notifier(environ=environ).notify("title", "body")


def test_calls_say_which_one_failed(session_bus: str) -> None:
    bus = BusConnection({"DBUS_SESSION_BUS_ADDRESS": session_bus})
    with pytest.raises(BusError, match=r"Nothing: org\.freedesktop\.DBus\.Error\.ServiceUnknown"):
        bus.call(DBusAddress("/", bus_name="test.nobody", interface="test.Nobody"), "Nothing")
    bus.close()
