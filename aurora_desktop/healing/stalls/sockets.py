"""Network bytes of a process tree, where the kernel tells them: Linux' `sock_diag`, for TCP connections that are open.

Asked without privileges, over a netlink socket. Where there is none (another system, another kernel) nothing is known.
"""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterable

from aurora_desktop.healing.stalls.rule import Token

# linux/sock_diag.h, linux/inet_diag.h, linux/tcp.h
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_INET_DIAG_INFO = 2
_ALL_STATES = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48s")
_MESSAGE_BYTES = 72
_INODE = struct.Struct("=I")
_INODE_AT = 68
_ATTRIBUTE = struct.Struct("=HH")
_BYTES = struct.Struct("=QQ")
_BYTES_AT = 120
"""`tcpi_bytes_acked` and `tcpi_bytes_received` in `struct tcp_info`."""
_TIMEOUT_S = 1.0


class Traffic:
    """The TCP connections of the machine at one moment, by inode. Blocking: made and asked in a thread."""

    def __init__(self) -> None:
        self._bytes = _connections()

    def of(self, pids: Iterable[int]) -> Token | None:
        """The connections of these processes and what went over them; None where it cannot be known."""
        if self._bytes is None:
            return None
        inodes = sorted({inode for pid in pids for inode in _sockets(pid)} & self._bytes.keys())
        return tuple(part for inode in inodes for part in (inode, self._bytes[inode]))


def _sockets(pid: int) -> set[int]:
    found = set()
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)
                if target.startswith("socket:["):
                    found.add(int(target[8:-1]))
    return found


def _connections() -> dict[int, int] | None:
    if sys.platform != "linux":
        return None
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
            netlink.settimeout(_TIMEOUT_S)
            found: dict[int, int] = {}
            for family in (socket.AF_INET, socket.AF_INET6):
                found.update(_dumped(netlink, family))
            return found
    except OSError:
        return None


def _dumped(netlink: socket.socket, family: int) -> dict[int, int]:
    extensions = 1 << (_INET_DIAG_INFO - 1)
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, extensions, _ALL_STATES, b"")
    netlink.send(_HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0) + request)
    found: dict[int, int] = {}
    while True:
        data = memoryview(netlink.recv(1 << 17))
        while len(data) >= _HEADER.size:
            length, kind, _, _, _ = _HEADER.unpack_from(data)
            if kind == _NLMSG_DONE:
                return found
            if kind == _NLMSG_ERROR or length < _HEADER.size:
                raise OSError("the kernel does not tell of its sockets")
            message = data[_HEADER.size : length]
            found[_INODE.unpack_from(message, _INODE_AT)[0]] = _bytes_of(message[_MESSAGE_BYTES:])
            data = data[(length + 3) & ~3 :]


def _bytes_of(attributes: memoryview) -> int:
    while len(attributes) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(attributes)
        if kind == _INET_DIAG_INFO and length - _ATTRIBUTE.size >= _BYTES_AT + _BYTES.size:
            acked, received = _BYTES.unpack_from(attributes, _ATTRIBUTE.size + _BYTES_AT)
            return int(acked) + int(received)
        if length < _ATTRIBUTE.size:
            break
        attributes = attributes[(length + 3) & ~3 :]
    return 0
