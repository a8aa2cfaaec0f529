"""Numbers and times in words."""

from datetime import datetime

import pytest

from aurora_desktop.ui import phrases

from .fakes import a_mix


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, phrases.NONE), (0, "0 B"), (999, "999 B"),
        (84_000_000, "84 MB"), (999_600_000, "1.0 GB"), (3 * 10**12, "3.0 TB"),
    ],
)  # fmt: skip
def test_sizes(count, words):
    assert phrases.size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, phrases.NONE), (0.4, "0.4 s"), (0, "0 s"), (59.9, "59 s"),
        (312, "5 min 12 s"), (3600, "1 h"), (302400, "3 d 12 h"),
    ],
)  # fmt: skip
def test_durations_have_their_two_largest_units(seconds, words):
    assert phrases.duration(seconds) == words


def test_counts_name_every_state_that_occurs():
    words = phrases.counts(a_mix())
    assert words.startswith("10 services: ")
    assert "3 ready" in words
    assert "1 failed" in words
    assert phrases.counts(()) == ""


def test_backticks_become_quotation_marks():
    assert phrases.quoted("set `restart` of web") == "set \u201crestart\u201d of web"


def test_no_checks_yet_is_said():
    assert phrases.checks(()) == "no checks yet"


def test_what_happened_again_says_since_when():
    noon = datetime(2026, 11, 27, 12, 0).timestamp()
    assert phrases.times(1, noon, noon) == ""
    assert phrases.times(5, noon - 3600, noon) == "5 times since 11:00"
    assert phrases.times(5, noon - 86400, noon) == "5 times since Nov 26, 12:00"


@pytest.mark.parametrize(
    ("due_in", "words"),
    [(5, "any moment"), (600, "in 10 min, at 12:10"), (90_000, "in 1 d 1 h, on Nov 28 at 13:00")],
)
def test_what_is_ahead_says_when(due_in, words):
    noon = datetime(2026, 11, 27, 12, 0).timestamp()
    assert phrases.ahead(noon + due_in, noon) == words


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("port_conflict", "Port conflict"),
        ("cors", "CORS"),
        ("missing_python_module", "Missing Python module"),
        ("", ""),
    ],
)
def test_short_names_as_words(key, words):
    assert phrases.named(key) == words


@pytest.mark.parametrize(
    ("name", "words"), [("service:web", "web"), ("agent:claude", "agent claude"), ("machine", "machine")]
)
def test_components_by_name(name, words):
    assert phrases.component(name) == words
