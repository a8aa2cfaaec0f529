"""Notifications over a real bus, to a small notification service."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

from aurora_desktop.desktop.bus_connection import BusConnection, BusError
from aurora_desktop.desktop.notifications import Notifier

NAME = "org.freedesktop.Notifications"


class NotificationService:
    """Answers as a notification daemon does, and keeps what it was asked to show."""

    def __init__(self, bus: str, capabilities: tuple[str, ...] = ("body", "body-markup")) -> None:
        self.shown: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self._capabilities = list(capabilities)
        self._connection: DBusConnection = open_dbus_connection(bus)
        Proxy(message_bus, self._connection).RequestName(NAME)
        self._thread = threading.Thread(target=self._serve, name="notification service")
        self._thread.start()

    def stop(self, bus: str) -> None:
        """Leave the bus, as a daemon does that crashes."""
        with open_dbus_connection(bus) as other:
            address = DBusAddress("/", bus_name=self._connection.unique_name, interface="aurora.Test")
            other.send(_call(address, "Quit"))
            self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        while True:
            message = self._connection.receive()
            if message.header.message_type != MessageType.method_call:
                continue
            member = message.header.fields[HeaderFields.member]
            if member == "Quit":
                return
            self._connection.send(self._answer(member, message))

    def _answer(self, member: str, message: Any) -> Any:
        if member == "GetCapabilities":
            return new_method_return(message, "as", (self._capabilities,))
        if member == "Notify":
            self.shown.put(message.body)
            return new_method_return(message, "u", (7,))
        return new_error(message, "org.freedesktop.DBus.Error.UnknownMethod")


def _call(address: DBusAddress, method: str) -> Any:
    from jeepney import new_method_call

    return new_method_call(address, method)


Start = Callable[..., NotificationService]


@pytest.fixture
def start(session_bus: str) -> Iterator[Start]:
    running: list[NotificationService] = []

    def start_service(*capabilities: str) -> NotificationService:
        running.append(NotificationService(session_bus, capabilities or ("body", "body-markup")))
        return running[-1]

    yield start_service
    running[-1].stop(session_bus)


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


def test_service_that_was_restarted_is_found_again(start: Start, notifier: Notifier, session_bus: str) -> None:
    first = start()
    assert notifier.notify("one", "")
    first.stop(session_bus)
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
