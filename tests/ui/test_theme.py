"""Colours: readable, and following the choice."""

import itertools

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from aurora_desktop.ui.theme import DARK, LIGHT, Theme, Tokens, contrast

TONES = ("ok", "warn", "bad", "info", "muted")


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_colour_meets_aa(tokens: Tokens):
    texts = (tokens.text, tokens.muted, tokens.ok, tokens.warn, tokens.bad, tokens.info, tokens.accent)
    grounds = (tokens.window, tokens.surface, tokens.selection)
    pairs = [*itertools.product(texts, grounds), (tokens.on_accent, tokens.accent)]
    pairs += [(tokens.text, tokens.soft(tone)) for tone in TONES] + [(tokens.muted, tokens.soft(t)) for t in TONES]
    assert [(one, other) for one, other in pairs if contrast(one, other) < 4.5] == []


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_borders_of_fields_can_be_seen(tokens: Tokens):
    assert contrast(tokens.field, tokens.surface) >= 3


def test_contrast_is_as_wcag_has_it():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_a_choice_changes_palette_and_sheet_and_tells_of_it(qapp, qtbot):
    theme = Theme("light")
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert theme.is_dark
    assert QApplication.palette().color(QPalette.ColorRole.Window).name() == DARK.window
    assert DARK.window in theme.style_sheet()
    assert "@" not in theme.style_sheet()
    theme.choose("light")
