"""A window that notes each mouse and key event that it gets, as one JSON line each in `argv[1]`.

Its title is `argv[2]`, its place `argv[3]` (`x,y,width,height`). Places are desktop pixels.
"""

import json
import signal
import sys

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

_KINDS = {
    QEvent.Type.MouseButtonPress: "press",
    QEvent.Type.MouseButtonRelease: "release",
    QEvent.Type.MouseButtonDblClick: "double",
    QEvent.Type.MouseMove: "move",
    QEvent.Type.Wheel: "wheel",
    QEvent.Type.KeyPress: "key",
    QEvent.Type.KeyRelease: "key_up",
}
_MODIFIERS = {
    Qt.KeyboardModifier.ShiftModifier: "shift",
    Qt.KeyboardModifier.ControlModifier: "ctrl",
    Qt.KeyboardModifier.AltModifier: "alt",
}


class Canvas(QWidget):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = open(path, "a", buffering=1, encoding="utf-8")  # noqa: SIM115 - as long as the window
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def event(self, event: QEvent) -> bool:
        kind = _KINDS.get(event.type())
        if kind is None:
            return super().event(event)
        print(json.dumps({"kind": kind, **_told(event)}), file=self._file)
        return True


def _told(event: QEvent) -> dict[str, object]:
    if isinstance(event, QKeyEvent):
        name = Qt.Key(event.key()).name.removeprefix("Key_")
        return {"key": name, "text": event.text(), "repeat": event.isAutoRepeat(), "modifiers": _held(event)}
    if isinstance(event, QWheelEvent):
        turned = event.angleDelta()
        return {"dx": turned.x(), "dy": turned.y(), "modifiers": _held(event), **_place(event.globalPosition())}
    assert isinstance(event, QMouseEvent)
    return {"button": event.button().value, "modifiers": _held(event), **_place(event.globalPosition())}


def _held(event: QKeyEvent | QWheelEvent | QMouseEvent) -> list[str]:
    return [name for flag, name in _MODIFIERS.items() if event.modifiers() & flag]


def _place(at: QPointF) -> dict[str, object]:
    return {"x": round(at.x()), "y": round(at.y())}


signal.signal(signal.SIGTERM, signal.SIG_DFL)
application = QApplication(["canvas"])
canvas = Canvas(sys.argv[1])
canvas.setWindowTitle(sys.argv[2])
canvas.setGeometry(*map(int, sys.argv[3].split(",")))
canvas.show()
sys.exit(application.exec())
