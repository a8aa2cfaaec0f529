"""The floor of a tray app: the least that PySide6 needs to show an icon. Nothing of Aurora is in it."""

import signal
import sys

from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

signal.signal(signal.SIGTERM, signal.SIG_DFL)
application = QApplication(["floor-tray"])
pixmap = QPixmap(22, 22)
pixmap.fill(QColor("green"))
icon = QSystemTrayIcon(QIcon(pixmap))
icon.show()
sys.exit(application.exec())
