"""Painted figures: how full a resource is, how it went, and failures by hour. Each says in words what it shows."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from aurora_desktop.ui.theme import Theme, Tone

_BAR_HEIGHT, _MARK_OVER = 10, 4
_HISTORY_HEIGHT = 44
_HOURS_HEIGHT, _HOUR_LABELS, _FOOT = 132, (0, 6, 12, 18), 20
_COUNT_ROOM = 18


class _Painted(QWidget):
    """Repaints when the colours change."""

    def __init__(self, theme: Theme, height: int) -> None:
        super().__init__()
        self._theme = theme
        self._height = height
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(160, self._height)


class LevelBar(_Painted):
    """How full something is, with a mark where its limit lies."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, _BAR_HEIGHT + 2 * _MARK_OVER)
        self._percent, self._limit = 0.0, 100.0
        self._tone: Tone = "ok"

    def show_level(self, percent: float, limit: float, tone: Tone) -> None:
        """Both in percent."""
        if (percent, limit, tone) != (self._percent, self._limit, self._tone):
            self._percent, self._limit, self._tone = percent, limit, tone
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(0, _MARK_OVER, self.width(), _BAR_HEIGHT)
        painter.setBrush(QColor(tokens.muted_soft))
        painter.drawRoundedRect(whole, 5, 5)
        filled = QRectF(whole)
        filled.setWidth(max(whole.width() * min(self._percent, 100.0) / 100, _BAR_HEIGHT))
        painter.setBrush(QColor(tokens.tone(self._tone)))
        painter.drawRoundedRect(filled, 5, 5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # noqa: FBT003 - Qt's signature
        self._draw_mark(painter)
        painter.end()

    def _draw_mark(self, painter: QPainter) -> None:
        """A line between two of the ground, so that it can be seen on the filled part as well."""
        x = min(round(self.width() * self._limit / 100), self.width() - 2)
        painter.fillRect(x - 1, 0, 3, self._height, QColor(self._theme.tokens.surface))
        painter.fillRect(x, 0, 1, self._height, QColor(self._theme.tokens.text))


class HistoryLine(_Painted):
    """The last values as a line of one pixel, in percent, with the limit as a dotted one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, _HISTORY_HEIGHT)
        self._values: tuple[float, ...] = ()
        self._limit = 100.0

    def show_values(self, values: Sequence[float], limit: float) -> None:
        """Oldest first; all in percent."""
        if (tuple(values), limit) != (self._values, self._limit):
            self._values, self._limit = tuple(values), limit
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        painter = QPainter(self)
        tokens = self._theme.tokens
        limit = self._y(self._limit)
        painter.setPen(QPen(QColor(tokens.field), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(0, limit), QPointF(self.width(), limit))
        if len(self._values) > 1:
            self._draw_line(painter)
        painter.end()

    def _draw_line(self, painter: QPainter) -> None:
        step = (self.width() - 1) / (len(self._values) - 1)
        points = [QPointF(place * step, self._y(value)) for place, value in enumerate(self._values)]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.tokens.selection))
        painter.drawPolygon([QPointF(0, self.height()), *points, QPointF(self.width(), self.height())])
        # One pixel: wider antialiased pens cost ten times as much.
        painter.setPen(QPen(QColor(self._theme.tokens.accent), 1))
        painter.drawPolyline(points)

    def _y(self, percent: float) -> float:
        return 1 + (self.height() - 2) * (1 - min(max(percent, 0.0), 100.0) / 100)


class HourBars(_Painted):
    """Failures by hour of the day; the count stands over the tallest."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, _HOURS_HEIGHT)
        self._counts: tuple[int, ...] = (0,) * 24
        self.setAccessibleName("Failures by hour of the day")
        self.show_counts(self._counts)

    def show_counts(self, counts: Sequence[int]) -> None:
        """One count for each hour from midnight on."""
        self._counts = tuple(counts)
        self.setAccessibleDescription(hours_in_words(self._counts))
        self.setToolTip(hours_in_words(self._counts))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        painter = QPainter(self)
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        self._draw_hours(painter)
        self._draw_bars(painter)
        painter.end()

    def _draw_hours(self, painter: QPainter) -> None:
        tokens, ground = self._theme.tokens, self._height - _FOOT
        painter.fillRect(0, ground, self.width(), 1, QColor(tokens.border))
        painter.setPen(QColor(tokens.muted))
        for hour in _HOUR_LABELS:
            place = QRectF(hour * self._step, ground + 4, 48, _FOOT - 4)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, f"{hour:02}:00")

    def _draw_bars(self, painter: QPainter) -> None:
        most, ground = max((*self._counts, 1)), self._height - _FOOT
        for hour, count in enumerate(self._counts):
            height = round((ground - _COUNT_ROOM) * count / most)
            left = round(hour * self._step)
            width = max(round(self._step) - 3, 2)
            tone = self._theme.tokens.accent if count == most else self._theme.tokens.faint
            painter.fillRect(left, ground - height, width, height, QColor(tone))
            if count == most:
                painter.setPen(QColor(self._theme.tokens.text))
                over = QRectF(left - 12, ground - height - 16, width + 24, 14)
                painter.drawText(over, Qt.AlignmentFlag.AlignHCenter, str(count))

    @property
    def _step(self) -> float:
        return self.width() / len(self._counts)


def hours_in_words(counts: Sequence[int]) -> str:
    """`21 failures: most between 09:00 and 10:00, namely 7`."""
    if not any(counts):
        return "No failures"
    most = max(counts)
    hour = list(counts).index(most)
    return f"{sum(counts)} failures: most between {hour:02}:00 and {(hour + 1) % 24:02}:00, namely {most}"
