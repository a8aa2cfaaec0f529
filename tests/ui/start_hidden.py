"""Starts the desktop hidden and prints what was imported that only a window needs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PySide6.QtWidgets import QApplication

from aurora_desktop.ui.desktop import Desktop
from ui.fakes import House, a_mix

LATER = tuple(
    f"aurora_desktop.ui.{name}" for name in ("window", "theme", "service_form", "overlay", "question", "confirming")
)

app = QApplication([])
desktop = Desktop(House(a_mix()).context())
desktop.start(hidden=True)
app.processEvents()
for name in sorted(sys.modules):
    if name.startswith(("aurora_desktop.ui.pages", "aurora_desktop.ui.widgets", "aurora_desktop.ui.models")):
        print(name)
    if name in LATER:
        print(name)
desktop.close()
