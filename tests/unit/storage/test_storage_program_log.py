"""The program's own log."""

import gzip
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.settings.values import ByteSize
from aurora_desktop.core.storage.program_log import ProgramLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aurora.log"


@pytest.fixture
def log(path: Path) -> Iterator[logging.Logger]:
    logger = logging.Logger("test")
    logger.addHandler(ProgramLog(path, LogSettings(max_bytes=ByteSize(4000), keep=1)))
    yield logger
    logger.handlers.clear()


def test_an_error_is_kept_with_its_traceback(log: logging.Logger, path: Path) -> None:
    try:
        raise RuntimeError("odd \ud800 text")
    except RuntimeError:
        log.exception("a part failed")
    text = path.read_text()
    assert "ERROR test: a part failed" in text
    assert "RuntimeError: odd \\ud800 text" in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_log_is_rotated_and_compressed(log: logging.Logger, path: Path) -> None:
    log.info("first %s", "x" * 4000)
    log.info("second")
    assert "second" in path.read_text()
    with gzip.open(f"{path}.1.gz", "rt") as archive:
        assert "first" in archive.read()


def test_a_log_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    logger = logging.Logger("test")
    logger.addHandler(ProgramLog(tmp_path, LogSettings()))
    logger.error("lost")
    assert list(tmp_path.iterdir()) == []
