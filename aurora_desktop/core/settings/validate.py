"""A tree to the structs of the schema, with every problem found on the way, each at its key."""

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec.inspect as mi
from msgspec import NODEFAULT, Struct

from aurora_desktop.core.settings.problems import Findings, joined, shown_key
from aurora_desktop.core.settings.tree import Mapping, Scalar, Sequence, Spot, Tree, Unreadable, is_nothing, plain

BAD: Any = object()

# What people know from other programs.
_KNOWN_ELSEWHERE = {
    "args": "command", "cmd": "command", "depends_on": "requires", "dir": "cwd", "directory": "cwd",
    "environment": "env", "environment_file": "env_file", "exec_start": "command", "healthcheck": "liveness_probe",
    "interval": "period_sec", "memory_limit": "memory_max", "stop_signal": "kill_signal", "timeout": "timeout_sec",
    "wants": "after", "working_dir": "cwd", "working_directory": "cwd",
}  # fmt: skip
_EXAMPLES = {"s": "a number of seconds without the unit, like `5` or `0.5`"}


def build(tree: Tree, kind: type[Struct], findings: Findings, field: str = "") -> Any:
    """The struct that the tree describes; `BAD` if `findings` now says why it is none."""
    return _Walker(findings).value(tree, mi.type_info(kind), field, tree, "")


def near_miss(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?` for the nearest known name, or ""."""
    meant = _meant(name, known)
    return f"did you mean `{meant}`?" if meant else ""


def _meant(name: str, known: Iterable[str]) -> str | None:
    names = {_folded(k): k for k in known}
    meant = _KNOWN_ELSEWHERE.get(_folded(name))
    if meant is None or meant not in names.values():
        close = difflib.get_close_matches(_folded(name)[:64], names, n=1, cutoff=0.6)
        meant = names[close[0]] if close else None
    return meant


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


class _Walker:
    def __init__(self, findings: Findings) -> None:
        self._add = findings.add

    def value(self, tree: Tree, info: mi.Type, field: str, at: Spot, unit: str) -> Any:
        """The value of a part; `unit` is what its number counts."""
        match info:
            case _ if isinstance(tree, Unreadable):
                return BAD
            case mi.Metadata():
                return self.value(tree, info.type, field, at, (info.extra or {}).get("unit", unit))
            case mi.UnionType():
                return None if is_nothing(tree) else self.value(tree, _not_none(info), field, at, unit)
            case mi.StructType():
                return self._struct(tree, info, field, at)
            case mi.DictType():
                return self._dict(tree, info, field, at)
            case mi.ListType():
                return self._list(tree, info, field, at)
            case mi.CustomType():
                kind: Any = info.cls
                return self._parsed(tree, kind.parse, field, at)
            case _:
                return self._leaf(tree, info, field, at, unit)

    def _struct(self, tree: Tree, info: mi.StructType, field: str, at: Spot) -> Any:
        if not isinstance(tree, Mapping):
            return self._wrong(tree, "a mapping of keys and values", field, at, "indent its keys below it")
        fields = {f.name: f for f in info.fields}
        found = {name: self._member(tree, fields[name], field) for name in tree.entries if name in fields}
        ok = self._all_known(tree, fields, field) & self._all_there(tree, info, field, at)
        if not ok or any(value is BAD for value in found.values()):
            return BAD
        return self._made(info.cls, {k: v for k, v in found.items() if v is not NODEFAULT}, field, at)

    def _made(self, cls: Callable[..., Any], values: dict[str, Any], field: str, at: Spot) -> Any:
        try:
            return cls(**values)
        except ValueError as error:
            self._add(at, field, str(error))
            return BAD

    def _member(self, tree: Mapping, member: mi.Field, field: str) -> Any:
        entry = tree.entries[member.name]
        if is_nothing(entry.value) and not member.required and _is_collection(member.type):
            return NODEFAULT
        return self.value(entry.value, member.type, joined(field, member.name), entry.key, "")

    def _all_known(self, tree: Mapping, fields: dict[str, mi.Field], field: str) -> bool:
        unknown = [entry for name, entry in tree.entries.items() if name not in fields]
        for entry in unknown:
            name = entry.key.text
            hint = near_miss(name, fields) or _misplaced(entry.value, field) or _choice(fields)
            self._add(entry.key, joined(field, name), f"unknown key `{shown_key(name)}`", hint)
        return not unknown

    def _all_there(self, tree: Mapping, info: mi.StructType, field: str, at: Spot) -> bool:
        names = {f.name for f in info.fields}
        missing = [f.name for f in info.fields if f.required and f.name not in tree.entries]
        misspelt = {_meant(name, names): name for name in tree.entries if name not in names}
        for name in missing:
            hint = f"is `{shown_key(misspelt[name])}` meant to be it?" if name in misspelt else "it has no default"
            self._add(at, joined(field, name), f"`{name}` is missing", hint)
        return not missing

    def _dict(self, tree: Tree, info: mi.DictType, field: str, at: Spot) -> Any:
        if not isinstance(tree, Mapping):
            return self._wrong(tree, "a mapping of names and values", field, at, "write `NAME: value` lines below it")
        found = {}
        for name, entry in tree.entries.items():
            inner = joined(field, name)
            key = self._leaf(entry.key, info.key_type, inner, entry.key, "", what="name", verbatim=True)
            found[key] = self._dict_value(entry.value, info.value_type, inner, entry.key)
        return BAD if BAD in found or any(value is BAD for value in found.values()) else found

    def _dict_value(self, tree: Tree, info: mi.Type, field: str, at: Spot) -> Any:
        """Texts in a dict (`env`) are taken verbatim: `8080`, `on` and `0x10` are the characters themselves."""
        if isinstance(info, mi.StrType):
            return self._leaf(tree, info, field, at, "", verbatim=True)
        return self.value(tree, info, field, at, "")

    def _list(self, tree: Tree, info: mi.ListType, field: str, at: Spot) -> Any:
        if not isinstance(tree, Sequence):
            return self._wrong(tree, "a list", field, at, "write it as `[a, b]`")
        items = [
            self.value(item, info.item_type, joined(field, index), item, "") for index, item in enumerate(tree.items)
        ]
        return BAD if any(item is BAD for item in items) else items

    def _parsed(self, tree: Tree, parse: Callable[[object], Any], field: str, at: Spot) -> Any:
        if any(not _is_clean(text) for text in _texts(tree)):
            self._add(at, field, "text cannot contain NUL or half characters")
            return BAD
        try:
            return parse(plain(tree))
        except ValueError as error:
            self._add(at, field, f"{error}, found {_found(tree)}")
            return BAD

    def _leaf(
        self, tree: Tree, info: mi.Type, field: str, at: Spot, unit: str, *, what: str = "text", verbatim: bool = False
    ) -> Any:
        value = tree.text if verbatim and isinstance(tree, Scalar) else plain(tree)
        match info:
            case mi.BoolType() if isinstance(value, bool):
                return value
            case mi.IntType() if isinstance(value, int) and not isinstance(value, bool):
                return self._in_range(value, info, field, at)
            case mi.FloatType() if isinstance(value, int | float) and not isinstance(value, bool):
                return self._in_range(float(value), info, field, at)
            case mi.LiteralType() if isinstance(value, str):
                return self._choice(value, info, field, at)
            case mi.StrType() if isinstance(value, str):
                return self._text(value, info, field, at, what)
        expected, hint = _expected(info, unit)
        return self._wrong(tree, expected, field, at, hint)

    def _in_range(self, value: float, info: mi.IntType | mi.FloatType, field: str, at: Spot) -> Any:
        bounds = (
            (info.gt is None or value > info.gt, f"above {info.gt}"),
            (info.ge is None or value >= info.ge, f"{info.ge} or more"),
            (info.le is None or value <= info.le, f"at most {info.le}"),
        )
        if broken := [words for holds, words in bounds if not holds]:
            self._add(at, field, f"expected a number {broken[0]}")
            return BAD
        return value

    def _choice(self, value: str, info: mi.LiteralType, field: str, at: Spot) -> Any:
        choices = [str(v) for v in info.values]
        if value in choices:
            return value
        self._add(at, field, f"expected one of {', '.join(choices)}", near_miss(value, choices))
        return BAD

    def _text(self, value: str, info: mi.StrType, field: str, at: Spot, what: str) -> Any:
        if not _is_clean(value):
            self._add(at, field, "text cannot contain NUL or half characters")
        elif info.min_length is not None and len(value) < info.min_length:
            self._add(at, field, "expected a text that is not empty")
        elif info.max_length is not None and len(value) > info.max_length:
            self._add(at, field, f"expected a text of at most {info.max_length} characters")
        elif info.pattern is not None and not _matches(info.pattern, value):
            self._add(at, field, f"this {what} is not of the form that is needed", _form(info.pattern))
        else:
            return value
        return BAD

    def _wrong(self, tree: Tree, expected: str, field: str, at: Spot, hint: str) -> Any:
        self._add(at, field, f"expected {expected}, found {_found(tree)}", hint)
        return BAD


def _not_none(info: mi.UnionType) -> mi.Type:
    return next(t for t in info.types if not isinstance(t, mi.NoneType))


def _is_collection(info: mi.Type) -> bool:
    while isinstance(info, mi.Metadata):
        info = info.type
    return isinstance(info, mi.StructType | mi.DictType | mi.ListType)


def _misplaced(tree: Tree, field: str) -> str:
    looks_like_service = isinstance(tree, Mapping) and "command" in tree.entries
    return "a service belongs under `services:`" if looks_like_service and not field else ""


def _choice(fields: dict[str, mi.Field]) -> str:
    return f"known here: {', '.join(fields)}" if len(fields) <= 16 else "docs/settings.md lists what is known"


def _expected(info: mi.Type, unit: str) -> tuple[str, str]:
    match info:
        case mi.BoolType():
            return "true or false", "without quotes"
        case mi.IntType():
            return "a whole number", "like `5`, without quotes"
        case mi.FloatType():
            return "a number", _EXAMPLES.get(unit, "like `5` or `0.5`, without quotes")
        case mi.LiteralType():
            return f"one of {', '.join(map(str, info.values))}", "put it in quotes if YAML takes it for something else"
        case _:
            return "a text", "put it in quotes"


def _found(tree: Tree) -> str:
    match plain(tree):
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _texts(tree: Tree) -> list[str]:
    parts = tree.items if isinstance(tree, Sequence) else (tree,)
    return [part.text for part in parts if isinstance(part, Scalar)]


def _is_clean(text: str) -> bool:
    return not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


def _matches(pattern: str, value: str) -> bool:
    # `$` would let a trailing line break through.
    return bool(re.fullmatch(pattern, value) if pattern.endswith("$") else re.search(pattern, value))


def _form(pattern: str) -> str:
    if pattern.startswith("^https?"):
        return "it begins with `http://` or `https://`"
    return "letters, digits, `.`, `_` and `-`, at most 64, beginning with a letter or digit"
