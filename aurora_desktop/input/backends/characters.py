"""Which characters no key can stand for, and how they are named to people."""

import unicodedata
from collections.abc import Iterable

_NAMED = 8
_WRITTEN_BY_KEYS = "\n\t"
# Controls, lone surrogates, what is not assigned, line and paragraph separators: text fields drop or change them.
_NEVER = {"Cc", "Cs", "Cn", "Zl", "Zp"}


def normal_text(text: str) -> str:
    """With every line end as a single newline, which the Return key writes."""
    return text.replace("\r\n", "\n")


def untypable(character: str) -> bool:
    """Whether no key press can stand for it, whatever the keyboard."""
    return character not in _WRITTEN_BY_KEYS and unicodedata.category(character) in _NEVER


def naming(characters: Iterable[str]) -> str:
    """`U+001B, U+FFFF and 3 more`: by number and name, so that they can be found."""
    named = [_name(character) for character in sorted(set(characters))]
    rest = len(named) - _NAMED
    return ", ".join(named[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _name(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" {name}" if name else "")
