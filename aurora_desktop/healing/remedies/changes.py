"""What a fix itself changed in its folder, and how that alone is taken back. Blocking, for a thread.

What the service, or the operator, wrote beside it or since is not the fix's, and is never touched.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.healing.remedies.snapshot import (
    Contents,
    Entry,
    Snapshot,
    contents_of,
    file_content,
    put_back,
    walk,
)


class Change(Struct, frozen=True):
    """One path that is not as it was; None: nothing is there. In `after` the content of a file is its SHA-256."""

    path: str
    before: Entry | None
    after: Entry | None


def measure(snapshot: Snapshot, copies: Path) -> tuple[Change, ...]:
    """All that differs now from the snapshot. Raises OSError, RefusedError."""
    folder, contents = Path(snapshot.folder), contents_of(snapshot, copies)
    before = {entry.path: entry for entry in snapshot.entries}
    now = {entry.path: entry for entry in walk(folder, frozenset(snapshot.skipped))}
    return tuple(
        Change(path, before.get(path), _fingerprint(folder, now.get(path)))
        for path in sorted(before.keys() | now.keys())
        if not _is_as_before(folder, before.get(path), now.get(path), contents)
    )


def until(changes: Sequence[Change], folder: Path, wall: float) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Those that were made until then, and the paths that somebody else has changed since.

    What is gone may have gone at any time: to have it back takes nothing from anybody. What is new since is no
    conflict either: it is left.
    """
    late = {change.path for change in changes if change.after is not None and _changed_at(folder / change.path) > wall}
    conflicts = tuple(change.path for change in changes if change.path in late and change.before is not None)
    return tuple(change for change in changes if change.path not in late), conflicts


def conflicts(changes: Sequence[Change], snapshot: Snapshot, copies: Path) -> tuple[str, ...]:
    """The paths that are neither as the fix left them nor as they were before: somebody has changed them since."""
    folder, contents = Path(snapshot.folder), contents_of(snapshot, copies)
    return tuple(change.path for change in changes if _is_foreign(change, folder, contents, changes))


def take_back(changes: Sequence[Change], snapshot: Snapshot, copies: Path) -> None:
    """Make these paths what they were, and leave all others. Raises OSError, RefusedError."""
    folder, contents = Path(snapshot.folder), contents_of(snapshot, copies)
    with _writable(folder, changes):
        for change in sorted(changes, key=lambda change: -change.path.count("/")):  # what is inside goes first
            _remove(folder, change)
        restored = [change.before for change in changes if change.before is not None]
        for entry in sorted(restored, key=lambda entry: entry.path.split("/")):  # folders before what is in them
            put_back(folder / entry.path, entry, contents)
    for entry in sorted(restored, key=lambda entry: -entry.path.count("/")):  # one may be read-only
        if entry.kind == "folder":
            os.chmod(folder / entry.path, entry.mode)


def write_out(changes: Sequence[Change], snapshot: Snapshot, copies: Path, place: Path) -> None:
    """Lay the files as they were before into `place`, for a person to look at. Raises OSError, RefusedError."""
    contents = contents_of(snapshot, copies)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for change in changes:
        if change.before is not None and change.before.kind == "file":
            target = place / change.path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.write_bytes(contents.read(change.before.content))
            os.chmod(target, change.before.mode & 0o700)


# --- how things are now ---------------------------------------------------------------------------------------------


def _now(folder: Path, path: str) -> Entry | None:
    if any((folder / parent).is_symlink() for parent in Path(path).parents):
        return None  # what lies behind a link lies elsewhere
    try:
        status = os.lstat(folder / path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return Entry(path, "link", mode, os.readlink(folder / path))
    return Entry(path, "folder" if stat.S_ISDIR(status.st_mode) else "file", mode)


def _fingerprint(folder: Path, entry: Entry | None) -> Entry | None:
    if entry is None or entry.kind != "file":
        return entry
    return replace(entry, content=hashlib.sha256(file_content(folder / entry.path)).hexdigest())


def _is_as_before(folder: Path, before: Entry | None, now: Entry | None, contents: Contents) -> bool:
    if before is None or now is None or (before.kind, before.mode) != (now.kind, now.mode):
        return before is now  # both are nothing
    if before.kind == "file":
        return contents.matches(before.content, file_content(folder / now.path))
    return before.content == now.content


def _changed_at(path: Path) -> float:
    try:
        return os.lstat(path).st_ctime
    except OSError:  # gone by now
        return 0.0


def _is_foreign(change: Change, folder: Path, contents: Contents, changes: Sequence[Change]) -> bool:
    now = _now(folder, change.path)
    if _fingerprint(folder, now) != change.after:
        return not _is_as_before(folder, change.before, now, contents)
    if now is None or now.kind != "folder" or change.before is None or change.before.kind == "folder":
        return False
    # A folder in place of something else goes as a whole: nobody may have put anything there.
    inside = {entry.path for entry in walk(folder, frozenset(), f"{change.path}/")}
    return not inside <= {known.path for known in changes}


# --- taking back ----------------------------------------------------------------------------------------------------


def _remove(folder: Path, change: Change) -> None:
    """What was not there, or was something else. A folder that others have put something into stays."""
    now, before = _now(folder, change.path), change.before
    if now is None or (before is not None and before.kind == now.kind):
        return
    if now.kind != "folder":
        os.unlink(folder / change.path)
    elif before is None:
        with contextlib.suppress(OSError):
            os.rmdir(folder / change.path)
    else:
        os.rmdir(folder / change.path)


@contextlib.contextmanager
def _writable(folder: Path, changes: Sequence[Change]) -> Iterator[None]:
    """The folders that changed things are in, for the moment; their modes are then as they were."""
    parents = {str(parent) for change in changes for parent in Path(change.path).parents} - {"."}
    changed = {change.path for change in changes}
    found = {path: entry.mode for path in sorted(parents) if (entry := _now(folder, path)) and entry.kind == "folder"}
    for path, mode in found.items():
        if mode & 0o700 != 0o700:
            os.chmod(folder / path, mode | 0o700)
    try:
        yield
    finally:
        for path, mode in found.items():
            if mode & 0o700 != 0o700 and path not in changed and (folder / path).is_dir():
                os.chmod(folder / path, mode)
