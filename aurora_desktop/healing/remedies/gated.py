"""Test-gated fixes: snapshot, apply, run the service's declared check, keep or roll back to the byte.

A journal on the disk says what is under way: should Aurora be killed in the middle, its next start rolls back. Once the
change is made, only what the fix itself changed is taken back: what the service wrote meanwhile is not Aurora's.
"""

import asyncio
import contextlib
import os
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.remedies import changes
from aurora_desktop.healing.remedies.changes import Change
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.remedies.snapshot import Snapshot, release, restore, take
from aurora_desktop.healing.yard import Ran, Yard

OLD_S = 3600.0
"""A journal that nobody has written on for so long: what was made of the files since is more than a fix is worth."""
BEAT_S = 1.0
"""How often the journal is touched while files are changed, so that it says until when that went on."""
_SLACK_S = 1.0
_SHOWN_OUTPUT = 300
_SHOWN_PATHS = 5


class Fix(Struct, frozen=True, kw_only=True):
    """The journal of one fix that is under way; `changed` is what it did itself, once that is known.

    `taking_back`: that was begun, after a look whether any of it is somebody else's by now.
    """

    id: str
    component: str
    remedy: str
    failure_id: int
    snapshot: Snapshot
    changed: tuple[Change, ...] | None = None
    taking_back: bool = False


class RolledBack(Struct, frozen=True):
    """A fix that an earlier Aurora left half done; `problem`: why it was not rolled back, or ""; `hint`: what to do."""

    fix: Fix
    problem: str = ""
    hint: str = ""


class NotRolledBackError(AuroraError):
    """The files are left as they are, and lie as they were before in a folder that the hint names."""


class GatedFixes:
    """`root` is a folder of ours: one folder for each fix that is neither kept nor rolled back yet.

    Beside it, in `<root>-left`, are the old files of those that were not rolled back: the operator's, who removes them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left = root.with_name(f"{root.name}-left")

    async def apply(
        self,
        fault: Fault,
        remedy: str,
        yard: Yard,
        change: Callable[[], Awaitable[None]],
        *,
        in_folder: Path | None = None,
    ) -> str:
        """Change the service's folder (or another) and run its check; the fix's id, for `keep` or `roll_back`.

        Rolled back already when this raises: RefusedError without a declared check or for a folder that cannot be
        kept, AuroraError when the check fails, whatever `change` raises; also when it is cancelled.
        """
        service, command, timeout_s = _check_of(fault, yard)
        folder = in_folder or yard.folder(service)
        fix = await self._begun(fault, remedy, folder)
        try:
            async with self._beating(fix):
                await change()
                await asyncio.to_thread(self._note_changes, fix)
            ran = await yard.run(service, command, timeout_s)
            if not ran.ok:
                raise AuroraError(f"The check failed, so the change was rolled back: {_said(command, ran)}")
        except BaseException:
            await asyncio.shield(asyncio.get_running_loop().create_task(self._undo_all(fix)))
            raise
        return fix.id

    async def keep(self, fix_id: str) -> None:
        """It helped: the change stays."""
        fix = await asyncio.to_thread(self._read, fix_id)
        await asyncio.to_thread(self._forget, fix)

    async def roll_back(self, fix_id: str) -> None:
        """What the fix changed, to the byte.

        Raises NotRolledBackError when somebody has changed that since; OSError or RefusedError for now: the snapshot is
        kept for the next try.
        """
        fix = await asyncio.to_thread(self._read, fix_id)
        await asyncio.to_thread(self._roll_back, fix)

    async def leave(self, component: str) -> None:
        """What was changed for it stays as it is, unproven: no later start takes back what was made of it meanwhile."""
        await asyncio.to_thread(self._leave, component)

    async def recover(self) -> tuple[RolledBack, ...]:
        """Roll back what an earlier Aurora, that was killed, left half done."""
        return await asyncio.to_thread(self._recover)

    async def _begun(self, fault: Fault, remedy: str, folder: Path) -> Fix:
        """Cancelled, it leaves no journal of a change that never was: the thread goes on, and is waited for."""
        beginning = asyncio.ensure_future(asyncio.to_thread(self._begin, fault, remedy, folder))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.ensure_future(self._not_begun(beginning)))
            raise

    async def _not_begun(self, beginning: "asyncio.Future[Fix]") -> None:
        with contextlib.suppress(RefusedError, OSError):
            await asyncio.to_thread(self._forget, await beginning)

    async def _undo_all(self, fix: Fix) -> None:
        """Right after the change the whole folder is what it was, with whatever the check has left behind."""
        await asyncio.to_thread(restore, fix.snapshot, self._root / fix.id / "copies")
        await asyncio.to_thread(self._forget, fix)

    @contextlib.asynccontextmanager
    async def _beating(self, fix: Fix) -> AsyncIterator[None]:
        async def beat() -> None:
            while True:
                await asyncio.sleep(BEAT_S)
                with contextlib.suppress(OSError):  # then it says less than is true, and less is rolled back
                    await asyncio.to_thread(os.utime, self._journal(fix.id))

        beating = asyncio.ensure_future(beat())
        try:
            yield
        finally:
            beating.cancel()

    # --- in a thread ------------------------------------------------------------------------------------------

    def _begin(self, fault: Fault, remedy: str, folder: Path) -> Fix:
        """The journal is written last, and before anything is changed."""
        fix_id = uuid.uuid4().hex
        place = self._root / fix_id
        place.mkdir(mode=0o700, parents=True)
        try:
            snapshot = take(folder, place / "copies", _reference(fix_id))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        fix = Fix(id=fix_id, component=fault.component, remedy=remedy, failure_id=fault.failure_id, snapshot=snapshot)
        try:
            self._write(fix)
        except BaseException:  # no room, or a name that is no text
            self._forget(fix)
            raise
        return fix

    def _journal(self, fix_id: str) -> Path:
        return self._root / fix_id / "fix.json"

    def _copies(self, fix: Fix) -> Path:
        return self._root / fix.id / "copies"

    def _write(self, fix: Fix) -> None:
        replace_content(self._journal(fix.id), msgspec.json.encode(fix))

    def _read(self, fix_id: str) -> Fix:
        try:
            return msgspec.json.decode(self._journal(fix_id).read_bytes(), type=Fix)
        except msgspec.MsgspecError as error:
            raise OSError(f"the journal of the fix {fix_id} cannot be read") from error

    def _note_changes(self, fix: Fix) -> None:
        self._write(replace(fix, changed=changes.measure(fix.snapshot, self._copies(fix))))

    def _roll_back(self, fix: Fix) -> None:
        """Nothing of it when a part of it is somebody else's by now: half of a fix is worse than either whole."""
        changed, foreign = self._changed_by(fix)
        if foreign:
            shown = ", ".join(foreign[:_SHOWN_PATHS]) + (" and more" if len(foreign) > _SHOWN_PATHS else "")
            raise self._given_up(fix, f"{shown} in {fix.snapshot.folder} changed since")
        self._write(replace(fix, changed=tuple(changed), taking_back=True))
        changes.take_back(changed, fix.snapshot, self._copies(fix))
        self._forget(fix)

    def _changed_by(self, fix: Fix) -> tuple[Sequence[Change], tuple[str, ...]]:
        """What the fix did, and what of it was changed since; one that was cut off did what was done until then."""
        if fix.changed is not None and fix.taking_back:
            return fix.changed, ()
        if fix.changed is not None:
            return fix.changed, changes.conflicts(fix.changed, fix.snapshot, self._copies(fix))
        last_beat = self._journal(fix.id).stat().st_mtime
        found = changes.measure(fix.snapshot, self._copies(fix))
        return changes.until(found, Path(fix.snapshot.folder), last_beat + BEAT_S + _SLACK_S)

    def _given_up(self, fix: Fix, why: str) -> NotRolledBackError:
        """For good: its old files are laid out for the operator, and no later start tries it again."""
        place = self._left / fix.id
        found = fix.changed or changes.measure(fix.snapshot, self._copies(fix))
        changes.write_out(found, fix.snapshot, self._copies(fix), place)
        self._forget(fix)
        return NotRolledBackError(
            "the change of files was not rolled back",
            why,
            f"Compare {fix.snapshot.folder} with {place}, where its files are as they were before; then remove that",
        )

    def _forget(self, fix: Fix) -> None:
        """The journal goes first: what has none was never begun."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._journal(fix.id))
        release(fix.snapshot, _reference(fix.id))
        shutil.rmtree(self._root / fix.id, ignore_errors=True)

    def _leave(self, component: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._root):
                with contextlib.suppress(OSError):  # one that was killed before its journal was written
                    fix = self._read(name)
                    if fix.component == component:
                        self._forget(fix)

    def _recover(self) -> tuple[RolledBack, ...]:
        with contextlib.suppress(FileNotFoundError):
            return tuple(found for name in sorted(os.listdir(self._root)) if (found := self._recovered(name)))
        return ()

    def _recovered(self, name: str) -> RolledBack | None:
        if not self._journal(name).exists():  # killed while the snapshot was taken
            shutil.rmtree(self._root / name, ignore_errors=True)
            return None
        try:
            fix = self._read(name)
        except OSError:
            return None
        try:
            if time.time() - self._journal(name).stat().st_mtime > OLD_S:
                raise self._given_up(fix, "the fix was begun long ago, and much may have been made of its files since")
            self._roll_back(fix)
        except NotRolledBackError as error:
            return RolledBack(fix, error.detail, error.hint)
        except (OSError, RefusedError) as error:
            return RolledBack(fix, str(error), "Look at the files of its folder, and mend them by hand")
        return RolledBack(fix)


def _check_of(fault: Fault, yard: Yard) -> tuple[str, tuple[str, ...], float]:
    name = fault.service
    spec = yard.service(name) if name is not None else None
    if name is None or spec is None:
        raise RefusedError(f"{fault.component} is no service of the settings")
    if spec.healing.check is None:
        raise RefusedError(
            f"`{name}` declares no check, and a change of files is kept only when one succeeds",
            "",
            f"Name one in `services.{name}.healing.check`",
        )
    return name, spec.healing.check, spec.healing.check_timeout_sec


def _reference(fix_id: str) -> str:
    return f"refs/aurora/fixes/{fix_id}"


def _said(command: tuple[str, ...], ran: Ran) -> str:
    how = "did not end in time" if ran.code is None else f"exited with code {ran.code}"
    last = " | ".join(line.strip() for line in ran.output.splitlines()[-3:] if line.strip())
    return f"`{command[0]}` {how}" + (f": {last[-_SHOWN_OUTPUT:]}" if last else "")
