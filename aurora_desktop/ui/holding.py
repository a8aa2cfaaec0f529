"""A press held for a second: the one way to arm, to reset and to say yes. Its time is the display's own."""

import time
from typing import Literal

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QWindow

from aurora_desktop.safety.messages import HOLD_S
from aurora_desktop.safety.view import Confirmation

# A little longer than the guard asks for: it counts from the display's press, we from its arrival here.
HOLD_MS = round(HOLD_S * 1000) + 60
_PAINT_MS = 33
CHORD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
_CHORD_KEYS = (Qt.Key.Key_Control, Qt.Key.Key_Shift)
# Where these letters lie on X11 (keycodes): a keyboard with another script sends letters of its own.
_KEYCODES = {Qt.Key.Key_A: 38, Qt.Key.Key_R: 27, Qt.Key.Key_Y: 29}
_BEYOND_LATIN = 0x0250
_ENDS = (QEvent.Type.FocusOut, QEvent.Type.Hide, QEvent.Type.Close)


class Hold(QObject):
    """`progressed` tells the part done from 0 to 1, `confirmed` the Confirmation of a press held long enough."""

    progressed = Signal(float)
    confirmed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._confirmation = Confirmation()
        self._began = 0.0
        self._timer = QTimer(self, singleShot=True, interval=HOLD_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._complete)
        self._paint_timer = QTimer(self, interval=_PAINT_MS)
        self._paint_timer.timeout.connect(lambda: self.progressed.emit(self.progress))

    @property
    def is_held(self) -> bool:
        return self._timer.isActive()

    @property
    def progress(self) -> float:
        """The part of the second that has passed, from 0 to 1."""
        return min((time.monotonic() - self._began) * 1000 / HOLD_MS, 1.0) if self.is_held else 0.0

    def begin(self, pressed_at: int, kind: Literal["key", "button"]) -> None:
        """Pressed at the display's time `pressed_at` (ms)."""
        self._confirmation = Confirmation(pressed_at=pressed_at, kind=kind)
        self._began = time.monotonic()
        self._timer.start()
        self._paint_timer.start()
        self.progressed.emit(0.0)

    def end(self) -> None:
        """Let go."""
        if not self.is_held:
            return
        self._timer.stop()
        self._show_none()

    def _complete(self) -> None:
        self._show_none()
        self.confirmed.emit(self._confirmation)

    def _show_none(self) -> None:
        self._paint_timer.stop()
        self.progressed.emit(0.0)


class HeldKeys(QObject):
    """Ctrl+Shift and a letter in one window: `pressed` (Qt.Key, the display's time in ms), `released`.

    `touched` tells of the first of them. It watches the native window, for a widget never learns that a key is let go
    after the focus has moved on.
    """

    touched = Signal()
    pressed = Signal(object, object)  # the display's time has more bits than a signal's int
    released = Signal()

    def __init__(self, keys: tuple[Qt.Key, ...], parent: QObject) -> None:
        super().__init__(parent)
        self._keys = keys

    def watch(self, window: QWindow | None) -> None:
        """Hear the keys of this window from now on."""
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002 - Qt's signature
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._press(event)
        let_go = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyRelease and not event.isAutoRepeat()
        if let_go or event.type() in _ENDS:
            self.released.emit()
        return False

    def _press(self, event: QKeyEvent) -> bool:
        if event.key() in _CHORD_KEYS and not event.isAutoRepeat():
            self.touched.emit()
        key = letter_of(event)
        if key not in self._keys or event.modifiers() != CHORD:
            return False
        if not event.isAutoRepeat():
            self.pressed.emit(key, event.timestamp())
        return True


def letter_of(event: QKeyEvent) -> Qt.Key:
    """The key by its Latin letter; by its place where the keyboard writes another script."""
    if event.key() >= _BEYOND_LATIN and QGuiApplication.platformName() == "xcb":
        for key, code in _KEYCODES.items():
            if event.nativeScanCode() == code:
                return key
    return Qt.Key(event.key())


class StopKey(QObject):
    """One key that stops everything, in whichever window of ours has the focus, dialogs too."""

    pressed = Signal()

    def __init__(self, key: Qt.Key, parent: QObject) -> None:
        super().__init__(parent)
        self._key = key
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)  # noqa: S101 - there are no widgets without it
        application.focusWindowChanged.connect(self._follow)
        self._follow(QGuiApplication.focusWindow())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002 - Qt's signature
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent) or event.key() != self._key:
            return False
        if not event.isAutoRepeat():
            self.pressed.emit()
        return True

    def _follow(self, window: QWindow | None) -> None:
        if window is not None:
            window.installEventFilter(self)
