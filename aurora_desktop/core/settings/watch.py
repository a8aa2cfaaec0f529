"""The settings in force: the file is looked at each second, and the last good settings are kept."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.settings import edit
from aurora_desktop.core.settings.loader import decode, parse, read_bytes
from aurora_desktop.core.settings.problems import Problem, SettingsError
from aurora_desktop.core.settings.schema import Settings


class Applied(Struct, frozen=True):
    """The file has new settings, or is good again. Both are what is in force, and may be equal."""

    old: Settings
    new: Settings


class Refused(Struct, frozen=True):
    """The file cannot be used as it is now; the last good settings stay in force."""

    problems: tuple[Problem, ...]


class Stamp(NamedTuple):
    """What changes when a file does."""

    mtime_ns: int
    size: int
    inode: int


_NEVER = Stamp(-1, -1, -1)


class SettingsSource:
    """Holds `path` and the last good settings; used from the loop's thread, reads and writes in others.

    What is in force may be less than what the file has: see `hold_back`.
    """

    def __init__(self, path: Path, settings: Settings, stamp: Stamp | None = None) -> None:
        """`stamp`: of the file when `settings` were read; without it the first `poll` reads the file again."""
        self.path = path
        self._written = self._settings = with_real_folders(settings)
        self._in_force: Callable[[Settings], Settings] = lambda written: written
        self._read: Stamp | None = stamp or _NEVER
        self._seen: Stamp | None = stamp or _NEVER
        self._is_refused = False
        self._lock = asyncio.Lock()

    @classmethod
    def load(cls, path: Path) -> "SettingsSource":
        """Read the file for the first time; blocks on the disk. Raises SettingsError."""
        stamp = _stamp(path)
        return cls(path, parse(decode(read_bytes(path), path), path), stamp)

    @classmethod
    def refused(cls, path: Path, last_good: Settings) -> "SettingsSource":
        """Begin with settings of before, since the file as it is now was refused and told already."""
        source = cls(path, last_good, _stamp(path))
        source._is_refused = True
        return source

    def current(self) -> Settings:
        """The settings in force."""
        return self._settings

    def written(self) -> Settings:
        """As the file has them: part of it may wait for the operator."""
        return self._written

    def hold_back(self, in_force: Callable[[Settings], Settings]) -> None:
        """From now on `in_force` says what of the file's settings is in force."""
        self._in_force = in_force
        self.look_again()

    def look_again(self) -> Applied:
        """What was held back may be in force by now."""
        old, self._settings = self._settings, self._in_force(self._written)
        return Applied(old, self._settings)

    async def poll(self) -> Applied | Refused | None:
        """Look whether the file changed, and read it once it rests; meant to be called each second.

        A changed file is read at the second call that finds it the same, so that one which is just being
        written is not taken for the whole. Each change is told once.
        """
        if self._lock.locked():
            return None
        async with self._lock:
            stamp = _stamp(self.path)
            if stamp != self._seen:
                self._seen = stamp
                return None
            if stamp == self._read:
                return None
            return await self._read_again(stamp)

    async def save_service(self, name: str, values: dict[str, object], *, previous_name: str | None = None) -> None:
        """See `edit.save_service`; the next `poll` applies it."""
        async with self._lock:
            await asyncio.to_thread(edit.save_service, self.path, name, values, previous_name, self._written)
            self._seen = _stamp(self.path)

    async def set_option(self, name: str, keys: Sequence[str], value: object) -> object:
        """See `edit.set_option`; the next `poll` applies it."""
        async with self._lock:
            before = await asyncio.to_thread(edit.set_option, self.path, name, keys, value, self._written)
            self._seen = _stamp(self.path)
            return before

    async def remove_service(self, name: str) -> None:
        """See `edit.remove_service`; the next `poll` applies it."""
        async with self._lock:
            await asyncio.to_thread(edit.remove_service, self.path, name, self._written)
            self._seen = _stamp(self.path)

    async def add_channel(self, name: str, values: dict[str, object]) -> None:
        """See `edit.add_channel`; the next `poll` applies it."""
        async with self._lock:
            await asyncio.to_thread(edit.add_channel, self.path, name, values)
            self._seen = _stamp(self.path)

    async def remove_channel(self, name: str) -> None:
        """See `edit.remove_channel`; the next `poll` applies it."""
        async with self._lock:
            known = self._settings.alerts.channels.get(name)
            await asyncio.to_thread(edit.remove_channel, self.path, name, known)
            self._seen = _stamp(self.path)

    async def _read_again(self, stamp: Stamp | None) -> Applied | Refused | None:
        try:
            new = await asyncio.to_thread(_load_again, self.path, self._written)
        except SettingsError as error:
            self._read = stamp
            self._is_refused = True
            return Refused(error.problems)
        self._read = stamp
        before, self._written = self._written, new
        was_refused, self._is_refused = self._is_refused, False
        return self.look_again() if was_refused or before != new else None


def _load_again(path: Path, old: Settings) -> Settings:
    """The settings of the file. Blank, it is taken for one about to be written, not for the wish to stop all."""
    text = decode(read_bytes(path), path)
    if old.services and not text.strip():
        hint = "write `services: {}` to remove every service"
        raise SettingsError([Problem(str(path), None, None, "", "the file has become empty", hint)])
    return with_real_folders(parse(text, path))


def with_real_folders(settings: Settings) -> Settings:
    """With the folders of tasks as the real paths that they are now; blocks on the disk.

    A folder that becomes a link later on, which an agent that works in it can do, allows nothing more.
    """
    if not settings.tasks.folders:
        return settings
    folders = [_real(folder) for folder in settings.tasks.folders]
    return replace(settings, tasks=replace(settings.tasks, folders=folders))


def _real(folder: str) -> str:
    try:
        return os.path.realpath(os.path.expanduser(folder))
    except ValueError:  # no path at all: no task runs below it
        return folder


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino)
