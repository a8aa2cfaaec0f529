"""Test-gated fixes: snapshot, apply, run the service's declared check, keep or roll back to the byte.

A journal on the disk says what is under way: should Aurora be killed in the middle, its next start rolls back.
"""

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.remedies.snapshot import Snapshot, release, restore, take
from aurora_desktop.healing.yard import Ran, Yard

_SHOWN_OUTPUT = 300


class Fix(Struct, frozen=True, kw_only=True):
    """The journal of one fix that is under way."""

    id: str
    component: str
    remedy: str
    failure_id: int
    snapshot: Snapshot


class RolledBack(Struct, frozen=True):
    """A fix that an earlier Aurora left half done; `problem`: why it could not be rolled back, or ""."""

    fix: Fix
    problem: str = ""


class GatedFixes:
    """`root` is a folder of ours: one folder for each fix that is neither kept nor rolled back yet."""

    def __init__(self, root: Path) -> None:
        self._root = root

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
            await change()
            ran = await yard.run(service, command, timeout_s)
            if not ran.ok:
                raise AuroraError(f"The check failed, so the change was rolled back: {_said(command, ran)}")
        except BaseException:
            await asyncio.shield(asyncio.get_running_loop().create_task(self.roll_back(fix.id)))
            raise
        return fix.id

    async def keep(self, fix_id: str) -> None:
        """It helped: the change stays."""
        fix = await asyncio.to_thread(self._read, fix_id)
        await asyncio.to_thread(self._forget, fix)

    async def roll_back(self, fix_id: str) -> None:
        """To the byte. Raises OSError or RefusedError; then the snapshot is kept for the next try."""
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
            replace_content(place / "fix.json", msgspec.json.encode(fix))
        except BaseException:  # no room, or a name that is no text
            self._forget(fix)
            raise
        return fix

    def _read(self, fix_id: str) -> Fix:
        try:
            return msgspec.json.decode((self._root / fix_id / "fix.json").read_bytes(), type=Fix)
        except msgspec.MsgspecError as error:
            raise OSError(f"the journal of the fix {fix_id} cannot be read") from error

    def _roll_back(self, fix: Fix) -> None:
        restore(fix.snapshot, self._root / fix.id / "copies")
        self._forget(fix)

    def _forget(self, fix: Fix) -> None:
        """The journal goes first: what has none was never begun."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._root / fix.id / "fix.json")
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
        if not (self._root / name / "fix.json").exists():  # killed while the snapshot was taken
            shutil.rmtree(self._root / name, ignore_errors=True)
            return None
        try:
            fix = self._read(name)
        except OSError:
            return None
        try:
            self._roll_back(fix)
        except (OSError, RefusedError) as error:
            return RolledBack(fix, str(error))
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
