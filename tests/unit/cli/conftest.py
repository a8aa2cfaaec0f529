from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api.house import House, view

from aurora_desktop.cli.call import RunOptions
from aurora_desktop.cli.main import main

Aurora = Callable[..., int]


def refuse_to_run(_: RunOptions) -> int:
    raise AssertionError("only `aurora run` runs the program")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A running Aurora with two services, `web` and `db`."""
    opened = House(
        tmp_path / "state",
        view("web", memory_bytes=31_400_000, cpu_percent=0.25, restarts=2, last_cause="exited with code 3 after 2.1 s"),
        view("db", "stopped", pid=None, uptime_s=None),
    ).open()
    yield opened
    opened.close()


@pytest.fixture
def aurora(house: House) -> Aurora:
    """The command, called in this process against the running Aurora; returns the exit code."""
    return lambda *argv: main(["--state-dir", str(house.paths.root), *argv], run=refuse_to_run)
