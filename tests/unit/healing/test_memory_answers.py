"""Questions in words become queries; finds become sentences."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.healing.memory.answers import answer, moment, span
from aurora_desktop.healing.memory.question import MAX_WORDS, names_of, question
from aurora_desktop.healing.view import FailureGroup

NOW = time.mktime((2026, 5, 3, 14, 2, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("asked", "things"),
    [
        ("show me past fixes for port conflict errors", ["port conflict"]),
        ("EADDRINUSE", ["port conflict"]),
        ("why was the disk full on db?", ["disk full", "db"]),
        ("connections refused", ["refused connection"]),
        ("ModuleNotFoundError", ["missing python module"]),
        ("out_of_memory", ["out of memory"]),
        ("no module named requests", ["missing python module", "requests"]),
        ("missing imports", ["no module named"]),
        ("how did we fix all of the errors", []),
        ("", []),
    ],
)
def test_filler_is_left_out_and_each_thing_has_all_its_names(asked: str, things: list[str]) -> None:
    queries = question(asked)
    assert len(queries) == len(things)
    assert all(f'"{thing}"' in query for thing, query in zip(things, queries, strict=True))


@given(st.text(max_size=300))
def test_a_query_is_made_of_quoted_words_alone(asked: str) -> None:
    queries = question(asked)
    assert len(queries) <= MAX_WORDS
    for query in queries:
        outside = "".join(query.split('"')[::2])
        assert set(outside.replace(" OR ", "")) <= set("()*")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("bind: Address already in use", "port_conflict"),
        ("[Errno 28] No space left on device", "disk_full"),
        ("Error: Cannot find module 'x'", "missing_npm_package"),
        ("ImportError: No module named x", "missing_python_module"),
        ("ImportError: cannot import name 'x'", "missing_import"),
        ("ImportError: cannot import name 'x' from partially initialized module 'y'", "circular_import"),
        ("all is strange", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_message_names_its_kind(message: str, kind: str) -> None:
    assert names_of(message) == kind


def group(**fields: object) -> FailureGroup:
    given = {"signature": "s", "kind": "k", "sentence": "s", "count": 1, "first_at": NOW - 60, "last_at": NOW - 60}
    return FailureGroup(**{**given, "components": ("service:web",), **fields})  # type: ignore[arg-type]  # by test


def test_the_answer_says_when_where_what_was_tried_what_worked_how_often_and_how_long() -> None:
    first = group(
        count=4, first_at=NOW - 40 * 86_400, worked={"a": 3}, failed={"a": 1, "b": 2}, median_downtime_s=2.0,
        components=("service:web", "agent:x", "aurora", "service:y"),
    )  # fmt: skip
    second = group(count=1, worked={"c": 1}, median_downtime_s=300.0)
    assert answer("port", [first, second], 5, NOW) == (
        "Seen 5 times, in 2 different ways, on web, x, aurora and 1 more:"
        " first on 24 March at 14:02, last today at 14:01."
        " c worked; a worked 3 of 4 times; b never worked in 2. It took 2.0 s to be well again (median)."
    )


def test_one_failure_that_nothing_was_done_about() -> None:
    assert answer("x", [group()], 1, NOW) == "Seen once, on web: last today at 14:01. No remedy was tried."


def test_a_long_question_is_repeated_in_short() -> None:
    assert answer("x" * 1000, [], 0, NOW) == f"Nothing like “{'x' * 80}…” is remembered."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (61, "1 min"), (3600, "1 h"), (7500, "2 h 5 min"), (300_000, "3 d")],
)
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_moments() -> None:
    assert moment(NOW, NOW) == "today at 14:02"
    assert moment(NOW - 86_400, NOW) == "on 2 May at 14:02"
    assert moment(NOW - 366 * 86_400, NOW) == "on 2 May 2025"
    assert moment(1e300, NOW) == "at an unknown time"
