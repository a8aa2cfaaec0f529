"""Qt's application and the loop that runs asyncio inside it."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import qasync
from PySide6.QtWidgets import QApplication


class DisplayLostError(Exception):
    """The X server died, and Qt's event loop with it, before the work was done."""


def run(live: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `live` to its end in Qt's loop. Raises DisplayLostError when the display goes away meanwhile."""
    application = QApplication(["aurora-desktop"])
    application.setApplicationDisplayName("Aurora Desktop")
    application.setDesktopFileName("aurora-desktop")
    # The window is closed to the tray; the program ends when it is told to.
    application.setQuitOnLastWindowClosed(False)
    loop = qasync.QEventLoop(application)
    # qasync's own executor keeps ten threads from the first use on; this one makes them as they are needed.
    loop.set_default_executor(ThreadPoolExecutor(max_workers=4, thread_name_prefix="aurora"))
    asyncio.set_event_loop(loop)
    work = loop.create_task(live())
    try:
        with loop:
            loop.run_until_complete(work)
    except RuntimeError as error:
        if work.done():
            raise
        raise DisplayLostError from error


def on_session_end(call: Callable[[], None]) -> None:
    """Call when the session manager or Qt itself ends the application."""
    application = QApplication.instance()
    assert application is not None  # noqa: S101 - called from within `run`
    application.aboutToQuit.connect(call)
