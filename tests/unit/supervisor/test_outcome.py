"""How a process ended, in words."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.supervisor.outcome import Outcome, format_bytes, format_duration

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0 after 2.1 s"),
        (3, "exited with code 3 after 2.1 s"),
        (-9, "killed by SIGKILL after 2.1 s"),
        (-15, "killed by SIGTERM after 2.1 s"),
        (-250, "killed by signal 250 after 2.1 s"),
        (None, "ended after 2.1 s (exit status unknown: it was adopted)"),
    ],
)
def test_an_end_is_told_in_words(code: int | None, words: str) -> None:
    assert Outcome.from_returncode(code, 2.1).words() == words


@pytest.mark.parametrize(
    ("code", "is_success", "is_unknown"),
    [(0, True, False), (1, False, False), (-9, False, False), (None, False, True)],
)
def test_only_a_known_zero_is_a_success(code: int | None, is_success: bool, is_unknown: bool) -> None:
    outcome = Outcome.from_returncode(code, 1.0)
    assert (outcome.is_success, outcome.is_unknown) == (is_success, is_unknown)


def test_no_signal_has_no_name() -> None:
    assert Outcome(exit_code=1).signal_name is None


@given(st.one_of(st.none(), st.integers(-300, 300)), FINITE)
def test_any_end_can_be_told(code: int | None, uptime_s: float) -> None:
    outcome = Outcome.from_returncode(code, uptime_s)
    assert "after" in outcome.words()
    assert (outcome.exit_code is None) or (outcome.signal is None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1.0, "0.0 s"),
        (0.0, "0.0 s"),
        (0.34, "0.3 s"),
        (9.94, "9.9 s"),
        (12.0, "12 s"),
        (60.0, "1 min"),
        (250.0, "4 min 10 s"),
        (3600.0, "1 h"),
        (11100.0, "3 h 5 min"),
        (86400.0, "1 d"),
        (187200.0, "2 d 4 h"),
    ],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def seconds_of(words: str) -> float:
    sizes = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    return sum(float(number) * sizes[unit] for number, unit in re.findall(r"([\d.]+) (s|min|h|d)", words))


@given(st.floats(0, 1e9))
def test_a_duration_in_words_is_near_the_truth(seconds: float) -> None:
    told = seconds_of(format_duration(seconds))
    step = 0.06 if seconds < 10 else 1 if seconds < 3600 else 60 if seconds < 86400 else 3600
    assert abs(told - seconds) <= step


@given(FINITE)
def test_any_duration_can_be_told(seconds: float) -> None:
    assert re.fullmatch(r"[\d.]+ (s|min|h|d)( \d+ (s|min|h))?", format_duration(seconds))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (3_400_000, "3.4 MB"),
        (512_000_000, "512 MB"),
        (1_200_000_000, "1.2 GB"),
        (123_456_000_000, "123 GB"),
    ],
)
def test_a_size_in_words(size: float, words: str) -> None:
    assert format_bytes(size) == words


@given(st.floats(0, 1e15))
def test_a_size_in_words_is_near_the_truth(size: float) -> None:
    number, unit = format_bytes(size).split()
    told = float(number) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]
    assert math.isclose(told, size, rel_tol=0.06, abs_tol=0.5)


@given(FINITE)
def test_any_size_can_be_told(size: float) -> None:
    assert format_bytes(size).split()[1] in ("B", "kB", "MB", "GB")


@pytest.mark.parametrize("seconds", [59.7, 9.96])
def test_a_duration_is_rounded_within_its_unit(seconds: float) -> None:
    assert format_duration(seconds) not in ("60 s", "10.0 s")


@pytest.mark.parametrize("size", [999_600, 999_600_000, 999.7])
def test_a_size_is_rounded_within_its_unit(size: float) -> None:
    assert not format_bytes(size).startswith("1000 ")
