"""Numbers and times in words."""

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
