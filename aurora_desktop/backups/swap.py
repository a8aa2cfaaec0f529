"""Puts database files in the place of others so that a crash at any moment leaves it done or to be finished.

What is to be done is written down first (`swap.json`); while an incoming file is there still, everything under the
name is of the old one. What was done lies in `last-swap.json`, and is how it is undone.
"""

import os
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from aurora_desktop.backups.folder import sync_folder
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.opening import SIDE_FILES, being_repaired, found_damaged

PLANNED = "swap.json"
DONE = "last-swap.json"
_OUTGOING = (*SIDE_FILES, "")
_INCOMING = tuple(side for side in SIDE_FILES if side != "-shm")


class Swapped(Struct, frozen=True, forbid_unknown_fields=True):
    """`name` was replaced; the old file is `outgoing` now, the new one was `incoming`; all in the state dir."""

    name: str
    outgoing: str
    incoming: str = ""


class Swap(Struct, frozen=True, forbid_unknown_fields=True):
    """`at` in Unix time."""

    at: float
    files: tuple[Swapped, ...]


def perform(root: Path, swap: Swap) -> None:
    """Replace the files; when this raises OSError or the machine dies, `finish` goes on with it."""
    replace_content(root / PLANNED, msgspec.json.encode(swap))
    finish(root)


def finish(root: Path) -> bool:
    """Go on with what was begun; whether there was anything. Raises OSError, AuroraError."""
    swap = _read(root / PLANNED)
    if swap is None:
        return False
    for file in swap.files:
        _replace(root, file)
        sync_folder(root)
    os.replace(root / PLANNED, root / DONE)
    sync_folder(root)
    return True


def _replace(root: Path, file: Swapped) -> None:
    incoming = root / file.incoming
    if incoming.exists():
        for side in _OUTGOING:
            old = root / (file.name + side)
            if old.exists():
                os.replace(old, root / (file.outgoing + side))
        for note_of in (found_damaged, being_repaired):  # it was said of the old one
            note_of(root / file.name).unlink(missing_ok=True)
        os.replace(incoming, root / file.name)
    for side in _INCOMING:  # of a file that comes back; nobody opens it in between
        if (beside := root / (file.incoming + side)).exists():
            os.replace(beside, root / (file.name + side))
    (root / (file.incoming + "-shm")).unlink(missing_ok=True)


def note(root: Path, file: Swapped, at: float) -> None:
    """A file was replaced by other means: the next `undo` brings back the old one. Raises OSError."""
    last = _last(root)
    others = tuple(f for f in last.files if f.name != file.name) if last and at - last.at < 60 else ()
    replace_content(root / DONE, msgspec.json.encode(Swap(at, (*others, file))))


def undo(root: Path) -> Swap:
    """Bring back what the last swap replaced; undone again, it is done again. Raises AuroraError, OSError."""
    last = _last(root)
    if last is None:
        raise AuroraError("There is nothing to undo", f"No file of {root} was restored from a backup")
    missing = next((f.outgoing for f in last.files if not (root / f.outgoing).exists()), "")
    if missing:
        raise AuroraError("It cannot be undone", f"{root / missing} is not there any more")
    now = time.time()
    back = Swap(now, tuple(Swapped(f.name, aside(root, f.name, now), f.outgoing) for f in last.files))
    perform(root, back)
    return back


def aside(root: Path, name: str, at: float) -> str:
    """A name for a file that is replaced, that nothing has yet."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    wanted = f"{name}.replaced-{stamp}"
    number = 1
    while any((root / (wanted + side)).exists() for side in _OUTGOING):
        number += 1
        wanted = f"{name}.replaced-{stamp}-{number}"
    return wanted


def _last(root: Path) -> Swap | None:
    return _read(root / DONE)


def _read(path: Path) -> Swap | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Swap)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        hint = "Look at the files beside it, then remove it"
        raise AuroraError("A restore that was begun cannot be read", f"{path}: {words(error)}", hint) from error
