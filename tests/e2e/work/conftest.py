from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.work.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A main on a socket and room for workers, which end with the test."""
    folder = tmp_path / "stage"
    folder.mkdir()
    made = Stage(folder)
    yield made
    made.close()
