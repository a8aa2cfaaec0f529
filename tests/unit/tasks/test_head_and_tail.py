"""A file that keeps the first and the newest half of what is written to it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.tasks.worker.kept import HeadAndTail


@given(st.lists(st.binary(max_size=30), max_size=30), st.integers(4, 100))
def test_head_and_tail_are_kept_in_bounded_space(
    tmp_path_factory: pytest.TempPathFactory, writes: list[bytes], most: int
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    kept = HeadAndTail(folder / "out", most)
    for data in writes:
        kept.write(data)
        assert sum(entry.stat().st_size for entry in folder.iterdir()) <= most
    kept.close()

    whole, found = b"".join(writes), (folder / "out").read_bytes()
    half = (most + 1) // 2
    assert os.listdir(folder) == ["out"]
    assert found[:half] == whole[:half]
    assert whole.endswith(found[half:])
    assert kept.dropped == len(whole) - len(found)
    assert len(found) == len(whole) or len(found) >= half + (most - half) // 2 - 1


def test_what_fits_is_kept_byte_for_byte(tmp_path: Path) -> None:
    kept = HeadAndTail(tmp_path / "out", 100)
    for number in range(20):
        kept.write(b"%05d" % number)
    kept.close()

    assert (tmp_path / "out").read_bytes() == b"".join(b"%05d" % number for number in range(20))
    assert kept.dropped == 0


def test_a_folder_that_takes_nothing_is_told_and_ends_nothing(tmp_path: Path) -> None:
    kept = HeadAndTail(tmp_path / "none" / "out", 100)
    kept.write(b"abc")
    kept.close()

    assert kept.trouble == "out cannot be made: No such file or directory"
    assert (kept.total, kept.dropped) == (3, 3)


def test_what_is_written_after_the_end_is_not_kept(tmp_path: Path) -> None:
    kept = HeadAndTail(tmp_path / "out", 100)
    kept.write(b"abc")
    kept.close()
    kept.write(b"def")
    kept.close()

    assert (tmp_path / "out").read_bytes() == b"abc"
