"""Goes back to a backup by the operator's word, while no Aurora runs. Blocking.

The queue, the failure memory and what else the rooms keep become what they were. What is true of this machine now is
kept: the spawns, what the operator confirmed of safety, and the anchor of the audit log; and no event is forgotten.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

from aurora_desktop.backups import copying
from aurora_desktop.backups.care import RESTORING
from aurora_desktop.backups.manifest import BackedFile, Manifest
from aurora_desktop.backups.rebuilding import Plan, Settle, rebuild
from aurora_desktop.backups.swap import Swap, Swapped, aside, finish, perform
from aurora_desktop.backups.verifying import restore_file
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.storage.full_disk import words

_OF_NOW = frozenset({"spawn", "safety", "audit"})


class Kind(NamedTuple):
    """One database, as the house has it."""

    migrations: Sequence[str]
    application_id: int
    settle: Callable[[float], Settle] | None = None


class Incoming(NamedTuple):
    """A database that is to be put in place; `fill` writes it to the path that it is given."""

    name: str
    kind: Kind
    fill: Callable[[Path], None]


class Restored(NamedTuple):
    """What was replaced; `notes` in words."""

    swap: Swap
    notes: tuple[str, ...]


def restore(root: Path, logs: Path, folder: Path, manifest: Manifest, kinds: Mapping[str, Kind], at: float) -> Restored:
    """Replace the databases of `root` by those of the backup. The caller holds the lock of the state dir.

    Interrupted at any moment, nothing is changed, or the next start finishes it. Raises AuroraError.
    """

    def fill(file: BackedFile) -> Callable[[Path], None]:
        return lambda incoming: restore_file(folder, file, incoming)

    incoming = [Incoming(f.name, _kind(kinds, f), fill(f)) for f in manifest.files]
    return replace_all(root, logs, incoming, manifest.at, at)


def replace_all(root: Path, logs: Path, incoming: Sequence[Incoming], as_of: float, at: float) -> Restored:
    """The same of databases from anywhere, that are as of the moment `as_of`."""
    notes: list[str] = []
    files: list[Swapped] = []
    try:
        finish(root)
        for one in incoming:
            target = root / f".{one.name}{RESTORING}"
            copying.remove(target)
            one.fill(target)
            notes += _bring_up_to_date(root / one.name, logs, one.kind, as_of, target)
            files.append(Swapped(one.name, aside(root, one.name, at), target.name))
        swap = Swap(at, tuple(files))
        perform(root, swap)
    except (OSError, apsw.Error, copying.UnsoundCopyError) as error:
        raise AuroraError(
            "The state could not be replaced", f"{root}: {words(error)}", "What was begun is finished by the next start"
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


def _bring_up_to_date(present: Path, logs: Path, kind: Kind, as_of: float, incoming: Path) -> list[str]:
    settle = kind.settle(as_of) if kind.settle else None
    plan = Plan(kind.migrations, kind.application_id, present, logs, lambda name: name in _OF_NOW, settle)
    return list(rebuild(incoming, plan).notes)
