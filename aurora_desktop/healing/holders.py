"""Who holds a port or a file: `/proc` on Linux, psutil elsewhere. For a thread: it blocks."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN, include/net/tcp_states.h


def pids_of_port(port: int) -> set[int]:
    """The processes that listen on this TCP port, on whatever address."""
    if sys.platform == "linux":
        return _holding({f"socket:[{inode}]" for inode in _listening_inodes(port)})
    return _pids_of_port_elsewhere(port)


def pids_of_file(path: Path) -> set[int]:
    """The processes that have the file open, listen on it (a socket), or hold a lock on it."""
    if sys.platform == "linux":
        names = {str(path), os.path.realpath(path)}
        return _holding(names | {f"socket:[{inode}]" for inode in _socket_inodes(names)}) | _lockers(path)
    return _pids_of_file_elsewhere(path)


def _lines(path: str) -> list[list[str]]:
    """The words of each line but the first; nothing where it cannot be read."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as table:
        return [line.split() for line in table][1:]
    return []


def _listening_inodes(port: int) -> Iterator[str]:
    """`/proc/net/tcp` of proc_pid_net(5): local address and port in hexadecimal, state, inode as the tenth word."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for words in _lines(table):
            if len(words) > 9 and words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                yield words[9]


def _socket_inodes(names: set[str]) -> Iterator[str]:
    """`/proc/net/unix`: inode and path are the last two words."""
    for words in _lines("/proc/net/unix"):
        if len(words) > 7 and words[7] in names:
            yield words[6]


def _holding(names: set[str]) -> set[int]:
    """The processes with a descriptor that is called one of these; nothing that the links lead to is touched."""
    if not names:
        return set()
    return {int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _holds(entry, names)}


def _holds(pid: str, names: set[str]) -> bool:
    with contextlib.suppress(OSError):  # another user's, or gone meanwhile
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") in names:
                    return True
    return False


def _lockers(path: Path) -> set[int]:
    """`/proc/locks` of proc_locks(5): `1: POSIX ADVISORY WRITE pid major:minor:inode start end`; -1: nobody's alone."""
    try:
        status = os.stat(path)
    except OSError:
        return set()
    wanted = (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
    pids = set()
    with contextlib.suppress(OSError), open("/proc/locks", encoding="ascii") as locks:
        for line in locks:
            words = line.replace("-> ", "").split()
            if len(words) > 5 and int(words[4]) > 0 and _lock_place(words[5]) == wanted:
                pids.add(int(words[4]))
    return pids


def _lock_place(words: str) -> tuple[int, int, int]:
    major, minor, inode = words.split(":")
    return int(major, 16), int(minor, 16), int(inode)


def _pids_of_port_elsewhere(port: int) -> set[int]:
    """Process by process, since the table of all connections needs root on macOS."""
    import psutil

    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                    found.add(process.pid)
    return found


def _pids_of_file_elsewhere(path: Path) -> set[int]:
    import psutil

    wanted, found = os.path.realpath(path), set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if any(opened.path == wanted for opened in process.open_files()):
                found.add(process.pid)
    return found
