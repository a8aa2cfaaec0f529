"""The glance of Linux: the files of `/proc` of each process stay open between two looks.

To open and close them is most of what a look costs.
"""

import os
import resource
import sys
from collections.abc import Callable, Iterable

assert sys.platform == "linux"  # noqa: S101 - for the type checker: `pread` is not everywhere

MOST_KEPT = 128
"""Processes whose two files are kept open, and at most so many that they take a quarter of the files we may open."""
_PIECE = 4096
_SURELY_WHOLE = 4000  # bytes: the kernel hands out whole numbers by the page, so more may follow a longer piece
_PAGE_FIELD = 1  # resident, of `statm`: proc_pid_statm(5)
_LINKS_OF_ONE_THREAD = 3  # of the folder `task`: itself, its parent, and one for each thread


class _Files:
    """What is kept open of one process. Raises OSError when it is gone, or no file can be opened."""

    def __init__(self, pid: int) -> None:
        self._folder = f"/proc/{pid}/task"
        self._statm = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._children = os.open(f"/proc/{pid}/task/{pid}/children", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._statm)
            raise

    def pages(self) -> int:
        return int(os.pread(self._statm, 256, 0).split()[_PAGE_FIELD])

    def children(self) -> list[int] | None:
        """The children; `None` where other threads may have some too, or there are hundreds."""
        if os.stat(self._folder).st_nlink != _LINKS_OF_ONE_THREAD:
            return None
        piece = os.pread(self._children, _PIECE, 0)
        return [int(pid) for pid in piece.split()] if len(piece) < _SURELY_WHOLE else None

    def close(self) -> None:
        os.close(self._statm)
        os.close(self._children)


class LinuxGlance:
    """`of` may be asked of any process; `tidy` after each round closes what it did not ask for, `close` the rest.

    `children` tells those of a process with threads, whose lists are not kept open.
    """

    def __init__(self, children: Callable[[int], Iterable[int]], most_kept: int | None = None) -> None:
        self._children_of = children
        self._most_kept = _affordable() if most_kept is None else most_kept
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._kept: dict[int, _Files] = {}
        self._seen: set[int] = set()

    def of(self, root: int) -> int | None:
        """Resident bytes of the process and its descendants; `None` when only a proper look can tell."""
        pages, ahead, found = 0, [root], set[int]()
        while ahead:
            pid = ahead.pop()
            if pid in found:
                continue
            found.add(pid)
            try:
                files = self._files(pid)
                if files is None:
                    return None
                pages += files.pages()
                children = files.children()
            except OSError:
                self._drop(pid)
                return None
            ahead.extend(self._children_of(pid) if children is None else children)
        return pages * self._page

    def tidy(self) -> None:
        """Close the files of processes that were not looked at since the last time."""
        for pid in self._kept.keys() - self._seen:
            self._drop(pid)
        self._seen.clear()

    def close(self) -> None:
        for pid in tuple(self._kept):
            self._drop(pid)

    def _files(self, pid: int) -> _Files | None:
        self._seen.add(pid)
        if pid not in self._kept:
            if len(self._kept) >= self._most_kept:
                return None
            self._kept[pid] = _Files(pid)
        return self._kept[pid]

    def _drop(self, pid: int) -> None:
        if (files := self._kept.pop(pid, None)) is not None:
            files.close()


def _affordable() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_KEPT if soft == resource.RLIM_INFINITY else min(MOST_KEPT, soft // 8)
