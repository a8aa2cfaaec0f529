"""A sample of `benchmarks/durability.py`: kills, power cuts and flipped bits, and nothing acknowledged is lost."""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from . import power_cut
from .flipping import Flips, Where
from .killed import judge, kill_once
from .power_cut import Disk
from .saved import as_program


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    lines: list[str] = []
    for seed in range(2):
        lines += kill_once(tmp_path, random.Random(seed))
    assert len(lines) > 2
    assert judge(tmp_path, lines) == []


def cut(folder: Path, cuts: int, *more: str) -> Any:
    command, environment = as_program(power_cut.__name__, folder, cuts, 7, *more)
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return msgspec.json.decode(ran.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="the names of its layer differ")
def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    outcome = cut(tmp_path, 12)
    assert outcome["cuts"] == 12
    assert outcome["acknowledged"] > 100
    assert (outcome["lost"], outcome["unsound"]) == ([], [])


@pytest.mark.skipif(sys.platform == "win32", reason="the names of its layer differ")
def test_the_same_cuts_lose_what_is_not_synced(tmp_path: Path) -> None:
    """Else the test before would prove nothing."""
    assert cut(tmp_path, 6, "normal")["lost"] != []


def test_of_what_was_not_synced_anything_may_be_left() -> None:
    found = set()
    for seed in range(60):
        disk = Disk()
        disk.write("f", 0, b"a" * 512)
        disk.sync("f")
        disk.write("f", 0, b"b" * 1024)
        found.add(disk.after(random.Random(seed))["f"])
    whole, untouched = b"b" * 1024, b"a" * 512
    assert {whole, untouched, b"b" * 512, untouched + b"b" * 512} <= found


def test_a_flipped_bit_of_the_mark_does_no_harm(tmp_path: Path) -> None:
    flips = Flips(tmp_path)
    assert {flips.flip("mark", random.Random(seed)) for seed in range(12)} == {"harmless"}


@pytest.mark.parametrize("where", ["file", "log", "backup"])
def test_a_flipped_bit_is_found_or_does_no_harm(tmp_path: Path, where: Where) -> None:
    flips = Flips(tmp_path)
    verdicts = Counter(flips.flip(where, random.Random(seed)) for seed in range(12))
    assert verdicts["missed"] == 0
    assert verdicts["found"] > 0
