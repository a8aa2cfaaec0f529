"""A full disk is told alike, whoever finds it full."""

import errno
import os

import apsw
import pytest

from aurora_desktop.core.storage.full_disk import is_full, words


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_without_room_is_called_full(number: int) -> None:
    error = OSError(number, os.strerror(number), "/somewhere/journal.db")
    assert (is_full(error), words(error)) == (True, "the disk is full")


def test_sqlite_says_the_same() -> None:
    error = apsw.FullError("database or disk is full")
    assert (is_full(error), words(error)) == (True, "the disk is full")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/somewhere"), "Permission denied"),
        (apsw.IOError("disk I/O error"), "disk I/O error"),
        (TimeoutError("the disk does not keep up"), "the disk does not keep up"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_everything_else_is_told_in_its_own_words(error: Exception, said: str) -> None:
    assert (is_full(error), words(error)) == (False, said)
