"""What the machine has left: raw `/proc` on Linux, psutil elsewhere. All of it blocks a little: read it in a thread."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

Times = tuple[float, float]
"""CPU time of the whole machine since its boot, in any unit: busy, and in all."""


class Reading(Struct, frozen=True):
    """One look; sizes in bytes. The disk is the one that the folder lies on, as its user may use it."""

    times: Times
    memory_total: int
    memory_available: int
    disk_total: int
    disk_free: int

    @property
    def memory_percent(self) -> float:
        return _percent(self.memory_total - self.memory_available, self.memory_total)

    @property
    def disk_percent(self) -> float:
        return _percent(self.disk_total - self.disk_free, self.disk_total)


Machine = Callable[[], Reading]


def machine_of(folder: Path) -> Machine:
    """Reads the machine and the disk of this folder. Raises OSError when the disk is gone."""

    def read() -> Reading:
        total, available = _memory()
        disk = shutil.disk_usage(folder)
        # As `df` does: what is kept back for root is neither used nor to be had.
        return Reading(_times(), total, available, disk.used + disk.free, disk.free)

    return read


def cpu_percent(before: Times | None, after: Times) -> float | None:
    """CPU of the whole machine between two looks; None when there is nothing to compare."""
    if before is None or after[1] <= before[1]:
        return None
    return min(100.0, _percent(max(0.0, after[0] - before[0]), after[1] - before[1]))


def _percent(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else 0.0


if sys.platform == "linux":

    def _times() -> Times:
        """`proc_stat(5)`: waiting for the disk is no work, and guests are counted in user and nice already."""
        with open("/proc/stat", encoding="ascii") as file:
            fields = [float(field) for field in file.readline().split()[1:9]]
        idle = fields[3] + fields[4]
        return sum(fields) - idle, sum(fields)

    def _memory() -> tuple[int, int]:
        """Total and available, `proc_meminfo(5)`; what caches hold is available."""
        with open("/proc/meminfo", encoding="ascii") as file:
            sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in file)}
        return sizes["MemTotal"], sizes.get("MemAvailable", sizes["MemFree"])

else:

    def _times() -> Times:
        import psutil

        times = psutil.cpu_times()
        return sum(times) - times.idle, sum(times)

    def _memory() -> tuple[int, int]:
        import psutil

        memory = psutil.virtual_memory()
        return memory.total, memory.available
