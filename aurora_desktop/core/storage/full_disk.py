"""Is there no more room? Told alike, whoever finds out: the file system or SQLite."""

import errno

import apsw

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: BaseException) -> bool:
    """Whether the disk, a quota or the largest size of a file is the reason."""
    return isinstance(error, apsw.FullError) or (isinstance(error, OSError) and error.errno in _FULL)


def words(error: BaseException) -> str:
    """What failed, without the numbers and paths of Python's own text."""
    if is_full(error):
        return "the disk is full"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
