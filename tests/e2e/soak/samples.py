"""What Aurora's own processes have taken of the machine, read from /proc."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from e2e import machine

TICKS = os.sysconf("SC_CLK_TCK")
_IN_PASSING = (b"aurora_desktop.backups.program", b"aurora_desktop.link.keeper")
"""Processes that come and go: in a sample they would be chance."""
_BOUNDED = ("journal.db", "backups", "logs")


class Sample(NamedTuple):
    """One moment. `kept_mb`: of the state folder, without journal, logs and backups, which have a size of their own."""

    pss_mb: float
    rss_mb: float
    descriptors: int
    threads: int
    disk_mb: float
    kept_mb: float
    cpu_s: float


def sample(main: int, state: Path) -> Sample:
    """Of `main` and its descendants but the services and what they started."""
    pids = list(own(main))
    sizes = dict(_sizes(state))
    kept = sum(size for name, size in sizes.items() if not name.startswith(_BOUNDED))
    return Sample(
        pss_mb=sum(_kilobytes(pid, "Pss:") for pid in pids) * 1024 / 1e6,
        rss_mb=sum(_kilobytes(pid, "Rss:") for pid in pids) * 1024 / 1e6,
        descriptors=sum(_entries(pid, "fd") for pid in pids),
        threads=sum(_entries(pid, "task") for pid in pids),
        disk_mb=sum(sizes.values()) / 1e6,
        kept_mb=kept / 1e6,
        cpu_s=sum(_cpu_s(pid) for pid in pids),
    )


def own(main: int) -> Iterator[int]:
    """The process and its descendants without the services."""
    ahead = [main]
    while ahead:
        pid = ahead.pop()
        if pid != main and _is_another_s(pid):
            continue
        yield pid
        ahead += machine.children(pid)


def _is_another_s(pid: int) -> bool:
    try:
        folder = Path(f"/proc/{pid}")
        is_service = b"AURORA_SERVICE=" in (folder / "environ").read_bytes()
        return is_service or any(name in (folder / "cmdline").read_bytes() for name in _IN_PASSING)
    except OSError:
        return True


def _kilobytes(pid: int, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0


def _entries(pid: int, folder: str) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/{folder}"))
    return 0


def _cpu_s(pid: int) -> float:
    with contextlib.suppress(OSError):
        raw = Path(f"/proc/{pid}/stat").read_text()
        user, system = raw[raw.rindex(")") + 2 :].split()[11:13]
        return (int(user) + int(system)) / TICKS
    return 0.0


def _sizes(root: Path) -> Iterator[tuple[str, int]]:
    """What each file takes of the disk; one that goes meanwhile counts as gone."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            with contextlib.suppress(OSError):
                yield str(path.relative_to(root)), path.stat().st_blocks * 512
