"""How what agents tell is put into words."""

import pytest

from aurora_desktop.tasks.adapters.adapter import Exit
from aurora_desktop.tasks.adapters.texts import cut, how_it_ended, one_line, readable, text_diff


def test_a_line_has_no_ends_of_lines_and_a_limit() -> None:
    assert one_line("a\n\tb  c") == "a b c"
    assert one_line("x" * 1_000_000, 5) == "xxxx…"


def test_what_is_cut_says_how_much() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcdef", 3) == "abc\n… 3 characters more"


@pytest.mark.parametrize(("value", "text"), [(None, ""), ({}, ""), ("a", "a"), ({"a": 1}, '{\n  "a": 1\n}'), (0, "0")])
def test_a_value_is_readable(value: object, text: str) -> None:
    assert readable(value) == text


def test_a_value_that_cannot_be_written_is_said_to_be_so() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    assert readable(deep) == "(too deeply nested to be shown)"


def test_a_diff_is_unified() -> None:
    assert text_diff("/f", "a\nb\n", "a\nc\n") == "--- /f\n+++ /f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    assert text_diff("/f", None, "a\n") == "--- /dev/null\n+++ /f\n@@ -0,0 +1,1 @@\n+a\n"


def test_texts_that_take_long_to_compare_are_shown_whole() -> None:
    diff = text_diff("/f", "a\n" * 1_001, "b\n" * 1_001)

    assert diff.count("\n-a") == diff.count("\n+b") == 1_001
    assert "+++ /dev/null" in diff


def test_an_end_is_told_with_the_last_of_its_errors() -> None:
    assert how_it_ended(Exit(code=3)) == "ended with exit code 3"
    assert how_it_ended(Exit(signal="SIGKILL", stderr_tail="first\nlast\n")) == "was killed by SIGKILL (last)"
