"""Goes back to a backup by the operator's word, while no Aurora runs. Blocking.

The queue, the failure memory and what else the rooms keep become what they were. What is true of this machine now is
kept: the spawns, what the operator confirmed of safety, and the anchor of the audit log; and no event is forgotten.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

from aurora_desktop.backups import copying
from aurora_desktop.backups.manifest import BackedFile, Manifest
from aurora_desktop.backups.rebuilding import Plan, Settle, rebuild
from aurora_desktop.backups.swap import Swap, Swapped, aside, finish, perform
from aurora_desktop.backups.verifying import restore_file
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.opening import VFS, found_damaged

_OF_NOW = frozenset({"spawn", "safety", "audit"})
SAFETY_UNKNOWN = """
    UPDATE safety SET value = '"unknown"' WHERE key IN ('confirmed_settings', 'proven_hotkey')
"""
"""What is not understood counts as never confirmed: looser settings wait for the operator's held press."""

_SAFETY_UNREAD = "What was confirmed of safety could not be read: looser settings wait for you"


class Kind(NamedTuple):
    """One database, as the house has it."""

    migrations: Sequence[str]
    application_id: int
    settle: Callable[[float], Settle] | None = None


class Restored(NamedTuple):
    """What was replaced; `notes` in words."""

    swap: Swap
    notes: tuple[str, ...]


def restore(root: Path, logs: Path, folder: Path, manifest: Manifest, kinds: Mapping[str, Kind], at: float) -> Restored:
    """Replace the databases of `root` by those of the backup. The caller holds the lock of the state dir.

    Interrupted at any moment, nothing is changed, or the next start finishes it. Raises AuroraError.
    """
    notes: list[str] = []
    files: list[Swapped] = []
    try:
        finish(root)
        for file in manifest.files:
            incoming = root / f".{file.name}.restoring"
            copying.remove(incoming)
            notes += _prepare(root, logs, folder, manifest, file, _kind(kinds, file), incoming)
            files.append(Swapped(file.name, aside(root, file.name, at), incoming.name))
        swap = Swap(at, tuple(files))
        perform(root, swap)
        for file in manifest.files:
            found_damaged(root / file.name).unlink(missing_ok=True)
    except (OSError, apsw.Error, copying.UnsoundCopyError) as error:
        raise AuroraError(
            "The backup could not be restored", f"{root}: {words(error)}", "Nothing that is in use was changed"
        ) from error
    return Restored(swap, tuple(notes))


def _kind(kinds: Mapping[str, Kind], file: BackedFile) -> Kind:
    kind = kinds.get(file.name)
    if kind is None or kind.application_id != file.application_id:
        raise AuroraError("The backup holds a file that is not Aurora's", file.name, "Choose another backup")
    if file.schema_version > len(kind.migrations):
        detail = f"{file.name} has version {file.schema_version}, and this Aurora knows {len(kind.migrations)}"
        raise AuroraError("The backup is of a newer Aurora", detail, "Start that one, or choose an older backup")
    return kind


def _prepare(
    root: Path, logs: Path, folder: Path, manifest: Manifest, file: BackedFile, kind: Kind, incoming: Path
) -> list[str]:
    restore_file(folder, file, incoming)
    settle = kind.settle(manifest.at) if kind.settle else None
    present = root / file.name
    plan = Plan(kind.migrations, file.application_id, present, logs, lambda name: name in _OF_NOW, settle)
    rebuilt = rebuild(incoming, plan)
    if "safety" in rebuilt.taken.missed or (not rebuilt.taken.families and file.name == "state.db"):
        _doubt_safety(incoming)
        return [
            *filter(None, [rebuilt.settled]),
            "What was confirmed of safety could not be read: looser settings wait for you",
        ]
    return [rebuilt.settled] if rebuilt.settled else []


def _doubt_safety(path: Path) -> None:
    connection = apsw.Connection(str(path), vfs=VFS)
    try:
        connection.pragma("synchronous", "full")
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'safety'").fetchall():
            connection.execute(SAFETY_UNKNOWN)
    finally:
        connection.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())
