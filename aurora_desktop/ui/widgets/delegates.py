"""Painted cells: state as shape and word, the bar of checks, sparklines. Their words come from the model."""

from collections.abc import Sequence
from typing import ClassVar

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from aurora_desktop.supervisor.view import CHECKS_KEPT, SAMPLES_KEPT, Check, ServiceView
from aurora_desktop.ui import icons
from aurora_desktop.ui.models.rows import LOOK_ROLE, SHARE_ROLE, Look
from aurora_desktop.ui.models.services import VIEW_ROLE, Column, tone
from aurora_desktop.ui.theme import Theme, Tokens, Tone

Index = QModelIndex | QPersistentModelIndex

PADDING = 12
_ICON = 16


class CellDelegate(QStyledItemDelegate):
    """A cell with its background as the style sheet has it, and room left and right."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme

    @property
    def tokens(self) -> Tokens:
        return self._theme.tokens

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        styled = QStyleOptionViewItem(option)
        self.initStyleOption(styled, index)
        styled.text = ""
        styled.state &= ~QStyle.StateFlag.State_HasFocus
        style = styled.widget.style() if styled.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, styled, painter, styled.widget)
        painter.save()
        self.paint_cell(painter, styled.rect.adjusted(PADDING, 0, -PADDING, 0), styled, index)
        painter.restore()

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint the content into `rect`; the text of the cell unless a subclass does otherwise."""
        self.draw_text(painter, rect, option, str(index.data() or ""), self.tokens.text)

    def draw_text(
        self,
        painter: QPainter,
        rect: QRect,
        option: QStyleOptionViewItem,
        text: str,
        colour: str,
        *,
        bold: bool = False,
    ) -> None:
        """One line of text, elided."""
        font = QFont(option.font)
        if bold:
            font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, option.displayAlignment | Qt.AlignmentFlag.AlignVCenter, elided)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        hint = super().sizeHint(option, index)
        return QSize(hint.width() + 2 * PADDING, hint.height())


class NameDelegate(CellDelegate):
    """The name, in the weight of a title."""

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        self.draw_text(painter, rect, option, str(index.data()), self.tokens.text, bold=True)


class MutedDelegate(CellDelegate):
    """Text that stands back."""

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        self.draw_text(painter, rect, option, str(index.data() or ""), self.tokens.muted)


class CauseDelegate(CellDelegate):
    """What is wrong stands out; what was wrong once stands back."""

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        view = index.data(VIEW_ROLE)
        colour = self.tokens.text if isinstance(view, ServiceView) and view.is_problem else self.tokens.muted
        self.draw_text(painter, rect, option, str(index.data() or ""), colour)


class ShapeDelegate(CellDelegate):
    """A shape, and the word for it beside."""

    def shape_of(self, index: Index) -> tuple[str, Tone]:
        """The icon and its tone."""
        view = index.data(VIEW_ROLE)
        if isinstance(view, ServiceView):
            return f"state-{view.state}", tone(view.state)
        look: Look | None = index.data(LOOK_ROLE)
        return look or ("state-stopped", "muted")

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        name, tone_name = self.shape_of(index)
        colour = self.tokens.tone(tone_name)
        ratio = painter.device().devicePixelRatioF()
        image = icons.pixmap(name, _ICON, ratio, colour, self.tokens.surface)
        painter.drawPixmap(rect.left(), rect.center().y() - _ICON // 2 + 1, image)
        self.draw_text(painter, rect.adjusted(_ICON + 8, 0, 0, 0), option, str(index.data()), colour)


class ChecksDelegate(CellDelegate):
    """The last checks, newest right: tall when well, half when unwell, a stump when down, a dot when not wanted."""

    _HEIGHTS: ClassVar[dict[Check, int]] = {"ok": 18, "warn": 12, "down": 6, "off": 2}
    _TONES: ClassVar[dict[Check, str]] = {"ok": "ok", "warn": "warn", "down": "bad", "off": "faint"}

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: ARG002 - Qt's signature
        view = index.data(VIEW_ROLE)
        if not isinstance(view, ServiceView):
            return
        checks = view.checks[-CHECKS_KEPT:]
        step = max(2, rect.width() // CHECKS_KEPT)
        left = rect.left() + (CHECKS_KEPT - len(checks)) * step
        bottom = rect.center().y() + 10
        for kind, height in self._HEIGHTS.items():
            bars = [
                QRect(left + place * step, bottom - height, step - 1, height)
                for place, check in enumerate(checks)
                if check == kind
            ]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(str(getattr(self.tokens, self._TONES[kind]))))
            painter.drawRects(bars)


class SparklineDelegate(CellDelegate):
    """The figure, and its last minutes as a line of one pixel."""

    _FIGURE_WIDTH = 56

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        view = index.data(VIEW_ROLE)
        if not isinstance(view, ServiceView):
            return
        figure = QRect(rect.left(), rect.top(), self._FIGURE_WIDTH, rect.height())
        colour = self.tokens.text if view.memory_bytes is not None else self.tokens.muted
        self.draw_text(painter, figure, option, str(index.data()), colour)
        history, top = _history(view, Column(index.column()))
        chart = rect.adjusted(self._FIGURE_WIDTH + 2, 10, 0, -11)
        if len(history) > 1 and chart.width() > 12:
            self._draw_line(painter, QRectF(chart), history, top)

    def _draw_line(self, painter: QPainter, chart: QRectF, history: Sequence[float], top: float) -> None:
        step = chart.width() / (SAMPLES_KEPT - 1)
        left = chart.right() - (len(history) - 1) * step
        points = [
            QPointF(left + place * step, chart.bottom() - min(value / top, 1.0) * chart.height())
            for place, value in enumerate(history)
        ]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.tokens.selection))
        painter.drawPolygon([QPointF(left, chart.bottom()), *points, chart.bottomRight()])
        # One pixel: wider antialiased pens cost ten times as much.
        painter.setPen(QPen(QColor(self.tokens.accent), 1))
        painter.drawPolyline(points)


def _history(view: ServiceView, column: Column) -> tuple[Sequence[float], float]:
    if column == Column.CPU:
        cpu = view.cpu_history[-SAMPLES_KEPT:]
        return cpu, max((*cpu, 10.0))
    memory = view.memory_history[-SAMPLES_KEPT:]
    return memory, float(max((*memory, 1))) * 1.15


class ShareDelegate(CellDelegate):
    """The words, and beside them a bar for the share from 0 to 1 that the model gives."""

    _WORDS_WIDTH, _HEIGHT = 64, 6

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        words = QRect(rect.left(), rect.top(), self._WORDS_WIDTH, rect.height())
        self.draw_text(painter, words, option, str(index.data()), self.tokens.text)
        whole = QRect(words.right() + 8, rect.center().y() - self._HEIGHT // 2 + 1, 0, self._HEIGHT)
        whole.setRight(rect.right())
        share = index.data(SHARE_ROLE)
        if share is None or whole.width() < 12:
            return
        painter.fillRect(whole, QColor(self.tokens.muted_soft))
        whole.setWidth(round(whole.width() * min(max(float(share), 0.0), 1.0)))
        painter.fillRect(whole, QColor(self.tokens.accent))
