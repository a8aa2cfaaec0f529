"""The process table of Linux: `/proc` read raw and without buffering (100 trees in about 1 ms)."""

import os
import sys
from collections.abc import Iterable, Mapping

from aurora_desktop.supervisor.processes import ProcessInfo

assert sys.platform == "linux"  # noqa: S101 - for the type checker: `sysconf` is not everywhere

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _read_file(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        chunks = []
        while chunk := os.read(fd, 65536):
            chunks.append(chunk)
            if len(chunk) < 4096:
                break
        return b"".join(chunks)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _parse_stat(pid: int, raw: bytes) -> ProcessInfo | None:
    """`proc_pid_stat(5)`; the program's name may hold blanks and parentheses, so split at the last one."""
    if not raw:
        return None
    end = raw.rindex(b")")
    fields = raw[end + 2 :].split()
    state = fields[0]
    return ProcessInfo(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        started=int(fields[19]),
        program=raw[raw.index(b"(") + 1 : end].decode(errors="replace"),
        # With other threads left, only the first one has ended.
        is_zombie=state in (b"Z", b"X") and int(fields[17]) <= 1,
        is_stopped=state in (b"T", b"t"),
        cpu_s=(int(fields[11]) + int(fields[12])) * _TICK_S,
        memory_bytes=int(fields[21]) * _PAGE,
    )


class LinuxProcessTable:
    """`/proc` read without buffering."""

    def read(self, pid: int) -> ProcessInfo | None:
        return _parse_stat(pid, _read_file(f"/proc/{pid}/stat"))

    def all(self) -> dict[int, ProcessInfo]:
        found = (self.read(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
        return {info.pid: info for info in found if info is not None}

    def environment(self, pid: int) -> Mapping[str, str]:
        pairs = (item.partition(b"=") for item in _read_file(f"/proc/{pid}/environ").split(b"\0"))
        return {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs if key}

    def children(self, pid: int) -> tuple[int, ...]:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            return ()
        lists = (_read_file(f"/proc/{pid}/task/{thread}/children") for thread in threads)
        return tuple(int(child) for children in lists for child in children.split())

    def boot_id(self) -> str:
        return _read_file("/proc/sys/kernel/random/boot_id").decode().strip()

    def age_s(self, pid: int) -> float:
        info = self.read(pid)
        uptime = _read_file("/proc/uptime").split()
        return max(0.0, float(uptime[0]) - info.started * _TICK_S) if info and uptime else 0.0

    def proportional_bytes(self, pids: Iterable[int]) -> int:
        """The proportional set size (PSS) of `smaps_rollup`."""
        total = 0
        for pid in pids:
            for line in _read_file(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith(b"Pss:"):
                    total += int(line.split()[1]) * 1024
        return total
