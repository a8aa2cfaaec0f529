"""A disk of which the power goes: what was not synced may be there, or not, or in parts.

As a program: `python -m unit.backups.power_cut FOLDER CUTS SEED [SYNCHRONOUS]` cuts the power that often over saves of
the state, tasks of the queue and messages of the outbox, opens what is left each time, and prints one line of JSON. A
process of its own, because this disk must be there before the layer of checksums is.
"""

import asyncio
import contextlib
import random
import shutil
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.storage.acknowledged import mark_of
from aurora_desktop.core.storage.opening import open_sound
from aurora_desktop.core.storage.writer import Writer
from aurora_desktop.migrations import STATE_APPLICATION_ID, StateMigrations

from .saved import Saving, kept

SECTOR = 512
BASE = apsw.vfs_names()[0]
"""The system's own, before another becomes the default."""


class PowerLostError(OSError):
    """There is no disk any more."""


class Disk:
    """What of each file is safe, and what was written to it since. `left`: operations until the power goes."""

    def __init__(self) -> None:
        self.safe: dict[str, bytearray] = {}
        self.pending: dict[str, list[tuple[int, bytes | None]]] = {}
        self.left = -1

    def operate(self) -> None:
        if self.left == 0:
            raise PowerLostError("no power")
        self.left -= self.left > 0

    def write(self, name: str, offset: int, data: bytes | None) -> None:
        """`None` cuts the file off at `offset`."""
        self.pending.setdefault(name, []).append((offset, data))

    def sync(self, name: str) -> None:
        content = self.safe.setdefault(name, bytearray())
        for offset, data in self.pending.pop(name, []):
            _apply(content, offset, data)

    def forget(self, name: str) -> None:
        self.safe.pop(name, None)
        self.pending.pop(name, None)

    def after(self, chance: random.Random) -> dict[str, bytes]:
        """The files as somebody may find them: of what was not synced any sectors, in any order."""
        found = {}
        for name in {*self.safe, *self.pending}:
            content = bytearray(self.safe.get(name, b""))
            for offset, data in self.pending.get(name, []):
                if chance.random() < 0.5:
                    _tear(content, offset, data, chance)
            found[name] = bytes(content)
        return found


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset + len(data):
        content.extend(bytes(offset + len(data) - len(content)))
    content[offset : offset + len(data)] = data


def _tear(content: bytearray, offset: int, data: bytes | None, chance: random.Random) -> None:
    if data is None or chance.random() < 0.5:
        _apply(content, offset, data)
        return
    for start in range(0, len(data), SECTOR):
        if chance.random() < 0.5:
            _apply(content, offset + start, data[start : start + SECTOR])


class PowerCutVFS(apsw.VFS):
    """In front of the system's own, as the default of this process."""

    def __init__(self, disk: Disk) -> None:
        super().__init__("powercut", BASE, makedefault=True)
        self.disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return PowerCutFile(name, flags, self.disk)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - as above
        self.disk.operate()
        super().xDelete(filename, syncdir)
        self.disk.forget(filename)


class PowerCutFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], disk: Disk) -> None:
        super().__init__(BASE, name, flags)
        self.disk = disk
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        self.disk.operate()
        super().xWrite(data, offset)
        self.disk.write(self.name, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - as above
        self.disk.operate()
        super().xTruncate(newsize)
        self.disk.write(self.name, newsize, None)

    def xSync(self, flags: int) -> None:  # noqa: N802 - as above
        self.disk.operate()
        self.disk.sync(self.name)


class Outcome(Struct):
    """Of so many cuts; `lost` and `unsound` are to be empty. `acknowledged` in all."""

    cuts: int = 0
    acknowledged: int = 0
    lost: list[str] = []
    unsound: list[str] = []


class Alone:
    """As much of a `Database` as is used here, with one connection: this disk shares no memory."""

    def __init__(self, path: Path, synchronous: str = "") -> None:
        connection, self.quarantine = open_sound(path, StateMigrations(), STATE_APPLICATION_ID)
        connection.pragma("wal_autocheckpoint", 40)  # so that the power goes in the middle of many of them
        if synchronous:
            connection.pragma("synchronous", synchronous)
        self._writer = Writer(connection, path)
        self.submit = self._writer.submit
        self.close = self._writer.close

    def read(self, sql: str, args: Any = ()) -> list[tuple[Any, ...]]:
        rows: Future[list[tuple[Any, ...]]] = self.submit(lambda db: db.execute(sql, tuple(args)).fetchall())
        return rows.result()


def cut_often(folder: Path, cuts: int, seed: int, synchronous: str = "") -> Outcome:
    """Cut the power so often, each time at another moment of the same work; `synchronous` in the place of Aurora's."""
    apsw.connection_hooks.append(lambda connection: connection.pragma("locking_mode", "exclusive"))
    disk = Disk()
    vfs = PowerCutVFS(disk)  # for as long as this is held
    outcome = Outcome()
    for number in range(cuts):
        _cut(folder / str(number), vfs.disk, random.Random(seed * 1_000_003 + number), outcome, synchronous)
    return outcome


def _cut(folder: Path, disk: Disk, chance: random.Random, outcome: Outcome, synchronous: str) -> None:
    folder.mkdir(parents=True)
    disk.safe.clear()
    disk.pending.clear()
    path = folder / "state.db"
    database = Alone(path, synchronous)
    disk.left = chance.randrange(4, 400)
    lines = asyncio.run(_work(database))
    after = disk.after(chance)
    disk.left = 0
    database.close()
    disk.left = -1
    found = folder / "found"
    found.mkdir()
    for name, content in after.items():
        (found / Path(name).name).write_bytes(content)
    if (mark := mark_of(path)).exists():  # the youngest that may be there: it asks for most
        shutil.copy(mark, mark_of(found / path.name))
    _judge(found / "state.db", lines, outcome)
    outcome.cuts += 1
    outcome.acknowledged += len(lines)


async def _work(database: Alone) -> list[str]:
    """Save until the power is gone; what was acknowledged."""
    lines: list[str] = []
    saving = Saving(database, lines.append)
    with contextlib.suppress(apsw.Error, OSError, AuroraError):
        for number in range(200):
            await saving.once(number)
    return lines


def _judge(path: Path, lines: list[str], outcome: Outcome) -> None:
    database = Alone(path)
    if database.quarantine is not None:
        outcome.unsound.append(f"{path}: {database.quarantine.reason}")
    there = kept(database)
    outcome.lost += [f"{path}: {line}" for line in lines if line not in there]
    database.close()


if __name__ == "__main__":
    folder, cuts, seed, *more = sys.argv[1:]
    print(msgspec.json.encode(cut_often(Path(folder), int(cuts), int(seed), *more)).decode())
