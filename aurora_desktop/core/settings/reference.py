"""Writes `docs/settings.md` and the JSON Schema for editors from the schema.

`python -m aurora_desktop.core.settings.reference` writes both; with `--check` it only compares (exit 1).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect as mi

from aurora_desktop.core.settings.schema import PROBE_KINDS, Probe, Settings
from aurora_desktop.core.settings.values import ByteSize, Command

_ROOT = Path(__file__).resolve().parents[3]
_INTRO = """# Settings

<!-- Made from aurora_desktop/core/settings/schema.py by `python -m aurora_desktop.core.settings.reference`. -->

Aurora reads `aurora.yaml` in the platform's config dir (`~/.config/aurora-desktop/` on Linux), or the file named
by `--config`. A file whose name ends in `.json` is read as strict JSON. `aurora check FILE` tells every mistake
with file, line and key. A changed file is applied within a few seconds; services whose definition stayed the same
are not restarted. A file with a mistake is refused as a whole: the last good settings stay in force.

- Durations are numbers of seconds. Sizes are numbers of bytes, or like `100MB` (10^6) and `1GiB` (2^30).
- A command is a list of strings, or one string that is split into words as a shell does. No shell runs it.
- Values under `env` are taken to the letter: `8080`, `on` and `0x10` need no quotes there. Elsewhere `yes`, `no`,
  `on` and `off` are true and false as in YAML 1.1, and `017` and `1:30` are text, not numbers.
- Anchors, aliases, merge keys, tags, duplicate keys, more than one document, more than 30 levels and more than
  1 MiB are refused. The encoding is UTF-8.
- An empty file is right: everything at its default and no services. While Aurora runs, though, a file that becomes
  empty is refused; to remove every service write `services: {}`.
- Names of services have letters, digits, `.`, `_` and `-`, at most 64. The name `aurora` is reserved.
- A section that is left out, or has nothing in it, is at its defaults.

For help in an editor that knows JSON Schema, begin the file with
`# yaml-language-server: $schema=aurora.schema.json` and lay `config/aurora.schema.json` beside it.
"""


def markdown() -> str:
    """The reference of every option, one table for each section."""
    parts = [_INTRO]
    for path, info in _sections(_struct(mi.type_info(Settings)), ""):
        sentence = (info.cls.__doc__ or "").strip() if _has_own_doc(info.cls) else ""
        rows = [_row(field) for field in info.fields]
        head = ["| Key | Type | Default | Unit | |", "|---|---|---|---|---|"]
        parts.append(
            "\n".join(
                [f"## `{path}`" if path else "## The file", *(["", sentence] if sentence else []), "", *head, *rows]
            )
            + "\n"
        )
    return "\n".join(parts)


def json_schema() -> str:
    """The JSON Schema (2020-12) of the file."""
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Settings of Aurora Desktop"}
    return json.dumps({**root, **_schema(mi.type_info(Settings))}, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` tell those that are not up to date."""
    wanted = {_ROOT / "docs/settings.md": markdown(), _ROOT / "config/aurora.schema.json": json_schema()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            sys.stderr.write(f"{path.name} is not up to date: run `python -m aurora_desktop.core.settings.reference`\n")
        else:
            path.write_text(wanted[path], encoding="utf-8", newline="\n")
    return 1 if stale and "--check" in arguments else 0


def _sections(info: mi.StructType, path: str) -> Iterator[tuple[str, mi.StructType]]:
    """Each struct once, at the first path that leads to it; the three probes are one section."""
    yield path, info
    seen: set[type] = set()
    for field in info.fields:
        inner = _bare(field.type)
        below = f"{path}.{field.name}" if path else field.name
        if isinstance(inner, mi.DictType) and isinstance(_bare(inner.value_type), mi.StructType):
            inner, below = _bare(inner.value_type), f"{below}.<name>"
        if isinstance(inner, mi.StructType) and inner.cls not in seen:
            seen.add(inner.cls)
            yield from _sections(inner, _shared_path(info, inner, below))


def _shared_path(info: mi.StructType, inner: mi.StructType, path: str) -> str:
    shared = [f.name for f in info.fields if isinstance(b := _bare(f.type), mi.StructType) and b.cls is inner.cls]
    return path if len(shared) < 2 else path.replace(shared[0], "<probe>")


def _row(field: mi.Field) -> str:
    sentence = _metadata(field.type, "description")
    cells = (f"`{field.name}`", _type_words(field.type), _default_words(field), _metadata(field.type, "unit"), sentence)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _metadata(info: mi.Type, key: str) -> str:
    while True:
        if isinstance(info, mi.Metadata):
            found = {**(info.extra or {}), **(info.extra_json_schema or {})}
            if key in found:
                return str(found[key])
            info = info.type
        elif isinstance(info, mi.UnionType):
            info = _without_none(info)
        else:
            return ""


def _type_words(info: mi.Type) -> str:
    match inner := _bare(info):
        case mi.LiteralType():
            return ", ".join(f"`{value}`" for value in inner.values)
        case mi.ListType():
            return f"list of {_plural(_type_words(inner.item_type))}"
        case mi.DictType():
            return "names and texts" if isinstance(_bare(inner.value_type), mi.StrType) else "names and sections"
        case mi.StructType():
            return "section"
        case mi.CustomType():
            return {ByteSize: "size", Command: "command"}[inner.cls]
        case mi.IntType() | mi.FloatType():
            return ("whole number" if isinstance(inner, mi.IntType) else "number") + _range_words(inner)
        case mi.BoolType():
            return "`true`, `false`"
        case _:
            return "text"


def _plural(words: str) -> str:
    return words.replace("number", "numbers").replace("text", "texts")


def _range_words(info: mi.IntType | mi.FloatType) -> str:
    if info.gt is not None:
        return f" above {info.gt}"
    if info.ge is not None and info.le is not None:
        return f" from {info.ge} to {info.le}"
    return f", {info.ge} or more" if info.ge is not None else ""


def _default_words(field: mi.Field) -> str:
    if field.required:
        return "required"
    default = _default(field)
    if default is None or isinstance(default, msgspec.Struct):
        return ""
    return f"`{json.dumps(default)}`".replace('"', "")


def _default(field: mi.Field) -> Any:
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default


def _schema(info: mi.Type) -> dict[str, Any]:
    match inner := _bare(info):
        case mi.StructType():
            schema = _struct_schema(inner)
        case mi.DictType():
            schema = _dict_schema(inner)
        case mi.ListType():
            schema = {"type": "array", "items": _schema(inner.item_type)}
        case mi.CustomType():
            schema = _custom_schema(inner.cls)
        case mi.LiteralType():
            schema = {"enum": list(inner.values)}
        case _:
            schema = _leaf_schema(inner)
    description = " ".join(filter(None, (_metadata(info, "description"), _unit_words(info))))
    return {"description": description, **schema} if description else schema


def _struct_schema(info: mi.StructType) -> dict[str, Any]:
    properties = {}
    for field in info.fields:
        properties[field.name] = _nullable(_schema(field.type)) if _accepts_none(field) else _schema(field.type)
        if not field.required and isinstance(default := _default(field), str | int | float | bool):
            properties[field.name]["default"] = default
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required := [field.name for field in info.fields if field.required]:
        schema["required"] = required
    if info.cls is Probe:
        schema["oneOf"] = [{"required": [kind]} for kind in PROBE_KINDS]
    return schema


def _dict_schema(info: mi.DictType) -> dict[str, Any]:
    scalars = {"type": ["string", "number", "boolean", "null"]}
    value = scalars if isinstance(_bare(info.value_type), mi.StrType) else _schema(info.value_type)
    names = (
        {"propertyNames": {"pattern": pattern}} if (pattern := getattr(_bare(info.key_type), "pattern", None)) else {}
    )
    return {"type": "object", "additionalProperties": value, **names}


def _custom_schema(kind: type) -> dict[str, Any]:
    if kind is ByteSize:
        size = r"^\s*\d+(\.\d+)?\s*([kKmMgGtT][iI]?)?[bB]?\s*$"
        return {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": size}]}
    words = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    return {"anyOf": [words, {"type": "string", "minLength": 1}]}


def _leaf_schema(info: mi.Type) -> dict[str, Any]:
    names = {mi.BoolType: "boolean", mi.IntType: "integer", mi.FloatType: "number", mi.StrType: "string"}
    limits = {"gt": "exclusiveMinimum", "ge": "minimum", "le": "maximum", "pattern": "pattern"}
    limits |= {"min_length": "minLength", "max_length": "maxLength"}
    found = {word: value for key, word in limits.items() if (value := getattr(info, key, None)) is not None}
    return {"type": names[type(info)], **found}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    description = {"description": schema.pop("description")} if "description" in schema else {}
    return {**description, "anyOf": [schema, {"type": "null"}]}


def _accepts_none(field: mi.Field) -> bool:
    """Also a section without anything in it, which is at its defaults."""
    info = field.type
    while isinstance(info, mi.Metadata):
        info = info.type
    return not field.required and isinstance(info, mi.UnionType | mi.StructType | mi.DictType | mi.ListType)


def _unit_words(info: mi.Type) -> str:
    unit = _metadata(info, "unit")
    return f"[{unit}]" if unit else ""


def _bare(info: mi.Type) -> mi.Type:
    """The type without its metadata and without `None`."""
    while isinstance(info, mi.Metadata | mi.UnionType):
        info = info.type if isinstance(info, mi.Metadata) else _without_none(info)
    return info


def _without_none(info: mi.UnionType) -> mi.Type:
    return next(t for t in info.types if not isinstance(t, mi.NoneType))


def _struct(info: mi.Type) -> mi.StructType:
    if not isinstance(info, mi.StructType):
        raise TypeError("the settings are a struct")
    return info


def _has_own_doc(kind: type) -> bool:
    return "__doc__" in vars(kind) and not (kind.__doc__ or "").startswith(kind.__name__ + "(")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
