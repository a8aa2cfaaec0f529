"""Nothing keeps the source of our modules in memory."""

import subprocess
import sys

_PROGRAM = """
import linecache
from aurora_desktop.ui.lean import load_shiboken
load_shiboken()
from PySide6.QtWidgets import QApplication, QLabel
import aurora_desktop.ui.window
application = QApplication([])
label = QLabel()
label.setText("as ever")
assert label.text() == "as ever"
print(sum(len(entry[2]) for entry in linecache.cache.values() if len(entry) > 1))
"""


def test_no_source_is_read_for_the_sake_of_switches_that_nobody_uses() -> None:
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.returncode) == ("0", 0), done.stderr
