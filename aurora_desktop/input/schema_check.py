"""Plain fields to an action of the schema, or a refusal that says what is wrong, where, and what was meant."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import msgspec

from aurora_desktop.core.settings.problems import joined, shown_key
from aurora_desktop.core.settings.validate import near_miss
from aurora_desktop.input.actions import Action, Point
from aurora_desktop.input.errors import InputRefusedError
from aurora_desktop.input.key_names import canonical_modifiers

_KINDS: Final[dict[str, Any]] = {kind.__struct_config__.tag: kind for kind in get_args(Action)}
ACTION_NAMES: Final = tuple(_KINDS)
_POINT_FIELDS: Final = frozenset({"at", "to", "start", "corner", "opposite"})

_WORDS: Final = {
    "float": "a number",
    "int": "a whole number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object like `{\"x\": 10, \"y\": 20}`",
    "null": "nothing",
}  # fmt: skip
_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected `(?P<expected>.+?)`, got `(?P<found>.+?)`")
_OUT_OF_BOUNDS = re.compile(
    r"Expected `(?P<kind>int|str|array)`(?P<length> of length)? (?P<sign>[<>])= (?P<bound>-?\d+)"
)
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")


def refused(what: str, where: str = "", hint: str = "") -> InputRefusedError:
    """The refusal of a request that is not right in itself; `where` is the path of the field."""
    detail = f"`{where}`: {what}" if where else what
    return InputRefusedError("invalid", "The action is not as it should be", detail, hint)


def unknown(kind: str, name: object, known: Iterable[str], where: str = "") -> InputRefusedError:
    """The refusal of a name that is not among the `known` ones, with the near one."""
    names = tuple(known)
    text = shown_key(str(name))
    hint = near_miss(str(name), names) or f"known here: {', '.join(names)}"
    return refused(f"unknown {kind} `{text}`", where, hint)


def to_action(fields: Mapping[str, Any]) -> Action:
    """The action that the fields describe. Raises InputRefusedError (`invalid`)."""
    kind = _kind_of(fields.get("action"))
    _know_all(fields, kind)
    try:
        action: Action = msgspec.convert(dict(fields), kind)
    except msgspec.ValidationError as error:
        raise _explained(str(error), kind) from None
    _can_be_written(action)
    return _with_plain_modifiers(action)


def _kind_of(name: object) -> Any:
    if name is None:
        raise refused("`action` is missing", hint=f"one of {', '.join(ACTION_NAMES)}")
    if not isinstance(name, str):
        raise refused("expected the name of an action", "action", f"one of {', '.join(ACTION_NAMES)}")
    if name not in _KINDS:
        raise unknown("action", name, ACTION_NAMES, "action")
    return _KINDS[name]


def _know_all(fields: Mapping[str, Any], kind: Any) -> None:
    known = kind.__struct_fields__
    for name, value in fields.items():
        if name != "action" and name not in known:
            raise unknown("field", name, known or ("action",))
        if name in _POINT_FIELDS:
            _know_point(value, name)
        elif name == "points" and isinstance(value, list | tuple):
            for index, point in enumerate(value):
                _know_point(point, joined(name, index))


def _know_point(value: object, where: str) -> None:
    for name in value if isinstance(value, Mapping) else ():
        if name not in Point.__struct_fields__:
            raise unknown("field", name, Point.__struct_fields__, where)


def _explained(message: str, kind: Any) -> InputRefusedError:
    """In our words; what msgspec says quotes no value but that of an unknown choice."""
    match = _PLACE.fullmatch(message)
    what, where = (match["what"], match["where"] or "") if match else (message, "")
    if missing := _MISSING.fullmatch(what):
        field = f"{where}.{missing['field']}" if where else missing["field"]
        return refused("it is missing", field)
    if wrong := _WRONG_TYPE.fullmatch(what):
        expected, found = (_words(wrong[name]) for name in ("expected", "found"))
        return refused(f"expected {expected}, found {found}", where)
    if bounds := _OUT_OF_BOUNDS.fullmatch(what):
        return refused(_bound_in_words(bounds), where)
    if what.startswith("Invalid enum value"):
        return refused(f"expected one of {', '.join(_choices(kind, where))}", where)
    return refused(what, where)


def _words(types: str) -> str:
    names = [name.strip() for name in types.split("|")]
    return " or ".join(_WORDS.get(name, name) for name in names)


def _bound_in_words(bounds: re.Match[str]) -> str:
    least = bounds["sign"] == ">"
    if not bounds["length"]:
        return f"expected {bounds['bound']} or {'more' if least else 'less'}"
    things = "characters" if bounds["kind"] == "str" else "points"
    if least and bounds["bound"] == "1":
        return "expected a text that is not empty"
    return f"expected {'at least' if least else 'at most'} {int(bounds['bound']):,} {things}"


def _choices(kind: Any, where: str) -> tuple[str, ...]:
    field = next(f for f in msgspec.structs.fields(kind) if f.name == where)
    return tuple(str(choice) for choice in get_args(field.type))


def _can_be_written(action: Action) -> None:
    """Half characters (lone surrogates) could be neither sent on nor logged."""
    try:
        msgspec.json.encode(action)
    except UnicodeEncodeError:
        raise refused("half a character (a lone surrogate) in a text", hint="write the character itself") from None


def _with_plain_modifiers(action: Action) -> Action:
    written = getattr(action, "modifiers", "")
    if not written:
        return action
    try:
        plain = canonical_modifiers(written)
    except ValueError as error:
        raise refused(str(error), "modifiers", "known: ctrl, alt, shift, super, joined by `+`") from None
    return msgspec.structs.replace(action, modifiers=plain)
