"""The watch over locks and sleep, on a bus of its own."""

import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator

import pytest
from jeepney import DBusAddress, new_signal
from jeepney.io.blocking import open_dbus_connection

from aurora_desktop.desktop.session_watch import LOCKED, SessionWatch

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed")


@pytest.fixture
def bus() -> Iterator[str]:
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout is not None
    yield daemon.stdout.readline().strip()
    daemon.terminate()
    daemon.wait()
    daemon.stdout.close()


def _tell(bus: str, *, locked: bool) -> None:
    screen_saver = DBusAddress("/org/freedesktop/ScreenSaver", interface="org.freedesktop.ScreenSaver")
    with open_dbus_connection(bus=bus) as connection:
        connection.send(new_signal(screen_saver, "ActiveChanged", "b", (locked,)))


def test_a_locked_screen_is_told_and_an_unlocked_one_is_not(bus: str) -> None:
    told: queue.Queue[str] = queue.Queue()
    watch = SessionWatch(told.put, {"DBUS_SESSION_BUS_ADDRESS": bus})
    watch.start()
    first = None
    while first is None:  # until the watch has subscribed
        _tell(bus, locked=False)
        _tell(bus, locked=True)
        try:
            first = told.get(timeout=0.2)
        except queue.Empty:
            continue
    assert first == LOCKED
    watch.close()
    assert all(reason == LOCKED for reason in iter(lambda: told.get_nowait() if not told.empty() else "", ""))


@pytest.mark.parametrize("environ", [{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"}, {}])
def test_without_a_bus_nothing_is_told_and_the_log_says_what_that_means(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    watch = SessionWatch(told.append, environ)
    watch.start()
    for thread in threading.enumerate():
        if thread.name == "session-watch-session":
            thread.join()
    watch.close()
    assert told == []
    said = next(record.getMessage() for record in caplog.records if "no session bus" in record.getMessage())
    assert "a locked screen may leave control armed" in said
