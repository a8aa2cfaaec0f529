"""The files of one audit log, oldest first, and their lines, read one by one in constant memory."""

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from aurora_desktop.core.storage.rotation import archives
from aurora_desktop.input.audit.chain import MAX_LINE_BYTES, link_of

_UNPACKING = (EOFError, zlib.error)


def log_files(path: Path) -> list[Path]:
    """The archives and the log itself, oldest first; those that are there."""
    live = [path] if os.path.lexists(path) else []
    return [*archives(path), *live]


def lines(path: Path) -> Iterator[bytes]:
    """Every line with its newline; one of over MAX_LINE_BYTES comes cut, without it.

    Raises OSError, also for an archive that cannot be unpacked, after the lines that can.
    """
    with _opened(path) as file:
        try:
            while line := file.readline(MAX_LINE_BYTES):
                yield line
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
        except _UNPACKING as error:
            raise OSError(f"it cannot be unpacked: {error}") from error


def first_seq(path: Path) -> int | None:
    """The number of the first sound record in a file; None if there is none. Raises OSError."""
    return next((link.seq for line in lines(path) if (link := link_of(line))), None)


def _opened(path: Path) -> BufferedReader | gzip.GzipFile:
    """Never a link or a pipe: who put it there may be waiting for us to read it. Raises OSError."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(f"{path} is no ordinary file")
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
