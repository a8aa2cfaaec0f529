"""Each test gets an Aurora of its own, and leaves neither process nor zombie behind."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .aurora import Aurora, clean_environment

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]  # reads /proc and drives an X display


@pytest.fixture
def make_aurora(tmp_path: Path) -> Iterator[Callable[..., Aurora]]:
    """Make an Aurora in a folder (by default the test's own); each is ended and searched for leftovers."""
    made: list[Aurora] = []

    def make(folder: Path = tmp_path, **environment: str) -> Aurora:
        folder.mkdir(parents=True, exist_ok=True)
        made.append(Aurora(folder, clean_environment(folder, **environment)))
        return made[-1]

    yield make
    complaints = [complaint for aurora in made for complaint in aurora.clean_up()]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def aurora(make_aurora: Callable[..., Aurora]) -> Aurora:
    """An Aurora that is not started yet, without settings."""
    return make_aurora()
