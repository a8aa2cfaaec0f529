"""The settings in force: the file is looked at each second, and the last good settings are kept."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from aurora_desktop.core.settings import edit
from aurora_desktop.core.settings.loader import decode, parse, read_bytes
from aurora_desktop.core.settings.problems import Problem, SettingsError
from aurora_desktop.core.settings.schema import Settings


class Applied(Struct, frozen=True):
    """The file has new settings, or is good again (then both may be equal)."""

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
    """Holds `path` and the last good settings; used from the loop's thread, reads and writes in others."""

    def __init__(self, path: Path, settings: Settings, stamp: Stamp | None = None) -> None:
        """`stamp`: of the file when `settings` were read; without it the first `poll` reads the file again."""
        self.path = path
        self._settings = settings
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
            await asyncio.to_thread(edit.save_service, self.path, name, values, previous_name, self._settings)
            self._seen = _stamp(self.path)

    async def set_option(self, name: str, keys: Sequence[str], value: object) -> object:
        """See `edit.set_option`; the next `poll` applies it."""
        async with self._lock:
            before = await asyncio.to_thread(edit.set_option, self.path, name, keys, value, self._settings)
            self._seen = _stamp(self.path)
            return before

    async def remove_service(self, name: str) -> None:
        """See `edit.remove_service`; the next `poll` applies it."""
        async with self._lock:
            await asyncio.to_thread(edit.remove_service, self.path, name, self._settings)
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
            new = await asyncio.to_thread(_load_again, self.path, self._settings)
        except SettingsError as error:
            self._read = stamp
            self._is_refused = True
            return Refused(error.problems)
        self._read = stamp
        old, self._settings = self._settings, new
        was_refused, self._is_refused = self._is_refused, False
        return Applied(old, self._settings) if was_refused or old != self._settings else None


def _load_again(path: Path, old: Settings) -> Settings:
    """The settings of the file. Blank, it is taken for one about to be written, not for the wish to stop all."""
    text = decode(read_bytes(path), path)
    if old.services and not text.strip():
        hint = "write `services: {}` to remove every service"
        raise SettingsError([Problem(str(path), None, None, "", "the file has become empty", hint)])
    return parse(text, path)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino)
