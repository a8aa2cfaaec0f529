"""The ends of logs: the last lines as they are, whatever the bytes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.storage.rotation import read_from, tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "test.log"


def test_tail_gives_the_last_lines_in_order(log: Path) -> None:
    log.write_text("one\ntwo\r\nthree\nfour")
    assert tail(log, 3) == ("two", "three", "four")
    assert tail(log, 10) == ("one", "two", "three", "four")
    assert tail(log, 0) == ()


def test_tail_of_nothing_is_empty(log: Path) -> None:
    assert tail(log, 5) == ()
    log.touch()
    assert tail(log, 5) == ()


def test_tail_reads_no_more_than_it_may_and_shows_no_half_line(log: Path) -> None:
    log.write_text("first line\nsecond\nthird\n")
    assert tail(log, 5, max_bytes=15) == ("second", "third")
    assert tail(log, 5, max_bytes=13) == ("second", "third")
    assert tail(log, 5, max_bytes=12) == ("third",)


def test_tail_replaces_invalid_bytes_and_cuts_long_lines(log: Path) -> None:
    log.write_bytes(b"\xff\xfe ok\n" + b"y" * 1500 + b"\n")
    assert tail(log, 2) == ("\ufffd\ufffd ok", "y" * 1000 + "… (500 more characters)")


def test_tail_of_one_endless_line_shows_its_end(log: Path) -> None:
    log.write_bytes(b"x" * 100_000 + b"the end")
    (line,) = tail(log, 3, max_bytes=100)
    assert line.endswith("the end")


@given(content=st.binary(max_size=400), lines=st.integers(1, 8), most=st.integers(1, 400))
def test_tail_is_always_the_end_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, lines: int, most: int
) -> None:
    log = tmp_path_factory.mktemp("tail") / "test.log"
    log.write_bytes(content)
    found = tail(log, lines, most)
    assert len(found) <= lines
    whole = [line.removesuffix("\r") for line in content.decode("utf-8", "replace").removesuffix("\n").split("\n")]
    expected = tuple(whole[-len(found) :]) if found else ()
    assert found[1:] == expected[1:]
    assert bool(found) == bool(content)


@given(content=st.text(max_size=200), most=st.integers(1, 50), split=st.integers(0, 400))
def test_a_follower_reads_every_character_once(
    tmp_path_factory: pytest.TempPathFactory, content: str, most: int, split: int
) -> None:
    log = tmp_path_factory.mktemp("follow") / "test.log"
    data = content.encode()
    seen, offset = "", 0
    for part in (data[:split], data[split:]):
        with log.open("ab") as file:
            file.write(part)
        while (answer := read_from(log, offset, most))[1] != offset:
            text, offset = answer
            seen += text
    assert (seen, offset) == (content, len(data))


def test_a_follower_starts_over_when_the_log_was_emptied(log: Path) -> None:
    log.write_text("a long first part")
    _, offset = read_from(log, 0, 1000)
    log.write_text("anew")
    assert read_from(log, offset, 1000) == ("anew", 4)


def test_a_follower_of_a_missing_file_waits(log: Path) -> None:
    assert read_from(log, 5, 1000) == ("", 0)


def test_a_follower_replaces_bytes_that_never_become_a_character(log: Path) -> None:
    log.write_bytes(b"a\xc3(b")
    assert read_from(log, 0, 1000) == ("a\ufffd(b", 4)
