"""Repairs a damaged database at the start: out of itself, else out of the newest good backup and what it still holds.

Nothing here raises: what cannot be repaired is begun anew, and told.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import apsw

from aurora_desktop.backups import copying
from aurora_desktop.backups.care import RESCUING
from aurora_desktop.backups.folder import BackupFolder, sync_folder
from aurora_desktop.backups.manifest import BackedFile, BadBackupError, Manifest
from aurora_desktop.backups.rebuilding import Plan, Rebuilt, Settle, rebuild
from aurora_desktop.backups.swap import Swapped, note
from aurora_desktop.backups.verifying import restore_file
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.opening import Quarantine, Rescued, open_reader, register_checksums

ITSELF = "what the file itself holds"
UNDO = "`aurora backup undo` brings the old file back"
_FAMILIES = {
    "task": "tasks", "failure": "the failure memory", "spawn": "the record of spawns", "alert": "alerts",
    "machine": "readings of the machine", "remedy": "offers and escalations", "agent": "the standing of agents",
    "safety": "confirmed safety settings", "audit": "the anchor of the audit log", "event": "events",
    "mark": "the age of the journal", "link": "messages and session of the link",
}  # fmt: skip

log = logging.getLogger(__name__)


class Rescue:
    """For one start. `settle` is asked with the moment (Unix time) of the backup that tasks were restored from."""

    def __init__(
        self,
        root: Path,
        folders: Sequence[BackupFolder],
        logs: Path,
        settle: Callable[[float], Settle] | None = None,
    ) -> None:
        self._root, self._folders, self._logs, self._settle = root, folders, logs, settle

    def rescue(self, quarantine: Quarantine, migrations: Sequence[str], application_id: int) -> Rescued | None:
        """Blocking: about 3 s for each 100 MB."""
        work = quarantine.path.with_name(f".{quarantine.path.name}{RESCUING}{os.getpid()}")
        old = quarantine.moved_to if quarantine.remains == "file and log" else None
        plan = Plan(migrations, application_id, old, self._logs)
        try:
            register_checksums()
            rescued = _whole(quarantine, work, application_id) or self._rebuilt(quarantine, work, plan)
            if work.exists():
                os.replace(work, quarantine.path)  # begun anew, too: it knows that nothing counts as confirmed
                sync_folder(self._root)
            if rescued is not None:
                note(self._root, Swapped(quarantine.path.name, quarantine.moved_to.name), time.time())
            return rescued
        except (OSError, apsw.Error, AuroraError, copying.UnsoundCopyError) as error:
            log.warning("%s could not be repaired: %s", quarantine.path.name, words(error))
            return None
        finally:
            copying.remove(work)

    def _rebuilt(self, quarantine: Quarantine, work: Path, plan: Plan) -> Rescued | None:
        """Out of the newest backup that serves; without one out of what can be read of the old file and the logs."""
        for folder, manifest, file in self._backups(quarantine.path.name, plan):
            settle = self._settle(manifest.at) if self._settle else None
            try:
                copying.remove(work)
                restore_file(folder, file, work)
                rebuilt = rebuild(work, plan._replace(settle=settle))
            except (BadBackupError, OSError, apsw.Error, AuroraError, copying.UnsoundCopyError) as error:
                log.warning("the backup %s does not serve: %s", manifest.id, error)
                continue
            return Rescued(_source(manifest, rebuilt), _lost(rebuilt, f"changes since {_when(manifest.at)}"))
        copying.remove(work)
        rebuilt = rebuild(work, plan)
        if not rebuilt.taken.families and not rebuilt.replayed:
            return None
        return Rescued(ITSELF if rebuilt.taken.families else "the logs of events", _lost(rebuilt, "all there was"))

    def _backups(self, name: str, plan: Plan) -> Iterable[tuple[Path, Manifest, BackedFile]]:
        """Newest first, over all folders."""
        there = [found for folder in self._folders for found in folder.good()]
        for folder, manifest in sorted(there, key=lambda found: found[1].number, reverse=True):
            for file in manifest.files:
                is_ours = file.application_id == plan.application_id
                if file.name == name and is_ours and file.schema_version <= len(plan.migrations):
                    yield folder, manifest, file


def _whole(quarantine: Quarantine, work: Path, application_id: int) -> Rescued | None:
    """A log that broke off leaves a file that is sound as of an earlier moment: no backup can be newer."""
    moved = quarantine.moved_to
    try:
        if quarantine.remains == "nothing" or not moved.exists() or not moved.stat().st_size:
            return None
        reading = copying.open_copy(moved) if quarantine.remains == "file" else open_reader(moved)
        try:
            reading.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            copying.copy_of(reading, work)
        finally:
            reading.close()
        if copying.examine(work).application_id != application_id:
            return None
        with work.open("r+b") as file:
            os.fsync(file.fileno())
    except (OSError, apsw.Error, copying.UnsoundCopyError):
        return None
    is_short = quarantine.remains == "file and log" and "write-ahead log" in quarantine.reason
    return Rescued(ITSELF, "the last changes, which its write-ahead log held" if is_short else "")


def _source(manifest: Manifest, rebuilt: Rebuilt) -> str:
    itself = f", and {ITSELF}" if rebuilt.taken.families else ""
    logs = ", and the logs of events" if rebuilt.replayed else ""
    return f"the backup {manifest.id}{itself}{logs}"


def _lost(rebuilt: Rebuilt, since: str) -> str:
    """What cannot be there any more, in words; "" if nothing is missing."""
    missed = rebuilt.taken.missed
    if missed == ("event",):
        told = "events on the broken pages, but for those in the logs"
    elif missed or not rebuilt.taken.families:
        told = f"{since} of {', '.join(map(_in_words, missed)) or 'everything'}"
    else:
        told = ""
    return "; ".join(filter(None, (told, *rebuilt.notes)))


def _in_words(family: str) -> str:
    return _FAMILIES.get(family, f"the tables of `{family}`")


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
