"""JSON to a tree, strictly: NaN, duplicate keys, lone surrogates and deep nesting are refused.

The standard library's decoder accepts all four and forgets where things stand; it reads the single values.
"""

import json
import math
import re
from typing import NoReturn

from aurora_desktop.core.settings.parse_yaml import MAX_DEPTH
from aurora_desktop.core.settings.problems import Findings, joined, shown_key
from aurora_desktop.core.settings.tree import Entry, Lines, Mapping, Scalar, Sequence, Tree

_SPACE = re.compile(r"[ \t\n\r]*")


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_json(text: str, findings: Findings) -> Tree | None:
    """The tree of the text, or None if it is blank. Raises SettingsError if it is not JSON."""
    return _Parser(text, findings).document()


class _Parser:
    def __init__(self, text: str, findings: Findings) -> None:
        self._text = text
        self._lines = Lines(text)
        self._at = 0
        self._findings = findings

    def document(self) -> Tree | None:
        """The one value of the text."""
        self._skip_space()
        if self._at == len(self._text):
            return None
        root = self._value("", 0)
        self._skip_space()
        if self._at < len(self._text):
            self._refuse("", "something follows the end of the JSON value", "remove it")
        return root

    def _value(self, path: str, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            self._refuse("", f"nested more than {MAX_DEPTH} levels deep")
        self._skip_space()
        match self._text[self._at : self._at + 1]:
            case "{":
                return self._mapping(path, depth)
            case "[":
                return self._sequence(path, depth)
            case '"':
                return self._string(path)
            case _:
                return self._word_or_number(path)

    def _mapping(self, path: str, depth: int) -> Mapping:
        start = self._at
        entries: dict[str, Entry] = {}
        self._at += 1
        while not self._ends("}", is_first=not entries):
            key = self._string(path)
            inner = joined(path, key.text)
            self._expect(":", inner)
            value = self._value(inner, depth + 1)
            if first := entries.get(key.text):
                twice = f"`{shown_key(key.text)}` is given twice, first in line {first.key.line}"
                self._findings.add(key, inner, twice, "keep one of them")
            entries.setdefault(key.text, Entry(key, value))
        return Mapping(entries=entries, flow=True, **self._place(start))

    def _sequence(self, path: str, depth: int) -> Sequence:
        start = self._at
        items: list[Tree] = []
        self._at += 1
        while not self._ends("]", is_first=not items):
            items.append(self._value(joined(path, len(items)), depth + 1))
        return Sequence(items=tuple(items), flow=True, **self._place(start))

    def _string(self, path: str) -> Scalar:
        start = self._at
        if self._text[start : start + 1] != '"':
            self._refuse(path, "a key in double quotes is expected here", "check the commas")
        try:
            value, self._at = _DECODER.raw_decode(self._text, start)
        except json.JSONDecodeError as error:
            self._at = min(error.pos, len(self._text))
            self._refuse(path, "a string is not closed, or has a wrong escape or a line break in it")
        if any("\ud800" <= character <= "\udfff" for character in value):
            self._at = start
            self._refuse(path, "half a character (a lone surrogate)", "write the character itself")
        return self._scalar(value, value, start)

    def _word_or_number(self, path: str) -> Scalar:
        start = self._at
        try:
            value, self._at = _DECODER.raw_decode(self._text, start)
        except ValueError:
            self._refuse(path, "a value is expected here", "JSON knows numbers, true, false, null and quoted text")
        if isinstance(value, float) and not math.isfinite(value):
            self._at = start
            self._refuse(path, "a number that is too large")
        return self._scalar(value, self._text[start : self._at], start)

    def _scalar(self, value: str | float | bool | None, text: str, start: int) -> Scalar:
        return Scalar(value=value, text=text, **self._place(start))

    def _ends(self, bracket: str, *, is_first: bool) -> bool:
        """Whether the collection ends here; else the comma before the next member is taken."""
        self._skip_space()
        if self._text[self._at : self._at + 1] == bracket:
            self._at += 1
            return True
        if not is_first:
            self._expect(",", "")
        self._skip_space()
        return False

    def _expect(self, character: str, path: str) -> None:
        self._skip_space()
        if self._text[self._at : self._at + 1] != character:
            self._refuse(path, f"a `{character}` is expected here", "check quotes, commas and brackets")
        self._at += 1

    def _skip_space(self) -> None:
        if space := _SPACE.match(self._text, self._at):
            self._at = space.end()

    def _place(self, start: int) -> dict[str, int]:
        spot = self._lines.spot(start)
        return {"line": spot.line, "column": spot.column, "start": start, "end": self._at}

    def _refuse(self, path: str, message: str, hint: str = "") -> NoReturn:
        self._findings.stop(self._lines.spot(self._at), path, message, hint)
