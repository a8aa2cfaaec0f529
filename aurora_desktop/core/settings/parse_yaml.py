"""YAML to a tree. Anchors, aliases, tags, merge keys, duplicate keys and deep nesting are refused.

Only PyYAML's pure parser is used: the C one crashes on deep nesting. Its own messages and snippets, which
quote the file, are never shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from aurora_desktop.core.settings.problems import Findings, joined, shown_key
from aurora_desktop.core.settings.scalars import NON_PRINTABLE, meaning_of
from aurora_desktop.core.settings.tree import Entry, Lines, Mapping, Scalar, Sequence, Spot, Tree, Unreadable

if TYPE_CHECKING:
    import yaml

MAX_DEPTH = 30

_SYNTAX = (
    ("found character '\\t'", "a tab where spaces are needed", "indent with spaces"),
    ("found a tab", "a tab where spaces are needed", "indent with spaces"),
    ("mapping values are not allowed", "a `:` where no value can begin", "check the indentation, or quote the text"),
    ("could not find expected ':'", "a line that is no `key: value`", "write `key: value`, with a space after the `:`"),
    ("expected <block end>", "the indentation does not fit the lines above", "align it with its neighbours"),
    ("expected ',' or ']'", "a list in brackets is not closed, or lacks a comma", "write it as `[a, b]`"),
    ("expected ',' or '}'", "a mapping in braces is not closed, or lacks a comma", "write it as `{a: 1, b: 2}`"),
    ("found unexpected end of stream", "a quotation mark opened here is never closed", "close it"),
    ("found unexpected document separator", "a quotation mark opened here is never closed", "close it"),
    ("found unknown escape character", "an unknown escape after a backslash", "use single quotes, or write `\\\\`"),
    ("found undefined alias", "an alias", "write the value out"),
    (
        "expected the node content",
        "a value is missing here",
        "quote a text that begins with a special character",
    ),
    ("that cannot start any token", "a character that cannot begin a value", "put the text in quotes"),
)


def read_yaml(text: str, findings: Findings) -> Tree | None:
    """The tree of one document, or None if there is nothing but comments.

    Raises SettingsError if it is not YAML; what is refused but can be skipped is left to `findings`.
    """
    import yaml

    if bad := NON_PRINTABLE.search(text):
        findings.stop(Lines(text).spot(bad.start()), "", "a control character: this is not a text file")
    loader = yaml.SafeLoader(text)
    try:
        return _Composer(loader, findings).document()
    except yaml.MarkedYAMLError as error:
        _refuse_syntax(error, findings)
    except (ValueError, OverflowError, IndexError):
        # PyYAML lets these out for `%YAML 9999...` and `"\U00110000"`.
        mark = loader.get_mark()
        findings.stop(_spot(mark, mark), "", "this is not valid YAML", "check the escapes and directives")
    finally:
        loader.dispose()


def _refuse_syntax(error: yaml.MarkedYAMLError, findings: Findings) -> NoReturn:
    said = f"{error.problem} {error.context}"
    mark = error.problem_mark or error.context_mark
    for words, message, hint in _SYNTAX:
        if words in said:
            if "opened here" in message and error.context_mark:
                mark = error.context_mark
            findings.stop(_spot(mark, mark), "", message, hint)
    findings.stop(_spot(mark, mark), "", "this is not valid YAML", "check indentation, quotes and brackets")


class _Composer:
    """Builds the tree from PyYAML's events, by hand so that depth is counted and places are kept."""

    def __init__(self, loader: yaml.SafeLoader, findings: Findings) -> None:
        self._next: Any = loader.get_event
        self._peek: Any = loader.peek_event
        self._findings = findings

    def document(self) -> Tree | None:
        """The only document of the stream."""
        import yaml

        self._next()
        if isinstance(self._peek(), yaml.StreamEndEvent):
            return None
        self._next()
        root = self._node("", 0)
        self._next()
        if not isinstance(extra := self._peek(), yaml.StreamEndEvent):
            self._findings.stop(_spot_of(extra), "", "a second document begins here", "remove the `---` line")
        return None if isinstance(root, Scalar) and root.value is None else root

    def _node(self, path: str, depth: int) -> Tree:
        import yaml

        event = self._next()
        if depth > MAX_DEPTH:
            self._findings.stop(_spot_of(event), "", f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._refused(event, path, "an alias (`*name`) is not allowed", "write the value out")
        is_plain = isinstance(event, yaml.ScalarEvent) and event.style is None
        refused = self._refused_properties(event, path)
        tree: Tree
        if isinstance(event, yaml.ScalarEvent):
            tree = self._scalar(event, path, is_plain=is_plain)
        elif isinstance(event, yaml.SequenceStartEvent):
            tree = self._sequence(event, path, depth)
        else:
            tree = self._mapping(event, path, depth)
        return refused or tree

    def _refused_properties(self, event: Any, path: str) -> Tree | None:
        if event.anchor is not None:
            return self._refused(event, path, "an anchor (`&name`) is not allowed", "write the value out where needed")
        if event.tag is not None:
            return self._refused(event, path, "a tag (`!name`) is not allowed", "remove it, or quote the text")
        return None

    def _refused(self, event: Any, path: str, message: str, hint: str) -> Tree:
        self._findings.add(_spot_of(event), path, message, hint)
        return Unreadable(**_place(event.start_mark, event.end_mark))

    def _scalar(self, event: Any, path: str, *, is_plain: bool) -> Tree:
        text = event.value
        try:
            # `"\ud83d\ude00"` is one character in JSON; PyYAML makes two halves of it.
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            return self._refused(event, path, "half a character (a lone surrogate)", "write the character itself")
        value = meaning_of(text) if is_plain else text
        return Scalar(value=value, text=text, **_place(event.start_mark, event.end_mark))

    def _sequence(self, event: Any, path: str, depth: int) -> Tree:
        import yaml

        items: list[Tree] = []
        while not isinstance(self._peek(), yaml.SequenceEndEvent):
            items.append(self._node(joined(path, len(items)), depth + 1))
        place = _span(event, self._next(), items[-1].end if items else 0)
        return Sequence(items=tuple(items), flow=bool(event.flow_style), **place)

    def _mapping(self, event: Any, path: str, depth: int) -> Tree:
        import yaml

        entries: dict[str, Entry] = {}
        last_end = 0
        while not isinstance(self._peek(), yaml.MappingEndEvent):
            key = self._key(path, depth)
            value = self._node(joined(path, key.text) if key else path, depth + 1)
            last_end = max(value.end, key.end if key else 0)
            if key and (first := entries.get(key.text)):
                self._refuse_duplicate(first, key, path)
            elif key:
                entries[key.text] = Entry(key, value)
        place = _span(event, self._next(), last_end)
        return Mapping(entries=entries, flow=bool(event.flow_style), **place)

    def _key(self, path: str, depth: int) -> Scalar | None:
        """The key, by its text: `on` and `8080` as keys are names. None if it was refused."""
        event = self._peek()
        is_merge = getattr(event, "value", None) == "<<" and event.style is None
        key = self._node(path, depth + 1)
        if is_merge:
            self._refused(event, path, "a merge key (`<<`) is not allowed", "write the keys out")
        elif isinstance(key, Scalar):
            return key
        elif not isinstance(key, Unreadable):
            self._refused(event, path, "a key must be a word or a text", "write `key: value`")
        return None

    def _refuse_duplicate(self, first: Entry, key: Scalar, path: str) -> None:
        message = f"`{shown_key(key.text)}` is given twice, first in line {first.key.line}"
        self._findings.add(key, joined(path, key.text), message, "keep one of them")


def _spot_of(event: Any) -> Spot:
    return _spot(event.start_mark, event.end_mark)


def _spot(start: Any, end: Any) -> Spot:
    return Spot(**_place(start, end))


def _place(start: Any, end: Any) -> dict[str, int]:
    return {"line": start.line + 1, "column": start.column + 1, "start": start.index, "end": end.index}


def _span(start: Any, end: Any, last_end: int) -> dict[str, int]:
    """The whole of a collection; one without brackets ends where its last member does."""
    place = _place(start.start_mark, end.end_mark)
    return place if start.flow_style else {**place, "end": last_end}
