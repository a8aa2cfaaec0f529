"""The outer gate opens for two plain `true` and for nothing else."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.safety.gate import MAX_BYTES, GateFile, read_gate

GOOD = "operator_enabled: true\nfeatures:\n  control_mouse_keyboard: true\n"
FULL = GOOD + "  future_feature: 7\noperator:\n  authorized_by: Ada\n  authorization_date: 2026-01-02\n  notes: yes\n"
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n" + GOOD

CLOSED = {
    "empty": "",
    "comments alone": "# nothing\n",
    "a list": "[operator_enabled, true]",
    "a word": "true",
    "not YAML": "operator_enabled: true\n\tfeatures: [",
    "not enabled": GOOD.replace("operator_enabled: true", "operator_enabled: false"),
    "no feature": GOOD.replace("keyboard: true", "keyboard: false"),
    "no flag": "features: {control_mouse_keyboard: true}",
    "no features": "operator_enabled: true",
    "features a list": "operator_enabled: true\nfeatures: [control_mouse_keyboard]",
    "features true": "operator_enabled: true\nfeatures: true",
    "a string": GOOD.replace("operator_enabled: true", "operator_enabled: 'true'"),
    "a string feature": GOOD.replace("keyboard: true", 'keyboard: "true"'),
    "yes": GOOD.replace("keyboard: true", "keyboard: yes"),
    "one": GOOD.replace("keyboard: true", "keyboard: 1"),
    "null": GOOD.replace("keyboard: true", "keyboard: null"),
    "a list of true": GOOD.replace("keyboard: true", "keyboard: [true]"),
    "duplicate flag": "operator_enabled: false\n" + GOOD,
    "duplicate feature": GOOD + "  control_mouse_keyboard: true\n",
    "flag in the wrong place": "operator_enabled: true\ncontrol_mouse_keyboard: true\n",
    "alias bomb": BOMB,
    "an anchor": GOOD.replace("keyboard: true", "keyboard: &x true"),
    "a tag": GOOD.replace("keyboard: true", "keyboard: !!bool true"),
    "a merge key": "<<: {operator_enabled: true}\nfeatures: {control_mouse_keyboard: true}",
    "two documents": GOOD + "---\n" + GOOD,
    "deep nesting": GOOD + "deep: " + "[" * 1000 + "]" * 1000,
    "too big": GOOD + "# " + "x" * MAX_BYTES,
    "a NUL": GOOD + "\0",
    "JSON with a string": '{"operator_enabled": "true", "features": {"control_mouse_keyboard": true}}',
    "JSON with a duplicate": '{"operator_enabled": true, "operator_enabled": true, '
    '"features": {"control_mouse_keyboard": true}}',
}


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "operator_enabled.yaml"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        FULL,
        GOOD.replace("true", "True"),
        '{"operator_enabled": true, "features": {"control_mouse_keyboard": true}}',
        '{\n\t"operator_enabled": true,\n\t"features": {"control_mouse_keyboard": true}\n}',
    ],
)
def test_two_plain_true_open_it(gate: Path, text: str) -> None:
    gate.write_text(text)
    assert read_gate(gate).is_open


@pytest.mark.parametrize("what", CLOSED)
def test_everything_else_keeps_it_closed_and_says_why(gate: Path, what: str) -> None:
    gate.write_text(CLOSED[what])
    reading = read_gate(gate)
    assert not reading.is_open
    assert reading.reason
    assert reading.hint


@pytest.mark.parametrize("content", [b"\xff\xfe" + GOOD.encode("utf-16-le"), GOOD.encode() + b"\xff", bytes(100)])
def test_bytes_that_are_no_text_keep_it_closed(gate: Path, content: bytes) -> None:
    gate.write_bytes(content)
    assert not read_gate(gate).is_open


def test_a_missing_file_keeps_it_closed_and_the_hint_says_what_to_write(gate: Path) -> None:
    reading = read_gate(gate)
    assert not reading.is_open
    assert reading.reason == "there is no gate file"
    assert "operator_enabled: true" in reading.hint
    assert str(gate) in reading.hint


def test_a_folder_a_dangling_link_and_a_bad_name_keep_it_closed(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    for path in (tmp_path, link, tmp_path / "a\0b", tmp_path / ("x" * 300)):
        assert not read_gate(path).is_open


@pytest.mark.skipif(sys.platform == "win32", reason="no such file there")
def test_a_pipe_keeps_it_closed_and_holds_up_nobody(gate: Path) -> None:
    os.mkfifo(gate)
    assert "not an ordinary file" in read_gate(gate).reason


@pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")
def test_a_file_that_everybody_may_write_keeps_it_closed(gate: Path) -> None:
    gate.write_text(GOOD)
    gate.chmod(0o666)
    reading = read_gate(gate)
    assert not reading.is_open
    assert reading.hint == f"chmod o-w {gate}"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_keeps_it_closed(gate: Path) -> None:
    gate.write_text(GOOD)
    os.chown(gate, 12345, 12345)
    assert "another user" in read_gate(gate).reason


@given(place=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_one_other_byte_never_opens_a_closed_file(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    gate = tmp_path_factory.mktemp("gate") / "gate.yaml"
    content = bytearray(GOOD.replace("keyboard: true", "keyboard: nope").encode())
    content[place] = byte
    gate.write_bytes(content)
    assert not read_gate(gate).is_open


@given(st.binary(max_size=400))
def test_no_bytes_at_all_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    gate = tmp_path_factory.mktemp("gate") / "gate.yaml"
    gate.write_bytes(content)
    assert not read_gate(gate).is_open


def _age(path: Path) -> None:
    """As if written an hour ago, as far as a program can."""
    old = path.stat().st_mtime - 3600
    os.utime(path, (old, old))


def test_a_change_of_the_same_size_and_time_is_seen(gate: Path) -> None:
    gate.write_text(GOOD + "# x\n")
    _age(gate)
    file = GateFile(gate)
    before = gate.stat()
    assert file.current().is_open
    gate.write_text(
        GOOD.replace("keyboard: true", "keyboard: True").replace("enabled: true", "enabled: nope") + "# x\n"
    )
    os.utime(gate, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert gate.stat().st_size == before.st_size
    assert not file.current().is_open


def test_closing_removing_and_opening_again_are_seen_at_once(gate: Path) -> None:
    file = GateFile(gate)
    assert not file.current().is_open
    gate.write_text(GOOD)
    assert file.current().is_open
    gate.write_text(GOOD.replace("true", "false"))
    assert not file.current().is_open
    fresh = gate.with_suffix(".new")
    fresh.write_text(GOOD)
    fresh.replace(gate)
    assert file.current().is_open
    gate.unlink()
    assert not file.current().is_open
