"""The faults that Aurora knows from the start, one module for each family, and the remedies for them.

`FAULT_KINDS` and `REMEDIES` stand alone; `remedies_with` adds those that need a part of Aurora.
"""

from aurora_desktop.healing.remedies.builtin import (
    config_edit,
    database_lock,
    descriptors,
    disk,
    memory,
    not_found,
    npm_packages,
    permission,
    ports,
    python_modules,
    refused,
    source,
    stale,
    web,
)
from aurora_desktop.healing.remedies.builtin.code_change import NameTheChange
from aurora_desktop.healing.remedies.builtin.config_edit import RestoreConfig
from aurora_desktop.healing.remedies.builtin.disk import FreeSpace, MakeRoom
from aurora_desktop.healing.remedies.builtin.known_good import KnownGood
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Remedy

FAULT_KINDS: tuple[FaultKind, ...] = (
    *memory.FAULT_KINDS,
    *python_modules.FAULT_KINDS,
    *npm_packages.FAULT_KINDS,
    *source.FAULT_KINDS,
    *stale.FAULT_KINDS,
    *disk.FAULT_KINDS,
    *database_lock.FAULT_KINDS,
    *descriptors.FAULT_KINDS,
    *ports.FAULT_KINDS,
    *config_edit.FAULT_KINDS,
    *web.FAULT_KINDS,
    *refused.FAULT_KINDS,
    *permission.FAULT_KINDS,
    *not_found.FAULT_KINDS,
)

REMEDIES: tuple[Remedy, ...] = (
    *stale.REMEDIES,
    *ports.REMEDIES,
    *refused.REMEDIES,
    *database_lock.REMEDIES,
    *descriptors.REMEDIES,
    *memory.REMEDIES,
    *permission.REMEDIES,
    *python_modules.REMEDIES,
    *npm_packages.REMEDIES,
)


def remedies_with(known_good: KnownGood, free_space: FreeSpace) -> tuple[Remedy, ...]:
    """All of them: `known_good` knows what last worked, `free_space` cleans up the disk."""
    return (*REMEDIES, MakeRoom(free_space), RestoreConfig(known_good), NameTheChange(known_good))
