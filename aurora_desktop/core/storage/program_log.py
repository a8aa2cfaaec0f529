"""The program's own log, `logs/aurora.log`: what the libraries and the unexpected have to say."""

import contextlib
import logging
import os
from pathlib import Path

from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.storage.rotation import rotate

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class ProgramLog(logging.Handler):
    """Appends each record by one `write()`, and rotates by size; a full disk loses the line and nothing else."""

    def __init__(self, path: Path, settings: LogSettings) -> None:
        super().__init__()
        self.settings = settings
        self._path = path
        self.setFormatter(logging.Formatter(FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._append((self.format(record) + "\n").encode("utf-8", "backslashreplace"))

    def _append(self, line: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            os.write(handle, line)
            size = os.fstat(handle).st_size
        finally:
            os.close(handle)
        if size > self.settings.max_bytes:
            rotate(self._path, self.settings.keep)
