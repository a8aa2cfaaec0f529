"""Outages in virtual time: how soon the link is back once the server is."""

from pathlib import Path

import pytest

from .outage import back_after
from .rig import open_database


@pytest.mark.parametrize("hangs", [False, True])
def test_it_is_back_within_the_promise(tmp_path: Path, hangs: bool) -> None:
    database = open_database(tmp_path)
    try:
        seconds = [back_after(seed, database, 600, hangs=hangs) for seed in range(5)]
    finally:
        database.close()
    assert max(seconds) <= 15
