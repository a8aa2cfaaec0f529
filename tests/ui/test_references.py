"""The binding itself: PySide6 6.12 on Python 3.11 loses a reference to None with each call."""

import sys

from PySide6.QtWidgets import QLabel


def test_calls_leak_no_reference_to_none(qtbot):
    label = QLabel()
    qtbot.addWidget(label)
    before = sys.getrefcount(None)
    for number in range(1000):
        label.setText(str(number))
    assert abs(sys.getrefcount(None) - before) < 100
