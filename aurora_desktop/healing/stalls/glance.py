"""Looks at a workspace: cheaply each time (two `stat`), closely where silence is to be judged. Blocking, in a thread.

Nothing here opens what is no ordinary file, or follows a link while it walks; only the pattern of a log takes a moment.
"""

import errno
import os
import stat
from collections import deque
from pathlib import Path

from msgspec import Struct

from aurora_desktop.healing.ladder.marks import ESCALATION
from aurora_desktop.healing.remedies import matcher
from aurora_desktop.healing.stalls import status_file
from aurora_desktop.healing.stalls.folder import OURS, Folder, folder_stamp_of, stamp_of
from aurora_desktop.healing.stalls.roster import Watched
from aurora_desktop.healing.stalls.rule import Token
from aurora_desktop.healing.stalls.status_file import Status, idle_reason

MOST_ENTRIES = 2000
"""Of one workspace in one look, breadth first: what lies deeper in a huge one is not seen."""
PATIENCE_S = 1.0
"""For the pattern of one log; one that takes longer is not found."""
_TAIL = 4096
"""The last line of a log is looked for in so many bytes; a pattern sees no more than that."""
_NOT_WALKED = frozenset({".git", "node_modules", "__pycache__", ".venv"})
_TOP_LEVEL_KNOWN: frozenset[str] = frozenset({status_file.NAME, "inbox", ESCALATION})


class Glance(Struct, frozen=True, gc=False):
    """What a cheap look saw; `problem` in words when the workspace cannot be looked at at all."""

    tokens: dict[str, Token]
    problem: str = ""


class Paths(Struct, frozen=True):
    """The paths of one workspace as texts, made once: ten thousand are looked at in a round."""

    workspace: str
    status: str | None
    inbox: str | None
    log: str | None

    @classmethod
    def of(cls, watched: Watched, service_log: str | None) -> "Paths":
        folder = watched.workspace
        log = str(watched.log) if watched.log is not None else service_log
        if folder is None:
            return cls("", None, None, log if watched.has("output") else None)
        return cls(
            str(folder),
            str(folder / status_file.NAME) if watched.has("status") else None,
            str(folder / "inbox") if watched.has("inbox") else None,
            log if watched.has("output") else None,
        )


def glance(paths: Paths) -> Glance:
    tokens: dict[str, Token] = {}
    try:
        if paths.status is not None and (found := _stat(paths.status)) is not None:
            tokens["status"] = stamp_of(found)
        if paths.inbox is not None and (found := _stat(paths.inbox)) is not None:
            tokens["inbox"] = folder_stamp_of(found)
        if paths.log is not None and (found := _stat(paths.log)) is not None:
            tokens["output"] = (found.st_ino, found.st_size)
        if paths.workspace and not tokens:
            os.stat(paths.workspace)
    except FileNotFoundError:
        return Glance(tokens, f"its workspace does not exist: {paths.workspace}")
    except OSError as error:
        return Glance(tokens, f"its workspace cannot be read: {paths.workspace}: {error.strerror}")
    return Glance(tokens)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link to itself is nothing, and the rest of the workspace can be seen
            return None
        raise


def files_token(workspace: str) -> Token | None:
    """Stands for all files of the workspace but those that have a source of their own, and ours; None: unreadable."""
    known = _TOP_LEVEL_KNOWN
    count = total = 0
    ahead = deque([workspace])
    while ahead and count < MOST_ENTRIES:
        folder = ahead.popleft()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if OURS in entry.name or entry.name in known:
                        continue
                    count += 1
                    total ^= _entry_token(entry, ahead)
                    if count >= MOST_ENTRIES:
                        break
        except OSError:
            if folder is workspace:
                return None
        known = frozenset()
    return (count, total)


def _entry_token(entry: "os.DirEntry[str]", ahead: deque[str]) -> int:
    """A file by name, time and size; a folder by its name alone, since what is in it is looked at itself."""
    if entry.is_dir(follow_symlinks=False):
        if entry.name not in _NOT_WALKED:
            ahead.append(entry.path)
        return hash(entry.path)
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:  # gone since it was listed
        return 0
    return hash((entry.path, status.st_mtime_ns, status.st_size))


def idle_words(watched: Watched, paths: Paths, own_status: Token | None) -> str:
    """Why silence is no stall, or ""; a status that we wrote ourselves says nothing about the agent."""
    rule = watched.rule.idle_ok
    status = _status(watched.workspace, own_status, follow=watched.follow)
    line = last_line(paths.log) if rule.log_pattern and paths.log else None
    if line is not None and not _is_found(rule.log_pattern or "", line):
        line = None
    return idle_reason(status, line, rule)


def _is_found(pattern: str, line: str) -> bool:
    """Apart from us: an expression that explodes would hold the loop as well, which no thread can run beside."""
    try:
        return "idle" in matcher.search_blocking({"idle": pattern}, [line], PATIENCE_S).found
    except OSError:
        return False


def _status(workspace: Path | None, own: Token | None, *, follow: bool) -> Status:
    if workspace is None:
        return status_file.MISSING
    try:
        with Folder(workspace, follow=follow) as folder:
            found = folder.read(status_file.NAME, status_file.MOST_BYTES)
    except Exception:  # noqa: BLE001 - whatever it is, it says nothing about idleness; the ladder names it
        return status_file.MISSING
    return status_file.MISSING if found is None or found[1] == own else status_file.understood(found[0])


def last_line(path: str) -> str | None:
    """The last line that is not blank, of an ordinary file; None where there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        os.lseek(fd, max(0, status.st_size - _TAIL), os.SEEK_SET)
        lines = os.read(fd, _TAIL).decode("utf-8", "replace").split("\n")
        return next((line.strip("\r") for line in reversed(lines) if line.strip()), None)
    except OSError:
        return None
    finally:
        os.close(fd)
