"""A disk without a byte left is cleaned up by the real program, and all of it is told."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .aurora import Aurora
from .services import calm
from .waiting import eventually

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
OLD_BYTES = 6_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB; a state dir and a folder of temporary files fit on it."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "aurora-test", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill_up(path: Path) -> None:
    """Write until not one byte more fits."""
    with path.open("ab", buffering=0) as file:
        for size in (65_536, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


@needs_mount
def test_a_full_disk_is_cleaned_up_and_told(make_aurora: Callable[..., Aurora], small_disk: Path) -> None:
    aurora = make_aurora()
    (small_disk / "state").mkdir(mode=0o700)
    aurora.paths.root.symlink_to(small_disk / "state")
    temporary = small_disk / "temporary"
    temporary.mkdir()
    (temporary / "old").write_bytes(os.urandom(OLD_BYTES))
    keepsake = small_disk / "keepsake"
    keepsake.write_bytes(b"not to be touched")
    (temporary / "link").symlink_to(keepsake)
    infrastructure = {
        "interval_s": 0.2,
        "lasting_s": 0.5,
        "disk_percent": 60,
        "cpu_percent": 100,
        "memory_percent": 100,
        "temp_folders": [{"path": str(temporary), "older_than_hours": 0.0001}, {"path": "/"}],
    }
    aurora.configure({"web": calm()}, healing={"infrastructure": infrastructure})
    aurora.start()
    fill_up(small_disk / "ballast")
    breached = eventually(lambda: aurora.events("resource_breached", "machine"))[0]
    freed = eventually(lambda: aurora.events("space_freed", "machine"))[0]
    (small_disk / "ballast").unlink()
    relieved = eventually(lambda: aurora.events("resource_relieved", "machine"))[0]
    assert breached["resource"] == relieved["resource"] == "disk"
    assert "root of the file system" in breached["cause"]
    assert freed["freed_bytes"] >= OLD_BYTES
    assert not (temporary / "old").exists()
    assert keepsake.read_bytes() == b"not to be touched"
