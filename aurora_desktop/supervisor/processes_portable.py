"""The process table by psutil, for Windows and macOS; slower, same answers where the platform has them."""

import os
import sys
import time
from collections.abc import Iterable, Mapping

import psutil

from aurora_desktop.supervisor.processes import ProcessInfo

_ATTRS = ["pid", "ppid", "create_time", "name", "status", "cpu_times", "memory_info"]


class PortableProcessTable:
    """psutil, with processes that vanish or are not ours to read left out."""

    def read(self, pid: int) -> ProcessInfo | None:
        try:
            return _info(psutil.Process(pid).as_dict(_ATTRS))
        except psutil.Error:
            return None

    def all(self) -> dict[int, ProcessInfo]:
        return {process.pid: _info(process.info) for process in psutil.process_iter(_ATTRS)}

    def environment(self, pid: int) -> Mapping[str, str]:
        try:
            return dict(psutil.Process(pid).environ())
        except (psutil.Error, OSError):
            return {}

    def children(self, pid: int) -> tuple[int, ...]:
        try:
            return tuple(child.pid for child in psutil.Process(pid).children())
        except psutil.Error:
            return ()

    def boot_id(self) -> str:
        return f"boot-{psutil.boot_time():.0f}"

    def age_s(self, pid: int) -> float:
        try:
            return max(0.0, time.time() - psutil.Process(pid).create_time())
        except psutil.Error:
            return 0.0

    def proportional_bytes(self, pids: Iterable[int]) -> int:
        """Resident memory: these platforms give no proportional share without special rights."""
        return sum(info.memory_bytes for pid in pids if (info := self.read(pid)))


def _info(values: dict[str, object]) -> ProcessInfo:
    cpu, memory = values.get("cpu_times"), values.get("memory_info")
    pid = int(str(values["pid"]))
    created = values.get("create_time")
    return ProcessInfo(
        pid=pid,
        parent=int(str(values.get("ppid") or 0)),
        session=_session(pid),
        started=int(float(str(created or 0)) * 1000),
        program=str(values.get("name") or ""),
        is_zombie=values.get("status") == psutil.STATUS_ZOMBIE,
        is_stopped=values.get("status") == psutil.STATUS_STOPPED,
        cpu_s=float(getattr(cpu, "user", 0.0) + getattr(cpu, "system", 0.0)),
        memory_bytes=int(getattr(memory, "rss", 0)),
    )


def _session(pid: int) -> int:
    if sys.platform == "win32":
        return 0
    try:
        return os.getsid(pid)
    except OSError:
        return 0
