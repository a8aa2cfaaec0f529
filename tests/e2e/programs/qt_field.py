"""A text field of Qt over the whole window; its content is written to `argv[1]` whenever SIGUSR1 asks for it.

Asked, not on each change: a million characters would be written a million times.
"""

import os
import signal
import socket
import sys

from PySide6.QtCore import QSocketNotifier
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QApplication, QPlainTextEdit

path = sys.argv[1]
application = QApplication(["qt-field"])
field = QPlainTextEdit()
field.setUndoRedoEnabled(False)
field.setWordWrapMode(QTextOption.WrapMode.NoWrap)
field.setWindowTitle("qt-field")

reading, writing = socket.socketpair()
for end in (reading, writing):
    end.setblocking(False)  # noqa: FBT003 - the word of the socket
signal.set_wakeup_fd(writing.fileno())
signal.signal(signal.SIGUSR1, lambda *_: None)
notifier = QSocketNotifier(reading.fileno(), QSocketNotifier.Type.Read)


def write() -> None:
    reading.recv(4096)
    with open(f"{path}.new", "w", encoding="utf-8", newline="") as file:
        file.write(field.toPlainText())
    os.replace(f"{path}.new", path)


notifier.activated.connect(write)
field.setGeometry(100, 80, 700, 400)
field.show()
signal.signal(signal.SIGTERM, signal.SIG_DFL)
sys.exit(application.exec())
