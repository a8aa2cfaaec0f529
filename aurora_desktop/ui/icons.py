"""Icons drawn from the SVG files of `resources/icons`, sharp at every size and in the colours of the theme."""

from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from aurora_desktop.core.paths import shipped

_SIZES = (16, 20, 24, 32)
_TRAY_SIZES = (16, 18, 20, 22, 24, 32, 48, 64)


@lru_cache(maxsize=256)
def pixmap(name: str, size: int, ratio: float = 1.0, colour: str = "#000000", surface: str = "#ffffff") -> QPixmap:
    """The icon at `size` logical pixels; `colour` is its line, `surface` what shows through its cut-outs."""
    image = QPixmap(round(size * ratio), round(size * ratio))
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    _renderer(name, colour, surface).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return image


@cache
def icon(name: str, colour: str = "#000000", disabled: str = "") -> QIcon:
    """The icon at the sizes of buttons, for normal and dense screens; `disabled` is its colour while disabled."""
    made = QIcon()
    for shade, mode in ((colour, QIcon.Mode.Normal), (disabled or colour, QIcon.Mode.Disabled)):
        for size in _SIZES:
            made.addPixmap(pixmap(name, size, 1.0, shade), mode)
        made.addPixmap(pixmap(name, 24, 2.0, shade), mode)
    return made


@cache
def tray_icon(state: str, *, armed: bool = False) -> QIcon:
    """The tray icon of a state, at every usual size of a panel and up to three pixels a point.

    `armed` puts a pointer into its corner: agents may act.
    """
    made = QIcon()
    for size in _TRAY_SIZES:
        made.addPixmap(_tray_pixmap(state, size, 1.0, armed=armed))
    for size in (16, 22, 24):
        for ratio in (1.5, 2.0, 3.0):
            made.addPixmap(_tray_pixmap(state, size, ratio, armed=armed))
    return made


def _tray_pixmap(state: str, size: int, ratio: float, *, armed: bool) -> QPixmap:
    base = pixmap(f"tray-{state}", size, ratio)
    if not armed:
        return base
    marked = QPixmap(base)
    painter = QPainter(marked)
    side = size * 0.62
    _renderer("badge-armed", "#000000", "#ffffff").render(painter, QRectF(size - side, size - side, side, side))
    painter.end()
    return marked


def _renderer(name: str, colour: str, surface: str) -> QSvgRenderer:
    text = shipped(f"resources/icons/{name}.svg").read_text(encoding="utf-8")
    return QSvgRenderer(QByteArray(text.replace("currentColor", colour).replace("surfaceColor", surface).encode()))
