"""The look: one set of colours for light, one for dark, and the small style sheet made from them."""

import re
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from aurora_desktop.core.paths import shipped

Tone = Literal["ok", "warn", "bad", "info", "muted"]
Choice = Literal["system", "light", "dark"]


class Tokens(Struct, frozen=True, kw_only=True):
    """Colours by what they are for; every text colour meets WCAG AA on `window` and `surface`."""

    window: str
    surface: str
    hover: str
    border: str
    field: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    selection: str
    ok: str
    warn: str
    bad: str
    info: str
    faint: str
    ok_soft: str
    warn_soft: str
    bad_soft: str
    info_soft: str
    muted_soft: str

    def tone(self, tone: Tone) -> str:
        """The strong colour of a tone."""
        return str(getattr(self, tone))

    def soft(self, tone: Tone) -> str:
        """The background that goes with a tone."""
        return str(getattr(self, f"{tone}_soft"))


LIGHT = Tokens(
    window="#f3f5f7", surface="#ffffff", hover="#eef2f5", border="#d9e0e6", field="#8793a0",
    text="#15202b", muted="#566472", accent="#0b7468", accent_hover="#095f56", on_accent="#ffffff",
    selection="#d9efeb", ok="#08704a", warn="#925400", bad="#b3261e", info="#1b5cb8", faint="#b9c3cc",
    ok_soft="#e2f4ec", warn_soft="#fcf0d9", bad_soft="#fce9e7", info_soft="#e5effb", muted_soft="#e9edf1",
)  # fmt: skip
DARK = Tokens(
    window="#10161c", surface="#171f27", hover="#1f2932", border="#2a3540", field="#667482",
    text="#e7edf2", muted="#9dabb8", accent="#43cdb8", accent_hover="#6bdccb", on_accent="#04211d",
    selection="#1c3f3d", ok="#4fc68d", warn="#f0b450", bad="#ff857c", info="#84b6ff", faint="#4a5764",
    ok_soft="#14302a", warn_soft="#352a15", bad_soft="#3b2022", info_soft="#182b45", muted_soft="#222c36",
)  # fmt: skip


class Theme(QObject):
    """The colours in force. `changed` tells that they are others now."""

    changed = Signal()

    def __init__(self, choice: Choice = "system") -> None:
        super().__init__()
        self.choice: Choice = choice
        self.tokens = LIGHT
        QApplication.setStyle("Fusion")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._refresh)
        self._refresh()

    @property
    def is_dark(self) -> bool:
        return self.tokens is DARK

    def choose(self, choice: Choice) -> None:
        """Follow the system, or keep to one of the two."""
        if choice != self.choice:
            self.choice = choice
            self._refresh()

    def style_sheet(self) -> str:
        """The style sheet of the window, in the colours in force."""
        shade = "dark" if self.is_dark else "light"
        images = {name: shipped(f"resources/icons/{name}-{shade}.svg") for name in ("arrow", "check")}
        values = {**asdict(self.tokens), **{name: f'"{path.as_posix()}"' for name, path in images.items()}}
        return re.sub(r"@(\w+)", lambda found: str(values[found[1]]), _SHEET)

    def _refresh(self) -> None:
        system_is_dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        dark = system_is_dark if self.choice == "system" else self.choice == "dark"
        self.tokens = DARK if dark else LIGHT
        QApplication.setPalette(_palette(self.tokens))
        self.changed.emit()


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours by WCAG 2.2; 4.5 is AA for text."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _palette(tokens: Tokens) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette(QColor(tokens.window))
    colours = {
        role.Window: tokens.window, role.Base: tokens.surface, role.AlternateBase: tokens.hover,
        role.Button: tokens.surface, role.ToolTipBase: tokens.surface, role.Highlight: tokens.selection,
        role.WindowText: tokens.text, role.Text: tokens.text, role.ButtonText: tokens.text,
        role.ToolTipText: tokens.text, role.HighlightedText: tokens.text, role.Link: tokens.accent,
        role.PlaceholderText: tokens.muted, role.Accent: tokens.accent,
    }  # fmt: skip
    for which, colour in colours.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(tokens.field))
    return palette


_SHEET = """
QWidget#window, QDialog, QWidget#page { background: @window; color: @text; }
QFrame#rail { background: @surface; border: 0; border-right: 1px solid @border; }
QFrame[card="true"] { background: @surface; border: 1px solid @border; border-radius: 8px; }
QLabel[role="title"] { font-size: 17px; font-weight: 600; }
QLabel[role="heading"] { font-size: 14px; font-weight: 600; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="small"] { color: @muted; font-size: 12px; }
QLabel[role="caption"] { color: @muted; font-size: 11px; font-weight: 600; }
QLabel[role="error"] { color: @bad; }
QLabel[role="figure"] { font-size: 22px; font-weight: 600; }
QLabel#command { background: @surface; border: 1px solid @border; border-radius: 6px; padding: 6px 8px; }
QFrame#matter { border: 1px solid @border; border-radius: 8px; }
QFrame#matter[tone="warn"] { background: @warn_soft; border-color: @warn; }
QFrame#matter[tone="bad"] { background: @bad_soft; border-color: @bad; }
QFrame#matter[tone="info"] { background: @info_soft; border-color: @info; }
QFrame#matter QLabel[role="small"] { font-size: 12px; }

QFrame#banner { border: 0; border-radius: 8px; }
QFrame#banner[tone="ok"] { background: @ok_soft; }
QFrame#banner[tone="warn"] { background: @warn_soft; }
QFrame#banner[tone="bad"] { background: @bad_soft; }
QFrame#banner[tone="muted"] { background: @muted_soft; }
QFrame#strip { background: @surface; border: 1px solid @border; border-radius: 8px; }
QFrame#strip[tone="warn"] { background: @warn_soft; border-color: @warn; }
QFrame#strip[tone="info"] { background: @info_soft; border-color: @info; }
QFrame#strip[tone="bad"] { background: @bad_soft; border-color: @bad; }
QFrame#strip QLabel[role="muted"] { font-size: 12px; }
QLabel[role="countdown"] { font-size: 20px; font-weight: 700; }
QLabel[role="alarmTitle"] { color: #ffffff; font-size: 19px; font-weight: 700; }
QLabel[role="alarm"] { color: #ffffff; }
QLabel[role="big"] { font-size: 16px; font-weight: 600; }
QFrame#noticeCard { background: @warn_soft; border: 1px solid @warn; border-radius: 8px; }
QFrame#errorCard { background: @bad_soft; border: 1px solid @bad; border-radius: 8px; }

QPushButton { background: @surface; color: @text; border: 1px solid @field; border-radius: 6px; padding: 6px 12px; }
QPushButton:hover { background: @hover; }
QPushButton:pressed { background: @border; }
QPushButton:focus { border: 2px solid @accent; padding: 5px 11px; }
QPushButton:disabled { color: @field; border-color: @border; }
QPushButton[kind="primary"] { background: @accent; color: @on_accent; border-color: @accent; font-weight: 600; }
QPushButton[kind="primary"]:hover, QPushButton[kind="primary"]:pressed { background: @accent_hover; }
QPushButton[kind="primary"]:focus { border: 2px solid @text; }
QPushButton[kind="primary"]:disabled { background: @faint; border-color: @faint; color: @surface; }
QPushButton[kind="stop"] { background: #b8140a; color: #ffffff; border: 2px solid #b8140a; border-radius: 8px;
  font-size: 15px; font-weight: 700; padding: 9px 20px; }
QPushButton[kind="stop"]:hover, QPushButton[kind="stop"]:pressed { background: #8f0f07; border-color: #8f0f07; }
QPushButton[kind="stop"]:focus { border: 2px solid @text; padding: 9px 20px; }
QPushButton[kind="alarm"] { background: #ffffff; color: #7d0d06; border: 2px solid #ffffff; padding: 6px 12px;
  font-weight: 600; }
QPushButton[kind="alarm"]:hover, QPushButton[kind="alarm"]:pressed { background: #fbe3e1; }
QPushButton[kind="alarm"]:focus { border: 2px solid #15202b; padding: 6px 12px; }
QPushButton[kind="quiet"] { background: transparent; border: 1px solid transparent; color: @text; }
QPushButton[kind="quiet"]:hover { background: @hover; }
QPushButton[kind="quiet"]:focus { border: 2px solid @accent; }
QPushButton[kind="quiet"]:disabled { color: @field; }
QPushButton[kind="icon"] { background: transparent; border: 1px solid transparent; padding: 5px; }
QPushButton[kind="icon"]:hover { background: @hover; }
QPushButton[kind="icon"]:focus { border: 2px solid @accent; padding: 4px; }

QToolButton[kind="rail"] { border: 0; border-radius: 8px; color: @muted; padding: 7px 2px; font-size: 12px; }
QToolButton[kind="rail"]:hover { background: @hover; color: @text; }
QToolButton[kind="rail"]:checked { background: @selection; color: @text; font-weight: 600; }
QToolButton[kind="rail"]:focus { border: 2px solid @accent; padding: 5px 0; }

QLabel[role="badge"] { background: @bad; color: @surface; border-radius: 6px; padding: 0 4px; font-size: 11px;
  font-weight: 700; min-width: 6px; }

QTabBar#sections { background: transparent; border: 0; }
QTabBar#sections::tab { background: transparent; color: @muted; border: 1px solid transparent; border-radius: 6px;
  padding: 6px 14px; margin-right: 4px; }
QTabBar#sections::tab:hover { background: @hover; color: @text; }
QTabBar#sections::tab:selected { background: @selection; color: @text; border-color: @selection; }
QTabBar#sections::tab:selected:focus { border: 2px solid @accent; padding: 5px 13px; }

QLineEdit, QComboBox { background: @surface; color: @text; border: 1px solid @field; border-radius: 6px;
  padding: 5px 8px; min-height: 18px; selection-background-color: @accent; selection-color: @on_accent; }
QLineEdit:focus, QComboBox:focus { border: 2px solid @accent; padding: 4px 7px; }
QLineEdit:disabled, QComboBox:disabled { color: @field; border-color: @border; }
QLineEdit[invalid="true"] { border: 2px solid @bad; padding: 4px 7px; }
QComboBox::drop-down { border: 0; width: 22px; }
QComboBox::down-arrow { image: url(@arrow); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: @surface; color: @text; border: 1px solid @border; outline: 0;
  selection-background-color: @selection; selection-color: @text; }

QTableView { background: @surface; color: @text; border: 1px solid @border; border-radius: 8px; outline: 0;
  selection-background-color: @selection; selection-color: @text; }
QTableView::item { border: 0; border-bottom: 1px solid @hover; padding: 0 8px; }
QTableView::item:selected { background: @selection; color: @text; }
QTableView[inCard="true"] { border: 0; border-radius: 0; }
QTableView:focus { border-color: @accent; }
QHeaderView { background: @surface; border: 0; border-top-left-radius: 8px; border-top-right-radius: 8px; }
QHeaderView::section { background: @surface; color: @muted; border: 0; border-bottom: 1px solid @border;
  padding: 8px 12px; font-size: 12px; font-weight: 600; }
QHeaderView::section:first { border-top-left-radius: 8px; }
QHeaderView::section:last { border-top-right-radius: 8px; }
QHeaderView::section:hover { color: @text; }

QPlainTextEdit { background: @surface; color: @text; border: 1px solid @border; border-radius: 6px; padding: 4px;
  selection-background-color: @accent; selection-color: @on_accent; }
QPlainTextEdit:focus { border-color: @accent; }
QPlainTextEdit[invalid="true"] { border: 2px solid @bad; }
QPlainTextEdit#transcript { border-radius: 8px; padding: 0; }
QPlainTextEdit#asked { background: @window; }
QScrollArea { border: 0; background: transparent; }
QScrollArea > QWidget > QWidget { background: transparent; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: @border; }
QCheckBox { spacing: 8px; color: @text; padding: 2px; }
QCheckBox:focus { border: 1px solid @accent; border-radius: 4px; padding: 1px; }
QCheckBox::indicator { width: 18px; height: 18px; border: 1px solid @field; border-radius: 5px; background: @surface; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url(@check); }
QCheckBox::indicator:disabled { border-color: @border; }
QRadioButton { spacing: 8px; color: @text; padding: 2px; }
QRadioButton:focus { border: 1px solid @accent; border-radius: 4px; padding: 1px; }
QRadioButton:disabled { color: @muted; }
QRadioButton::indicator { width: 14px; height: 14px; border: 2px solid @field; border-radius: 9px;
  background: @surface; }
QRadioButton::indicator:checked { border: 5px solid @accent; width: 8px; height: 8px; background: @on_accent; }
QMenu { background: @surface; color: @text; border: 1px solid @border; padding: 4px; }
QMenu::item { padding: 6px 20px; border-radius: 4px; }
QMenu::item:selected { background: @selection; }
QToolTip { background: @surface; color: @text; border: 1px solid @border; padding: 4px; }

QAbstractScrollArea::corner { background: transparent; border: 0; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 2px; }
QScrollBar::handle:vertical { background: @faint; border-radius: 4px; min-height: 28px; }
QScrollBar::handle:vertical:hover { background: @field; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 2px; }
QScrollBar::handle:horizontal { background: @faint; border-radius: 4px; min-width: 28px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
"""
