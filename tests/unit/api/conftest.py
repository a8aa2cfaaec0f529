from collections.abc import Iterator
from pathlib import Path

import pytest

from api.house import House, view


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An open door with two services, `web` and `db`."""
    opened = House(tmp_path / "state", view("web"), view("db", "running", program="postgres")).open()
    yield opened
    opened.close()
