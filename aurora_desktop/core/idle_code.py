"""Gives back the pages of libraries that only the start, or a window that was closed, has used.

The code of Qt and its bindings is mapped page by page as it is first run, and stays: 35 of the 54 MB that the tray
has of it run once and never again (PySide6 6.11, Python 3.11). Nothing is lost by letting go of pages that equal the
file: the kernel keeps them in its cache while nobody needs the room, and a page that is run again is found there in
microseconds.
"""

import ctypes
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from msgspec import Struct

_DONTNEED = 4  # MADV_DONTNEED, the same on every Linux
_HEAD = re.compile(r"(?P<begin>[0-9a-f]+)-(?P<end>[0-9a-f]+) (?P<rights>\S{4}) \S+ \S+ \S+\s*(?P<path>.*)")
_LIBRARY = re.compile(r"/.*\.so[.\d]*$", re.MULTILINE)


class Mapping(Struct, frozen=True):
    """A part of the address space: where it lies, and how much of it is in memory, in kB.

    `own_kb` no longer equals the file: relocations, and what a debugger wrote; in memory or in swap.
    """

    begin: int
    end: int
    rights: str
    path: str
    resident_kb: int
    own_kb: int

    @property
    def is_plain_code(self) -> bool:
        """Whether every page of it can be read from the library again."""
        is_library = _LIBRARY.fullmatch(self.path) is not None
        return is_library and self.rights in ("r-xp", "r--p") and self.own_kb == 0 and self.resident_kb > 0


def mappings(smaps: Iterable[str]) -> Iterator[Mapping]:
    """What the lines of `/proc/PID/smaps` say."""
    head: re.Match[str] | None = None
    kb = dict.fromkeys(("Rss:", "Anonymous:", "Swap:"), 0)
    for line in smaps:
        field, *values = line.split(maxsplit=2)
        if field in kb:
            kb[field] = int(values[0])
        elif not field.endswith(":"):
            head = _HEAD.fullmatch(line.rstrip())
        elif field == "VmFlags:" and head is not None:  # the last of each
            begin, end, own_kb = int(head["begin"], 16), int(head["end"], 16), kb["Anonymous:"] + kb["Swap:"]
            yield Mapping(begin, end, head["rights"], head["path"], kb["Rss:"], own_kb)


def give_back_code() -> None:
    """Unmap what equals the file of its library. Takes about 15 ms and is for a thread; does something on Linux alone.

    What another thread does meanwhile cannot harm: each library is kept from being unloaded before it is looked at.
    """
    if sys.platform != "linux":
        return
    try:
        with _open("maps") as maps:
            kept = {path for path in set(_LIBRARY.findall(maps.read())) if _keep_loaded(path)}
        with _open("smaps") as smaps:
            plain = [each for each in mappings(smaps) if each.is_plain_code and each.path in kept]
    except OSError:  # a /proc that does not tell: everything stays as it is
        return
    for each in plain:
        _madvise(each.begin, each.end - each.begin)


def _open(name: str) -> TextIO:
    return Path("/proc/self", name).open(encoding="utf-8", errors="replace")


def _keep_loaded(path: str) -> bool:
    """Whether the library is loaded, and will be as long as we live: else its place could become another's."""
    try:
        ctypes.CDLL(path, mode=os.RTLD_LAZY | os.RTLD_NOLOAD | os.RTLD_NODELETE)
    except OSError:
        return False
    return True


def _madvise(begin: int, length: int) -> None:
    ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(length), _DONTNEED)
