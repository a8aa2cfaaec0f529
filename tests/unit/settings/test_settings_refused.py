"""Bad input is refused with file, line, the path of the key and the near-miss, and never with a value of it."""

import os
import sys
import traceback
from pathlib import Path

import pytest

from aurora_desktop.core.settings.loader import MAX_BYTES, check, load, parse
from aurora_desktop.core.settings.problems import MOST_TOLD, Problem, SettingsError

from .conftest import ProblemsOf

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + previous] * 9)}]\n"
    for previous, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def written(folder: Path, content: bytes, name: str = "aurora.yaml") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def only(problems: tuple[Problem, ...] | list[Problem]) -> Problem:
    (problem,) = problems
    return problem


# What is wrong with the file as a whole.


def test_a_missing_file_is_told_with_how_to_begin(tmp_path: Path) -> None:
    problem = only(check(tmp_path / "none.yaml"))
    assert (problem.file, problem.line) == (str(tmp_path / "none.yaml"), None)
    assert "no such file" in problem.message
    assert "aurora.yaml" in problem.hint


def test_a_directory_is_told_apart(tmp_path: Path) -> None:
    assert "directory" in only(check(tmp_path)).message


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not an ordinary file" in only(check(tmp_path / "pipe")).message


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, b"")
    path.chmod(0)
    assert "may not be read" in only(check(path)).message


def test_a_permission_error_is_told_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, b"")
    monkeypatch.setattr(Path, "open", refuse)
    assert "chmod" in only(check(path)).hint


def test_a_file_over_one_mebibyte_is_refused(tmp_path: Path) -> None:
    assert check(written(tmp_path, b"#" * MAX_BYTES)) == []
    assert "1 MiB" in only(check(written(tmp_path, b"#" * (MAX_BYTES + 1)))).message


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        (b"services:\n  a\xff: 1\n", 2, 4, "not UTF-8"),
        (b"# fine\n\x7fELF\x00\x01", 2, 5, "NUL"),
        ("services: {}".encode("utf-16"), None, None, "UTF-16"),
        (b"a: 1\n\x07", 2, 1, "control character"),
    ],
)
def test_what_is_not_text_is_told_with_its_place(
    tmp_path: Path, content: bytes, line: int | None, column: int | None, words: str
) -> None:
    problem = only(check(written(tmp_path, content)))
    assert (problem.line, problem.column) == (line, column)
    assert words in problem.message


# What is not YAML, or more of it than settings need.


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("services:\n\tweb: 1\n", 2, 1, "tab"),
        ("services:\n  web:\n    command: a: b\n", 3, 15, "no value can begin"),
        ("services:\n  web: 'x\n", 2, 8, "never closed"),
        ("services:\n  web: [a\n", 3, 1, "not closed"),
        ("services:\n  web: {a: 1\n", 3, 1, "not closed"),
        ("services:\n  web:\n    command: x\n   cwd: y\n", 4, 4, "indentation"),
        ("services\nui: {}\n", 2, 3, "no value can begin"),
        ("services: @x\n", 1, 11, "cannot begin a value"),
        ('ui: "\\q"\n', 1, 7, "escape"),
        ('ui: "\\U00110000"\n', 1, 8, "not valid YAML"),
        ("%YAML 9" + "9" * 5000 + ".1\n---\n", 1, 7, "not valid YAML"),
        ("ui: {}\n---\nui: {}\n", 2, 1, "second document"),
        ("- a\n- b\n", 1, 1, "keys and values"),
        ("just words\n", 1, 1, "keys and values"),
    ],
)
def test_what_is_not_yaml_is_told_in_our_words(
    problems_of: ProblemsOf, text: str, line: int, column: int, words: str
) -> None:
    problem = only(problems_of(text))
    assert (problem.file, problem.line, problem.column) == ("aurora.yaml", line, column)
    assert words in problem.message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[" * 10_000, 1),
        ("{a: " * 10_000, 1),
        ("- " * 10_000, 1),
        ("? " * 10_000, 1),
        ("\n".join(" " * i + "a:" for i in range(1000)), 31),
    ],
    ids=["lists", "braces", "dashes", "question marks", "block"],
)
def test_ten_thousand_levels_are_refused(problems_of: ProblemsOf, text: str, line: int) -> None:
    problem = only(problems_of(text))
    assert (problem.line, problem.message) == (line, "nested more than 30 levels deep")


def test_an_alias_bomb_is_refused_at_its_anchors(problems_of: ProblemsOf) -> None:
    assert 350 < len(BOMB) < 450
    problems = problems_of(BOMB)
    anchors = [p for p in problems if "anchor" in p.message]
    assert [(p.line, p.field) for p in anchors] == list(enumerate("abcdefghi", start=1))
    assert [p.line for p in problems if "alias" in p.message][:9] == [2] * 9


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("services:\n  a: !!python/object/apply:os.system [x]\n", 2, "services.a", "tag"),
        ("ui: !mine\n  theme: dark\n", 1, "ui", "tag"),
        ("ui:\n  <<: {theme: dark}\n", 2, "ui", "merge key"),
        ("ui:\n  [a, b]: 1\n", 2, "ui", "a key must be a word"),
        ('ui:\n  theme: "\\ud800"\n', 2, "ui.theme", "half a character"),
    ],
)
def test_what_yaml_has_beyond_settings_is_refused(
    problems_of: ProblemsOf, text: str, line: int, field: str, words: str
) -> None:
    problem = only(problems_of(text))
    assert (problem.line, problem.field) == (line, field)
    assert words in problem.message


def test_a_service_given_twice_is_told_with_both_lines(problems_of: ProblemsOf) -> None:
    problem = only(problems_of("services:\n  web: {command: a}\n  db: {command: b}\n  web: {command: c}\n"))
    assert (problem.line, problem.column, problem.field) == (4, 3, "services.web")
    assert problem.message == "`web` is given twice, first in line 2"


# What is not JSON.


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ('{"heartbeat":\n {"interval_s": NaN}}', 2, "heartbeat.interval_s", "a value is expected"),
        ('{"heartbeat":\n {"interval_s": -Infinity}}', 2, "heartbeat.interval_s", "a value is expected"),
        ('{"heartbeat":\n {"interval_s": 1e999}}', 2, "heartbeat.interval_s", "too large"),
        ('{"ui": {},\n "ui": {}}', 2, "ui", "given twice, first in line 1"),
        ('{"ui": {"theme":\n "\\ud800"}}', 2, "ui.theme", "half a character"),
        ('{"ui": {},\n}', 2, "", "a key in double quotes"),
        ('{"ui" {}}', 1, "ui", "a `:` is expected"),
        ('{"ui": {}\n "api": {}}', 2, "", "a `,` is expected"),
        ('{"ui": {"theme": "a\nb"}}', 1, "ui.theme", "line break"),
        ("{}\nx", 2, "", "follows the end"),
        ("[" * 10_000, 1, "", "30 levels"),
        ("# no comments", 1, "", "a value is expected"),
    ],
)
def test_json_is_read_strictly(problems_of: ProblemsOf, text: str, line: int, field: str, words: str) -> None:
    problem = only(problems_of(text, "aurora.json"))
    assert (problem.file, problem.line, problem.field) == ("aurora.json", line, field)
    assert words in problem.message


# What does not fit the schema.


@pytest.mark.parametrize(
    ("lines", "line", "field", "words", "hint"),
    [
        ("comand: [a]\n    command: x", 3, "comand", "unknown key `comand`", "did you mean `command`?"),
        ("command: x\n    restart-sec: 1", 4, "restart-sec", "unknown key", "did you mean `restart_sec`?"),
        ("command: x\n    environment: {}", 4, "environment", "unknown key", "did you mean `env`?"),
        ("command: x\n    depends_on: []", 4, "depends_on", "unknown key", "did you mean `requires`?"),
        ("command: x\n    zzz: 1", 4, "zzz", "unknown key", "docs/settings.md"),
        ("cwd: x", 2, "command", "`command` is missing", "no default"),
        ("command: x\n    restart_sec: 5s", 4, "restart_sec", "a number, found a text", "without the unit"),
        ("command: x\n    restart_sec: 1:30", 4, "restart_sec", "a number, found a text", "without the unit"),
        ("command: x\n    restart_sec: .nan", 4, "restart_sec", "a number, found a text", "without the unit"),
        ("command: x\n    restart_sec:", 4, "restart_sec", "found nothing", "without the unit"),
        ("command: x\n    restart_sec: -1", 4, "restart_sec", "0 or more", ""),
        ("command: x\n    timeout_start_sec: 0", 4, "timeout_start_sec", "above 0", ""),
        ("command: x\n    start_limit_burst: 1.5", 4, "start_limit_burst", "a whole number, found a number", ""),
        ("command: x\n    autostart: 1", 4, "autostart", "true or false, found a number", ""),
        ("command: x\n    cwd: on", 4, "cwd", "a text, found true or false", "quotes"),
        ("command: x\n    restart: allways", 4, "restart", "one of always", "did you mean `always`?"),
        ("command: x\n    restart: no", 4, "restart", "found true or false", "quotes"),
        ("command: x\n    requires: web", 4, "requires", "a list, found a text", "[a, b]"),
        ("command: x\n    requires: [a b]", 4, "requires[0]", "not of the form", "letters, digits"),
        ("command: x\n    env: [A=hush]", 4, "env", "a mapping of names and values, found a list", "NAME: value"),
        ("command: x\n    env: {A: [hush]}", 4, "env.A", "a text, found a list", "quotes"),
        ("command: x\n    env: {A=hush: 1}", 2, "", "cannot be empty or contain `=`", ""),
        ("command: x\n    memory_max: 10XB", 4, "memory_max", "a size above zero", ""),
        ("command: x\n    memory_max: 0", 4, "memory_max", "a size above zero", ""),
        ("command: x\n    memory_max: 9e999GB", 4, "memory_max", "a size above zero", ""),
        (f"command: x\n    memory_max: {'9' * 400}GB", 4, "memory_max", "a size above zero", ""),
        ("command: [sleep, 5]", 3, "command", "write numbers in quotes", ""),
        ("command: ''", 3, "command", "at least one word", ""),
        ('command: "echo \'x"', 3, "command", "cannot be split into words", ""),
        ('command: [a, "\\0"]', 3, "command", "NUL", ""),
        ('command: x\n    cwd: "\\0"', 4, "cwd", "NUL", ""),
        ("command: x\n    log: 5", 4, "log", "a mapping of keys and values, found a number", "indent"),
        ("command: x\n    type: oneshot\n    restart: always", 2, "", "a oneshot cannot have", ""),
        ("command: x\n    liveness_probe: {}", 4, "liveness_probe", "exactly one of http", ""),
        ("command: x\n    liveness_probe: {tcp: {port: 0}}", 4, "liveness_probe.tcp.port", "1 or more", ""),
        ("command: x\n    liveness_probe: {tcp: {port: 70000}}", 4, "liveness_probe.tcp.port", "at most 65535", ""),
        ("command: x\n    liveness_probe: {http: {url: hush}}", 4, "liveness_probe.http.url", "", "http://"),
        ("command: x\n    liveness_probe: {http: {url: 'http://[x'}}", 4, "liveness_probe.http", "no address", ""),
        (
            "command: x\n    liveness_probe: {log_pattern: {pattern: '('}}",
            4,
            "liveness_probe.log_pattern",
            "regular",
            "",
        ),
    ],
)
def test_a_wrong_service_is_told_at_its_key(
    problems_of: ProblemsOf, lines: str, line: int, field: str, words: str, hint: str
) -> None:
    problem = problems_of(f"services:\n  web:\n    {lines}\n")[0]
    assert (problem.line, problem.field) == (line, ".".join(filter(None, ("services.web", field))))
    assert words in problem.message
    assert hint in problem.hint
    assert "hush" not in str(problem)


def test_what_is_missing_is_told_with_the_key_that_may_be_meant(problems_of: ProblemsOf) -> None:
    missing, unknown = problems_of("services:\n  web:\n    comand: [a]\n")
    assert (missing.line, missing.hint) == (2, "is `comand` meant to be it?")
    assert (unknown.line, unknown.hint) == (3, "did you mean `command`?")


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ("sevices: {}", "sevices", "did you mean `services`?"),
        ("web: {command: x}", "web", "a service belongs under `services:`"),
        ("zzz: 1", "zzz", "known here: services, supervisor"),
        ("ui: {theme: drak}", "ui.theme", "did you mean `dark`?"),
    ],
)
def test_a_wrong_key_at_the_top_is_told(problems_of: ProblemsOf, text: str, field: str, hint: str) -> None:
    problem = only(problems_of(text))
    assert (problem.line, problem.field) == (1, field)
    assert hint in problem.hint


def test_a_name_with_a_line_break_is_refused(problems_of: ProblemsOf) -> None:
    assert "not of the form" in only(problems_of('services: {"web\\n": {command: x}}')).message


def test_all_problems_are_told_in_the_order_of_the_file(problems_of: ProblemsOf) -> None:
    text = "ui: {theme: 5}\nservices:\n  b: {comand: x}\n  a: {command: x, requires: [c]}\nheartbeat: {interval_s: x}\n"
    assert [p.line for p in problems_of(text)] == [1, 3, 3, 4, 5]


def test_endless_problems_are_counted(problems_of: ProblemsOf) -> None:
    problems = problems_of("\n".join(f"zz{i}: 1" for i in range(MOST_TOLD + 20)))
    assert len(problems) == MOST_TOLD + 1
    assert problems[-1].message == "and 20 more problems"


def test_a_problem_reads_as_file_line_field_message_and_hint(tmp_path: Path) -> None:
    path = written(tmp_path, b"services:\n  web: {command: x, restart: allways}\n")
    with pytest.raises(SettingsError) as refused:
        load(path)
    expected = f"{path}:2: services.web.restart: expected one of always, never, on-failure (did you mean `always`?)"
    assert refused.value.detail == expected
    assert refused.value.title == "a problem in the settings"


# What only the whole can tell.


def test_a_cycle_is_spelled_out(problems_of: ProblemsOf) -> None:
    text = """
services:
  a: {command: x, requires: [b]}
  b: {command: x, after: [c]}
  c: {command: x, requires: [a]}
"""
    problem = only(problems_of(text))
    assert (problem.line, problem.field) == (3, "services.a.requires[0]")
    assert "a -> b -> c -> a" in problem.message


def test_each_cycle_is_told_once(problems_of: ProblemsOf) -> None:
    text = "services:\n" + "".join(
        f"  {name}: {{command: x, after: [{other}]}}\n" for name, other in ("ab", "ba", "cd", "dc")
    )
    assert [p.message.split(": ")[1] for p in problems_of(text)] == ["a -> b -> a", "c -> d -> c"]


def test_two_that_are_part_of_each_other_wait_for_nobody() -> None:
    text = "services: {a: {command: x, part_of: [b]}, b: {command: x, part_of: [a]}}"
    assert set(parse(text, Path("aurora.yaml")).services) == {"a", "b"}


@pytest.mark.parametrize("key", ["requires", "after", "part_of"])
def test_unknown_names_are_told_with_the_near_one(problems_of: ProblemsOf, key: str) -> None:
    text = f"services:\n  database: {{command: x}}\n  web:\n    command: x\n    {key}:\n      - databse\n      - web\n"
    unknown, itself = problems_of(text)
    assert (unknown.line, unknown.field) == (6, f"services.web.{key}[0]")
    assert (unknown.message, unknown.hint) == ("there is no service `databse`", "did you mean `database`?")
    assert (itself.line, itself.message) == (7, "`web` names itself")


def test_reserved_and_colliding_names_are_refused(problems_of: ProblemsOf) -> None:
    reserved, colliding = problems_of("services:\n  aurora: {command: x}\n  web: {command: x}\n  Web: {command: x}\n")
    assert (reserved.line, reserved.field) == (2, "services.aurora")
    assert (colliding.line, colliding.field) == (4, "services.Web")


# Secrets.


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  web:\n    command: x\n    env:\n      TOKEN: hush: hush\n",
        "services:\n  web:\n    command: x\n    env:\n      TOKEN: 'hush\n",
        "services:\n  web:\n    command: x\n    env:\n      TOKEN: !hush hush\n",
        "services:\n  web:\n    command: x\n    env:\n      TOKEN: &hush hush\n",
        "services:\n  web:\n    command: x\n    env:\n      TOKEN: *hush\n",
        "services:\n  web:\n    command: x\n    env:\n      TOKEN: {hush: hush}\n",
        "services:\n  web:\n    command: x\n    env:\n      TOKEN=hush: hush\n",
        "services:\n  web:\n    command: x\n    env: TOKEN=hush\n",
        "services:\n  web:\n    command: x\n    TOKEN=hush\n",
        'services:\n  web:\n    command: x\n    env:\n      TOKEN: "\\hush"\n',
        'services:\n  web:\n    command: x\n    env:\n      TOKEN: "hush\\0"\n',
    ],
)
def test_neither_message_nor_traceback_carries_a_value_of_env(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(text, Path("aurora.yaml"))
    assert not [p for p in refused.value.problems if "hush" in str(p)]
    shown = "".join(traceback.format_exception(refused.value))
    assert "hush" not in shown


# Agents that are watched.


def test_an_agent_of_a_service_that_is_not_there_is_told_with_the_near_one(problems_of: ProblemsOf) -> None:
    text = "services: {runner: {command: x}}\nagents: {watch: {one: {workspace: w, service: runer}}}"
    problem = only(problems_of(text))
    assert (problem.field, problem.line) == ("agents.watch.one.service", 2)
    assert (problem.message, problem.hint) == ("there is no service `runer`", "did you mean `runner`?")


def test_an_agent_of_a_service_where_there_are_none_is_told(problems_of: ProblemsOf) -> None:
    problem = only(problems_of("agents: {watch: {one: {workspace: w, service: runner}}}"))
    assert problem.field == "agents.watch.one.service"


def test_an_idle_pattern_that_is_no_expression_is_told(problems_of: ProblemsOf) -> None:
    problem = only(problems_of("services: {web: {command: x, stall: {idle_ok: {log_pattern: '('}}}}"))
    assert problem.field == "services.web.stall.idle_ok"
    assert "no regular expression" in problem.message
