"""Where the display of `DISPLAY` listens, and the key that it asks for."""

import os
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_COOKIE = b"MIT-MAGIC-COOKIE-1"
_LOCAL, _WILD = 256, 65535
_SOCKETS = "/tmp/.X11-unix/X"  # noqa: S108 - where X servers put their sockets


class Address(NamedTuple):
    """`places`: what to connect to, in order: paths of unix sockets (a leading NUL: abstract), or (host, port)."""

    host: str
    number: int
    screen: int
    places: tuple[str | tuple[str, int], ...]


class Entry(NamedTuple):
    """One line of an `.Xauthority` file."""

    family: int
    address: bytes
    number: bytes
    name: bytes
    data: bytes


def parse_display(display: str) -> Address:
    """`:0`, `:1.0`, `host:10.0`, `unix:0`. Raises ValueError."""
    host, colon, rest = display.rpartition(":")
    number, _, screen = rest.partition(".")
    if not colon or not number.isdigit() or (screen and not screen.isdigit()):
        raise ValueError(f"`{display}` names no display")
    host = host.removesuffix("/unix")
    if host in ("", "unix"):
        path = _SOCKETS + number
        places: tuple[str | tuple[str, int], ...] = ("\0" + path, path) if sys.platform == "linux" else (path,)
    elif host.startswith("/"):
        places = (f"{host}:{number}",)  # launchd's, on macOS
    else:
        places = ((host.strip("[]"), 6000 + int(number)),)
    return Address(host, int(number), int(screen or 0), places)


def cookie(address: Address, environment: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Name and data of the display's key; both empty when there is none."""
    path = environment.get("XAUTHORITY") or os.path.join(environment.get("HOME", ""), ".Xauthority")
    try:
        entries = list(parse_authority(Path(path).read_bytes()))
    except (OSError, struct.error):
        return b"", b""
    return choose(entries, address.number, socket.gethostname().encode())


def choose(entries: list[Entry], number: int, hostname: bytes) -> tuple[bytes, bytes]:
    """The first that fits, those of this very machine before others."""
    fitting = [e for e in entries if e.name == _COOKIE and e.number in (b"", str(number).encode())]
    fitting.sort(key=lambda e: not (e.family == _WILD or (e.family == _LOCAL and e.address == hostname)))
    return (fitting[0].name, fitting[0].data) if fitting else (b"", b"")


def parse_authority(raw: bytes) -> Iterator[Entry]:
    """The entries of the file. Raises struct.error when it is cut."""
    place = 0
    while place < len(raw):
        (family,) = struct.unpack_from(">H", raw, place)
        place += 2
        fields = []
        for _ in range(4):
            (length,) = struct.unpack_from(">H", raw, place)
            fields.append(raw[place + 2 : place + 2 + length])
            place += 2 + length
        yield Entry(family, *fields)
