"""Whether a result can be one."""

from functools import partial

import pytest

from aurora_desktop.healing.remedies import matcher
from aurora_desktop.tasks.task import Expectation
from aurora_desktop.tasks.worker.sanity import is_only_error, what_is_wrong

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    boom()\nValueError: boom'


@pytest.mark.parametrize(
    "text",
    [
        "Error: no such model",
        "error: unknown option '--foo'\n",
        "ERROR: it failed\nError: it failed again",
        "API Error: 529 overloaded",
        'API Error: 401 {"type":"error","error":{"type":"authentication_error"}}',
        "Error (529): overloaded",
        "HTTP 503 Service Unavailable",
        "HTTP/1.1 429 Too Many Requests",
        "502 Bad Gateway",
        "fatal: not a git repository",
        "command not found",
        "Internal error: x",
        TRACEBACK,
        f"{TRACEBACK}\n\n{TRACEBACK}",
        "requests.exceptions.ConnectionError: refused",
        '{"error": {"message": "overloaded"}}',
        '{"type": "error", "error": {}}',
        "<!DOCTYPE html><html><head><title>503 Service Temporarily Unavailable</title></head></html>",
    ],
)
def test_error_texts_are_recognized(text: str) -> None:
    assert is_only_error(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Done.",
        "I fixed the error: the index was off by one.",
        "Error: the file was missing.\nI have created it, and all tests pass now.",
        f"The test fails with:\n{TRACEBACK}",
        "Errors are handled in errors.py.",
        "Error handling was added.",
        "404 tests pass.",
        "500 files were renamed",
        '{"errors": 0, "ok": true}',
        '{"ok": true, "error": null}',
        "<html><head><title>My page</title></head></html>",
        "killed two bugs",
    ],
)
def test_results_that_speak_of_errors_are_none(text: str) -> None:
    assert not is_only_error(text)


@pytest.mark.parametrize("text", ["." * 1_000_000, "." * 1_000_000 + "Error", "<html>" + "<title>" * 100_000])
def test_a_line_without_an_end_is_judged_by_its_beginning(text: str) -> None:
    assert not is_only_error(text)


@pytest.mark.parametrize(
    ("result", "expect", "files", "wrong"),
    [
        ("done", Expectation(), {}, ""),
        (" \n", Expectation(), {}, "its result is empty"),
        ("Error: x\n", Expectation(), {}, "its result is only an error: Error: x"),
        ("done", Expectation(files=("a", "b")), {"a": "", "b": "is not there"}, "the expected file b is not there"),
        ("APPROVED", Expectation(pattern="^APPROVED"), {}, ""),
        ("no", Expectation(pattern="^yes"), {}, "its result does not match the expected pattern `^yes`"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    result: str, expect: Expectation, files: dict[str, str], wrong: str
) -> None:
    assert what_is_wrong(result, expect, files) == wrong


def test_a_pattern_that_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    quickly = partial(matcher.search_blocking, patience_s=0.5)
    monkeypatch.setattr(matcher, "search_blocking", quickly)
    wrong = what_is_wrong("a" * 60 + "!", Expectation(pattern="(a+)+$"), {})
    assert wrong == "it takes too long to search its result for the expected pattern `(a+)+$`"
