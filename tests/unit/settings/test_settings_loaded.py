"""What is accepted, and what it means."""

from pathlib import Path

import msgspec
import pytest

from aurora_desktop.core import paths
from aurora_desktop.core.settings.diff import Changes, changes
from aurora_desktop.core.settings.loader import check, load, parse, remark
from aurora_desktop.core.settings.schema import Service, Settings
from aurora_desktop.core.settings.values import ByteSize, Command

YAML = Path("aurora.yaml")
JSON = Path("aurora.json")


def service(lines: str) -> Service:
    return parse(f"services:\n  web:\n    command: x\n    {lines}\n", YAML).services["web"]


def test_the_shipped_settings_are_right() -> None:
    sample = paths.shipped("config/aurora.yaml")
    assert check(sample) == []
    assert list(load(sample).services) == ["clock", "greeting", "web", "watcher"]


def test_the_commented_defaults_of_the_shipped_settings_are_the_defaults() -> None:
    text = paths.shipped("config/aurora.yaml").read_text(encoding="utf-8")
    sections = text[text.index("# supervisor:") :].replace("\n# ", "\n")[2:]
    assert parse(sections, YAML) == Settings()


def test_the_commented_example_of_tasks_is_right() -> None:
    text = paths.shipped("config/aurora.yaml").read_text(encoding="utf-8")
    example = text[text.index("# tasks:") : text.index("# All that follows")].replace("\n# ", "\n")[2:]
    tasks = parse(example, YAML).tasks
    assert list(tasks.agents) == ["claude", "translate"]
    assert tasks.pipelines["reviewed"].steps == ["architect", "coder", "critic"]


def test_so_is_the_example_on_the_page_of_tasks() -> None:
    text = paths.shipped("docs/tasks.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    assert parse(example, YAML).tasks.roles["coder"].count == 2


@pytest.mark.parametrize("text", ["", "\n\n", "# only words\n", "---\n", "services:\n", "services: {}\nui:\n"])
def test_an_empty_file_is_all_defaults_and_says_so(text: str) -> None:
    settings = parse(text, YAML)
    assert settings == Settings()
    assert "no services" in remark(settings)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "aurora.yaml").write_bytes(b"\xef\xbb\xbfui: {theme: dark}\n")
    assert load(tmp_path / "aurora.yaml").ui.theme == "dark"


@pytest.mark.parametrize("word", ["8080", "on", "0x10", "017", "1:30", "1e3", "2001-01-01", "~", "null", ".inf", "a b"])
def test_values_of_env_are_the_characters_themselves(word: str) -> None:
    assert service(f"env: {{A: {word}}}").env == {"A": word}


def test_names_of_env_are_the_characters_themselves() -> None:
    assert service("env: {ON: 1, no: 2, 8080: 3}").env == {"ON": "1", "no": "2", "8080": "3"}


def test_an_env_value_that_is_nothing_is_the_empty_text() -> None:
    assert service("env:\n      A:\n      B: ''").env == {"A": "", "B": ""}


@pytest.mark.parametrize(("word", "meaning"), [("yes", True), ("Off", False), ("true", True), ("NO", False)])
def test_the_words_of_yaml_for_true_and_false_are_understood(word: str, meaning: bool) -> None:
    assert service(f"autostart: {word}").autostart is meaning


@pytest.mark.parametrize(("word", "seconds"), [("5", 5.0), ("0.5", 0.5), (".5", 0.5), ("1e3", 1000.0), ("1_0", 10.0)])
def test_numbers_are_read_as_people_write_them(word: str, seconds: float) -> None:
    assert service(f"timeout_start_sec: {word}").timeout_start_sec == seconds


@pytest.mark.parametrize(
    ("word", "size"), [("5", 5), ("100MB", 10**8), ("1.5 KiB", 1536), ("'7b'", 7), ("1GiB", 2**30)]
)
def test_sizes_are_bytes_or_have_a_unit(word: str, size: int) -> None:
    assert service(f"memory_max: {word}").memory_max == ByteSize(size)


def test_a_command_is_a_list_or_split_as_a_shell_does() -> None:
    settings = parse("services: {a: {command: \"sh -c 'a b'\"}, b: {command: [sh, -c, a b]}}", YAML)
    assert settings.services["a"].command == settings.services["b"].command == Command(("sh", "-c", "a b"))


def test_json_means_the_same_under_either_name() -> None:
    text = '{"services": {\n\t"web": {"command": ["x"], "env": {"A": 1e3, "B": true, "C": "\\ud83d\\ude00"}}}}'
    assert parse(text, JSON) == parse(text, YAML)
    assert parse(text, JSON).services["web"].env == {"A": "1e3", "B": "true", "C": "\U0001f600"}


def test_a_character_in_two_halves_is_one_in_yaml_too() -> None:
    assert service('env: {A: "\\ud83d\\ude00"}').env == {"A": "\U0001f600"}


def test_nothing_stands_for_the_defaults_of_a_section() -> None:
    assert service("env:\n    requires:\n    log:\n    restart: null") == service("cwd: ~")


def test_secrets_are_not_in_the_repr_of_settings() -> None:
    settings = parse("services: {web: {command: x, env: {TOKEN: hush}}}", YAML)
    web = settings.services["web"]
    direct = Service(command=Command(("x",)), env={"TOKEN": "hush"})
    for shown in (settings, web, web.env, direct, msgspec.structs.replace(web, restart="never")):
        assert "TOKEN" in repr(shown)
        assert "hush" not in repr(shown)


def test_changes_are_told_by_meaning() -> None:
    old = parse("services: {a: {command: x}, b: {command: y}, c: {command: z}}", YAML)
    new = parse(
        "# words\nservices:\n  c: {command: [z], restart_sec: 1}\n  b: {command: y, env: {A: 1}}\n  d: {command: x}\n"
        "ui: {theme: dark}\n",
        YAML,
    )
    assert changes(old, new) == Changes(added=("d",), changed=("b",), removed=("a",), sections=("ui",))
    assert changes(new, new) == Changes()
