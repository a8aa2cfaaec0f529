"""What holds for every text and for all settings."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aurora_desktop.core.settings.edit import remove_service, save_service
from aurora_desktop.core.settings.env_file import read_env_file
from aurora_desktop.core.settings.loader import load, parse
from aurora_desktop.core.settings.problems import Problem, SettingsError
from aurora_desktop.core.settings.scalars import meaning_of

IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)

PIECES = [
    *"{}[]:,-?&*!|>'\"%@`#\\\n\t \ufeff\u2028\x85", ": ", "- ", "\n  ", "---\n", "...\n", "<<", "services", "web",
    "command", "requires", "env", "log", "!!str", "&a", "*a", "\\ud800", "\\U00110000", "1e999", "0x", ".inf", "null",
    "on", "%YAML 1.1\n", "%TAG ! x\n", "|+2\n", ">-\n", "//", "\r\n", "\r",
]  # fmt: skip
yaml_like = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join)


def problems_of(read: Callable[[], object]) -> tuple[Problem, ...]:
    """The problems if it is refused, none if it is read; anything else that is raised fails the test."""
    try:
        read()
    except SettingsError as error:
        return error.problems
    return ()


def refuses_or_reads(text: str, name: str) -> None:
    lines = len(re.findall("\r\n|[\r\n\x85\u2028\u2029]", text)) + 1
    problems = problems_of(lambda: parse(text, Path(name)))
    assert all(p.line is None or 1 <= p.line <= lines for p in problems)


@settings(deadline=None)
@given(st.text() | yaml_like)
@example("\ud800")
def test_any_text_is_read_or_refused_as_yaml(text: str) -> None:
    refuses_or_reads(text, "aurora.yaml")
    refuses_or_reads(f"services:\n  web:\n    command: x\n    {text}", "aurora.yaml")


@settings(deadline=None)
@given(st.text() | yaml_like | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_read_or_refused_as_json(text: str) -> None:
    refuses_or_reads(text, "aurora.json")
    refuses_or_reads(f'{{"services": {{"web": {text}}}}}', "aurora.json")


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["command", "env", "log", "http", "keep", "tcp", "port", "zzz"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["command", "env", "liveness_probe", "log", "requires", "restart"]), plain_values)
)
def test_any_value_in_any_place_is_read_or_refused(values: dict[str, Any]) -> None:
    refuses_or_reads(json.dumps({"services": {"web": values}}), "aurora.json")


@IN_ONE_FOLDER
@given(content=st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "aurora.yaml").write_bytes(content)
    for read in (load, read_env_file):
        problems = problems_of(lambda read=read: read(tmp_path / "aurora.yaml"))
        assert {p.file for p in problems} <= {str(tmp_path / "aurora.yaml")}


def means_itself(text: str) -> bool:
    return meaning_of(text) == text


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).filter(means_itself)
names = st.from_regex(r"[a-z][a-z0-9_.-]{0,5}", fullmatch=True).filter(lambda name: name != "aurora")
env_names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0="), min_size=1, max_size=5)
seconds = st.floats(0.001, 1e6) | st.integers(1, 10**6)
services = st.fixed_dictionaries(
    {"command": st.lists(texts, min_size=1, max_size=3).filter(lambda words: words[0] != "")},
    optional={
        "cwd": texts,
        "env": st.dictionaries(env_names.filter(means_itself), texts, max_size=3),
        "type": st.sampled_from(["simple", "notify", "oneshot"]),
        "timeout_stop_sec": seconds,
        "memory_max": st.integers(1, 2**50) | st.sampled_from(["1GiB", "1.5MB"]),
        "restart_prevent_exit_status": st.lists(st.integers(0, 255), max_size=3),
        "liveness_probe": st.fixed_dictionaries(
            {"exec": st.fixed_dictionaries({"command": st.just(["x", "on"])})}, optional={"period_sec": seconds}
        ),
        "log": st.fixed_dictionaries({}, optional={"keep": st.integers(0, 1000)}),
        "autostart": st.booleans(),
    },
)
files = st.dictionaries(names, services, max_size=4)


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


@settings(deadline=None)
@given(files, st.sampled_from([None, True, False]))
def test_what_another_program_dumps_is_read_alike_from_yaml_and_json(values: dict[str, Any], flow: bool | None) -> None:
    dumped = yaml.dump({"services": values}, Dumper=Dumper, default_flow_style=flow)
    from_yaml = parse(dumped, Path("aurora.yaml"))
    assert from_yaml == parse(json.dumps({"services": values}), Path("aurora.json"))
    for name, service in values.items():
        found = from_yaml.services[name]
        assert list(found.command) == service["command"]
        assert found.env == service.get("env", {})
        assert found.cwd == service.get("cwd")


@IN_ONE_FOLDER
@given(before=files, after=files, flow=st.sampled_from([None, True, False]), suffix=st.sampled_from(["yaml", "json"]))
def test_edits_lead_from_any_settings_to_any_others(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any], flow: bool | None, suffix: str
) -> None:
    path = tmp_path / f"aurora.{suffix}"
    data = {"services": before, "ui": {"theme": "dark"}}
    dumped = yaml.dump(data, Dumper=Dumper, default_flow_style=flow, sort_keys=False)
    path.write_text(dumped if suffix == "yaml" else json.dumps(data, indent=None if flow else 2), encoding="utf-8")
    for name in before:
        if name not in after:
            remove_service(path, name)
    for name, values in after.items():
        save_service(path, name, values, name if name in before else None)
    assert load(path) == parse(json.dumps({"services": after, "ui": {"theme": "dark"}}), Path("aurora.json"))


@IN_ONE_FOLDER
@given(before=services, after=services)
def test_an_edit_leaves_every_other_line_as_it_is(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    path = tmp_path / "aurora.yaml"
    middle = yaml.dump({"services": {"web": before}}, Dumper=Dumper, indent=2).split("\n", 1)[1]
    top, bottom = "services:  # all\n  a:   {command:  x}\n  # web\n", "  # after\n  b: {command: 'y' }\n\n# end\n"
    path.write_text(top + middle + bottom, encoding="utf-8", newline="\n")
    save_service(path, "web", after, "web")
    edited = path.read_bytes().decode()
    assert edited.startswith(top)
    assert edited.endswith(bottom)
