"""The reference and the JSON Schema are made from the schema, and are up to date."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.core.settings import reference
from aurora_desktop.core.settings.schema import Service, Settings


def test_the_files_are_up_to_date() -> None:
    assert reference.main(["--check"]) == 0


def test_a_stale_file_is_told_and_then_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reference, "_ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "config").mkdir()
    assert reference.main(["--check"]) == 1
    assert "settings.md is not up to date" in capsys.readouterr().err
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0


def test_every_option_has_a_row_with_a_sentence() -> None:
    rows = [line for line in reference.markdown().splitlines() if line.startswith("| `")]
    named = {line.split("`")[1] for line in rows}
    assert {*Service.__struct_fields__, *Settings.__struct_fields__} <= named
    assert all(line.rstrip("| ").endswith(".") for line in rows)


def properties(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from properties(part)


def test_every_property_of_the_json_schema_is_described() -> None:
    found = list(properties(json.loads(reference.json_schema())))
    assert {*Service.__struct_fields__, *Settings.__struct_fields__} <= {name for name, _ in found}
    assert [name for name, schema in found if not schema.get("description")] == []


def test_the_json_schema_takes_scalars_in_env_and_one_kind_of_probe() -> None:
    found = dict(properties(json.loads(reference.json_schema())))
    assert found["env"]["anyOf"][0]["additionalProperties"]["type"] == ["string", "number", "boolean", "null"]
    assert {"required": ["http"]} in found["liveness_probe"]["anyOf"][0]["oneOf"]
    assert found["memory_max"]["anyOf"][1] == {"type": "null"}
