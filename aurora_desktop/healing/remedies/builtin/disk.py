"""A full disk: logs are rotated and compressed, and the temp folders that the settings name are cleared by age."""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Protocol

from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, is_well
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard

KIND = "disk_full"

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Disk full",
        sentence="{service}: there is no room left on the disk",
        next_step="See what takes the room (`df -h`, `du -xsh ~/* | sort -h`) and remove what is not needed;"
        " temp folders to be cleared are named in `healing.infrastructure.temp_folders`",
        patterns=(
            r"(?i)no space left on device|\bENOSPC\b|StorageFull|not enough space on the disk|disk (?:is )?full",
            r"(?i)disk quota exceeded|\bEDQUOT\b|Auf dem Gerät ist kein Speicherplatz|Aucun espace disponible",
            r"database or disk is full|SQLITE_FULL|could not extend file|QuotaExceeded",
            r"\[(?:Errno|WinError) (?:28|112|122)\]",
            r"\b(?:os error|errno:?|code:) -?(?:28|112|122)\b",
        ),
        hints=("space", "enospc", "full", "quota", "extend file", "speicherplatz", "28", "112", "122"),
        priority=70,
    ),
)


class Freed(Protocol):
    """What a clean-up gained, and that in words."""

    @property
    def freed_bytes(self) -> int: ...

    @property
    def sentence(self) -> str: ...


FreeSpace = Callable[[], Awaitable[Freed]]


class MakeRoom(Helping):
    """Cleans up as the settings allow, by the same means as when the machine runs low."""

    name: ClassVar[str] = "make_room"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.TIDY
    summary: ClassVar[str] = "Rotates and compresses logs, and clears the named temp folders of old files"
    verifies: ClassVar[str] = "room was freed, and the service comes up and stays up"
    undoes: ClassVar[str] = "what was removed stays removed: old temporary files, and the oldest archives of logs"

    def __init__(self, free_space: FreeSpace) -> None:
        self._free_space = free_space

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:  # noqa: ARG002 - the shape of a remedy
        return Plan("Rotate and compress logs, and clear the temp folders that the settings name of old files")

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        freed = await self._free_space()
        if freed.freed_bytes <= 0:
            raise RefusedError(
                "Nothing could be freed on the full disk",
                freed.sentence,
                "Name folders that may be cleared in `healing.infrastructure.temp_folders`, or see what takes the room:"
                " `du -xsh ~/* | sort -h`",
            )
        if fault.service is not None:
            yard.restart(fault.service, "there is room on the disk again")
        return Done(freed.sentence)

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool:  # noqa: ARG002 - the shape of a remedy
        # Of Aurora's own files it is known at once: what waited is written at the next try.
        return fault.service is None or await is_well(fault, yard)
