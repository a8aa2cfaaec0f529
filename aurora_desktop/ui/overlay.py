"""What is on the screen while an agent acts: a border, a line of narration, and a ring at the next click.

Each screen has one window that is cut to the shape of what it shows, so that it needs no compositor: where there is
none, a see-through window would be an opaque black one. Clicks and keys go through it.
"""

import logging
import sys
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QPainter, QPaintEvent, QPen, QRegion, QScreen
from PySide6.QtWidgets import QWidget

from aurora_desktop.input.view import TaskView
from aurora_desktop.ui import control_words

log = logging.getLogger(__name__)

NAME = "aurora-overlay"
BORDER_PX = 4
RING_PX = 44
_RING_LINE_PX = 5
_LABEL_MARGIN, _LABEL_TOP = 14, 10
_COLOUR, _ON_COLOUR, _EDGE = "#ffb000", "#1b1300", "#1b1300"
_LONGEST = 120


class Overlay(QObject):
    """One window for each screen; screens that come and go are followed."""

    def __init__(self) -> None:
        super().__init__()
        self._task: TaskView | None = None
        self._waits = False
        self._captured = False
        self._windows: dict[QScreen, OverlayWindow] = {}
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)  # noqa: S101 - there are no screens without it
        application.screenAdded.connect(self._follow_screens)
        application.screenRemoved.connect(self._drop)

    @property
    def windows(self) -> "tuple[OverlayWindow, ...]":
        return tuple(self._windows.values())

    def prepare(self) -> None:
        """Do the slow part of the first time now: while control is armed every moment counts."""
        for screen in QGuiApplication.screens():
            self._window_of(screen)

    def show_task(self, task: TaskView | None, *, waits: bool = False) -> None:
        """Show what this task does, or that it `waits` for the operator's hands to rest; None while no agent acts."""
        self._task, self._waits = task, waits
        self._follow_screens()

    def hide_for_capture(self) -> None:
        """Be gone from the screen until `show_again`; returns once the display has taken the windows away."""
        self._captured = True
        shown = [window for window in self.windows if window.isVisible()]
        for window in shown:
            window.hide()
        if shown:
            _await_unmapped([int(window.winId()) for window in shown])

    def show_again(self) -> None:
        """Show what there is to show."""
        self._captured = False
        self._follow_screens()

    def close(self) -> None:
        """Take the windows away for good."""
        for screen in tuple(self._windows):
            self._drop(screen)
        self.deleteLater()

    def _follow_screens(self) -> None:
        visible = self._task is not None and not self._captured
        for screen in QGuiApplication.screens():
            if visible:
                self._window_of(screen)
        for screen, window in self._windows.items():
            if visible and self._task:
                places = () if self._waits else places_on(screen, self._task.places)
                window.show_words(control_words.overlay_sentence(self._task, waits=self._waits), places)
            else:
                window.hide()

    def _window_of(self, screen: QScreen) -> "OverlayWindow":
        if screen not in self._windows:
            self._windows[screen] = OverlayWindow(screen)
        return self._windows[screen]

    def _drop(self, screen: QScreen) -> None:
        window = self._windows.pop(screen, None)
        if window:
            window.close()
            window.deleteLater()


class OverlayWindow(QWidget):
    """Border, narration and rings on one screen."""

    def __init__(self, screen: QScreen) -> None:
        flags = (
            Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint
            | Qt.WindowType.WindowTransparentForInput
            | Qt.WindowType.WindowDoesNotAcceptFocus
            | Qt.WindowType.BypassWindowManagerHint
            | Qt.WindowType.Tool
        )
        super().__init__(None, flags)
        self.setObjectName(NAME)
        self.setWindowTitle(NAME)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setScreen(screen)
        self._screen = screen
        self._text = ""
        self._places: tuple[QPoint, ...] = ()
        self._font = QFont(QGuiApplication.font())
        self._font.setPixelSize(15)
        self._font.setWeight(QFont.Weight.DemiBold)
        screen.geometryChanged.connect(self._fit)
        self._fit()
        _name_window(int(self.winId()))

    def show_words(self, sentence: str, places: Sequence[QPoint]) -> None:
        """Show these words, and a ring at each of these places of the window."""
        text = sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST - 1]}\u2026"
        if (text, tuple(places)) != (self._text, self._places) or not self.isVisible():
            self._text, self._places = text, tuple(places)
            self.setAccessibleName(text)
            self._cut()
            self.show()
            self.raise_()
            self.update()

    def label_rect(self) -> QRect:
        """Where the narration stands: in the middle of the upper edge."""
        metrics = QFontMetrics(self._font)
        wanted = QSize(metrics.horizontalAdvance(self._text) + 2 * _LABEL_MARGIN, metrics.height() + _LABEL_TOP)
        width = min(wanted.width(), self.width() - 8 * BORDER_PX)
        return QRect((self.width() - width) // 2, 0, width, wanted.height() + BORDER_PX)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(_COLOUR))
        self._paint_words(painter)
        for place in self._places:
            self._paint_ring(painter, place)
        painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        rect = self.label_rect()
        painter.setFont(self._font)
        painter.setPen(QColor(_ON_COLOUR))
        room = rect.width() - _LABEL_MARGIN  # a little more than was measured: painter and metrics may differ
        text = painter.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_ring(self, painter: QPainter, place: QPoint) -> None:
        """Two colours, so that it is seen on any ground."""
        painter.setPen(QPen(QColor(_EDGE), 2))
        radius = RING_PX // 2
        painter.drawEllipse(place, radius - 1, radius - 1)
        painter.drawEllipse(place, radius - _RING_LINE_PX, radius - _RING_LINE_PX)

    def _fit(self) -> None:
        self.setGeometry(self._screen.geometry())
        self._cut()

    def _cut(self) -> None:
        """Cut the window to what it shows. The middle of a ring stays open: there the click lands."""
        shape = QRegion(self.rect()) - QRegion(self.rect().adjusted(BORDER_PX, BORDER_PX, -BORDER_PX, -BORDER_PX))
        if self._text:
            shape += QRegion(self.label_rect())
        for place in self._places:
            shape += _ring(place)
        self.setMask(shape)


def places_on(screen: QScreen, places: Sequence[tuple[int, int]]) -> tuple[QPoint, ...]:
    """Those of these places (desktop pixels) that are on the screen, in its own points."""
    ratio, origin = screen.devicePixelRatio(), screen.geometry().topLeft()
    bounds = QRect(QPoint(0, 0), screen.geometry().size())
    # Qt keeps a screen's origin in pixels of the desktop and counts its inside in points.
    points = (QPoint(round((x - origin.x()) / ratio), round((y - origin.y()) / ratio)) for x, y in places)
    return tuple(point for point in points if bounds.contains(point))


def _ring(place: QPoint) -> QRegion:
    def disc(across: int) -> QRegion:
        return QRegion(
            QRect(place.x() - across // 2, place.y() - across // 2, across, across), QRegion.RegionType.Ellipse
        )

    return disc(RING_PX) - disc(RING_PX - 2 * _RING_LINE_PX)


def _name_window(window: int) -> None:
    """Give it a WM_CLASS of its own, so that whoever looks for the window at a place passes over it (X11)."""
    if sys.platform == "linux" and QGuiApplication.platformName() == "xcb":
        from aurora_desktop.ui.overlay_x11 import set_class

        try:
            set_class(window, NAME)
        except OSError as error:  # its input shape is empty all the same
            log.warning("the overlay keeps the class of the application: %s", error)


def _await_unmapped(windows: list[int]) -> None:
    if sys.platform == "linux" and QGuiApplication.platformName() == "xcb":
        from aurora_desktop.ui.overlay_x11 import await_unmapped

        try:
            await_unmapped(windows)
        except OSError as error:
            log.warning("cannot ask whether the overlay is off the screen: %s", error)
