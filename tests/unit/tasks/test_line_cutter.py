"""Cutting a stream into lines: the same lines however the stream arrives, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.tasks.worker.lines import LineCutter

PIECES = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\r", b"defgh", b"\xff", b""]), max_size=40)


def _cut(pieces: list[bytes], most: int) -> list[bytes]:
    cutter = LineCutter(most)
    return [line for piece in pieces for line in cutter.feed(piece)] + cutter.flush()


@given(PIECES)
def test_lines_are_those_of_the_whole_however_it_arrives(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)

    expected = whole.split(b"\n")
    last = expected.pop()

    assert _cut(pieces, 1000) == [line.removesuffix(b"\r") for line in [*expected, *([last] if last else [])]]


@given(PIECES, st.integers(1, 6))
def test_a_long_line_is_its_first_part_however_it_arrives(pieces: list[bytes], most: int) -> None:
    lines = _cut(pieces, most)

    assert lines == _cut([b"".join(pieces)], most)
    assert all(len(line) <= most for line in lines)


def test_cut_lines_are_counted() -> None:
    cutter = LineCutter(3)

    assert cutter.feed(b"abcdef\nxy\nuvwxyz") == [b"abc", b"xy", b"uvw"]
    assert cutter.cut_lines == 2
    assert cutter.flush() == []
