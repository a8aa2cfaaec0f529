"""What a tool of Claude Code is about to do, in words and as a diff."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.tasks.adapters import claude_tools


@pytest.mark.parametrize(
    ("tool", "given_input", "summary"),
    [
        ("Bash", {"command": "make\n  test"}, "make test"),
        ("Read", {"file_path": "/work/src/a.py"}, "src/a.py"),
        ("Read", {"file_path": "/etc/hosts"}, "/etc/hosts"),
        ("Read", {"file_path": "/workshop/a"}, "/workshop/a"),
        ("Grep", {"pattern": "TODO", "path": "x"}, "TODO"),
        ("WebFetch", {"url": "https://example.org/", "prompt": "p"}, "https://example.org/"),
        ("Agent", {"description": "look around", "prompt": "long"}, "look around"),
        ("AskUserQuestion", {"questions": [{"question": "Which?"}, {"question": "When?"}]}, "Which?; When?"),
        ("mcp__notes__add", {"text": "buy milk"}, '{"text":"buy milk"}'),
        ("Bash", {"command": 7}, '{"command":7}'),
        ("TaskList", {}, ""),
    ],
)
def test_a_tool_is_summed_up_in_one_line(tool: str, given_input: dict[str, Any], summary: str) -> None:
    assert claude_tools.summary(tool, given_input, "/work") == summary


def test_a_long_command_is_cut_in_its_summary_and_whole_in_its_detail() -> None:
    command = "echo " + "x" * 1000

    assert len(claude_tools.summary("Bash", {"command": command}, "/work")) == 200
    assert claude_tools.detail("Bash", {"command": command}, "/work") == command


def test_a_detail_has_an_end() -> None:
    detail = claude_tools.detail("Bash", {"command": "x" * 30_000}, "/work")

    assert detail.startswith("x" * 19_900)
    assert detail.endswith("10,100 characters more")
    assert len(detail) <= 20_000, "what is left out is told in a question, too"


def test_an_edit_is_shown_with_the_lines_around_it() -> None:
    edit = {"file_path": "/work/a", "old_string": "one\ntwo\nthree", "new_string": "one\n2\nthree"}

    assert claude_tools.diff("Edit", edit, "/work").splitlines() == [
        "--- a",
        "+++ a",
        "@@ -1,3 +1,3 @@",
        " one",
        "-two",
        "+2",
        " three",
    ]


def test_an_edit_too_long_to_compare_is_shown_as_all_gone_and_all_new() -> None:
    old, new = "\n".join(map(str, range(1500))), "\n".join(map(str, range(1, 1501)))

    lines = claude_tools.diff("Edit", {"file_path": "a", "old_string": old, "new_string": new}, "/work").splitlines()

    assert lines[2:5] == ["@@ -1,1500 +1,1500 @@", "-0", "-1"]


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_diff_holds_both_texts(old: str, new: str) -> None:
    edit = {"file_path": "a", "old_string": old, "new_string": new}

    body = claude_tools.diff("Edit", edit, "/work").split("\n")[2:]

    lines = [line for line in body if not line.startswith("@@")]
    if old != new and old:
        assert [line[1:] for line in lines if line[0] in " -"] == old.splitlines()
        assert [line[1:] for line in lines if line[0] in " +"] == new.splitlines()
