"""What the house does for its databases as it opens them. Imports nothing of the rest before it is needed."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema_backups import BackupSettings
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.opening import Quarantine, Rescued

if TYPE_CHECKING:
    from aurora_desktop.backups.rebuilding import Settle

PLANNED = "swap.json"
RESTORING, RESCUING = ".restoring", ".rescuing-"
"""In the names of files that are being made; who starts is alone, so what has one then was left half-made."""

log = logging.getLogger(__name__)


class FirstAid:
    """Implements `Care` of `core/storage/opening.py`; `troubles` are to be told once there is somebody to tell.

    `settle`: asked with the moment (Unix time) of the backup that the tasks were restored from.
    """

    def __init__(
        self,
        paths: StatePaths,
        settings: BackupSettings,
        wall: Callable[[], float],
        settle: "Callable[[float], Settle] | None" = None,
    ) -> None:
        self._paths, self._settings, self._wall, self._settle = paths, settings, wall, settle
        self.troubles: list[str] = []

    def finish_restore(self) -> None:
        """Go on with a restore that was interrupted. Blocking; raises AuroraError."""
        if (self._paths.root / PLANNED).exists():
            self._finish()
        self._remove_leftovers()

    def _finish(self) -> None:
        from aurora_desktop.backups import swap

        try:
            swap.finish(self._paths.root)
        except OSError as error:
            raise AuroraError(
                "A restore that was begun cannot be finished",
                f"{error.filename or self._paths.root}: {words(error)}",
                "Make room or give this user write access to the folder, then start Aurora again",
            ) from error

    def _remove_leftovers(self) -> None:
        with contextlib.suppress(OSError):
            for entry in self._paths.root.iterdir():
                if entry.name.startswith(".") and (RESTORING in entry.name or RESCUING in entry.name):
                    entry.unlink()

    def before_migration(self, path: Path, version: int) -> None:
        from aurora_desktop.backups.keeper import before_migration

        if why := before_migration(self._paths, self._settings, self._wall())(version):
            log.warning("%s is brought up to date without a backup: %s", path.name, why)
            self.troubles.append(why)

    def rescue(self, quarantine: Quarantine, migrations: Sequence[str], application_id: int) -> Rescued | None:
        from aurora_desktop.backups.keeper import folders
        from aurora_desktop.backups.rescue import Rescue

        there = folders(self._paths, self._settings)
        rescue = Rescue(self._paths.root, there, self._paths.logs, settle=self._settle)
        return rescue.rescue(quarantine, migrations, application_id)
