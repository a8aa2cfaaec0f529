"""The options of a settings struct as a form needs them, and their values as people write them. No Qt."""

import shlex
import typing
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import NODEFAULT, Struct

from aurora_desktop.core.settings.values import ByteSize, Command

Kind = Literal["text", "command", "size", "number", "choice", "switch", "words", "variables", "group"]

# Asked for first; the rest waits under "More options".
COMMON = ("command", "cwd", "restart", "requires", "memory_max", "liveness_probe")
# Whole rooms of options, of which most services need none: after all others.
LAST = ("stall", "healing")
_SIZES = (
    ("TB", 10**12), ("TiB", 2**40), ("GB", 10**9), ("GiB", 2**30), ("MB", 10**6), ("MiB", 2**20), ("KB", 10**3),
    ("KiB", 2**10),
)  # fmt: skip
_TITLES = {
    "cwd": "Folder", "env": "Environment", "env_file": "Environment file", "url": "URL", "http": "HTTP",
    "stall": "Stall rule", "idle_ok": "Idle", "port_env": "Port variable", "no_task": "Idle without a task",
    "check": "Check after a change",
}  # fmt: skip


class Option(Struct, frozen=True, kw_only=True):
    """One key of the file: what it is called, what it takes, and its sentence."""

    key: str
    title: str
    sentence: str
    unit: str
    kind: Kind
    annotation: Any
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()
    nested: type[Struct] | None = None


def options_of(struct: type[Struct]) -> tuple[Option, ...]:
    """Every option of the struct, in its order."""
    hints = typing.get_type_hints(struct, include_extras=True)
    fields = msgspec.inspect.type_info(struct)
    assert isinstance(fields, msgspec.inspect.StructType)  # noqa: S101 - it was given a struct
    return tuple(_option(field, hints[field.name]) for field in fields.fields)


def _option(field: msgspec.inspect.Field, annotation: Any) -> Option:
    kind_type, described, unit = field.type, "", ""
    if isinstance(kind_type, msgspec.inspect.Metadata):
        described = str((kind_type.extra_json_schema or {}).get("description", ""))
        unit = str((kind_type.extra or {}).get("unit", ""))
        kind_type = kind_type.type
    kind, choices, nested = _kind_of(kind_type)
    return Option(
        key=field.name, title=_title(field.name), sentence=described, unit=unit, kind=kind, annotation=annotation,
        default=_default(field), required=field.required, choices=choices, nested=nested,
    )  # fmt: skip


def _title(key: str) -> str:
    words = key.removesuffix("_sec").removesuffix("_percent").replace("_", " ")
    return _TITLES.get(key, words[:1].upper() + words[1:]).replace("Cpu", "CPU")


def _default(field: msgspec.inspect.Field) -> Any:
    if field.default is not NODEFAULT:
        return field.default
    return None if field.default_factory is NODEFAULT else field.default_factory()


def _kind_of(kind: msgspec.inspect.Type) -> tuple[Kind, tuple[str, ...], type[Struct] | None]:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _kind_of(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        found, choices, nested = _kind_of(next(t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)))
        return found, ("", *choices) if choices else (), nested
    if isinstance(kind, msgspec.inspect.LiteralType):
        return "choice", tuple(str(value) for value in kind.values), None
    if isinstance(kind, msgspec.inspect.StructType):
        return "group", (), kind.cls
    return _plain_kind(kind), (), None


def _plain_kind(kind: msgspec.inspect.Type) -> Kind:
    if isinstance(kind, msgspec.inspect.CustomType):
        return "command" if kind.cls is Command else "size"
    if isinstance(kind, msgspec.inspect.BoolType):
        return "switch"
    if isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        return "number"
    if isinstance(kind, msgspec.inspect.ListType):
        return "words"
    return "variables" if isinstance(kind, msgspec.inspect.DictType) else "text"


def written(value: Any) -> str:
    """A value as a person writes it into a field; "" for None."""
    match value:
        case None:
            return ""
        case Command():
            return shlex.join(value)
        case ByteSize():
            return _written_size(value)
        case float() if value.is_integer():
            return str(int(value))
        case list() | tuple():
            return ", ".join(str(each) for each in value)
        case _:
            return str(value)


def _written_size(value: int) -> str:
    return next((f"{value // factor}{unit}" for unit, factor in _SIZES if value % factor == 0), str(value))


def plain(value: Any) -> Any:
    """A value as the file holds it."""
    match value:
        case Struct():
            return plain_keys(value)
        case Command() | ByteSize():
            return written(value)
        case Mapping():
            return dict(value)
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return value


def plain_keys(struct: Struct) -> dict[str, Any]:
    """The keys of a struct as the file holds them, less those that are None.

    Defaults are among them: the file keeps them where it has them, and does not gain them where it does not.
    """
    pairs = ((field, getattr(struct, field)) for field in struct.__struct_fields__)
    return {field: plain(value) for field, value in pairs if value is not None}


def parsed(option: Option, text: str) -> Any:
    """What was typed, as the file holds it; None for nothing. Raises ValueError with what is expected."""
    stripped = text.strip()
    if not stripped and option.required:
        raise ValueError("this is needed")
    value = _read(option, stripped) if stripped else None
    if value is not None:
        checked(value, option.annotation)
    return value


def checked(value: Any, annotation: Any) -> Any:
    """The value converted as the loader does it. Raises ValueError in words."""
    try:
        return msgspec.convert(value, annotation, dec_hook=_custom)
    except msgspec.ValidationError as error:
        words = str(error).partition(" - at `")[0]
        raise ValueError(words[:1].lower() + words[1:]) from error


def _read(option: Option, text: str) -> Any:
    if option.kind == "words":
        words = [word for word in text.replace(",", " ").split() if word]
        return [int(word) if word.isdigit() and _takes_numbers(option) else word for word in words]
    if option.kind == "number":
        return _number(text)
    return text


def _takes_numbers(option: Option) -> bool:
    info = _bare(msgspec.inspect.type_info(option.annotation))
    item = _bare(info.item_type) if isinstance(info, msgspec.inspect.ListType) else info
    return isinstance(item, msgspec.inspect.IntType)


def _bare(info: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """The type itself: without its description and limits, and without the None that leaves it out."""
    while isinstance(info, msgspec.inspect.Metadata | msgspec.inspect.UnionType):
        if isinstance(info, msgspec.inspect.Metadata):
            info = info.type
        else:
            info = next(each for each in info.types if not isinstance(each, msgspec.inspect.NoneType))
    return info


def _number(text: str) -> int | float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        raise ValueError("expected a number") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("expected a number")
    return int(value) if value.is_integer() else value


def _custom(wanted: type, value: Any) -> Any:
    if wanted is Command:
        return Command.parse(value)
    if wanted is ByteSize:
        return ByteSize.parse(value)
    raise NotImplementedError(wanted)  # what msgspec wants of a hook that does not know the type
