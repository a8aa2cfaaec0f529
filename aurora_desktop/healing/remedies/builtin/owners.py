"""Whether the owner of a pid, lock or socket file still lives. What is not proven dead is alive."""

import errno
import os
import re
import socket
import stat
import sys
import time
from pathlib import Path

from aurora_desktop.supervisor.processes import ProcessTable

_NUMBER = re.compile(rb"\d{1,10}")
_LARGEST_PID = 2**22
_REUSED_MARGIN_S = 5.0
UNTOUCHED_S = 2.0
"""A file without a pid that was written to so recently may have an owner that is only just starting."""


def why_alive(path: Path, table: ProcessTable) -> str:
    """Who may own the file, in words; "" when its owner is proven dead. Raises OSError."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return _of_link(os.readlink(path), table)
    if stat.S_ISSOCK(found.st_mode):
        return _of_socket(path)
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is neither a file nor a socket"
    return _of_file(path, found, table)


def _of_link(target: str, table: ProcessTable) -> str:
    """Chromium and Firefox lock a profile by a link to nowhere: `host-pid`, `address:+pid`."""
    match = re.fullmatch(r"(?P<host>.*?)(?:-|:\+?)(?P<pid>\d{1,7})", target)
    if match is None:
        return "it is a link, and its target names no process"
    if not _is_this_host(match["host"]):
        return f"its owner runs on another machine ({match['host'][:60]!r})"
    info = table.read(int(match["pid"]))
    return f"its owner lives: pid {info.pid} ({info.program})" if info is not None and not info.is_zombie else ""


def _is_this_host(host: str) -> bool:
    return host in (socket.gethostname(), "localhost") or host.startswith("127.")


def _of_socket(path: Path) -> str:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(path))
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    return ""
                if error.errno == errno.EPROTOTYPE:
                    continue
                return f"it cannot be told whether somebody listens: {error.strerror or error}"
            return "somebody listens on it"
    return "it cannot be told whether somebody listens"


def _of_file(path: Path, found: os.stat_result, table: ProcessTable) -> str:
    fd = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if _is_locked(fd):
            return "somebody holds a lock on it"
        content = os.read(fd, 4096)
    finally:
        os.close(fd)
    age_s = max(0.0, time.time() - found.st_mtime)
    number = _NUMBER.search(content)
    if number is None or not 1 < int(number[0]) <= _LARGEST_PID:
        return "" if age_s >= UNTOUCHED_S else "it was written to just now, and names no process"
    info = table.read(int(number[0]))
    if info is None or info.is_zombie:
        return ""
    if table.age_s(info.pid) + _REUSED_MARGIN_S < age_s:
        return ""  # its number was given to a process that started after the file was written
    return f"its owner lives: pid {info.pid} ({info.program})"


if sys.platform == "win32":

    def _is_locked(fd: int) -> bool:  # noqa: ARG001 - a file that is locked there could not have been opened
        return False

else:
    import fcntl

    def _is_locked(fd: int) -> bool:
        """Whether anybody holds a flock or a POSIX lock; both are tried, and let go at once."""
        for lock in (fcntl.flock, fcntl.lockf):
            try:
                lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                lock(fd, fcntl.LOCK_UN)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    return True
        return False
