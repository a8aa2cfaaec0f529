"""Changes single keys in the text of a settings file and leaves every other character as it is.

A YAML round-trip library keeps comments but lays the whole file out anew (lists, blanks, line breaks); here
only the characters of what changed are replaced. JSON is edited like the braces of YAML.
"""

import json
from typing import NamedTuple

from aurora_desktop.core.settings.scalars import quoted, written
from aurora_desktop.core.settings.tree import Entry, Mapping, Scalar, Spot, Tree, is_nothing

STEP = "  "


class _Splice(NamedTuple):
    start: int
    end: int
    text: str


class Splices:
    """Collects changes of one text; places are those of the text as it was, and changes do not overlap."""

    def __init__(self, text: str, *, is_json: bool) -> None:
        self._text = text
        self._is_json = is_json
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._splices: list[_Splice] = []

    def result(self) -> str:
        """The text with all changes made; what was inserted at one place stands in the order of the calls."""
        pieces: list[str] = []
        at = 0
        for splice in sorted(self._splices, key=lambda s: (s.start, s.end > s.start)):
            pieces += (self._text[at : splice.start], splice.text)
            at = splice.end
        return "".join((*pieces, self._text[at:]))

    def replace(self, scalar: Scalar, text: str) -> None:
        """Write another word in the place of this one."""
        self._note(scalar.start, scalar.end, self._word(text))

    def set_value(self, entry: Entry, value: object) -> None:
        """Give a key another value, in one line; a comment behind the key stays."""
        old, shown = entry.value, self._inline(value, self._margin(entry.key.start))
        if (is_nothing(old) and old.start == old.end) or _is_block(old):
            colon = self._text.index(":", entry.key.end)
            self._note(colon + 1, colon + 1, " " + shown)
            if _is_block(old):
                self._note(self._next_line(colon), self._block_end(entry, self._column(entry.key)), "")
        else:
            was = self._text[old.start : old.end].rstrip()
            keeps_quotes = isinstance(value, str) and not self._is_json and was[:1] in ("'", '"')
            self._note(old.start, old.start + len(was), quoted(str(value)) if keeps_quotes else shown)

    def edit(self, mapping: Mapping, gone: set[str], added: dict[str, object]) -> None:
        """Remove and add members of a mapping; one without braces has some."""
        if not gone and not added:
            return
        if mapping.flow:
            self._edit_flow(mapping, gone, added)
        else:
            self._edit_block(mapping, gone, added)

    def fill(self, entry: Entry, members: dict[str, object], *, is_braced: bool) -> None:
        """Give members, each on lines of its own, to a key that has none; `is_braced`: it stands in braces itself."""
        if is_braced:
            self.set_value(entry, members)
            return
        if entry.value.end > entry.value.start:
            self._note(entry.value.start, entry.value.end, "")
        indent = self._margin(entry.key.start) + STEP
        self._insert_lines(self._next_line(max(entry.value.end, entry.key.end)), self._block(members, indent))

    def append(self, members: dict[str, object]) -> None:
        """Add keys at the end of a file whose top has no braces; JSON without a value gets them."""
        if self._is_json:
            self._note(0, len(self._text), self._inline(members, "") + self._newline)
            return
        self._insert_lines(len(self._text), self._block(members, ""))

    def _note(self, start: int, end: int, text: str) -> None:
        self._splices.append(_Splice(start, end, text))

    def _edit_block(self, mapping: Mapping, gone: set[str], added: dict[str, object]) -> None:
        indent = mapping.column - 1
        for name in gone:
            entry = mapping.entries[name]
            self._note(self._line_start(entry.key.start), self._block_end(entry, indent), "")
        if added:
            *_, last = mapping.entries.values()
            blank = [""] if self._is_spaced(mapping) else []
            # Comments as deep as the keys are most often keys that are commented out: the new ones come after.
            self._insert_lines(self._block_end(last, indent - 1), [*blank, *self._block(added, " " * indent)])

    def _insert_lines(self, at: int, lines: list[str]) -> None:
        """Insert whole lines at the beginning of a line, or at the end of the text."""
        gap = self._newline if at == len(self._text) > 0 and self._text[-1] != "\n" else ""
        self._note(at, at, gap + "".join(line + self._newline for line in lines))

    def _edit_flow(self, mapping: Mapping, gone: set[str], added: dict[str, object]) -> None:
        entries = list(mapping.entries.values())
        if not entries:
            self._note(mapping.start, mapping.end, self._inline(added, self._margin(mapping.start)))
            return
        margin = self._margin(entries[-1].key.start)
        separator = self._newline + margin if entries[-1].key.line > mapping.line else " "
        members = [f"{self._word(name)}: {self._inline(value, margin)}" for name, value in added.items()]
        kept = [entry for entry in entries if entry.key.text not in gone]
        if not kept:
            self._note(entries[0].key.start, _end(entries[-1]), f",{separator}".join(members))
            return
        for before, entry, after in zip([None, *entries], entries, [*entries[1:], None], strict=False):
            if entry not in kept:
                self._drop(before, entry, after, is_tail=entries.index(entry) > entries.index(kept[-1]))
        self._note(_end(kept[-1]), _end(kept[-1]), "".join(f",{separator}{member}" for member in members))

    def _drop(self, before: Entry | None, entry: Entry, after: Entry | None, *, is_tail: bool) -> None:
        """Take a member out of braces, together with the comma that is then too many."""
        if is_tail and before:
            self._note(_end(before), _end(entry), "")
        elif after:
            self._note(entry.key.start, after.key.start, "")

    def _block_end(self, entry: Entry, indent: int) -> int:
        """Where the line after an entry begins; comments that are indented deeper than it belong to it."""
        content = self._text[entry.key.start : _end(entry)].rstrip()
        end = at = self._next_line(entry.key.start + len(content))
        while at < len(self._text):
            following = self._next_line(at)
            line = self._text[at:following]
            if line.strip() and not (line.lstrip(" ").startswith("#") and len(line) - len(line.lstrip(" ")) > indent):
                break
            end = following if line.strip() else end
            at = following
        return end

    def _is_spaced(self, mapping: Mapping) -> bool:
        """Whether blank lines stand between the members."""
        _, *others = mapping.entries.values()
        starts = [self._line_start(entry.key.start) for entry in others]
        return any(self._text[:start].rstrip(" ").endswith(("\n\n", "\n\r\n")) for start in starts)

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _next_line(self, at: int) -> int:
        line_break = self._text.find("\n", at)
        return len(self._text) if line_break < 0 else line_break + 1

    def _margin(self, at: int) -> str:
        line = self._text[self._line_start(at) : at]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _column(self, spot: Spot) -> int:
        return spot.start - self._line_start(spot.start)

    def _block(self, members: dict[str, object], indent: str) -> list[str]:
        lines: list[str] = []
        for name, value in members.items():
            if isinstance(value, dict) and value:
                lines += (f"{indent}{self._word(name)}:", *self._block(value, indent + STEP))
            else:
                lines.append(f"{indent}{self._word(name)}: {self._inline(value, indent)}")
        return lines

    def _inline(self, value: object, margin: str) -> str:
        if self._is_json:
            is_laid_out = "\n" in self._text
            shown = json.dumps(value, ensure_ascii=False, indent=STEP if is_laid_out else None)
            return shown.replace("\n", self._newline + margin)
        return _flow(value)

    def _word(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=False) if self._is_json else written(text)


def _flow(value: object) -> str:
    match value:
        case str():
            return written(value)
        case dict():
            return "{" + ", ".join(f"{written(k)}: {_flow(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case _:
            return json.dumps(value)


def _is_block(tree: Tree) -> bool:
    return not isinstance(tree, Scalar) and not getattr(tree, "flow", True)


def _end(entry: Entry) -> int:
    return max(entry.value.end, entry.key.end)
