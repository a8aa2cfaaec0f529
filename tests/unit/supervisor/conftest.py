"""Real children, each ended by its pid when its test is over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.supervisor.exits import owned
from supervisor.stage import Stage
from supervisor.yard import Yard, no_subreaper


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    before = set(owned)
    opened = Yard(tmp_path)
    yield opened
    opened.end()
    no_subreaper()
    forgotten = owned - before
    owned.intersection_update(before)
    assert not forgotten, f"children that nobody will collect: {forgotten}"


@pytest.fixture
def stage(yard: Yard, tmp_path: Path) -> Stage:
    return Stage(yard, tmp_path)
