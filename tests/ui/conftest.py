"""A screenless Qt, the loop under it, and a house of fakes."""

import asyncio
import os
from collections.abc import Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
import qasync
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from aurora_desktop.ui.desktop import Desktop
from aurora_desktop.ui.window import Window

from .fakes import House, a_mix


@pytest.fixture(scope="session")
def qt_loop(qapp: QApplication) -> Iterator[qasync.QEventLoop]:
    """asyncio on the Qt loop that pytest-qt turns. One for all: its `stop` ends Qt's loops for good."""
    qapp.setQuitOnLastWindowClosed(False)
    loop = qasync.QEventLoop(qapp, already_running=True)
    asyncio.events._set_running_loop(None)
    yield loop
    loop.stop()
    loop.close()


@pytest.fixture(autouse=True)
def _in_loop(qt_loop: qasync.QEventLoop, qapp: QApplication) -> Iterator[None]:
    """A click can begin asynchronous work; other tests still may run loops of their own."""
    asyncio.events._set_running_loop(qt_loop)
    yield
    while any(task.cancelling() for task in asyncio.all_tasks(qt_loop)):  # what was cancelled still has to end
        qapp.processEvents()
    asyncio.events._set_running_loop(None)


@pytest.fixture
def house() -> House:
    return House(a_mix())


@pytest.fixture
def desktop(house: House, qapp: QApplication) -> Iterator[Desktop]:
    made = Desktop(house.context())
    yield made
    made.close()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(desktop: Desktop, qtbot) -> Window:
    """The window, shown, with the mix of services."""
    desktop.start(hidden=False)
    assert desktop.window is not None
    qtbot.waitExposed(desktop.window)
    return desktop.window
