"""The panic hotkey as it is written."""

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety.hotkey import parse


def test_the_default_hotkey() -> None:
    hotkey = parse("ctrl+alt+shift+escape")
    assert (hotkey.modifiers, hotkey.key, hotkey.keysym) == (("ctrl", "alt", "shift"), "escape", 0xFF1B)
    assert hotkey.label == "Ctrl+Alt+Shift+Escape"
    assert [0xFFE4 in group for group in hotkey.keysym_groups()] == [True, False, False, False]


@pytest.mark.parametrize("text", ["shift+ctrl+Escape", "Ctrl+Shift+esc", " ctrl + shift + ESCAPE "])
def test_order_case_and_short_names_do_not_matter(text: str) -> None:
    assert parse(text) == parse("ctrl+shift+escape")


@pytest.mark.parametrize(("text", "keysym"), [("super+f12", 0xFFC9), ("ctrl+pause", 0xFF13), ("ctrl+alt+7", 0x37)])
def test_keys_have_the_numbers_of_x11(text: str, keysym: int) -> None:
    assert parse(text).keysym == keysym


def test_a_letter_is_one_key_in_both_cases() -> None:
    assert parse("ctrl+k").keysym_groups()[-1] == {ord("k"), ord("K")}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ctrl+escpae", "`escape`"),
        ("crtl+escape", "`ctrl`"),
        ("escape", "ctrl+alt+shift+escape"),
        ("ctrl+ctrl+escape", "ctrl+alt+shift+escape"),
        ("ctrl+", "ctrl+alt+shift+escape"),
        ("", "ctrl+alt+shift+escape"),
        ("ctrl+é", "ctrl+alt+shift+escape"),
    ],
)
def test_what_is_no_hotkey_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(AuroraError) as refused:
        parse(text)
    assert hint in refused.value.hint
