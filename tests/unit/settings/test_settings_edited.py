"""Edits of single services change the characters of what was asked and no others."""

import os
import stat
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aurora_desktop.core import paths
from aurora_desktop.core.settings.edit import (
    add_channel,
    create_default,
    create_gate,
    remove_channel,
    remove_service,
    save_service,
    set_option,
)
from aurora_desktop.core.settings.loader import check, load
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.splice import Splices
from aurora_desktop.safety.gate import read_gate

SAMPLE = """\
# top
services:
  # the first
  db:   {command: 'x',   restart_sec: 1.0}   # why

  web:
    command: [ python, "-m",  web ]  # the program
    requires:   # what it needs
    - db
    # about restarts
    restart: "always"
    env:
      PORT: 8080   # verbatim
      TOKEN: 'a b'
    liveness_probe:
      http: {url: "http://127.0.0.1/"}
      period_sec: 2   # often
      # timeout_sec: 3
  # the last
  job: {command: y, after: [web, "db"]}
  # nobody

ui:  {theme:   dark}
"""
WEB: dict[str, Any] = {
    "command": ["python", "-m", "web"],
    "requires": ["db"],
    "restart": "always",
    "env": {"PORT": "8080", "TOKEN": "a b"},
    "liveness_probe": {"http": {"url": "http://127.0.0.1/"}, "period_sec": 2},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "aurora.yaml"
    path.write_bytes(SAMPLE.encode())
    return path


def text_of(path: Path) -> str:
    return path.read_bytes().decode()


def saved(path: Path, text: str, name: str, values: dict[str, Any], previous_name: str | None = None) -> str:
    path.write_bytes(text.encode())
    save_service(path, name, values, previous_name)
    return text_of(path)


def refusal(path: Path, *arguments: Any) -> str:
    """The message of a refused save; the file has to be as it was."""
    before = path.read_bytes()
    with pytest.raises(SettingsError) as refused:
        save_service(path, *arguments)
    assert path.read_bytes() == before
    return str(refused.value.problems[0])


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        ({}, "", ""),
        ({"restart": "never"}, '"always"', '"never"'),
        ({"command": "run it"}, '[ python, "-m",  web ]', '"run it"'),
        ({"env": {"PORT": "on", "TOKEN": "a b"}}, "8080", '"on"'),
        ({"env": {"PORT": 8080, "TOKEN": "c: #d"}}, "'a b'", '"c: #d"'),
        ({"env": {"TOKEN": "a b"}}, "      PORT: 8080   # verbatim\n", ""),
        (
            {"env": {"PORT": "8080", "TOKEN": "a b", "ü": "0x1\n"}},
            "TOKEN: 'a b'\n",
            'TOKEN: \'a b\'\n      "ü": "0x1\\n"\n',
        ),
        ({"requires": []}, "   # what it needs\n    - db\n", " []   # what it needs\n"),
        ({"requires": ["job"]}, "requires:   # what it needs\n    - db\n", "requires: [job]   # what it needs\n"),
        ({"requires": None}, "    requires:   # what it needs\n    - db\n", ""),
        ({"restart": None}, '    restart: "always"\n', ""),
        ({"liveness_probe": {"http": {"url": "http://127.0.0.1/x"}, "period_sec": 2}}, '0.1/"', '0.1/x"'),
        ({"liveness_probe": {"http": {"url": "http://127.0.0.1/"}, "period_sec": 5}}, "period_sec: 2", "period_sec: 5"),
        ({"restart_sec": 1.0, "log": {"keep": 5}}, "", ""),
        ({"restart_sec": 2, "autostart": False}, "_sec: 3\n", "_sec: 3\n    restart_sec: 2\n    autostart: false\n"),
        ({"log": {"keep": 7, "max_bytes": "10MB"}}, "_sec: 3\n", "_sec: 3\n    log:\n      keep: 7\n"),
        (
            {"liveness_probe": {"tcp": {"port": 80}, "period_sec": 2}},
            '      http: {url: "http://127.0.0.1/"}\n      period_sec: 2   # often\n      # timeout_sec: 3\n',
            "      period_sec: 2   # often\n      # timeout_sec: 3\n      tcp:\n        port: 80\n",
        ),
    ],
)
def test_only_the_characters_of_the_change_differ(path: Path, change: dict[str, Any], old: str, new: str) -> None:
    values = {**WEB, **change}
    if change.get("requires") == ["job"]:
        path.write_bytes(SAMPLE.replace(', after: [web, "db"]', "").encode())
    before = text_of(path)
    assert before.count(old) == 1 or not old
    save_service(path, "web", values, "web")
    assert text_of(path) == before.replace(old, new, 1)


@pytest.mark.parametrize(
    ("keys", "value", "stood", "old", "new"),
    [
        (("liveness_probe", "period_sec"), 5, 2, "period_sec: 2", "period_sec: 5"),
        (("liveness_probe", "period_sec"), None, 2, "      period_sec: 2   # often\n", ""),
        (("restart_sec",), 2.5, None, "_sec: 3\n", "_sec: 3\n    restart_sec: 2.5\n"),
    ],
)
def test_a_single_option_is_set_and_what_stood_is_told(
    path: Path, keys: tuple[str, ...], value: object, stood: object, old: str, new: str
) -> None:
    assert set_option(path, "web", keys, value, load(path)) == stood
    assert text_of(path) == SAMPLE.replace(old, new, 1)


def test_an_option_that_would_be_wrong_is_refused(path: Path) -> None:
    with pytest.raises(SettingsError):
        set_option(path, "web", ("liveness_probe", "period_sec"), -1)
    assert text_of(path) == SAMPLE


def test_a_new_service_comes_after_the_last_and_before_what_follows(path: Path) -> None:
    save_service(path, "new", {"command": ["sh", "-c", "a; b"], "memory_max": "1GiB", "env": {"A": "1"}})
    added = '\n  new:\n    command: [sh, -c, "a; b"]\n    memory_max: "1GiB"\n    env:\n      A: "1"\n'
    assert text_of(path) == SAMPLE.replace("  # nobody\n", "  # nobody\n" + added)


def test_a_service_is_removed_with_its_own_comments_alone(path: Path) -> None:
    remove_service(path, "job")
    assert text_of(path) == SAMPLE.replace('  job: {command: y, after: [web, "db"]}\n', "")
    remove_service(path, "web")
    start, end = SAMPLE.index("  web:"), SAMPLE.index("  # the last")
    assert text_of(path) == SAMPLE[:start] + SAMPLE[end:].replace('  job: {command: y, after: [web, "db"]}\n', "")


def test_removing_what_others_need_is_refused_with_their_names(path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        remove_service(path, "db")
    assert refused.value.problems[0].message == "it is needed by web, job"
    assert text_of(path) == SAMPLE


def test_a_renamed_service_takes_its_references_along(path: Path) -> None:
    save_service(path, "data", {"command": "x", "restart_sec": 1.0}, "db")
    expected = SAMPLE.replace("  db: ", "  data: ").replace("- db", "- data").replace('"db"', "data")
    assert text_of(path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "services:\n  a:\n    command: x\n"),
        ("# words", "# words\nservices:\n  a:\n    command: x\n"),
        ("ui: {}\n", "ui: {}\nservices:\n  a:\n    command: x\n"),
        ("services:\nui: {}\n", "services:\n  a:\n    command: x\nui: {}\n"),
        ("services: # mine\n  # b: {}\nui: {}\n", "services: # mine\n  a:\n    command: x\n  # b: {}\nui: {}\n"),
        ("services: {}  # none\nui: {}\n", "services:   # none\n  a:\n    command: x\nui: {}\n"),
        ("services: ~", "services: \n  a:\n    command: x\n"),
        ("services: {b: {command: y}}\n", "services: {b: {command: y}, a: {command: x}}\n"),
        ("{services: {b: {command: y,}}}\n", "{services: {b: {command: y,}, a: {command: x}}}\n"),
        ("{ui: {}}\n", "{ui: {}, services: {a: {command: x}}}\n"),
        ("{services: }\n", "{services: {a: {command: x}} }\n"),
        ("services:\r\n    b: {command: y}\r\n", "services:\r\n    b: {command: y}\r\n    a:\r\n      command: x\r\n"),
        ("services:\n  b: {command: y}", "services:\n  b: {command: y}\n  a:\n    command: x\n"),
        ("---\nservices:\n  b:\n    command: |\n      y\n\nui: {}\n",
         "---\nservices:\n  b:\n    command: |\n      y\n  a:\n    command: x\n\nui: {}\n"),
        ("\ufeffui: {}\n", "\ufeffui: {}\nservices:\n  a:\n    command: x\n"),
    ],
)  # fmt: skip
def test_a_service_is_added_to_every_layout(path: Path, text: str, expected: str) -> None:
    assert saved(path, text, "a", {"command": "x"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services: {a: {command: x}, b: {command: y}, c: {command: z}}",
         "services: {a: {command: x}, c: {command: z}}"),
        ("services: {b: {command: y}, c: {command: z}}\n", "services: {c: {command: z}}\n"),
        ("services: {a: {command: x}, b: {command: y}}\n", "services: {a: {command: x}}\n"),
        ("services: {b: {command: y}}\n", "services: {}\n"),
        ("services:\n  b: {command: y}\n", "services:\n"),
        ("services:\n  b: {command: y}", "services:\n"),
        ("services:\n  b: {command: y}\n    # its own\n  # not its own\n", "services:\n  # not its own\n"),
        ("services:\n  b: {command: y}\n\n\nui: {}\n", "services:\n\n\nui: {}\n"),
    ],
)  # fmt: skip
def test_a_service_is_removed_from_every_layout(path: Path, text: str, expected: str) -> None:
    path.write_bytes(text.encode())
    remove_service(path, "b")
    assert text_of(path) == expected


JSON = """{
\t"services": {
\t\t"b": {"command": ["y"], "env": {"A": "1"}},
\t\t"c": {
\t\t\t"command": "z"
\t\t}
\t}
}
"""


@pytest.mark.parametrize("name", ["aurora.json", "aurora.yaml"])
def test_json_stays_json(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(JSON.encode())
    save_service(path, "c", {"command": "z", "restart": "never"}, "c")
    save_service(path, "b", {"command": ["y"], "env": {"A": "1", "B": "é\u2028"}}, "b")
    expected = JSON.replace('"z"', '"z",\n\t\t\t"restart": "never"').replace('"A": "1"', '"A": "1", "B": "é\u2028"')
    assert text_of(path) == expected
    save_service(path, "a", {"command": ["x"]})
    remove_service(path, "b")
    assert list(load(path).services) == ["c", "a"]
    assert msgspec.json.decode(path.read_bytes())["services"]["a"] == {"command": ["x"]}


@pytest.mark.parametrize("text", ["", "{}", '{"services": {}}', '{"services": null}', '{\n  "ui": {}\n}\n'])
def test_a_service_is_added_to_every_layout_of_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "aurora.json"
    path.write_bytes(text.encode())
    save_service(path, "a", {"command": ["x"]})
    assert msgspec.json.decode(path.read_bytes())["services"] == {"a": {"command": ["x"]}}


@pytest.mark.parametrize(
    "text",
    ["on", "yes", "null", "~", "1", "0x10", "1e3", "017", "1:30", "2001-01-01", ".inf", "y", "-", "- a", "a: b", "a #b",
     "#", "*a", "&a", "!a", "@a", "%a", "`a", "{", "[a]", "<<", "=", "'", '"', " a ", "", "a\nb", "\t", "\x7f", "\x85",
     "\ufeff", "\U0001f600", "a:", "---", "...", "?", "? a", "|", ">", "-.5", "+1", "TRUE", "http://x:80/?a=b#c"],
)  # fmt: skip
def test_every_text_is_written_so_that_it_means_itself(path: Path, text: str) -> None:
    save_service(path, "job", {"command": ["y", text, "z"], "env": {"A": text}, "cwd": text}, "job")
    job = load(path).services["job"]
    assert (list(job.command), job.env, job.cwd) == (["y", text, "z"], {"A": text}, text)


def test_what_the_loader_refuses_is_not_written(path: Path) -> None:
    assert "services.web.comand: unknown key" in refusal(path, "web", {**WEB, "comand": "x"}, "web")
    assert "services.new.command: `command` is missing" in refusal(path, "new", {})
    assert "services.new.requires[0]: there is no service `dbb`" in refusal(
        path, "new", {"command": "x", "requires": ["dbb"]}
    )
    assert "db -> web -> db" in refusal(path, "db", {"command": "x", "requires": ["web"]}, "db")
    assert "reserved" in refusal(path, "aurora", {"command": "x"})
    assert "not of the form" in refusal(path, "a b", {"command": "x"})
    assert "there is a service `db` already" in refusal(path, "db", {"command": "x"})
    assert "there is a service `db` already" in refusal(path, "db", {"command": "x"}, "job")
    assert "there is no service `gone`" in refusal(path, "gone", {"command": "x"}, "gone")
    assert "set cannot be written" in refusal(path, "new", {"command": {"x"}})
    assert "half characters" in refusal(path, "new", {"command": "x", "cwd": "\ud800"})


def test_a_refused_service_has_no_line_since_it_is_nowhere(path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        save_service(path, "new", {"command": "x", "requires": ["dbb"]})
    assert refused.value.problems[0].line is None


def test_a_file_that_is_wrong_already_is_told_with_its_line(path: Path) -> None:
    path.write_text("services: {}\nzzz: 1\n", encoding="utf-8")
    assert ":2: zzz: unknown key" in refusal(path, "new", {"command": "x"})


def test_a_layout_that_cannot_be_edited_is_refused(path: Path) -> None:
    path.write_text("ui: {}\n...\n", encoding="utf-8")
    assert "edit it by hand" in refusal(path, "web", {"command": "x"})


def test_a_change_on_disk_between_read_and_write_is_noticed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(self: Splices) -> str:
        result = finish(self)
        path.write_text("ui: {}\n", encoding="utf-8")
        return result

    finish = Splices.result
    monkeypatch.setattr(Splices, "result", meanwhile)
    with pytest.raises(SettingsError) as refused:
        save_service(path, "new", {"command": "x"})
    assert "changed meanwhile" in refused.value.problems[0].message
    assert text_of(path) == "ui: {}\n"


def test_a_change_based_on_older_settings_is_refused(path: Path) -> None:
    known = load(path)
    path.write_bytes(SAMPLE.replace("command: y", "command: other").encode())
    assert "changed meanwhile" in refusal(path, "job", {"command": "z"}, "job", known)
    save_service(path, "web", {**WEB, "cwd": "x"}, "web", known)
    with pytest.raises(SettingsError):
        remove_service(path, "job", known)


def test_a_full_disk_leaves_the_file_and_no_litter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in refusal(path, "new", {"command": "x"})
    assert os.listdir(path.parent) == ["aurora.yaml"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes and symlinks of POSIX")
def test_mode_and_symlink_stay(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "elsewhere" / "link.yaml"
    link.parent.mkdir()
    link.symlink_to(path)
    save_service(link, "new", {"command": "x"})
    assert link.is_symlink()
    assert "new" in load(path).services
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["aurora.yaml", "elsewhere"]


def test_a_file_that_may_not_be_written_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "may not be written" in refusal(path, "new", {"command": "x"})


def test_the_shipped_settings_can_be_edited(tmp_path: Path) -> None:
    path = tmp_path / "mine" / "aurora.yaml"
    assert create_default(path)
    shipped = text_of(path)
    save_service(path, "new", {"command": "x"})
    remove_service(path, "new")
    assert text_of(path) == shipped
    remove_service(path, "watcher")
    assert check(path) == []


def test_the_first_settings_are_the_shipped_ones_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "aurora.yaml"
    assert create_default(path)
    assert path.read_bytes() == paths.shipped("config/aurora.yaml").read_bytes()
    assert (path.parent / "aurora.schema.json").exists()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("ui: {}\n", encoding="utf-8")
    assert not create_default(path)
    assert text_of(path) == "ui: {}\n"


def test_the_first_gate_file_is_closed_and_opened_by_its_two_flags(tmp_path: Path) -> None:
    path = tmp_path / "operator_enabled.yaml"
    assert create_gate(path)
    assert read_gate(path).reason == "`operator_enabled` is false in the gate file"
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text(text_of(path).replace("operator_enabled: false", "operator_enabled: true"), encoding="utf-8")
    assert read_gate(path).reason == "`features.control_mouse_keyboard` is false in the gate file"
    path.write_text(text_of(path).replace("keyboard: false", "keyboard: true"), encoding="utf-8")
    assert read_gate(path).is_open


def test_a_gate_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "operator_enabled.yaml"
    path.write_text("operator_enabled: true\n", encoding="utf-8")
    assert not create_gate(path)
    assert text_of(path) == "operator_enabled: true\n"


# --- channels of alerts -------------------------------------------------------------------------------------------

HOOK: dict[str, object] = {"url": "jsons://example.com/hook"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "services: {}  # none\n",
            "services: {}  # none\nalerts:\n  channels:\n    ops:\n      url: jsons://example.com/hook\n",
            id="no alerts yet",
        ),
        pytest.param(
            "alerts:\n  retries: 2  # few\nservices: {}\n",
            "alerts:\n  retries: 2  # few\n  channels:\n    ops:\n      url: jsons://example.com/hook\nservices: {}\n",
            id="alerts without channels",
        ),
        pytest.param(
            "alerts:\n  channels:\n    # mail\n    me: {secret: mail}\n",
            "alerts:\n  channels:\n    # mail\n    me: {secret: mail}\n    ops:\n      url: jsons://example.com/hook\n",
            id="beside another",
        ),
        pytest.param(
            "alerts: {retries: 2}\n",
            "alerts: {retries: 2, channels: {ops: {url: jsons://example.com/hook}}}\n",
            id="in braces",
        ),
        pytest.param(
            '{"services": {}}\n',
            '{"services": {}, "alerts": {\n  "channels": {\n    "ops": {\n'
            '      "url": "jsons://example.com/hook"\n    }\n  }\n}}\n',
            id="JSON",
        ),
        pytest.param("", "alerts:\n  channels:\n    ops:\n      url: jsons://example.com/hook\n", id="an empty file"),
    ],
)
def test_a_channel_is_added_where_it_belongs_and_taken_out_again(path: Path, before: str, after: str) -> None:
    path.write_text(before)
    add_channel(path, "ops", HOOK)
    assert text_of(path) == after
    channels = load(path).alerts.channels
    assert channels["ops"].url == HOOK["url"]
    remove_channel(path, "ops", channels["ops"])
    assert "ops" not in load(path).alerts.channels


def test_a_channel_that_is_there_or_is_none_is_refused(path: Path) -> None:
    add_channel(path, "ops", HOOK)
    before = text_of(path)
    for name, values, words in (
        ("ops", HOOK, "there is a channel `ops` already"),
        ("two", {}, "expected exactly one of `url` and `secret`"),
        ("a b", HOOK, "alerts.channels"),
    ):
        with pytest.raises(SettingsError, match=words):
            add_channel(path, name, values)
    with pytest.raises(SettingsError, match="there is no channel `other`"):
        remove_channel(path, "other")
    other = msgspec.structs.replace(load(path).alerts.channels["ops"], url="jsons://example.org/")
    with pytest.raises(SettingsError, match="changed meanwhile"):
        remove_channel(path, "ops", other)
    assert text_of(path) == before
