"""Notifications with buttons over a real bus: which button was pressed, and that nothing listens afterwards."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jeepney import DBusAddress, HeaderFields, new_error, new_method_return, new_signal

from aurora_desktop.desktop.notifications import Notifier
from aurora_desktop.desktop.offers import MAX_OPEN

from .bus_service import BusService

CHOICES = [("default", "Open"), ("restart", "Restart")]
NAME = "org.freedesktop.Notifications"
PATIENCE_S = 20.0
ADDRESS = DBusAddress("/org/freedesktop/Notifications", bus_name=NAME, interface=NAME)


class Daemon(BusService):
    """Shows notifications, and does at once with each what `at_once` says."""

    name = NAME

    def __init__(self, bus: str, *capabilities: str) -> None:
        self.shown: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.at_once: list[tuple[str, str, tuple[Any, ...]]] = []
        self._capabilities = list(capabilities)
        self._last = 10
        super().__init__(bus)

    def answer(self, member: str, message: Any) -> list[Any]:
        if member == "GetCapabilities":
            return [new_method_return(message, "as", (self._capabilities,))]
        if member != "Notify":
            return [new_error(message, "org.freedesktop.DBus.Error.UnknownMethod")]
        self._last += 1
        self.shown.put((message.header.fields[HeaderFields.sender], self._last, message.body))
        reply = new_method_return(message, "u", (self._last,))
        return [reply, *(self.signal(*signal) for signal in self.at_once)]

    def signal(self, member: str, signature: str, body: tuple[Any, ...], to: str = "") -> Any:
        message = new_signal(ADDRESS, member, signature, body)
        if to:
            message.header.fields[HeaderFields.destination] = to
        return message

    def emit(self, member: str, signature: str, body: tuple[Any, ...], to: str = "") -> None:
        self._connection.send(self.signal(member, signature, body, to))


Chosen = queue.Queue[str]


@pytest.fixture
def chosen() -> Chosen:
    return queue.Queue()


@pytest.fixture
def start(session_bus: str) -> Iterator[Callable[..., Daemon]]:
    running: list[Daemon] = []

    def started(*capabilities: str) -> Daemon:
        running.append(Daemon(session_bus, *(capabilities or ("actions", "body"))))
        return running[-1]

    yield started
    for daemon in running:
        daemon.stop()


@pytest.fixture
def notifier(session_bus: str) -> Iterator[Notifier]:
    notifier = Notifier("", {"DBUS_SESSION_BUS_ADDRESS": session_bus})
    yield notifier
    notifier.close()
    assert not listeners()


def listeners() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "notification"]


def until_nothing_listens() -> None:
    for thread in listeners():
        thread.join(PATIENCE_S)
    assert not listeners()


@pytest.mark.parametrize("own", [True, False])
def test_the_pressed_button_is_told_whether_the_signal_is_for_all_or_for_us(
    start: Callable[..., Daemon], notifier: Notifier, chosen: Chosen, own: bool
) -> None:
    daemon = start()
    assert notifier.offer("web failed", "no such file", CHOICES, chosen.put)
    sender, number, body = daemon.shown.get(timeout=PATIENCE_S)
    assert body[3:6] == ("web failed", "no such file", ["default", "Open", "restart", "Restart"])
    daemon.emit("ActionInvoked", "us", (number, "restart"), to=sender if own else "")
    assert chosen.get(timeout=PATIENCE_S) == "restart"
    until_nothing_listens()


def test_an_answer_that_comes_at_once_is_heard(
    start: Callable[..., Daemon], notifier: Notifier, chosen: Chosen
) -> None:
    daemon = start()
    daemon.at_once = [("ActionInvoked", "us", (11, "default"))]
    assert notifier.offer("web failed", "", CHOICES, chosen.put)
    assert chosen.get(timeout=PATIENCE_S) == "default"


def test_a_closed_notification_ends_the_listening_and_chooses_nothing(
    start: Callable[..., Daemon], notifier: Notifier, chosen: Chosen
) -> None:
    daemon = start()
    notifier.offer("one", "", CHOICES, chosen.put)
    notifier.offer("two", "", CHOICES, chosen.put)
    first, second = (daemon.shown.get(timeout=PATIENCE_S)[1] for _ in range(2))
    daemon.emit("NotificationClosed", "uu", (first, 2))
    daemon.emit("ActionInvoked", "us", (second, "restart"))
    assert chosen.get(timeout=PATIENCE_S) == "restart"
    until_nothing_listens()
    assert chosen.empty()


def test_a_daemon_without_buttons_gets_a_plain_notification(
    start: Callable[..., Daemon], notifier: Notifier, chosen: Chosen
) -> None:
    daemon = start("body", "body-markup")
    assert notifier.offer("web failed", "1 < 2", CHOICES, chosen.put)
    _, _, body = daemon.shown.get(timeout=PATIENCE_S)
    assert (body[4], body[5]) == ("1 &lt; 2", [])
    assert not listeners()


def test_without_a_daemon_nothing_is_shown(notifier: Notifier, chosen: Chosen) -> None:
    assert not notifier.offer("web failed", "", CHOICES, chosen.put)
    assert not listeners()


def test_without_a_bus_nothing_is_shown(chosen: Chosen) -> None:
    assert not Notifier("", {}).offer("web failed", "", CHOICES, chosen.put)


def test_no_more_than_some_are_listened_to(start: Callable[..., Daemon], notifier: Notifier, chosen: Chosen) -> None:
    daemon = start()
    for _ in range(MAX_OPEN + 2):
        assert notifier.offer("web failed", "", CHOICES, chosen.put)
    assert len(listeners()) == MAX_OPEN
    actions = [daemon.shown.get(timeout=PATIENCE_S)[2][5] for _ in range(MAX_OPEN + 2)]
    assert [bool(buttons) for buttons in actions] == [True] * MAX_OPEN + [False] * 2
