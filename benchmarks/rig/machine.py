"""The machine that figures were taken on, and what Linux tells of a process: CPU time and memory."""

import os
import platform
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

SERVICE_MARKER = b"AURORA_SERVICE="


def describe(folder: Path) -> dict[str, str]:
    """What belongs beside every figure; `folder` is where state is written."""
    return {
        "CPU": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.2f}",
        "kernel": platform.release(),
        "system": _system(),
        "Python": platform.python_version(),
        "state on": _file_system(folder),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _file_system(folder: Path) -> str:
    """The kind of file system below the folder: fsync costs nothing on a tmpfs."""
    best, kind = -1, "unknown"
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, mount, found, *_ = line.split()
        if folder.resolve().is_relative_to(mount) and len(mount) > best:
            best, kind = len(mount), found
    return kind


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of the processes with all their threads, also those that ended, to the nanosecond.

    The clock id of another process is made as clock_getcpuclockid(3) makes it.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def own_processes(main: int) -> list[int]:
    """The process and its descendants without the services that it supervises."""
    found, ahead = [], [main]
    while ahead:
        pid = ahead.pop()
        if pid != main and _is_service(pid):
            continue
        found.append(pid)
        ahead.extend(children(pid))
    return found


def _is_service(pid: int) -> bool:
    try:
        return SERVICE_MARKER in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return True


def children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        found.extend(int(child) for child in thread.read_text(encoding="ascii").split())
    return found


def pss_mb(pids: Iterable[int]) -> float:
    """Proportional memory of the processes together, in MB (10^6 bytes)."""
    return sum(_kilobytes(pid, "Pss:") for pid in pids) * 1024 / 1e6


def rss_mb(pids: Iterable[int]) -> float:
    """Resident memory of the processes, pages that they share counted for each of them, in MB (10^6 bytes)."""
    return sum(_kilobytes(pid, "Rss:") for pid in pids) * 1024 / 1e6


def _kilobytes(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0


def pss_by_kind_mb(pid: int) -> dict[str, float]:
    """The proportional memory of one process by what lies in it, largest first."""
    found: Counter[str] = Counter()
    kind = ""
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8").splitlines():
        first, *rest = line.split()
        if first.endswith(":"):
            if first == "Pss:":
                found[kind] += int(rest[0])
        else:
            kind = _kind(rest[4] if len(rest) > 4 else "", writable="w" in rest[0])
    return {kind: kilobytes * 1024 / 1e6 for kind, kilobytes in found.most_common()}


def _kind(path: str, *, writable: bool) -> str:
    if not path.startswith("/"):
        return "heap and anonymous"
    state = "data" if writable else "code"
    name = path.rsplit("/", 1)[-1]
    for mark, kind in (("PySide6", "PySide6"), ("shiboken", "PySide6"), ("libQt6", "Qt"), ("/Qt/", "Qt")):
        if mark in path:
            return f"{'Qt' if 'Qt6' in name or '/Qt/' in path else kind} {state}"
    for mark in ("python", "apsw", "libLLVM", "libgallium", "fonts", "icu", "msgspec"):
        if mark in name.lower() or f"/{mark}" in path.lower():
            return f"{mark} {state}"
    return f"other libraries and files {state}"
