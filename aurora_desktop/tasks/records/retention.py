"""Keeps the output of finished tasks within bounds: compressed at their end, removed by age and size, oldest first.

What belongs to one task is its folder and its readable record; both go together. The marks of its attempts stay as long
as the folder.
"""

import asyncio
import contextlib
import gzip
import logging
import os
import re
import shutil
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.rotation import COMPRESSION
from aurora_desktop.core.storage.trouble import StorageEvent, Trouble
from aurora_desktop.tasks.folder import TaskFolder

ROUND_S = 600.0
SMALL_BYTES = 4096
"""A file that fits into one block of the disk takes no less room when it is compressed."""
_DAY_S = 86_400.0
_OF_A_TASK = re.compile(r"[A-Za-z0-9_-]{1,80}")
_RAW = re.compile(r"attempt-\d+\.(out|err)|transcript\.jsonl")

log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """What there is of one task; `at` the time of its last change, in Unix time, sizes in bytes."""

    at: float
    task_id: str
    size: int


class Removed(NamedTuple):
    tasks: int
    size: int


class Retention:
    """The output of all tasks below a state dir; compresses and removes in threads, one at a time.

    `is_unfinished` tells of a task, asked in the loop's thread, that nothing of it may be touched.
    """

    def __init__(
        self,
        paths: StatePaths,
        settings: Callable[[], TaskSettings],
        clock: Clock,
        is_unfinished: Callable[[str], bool],
        publish: Callable[[StorageEvent], object],
    ) -> None:
        self._paths, self._settings, self._clock, self._is_unfinished = paths, settings, clock, is_unfinished
        self._trouble = Trouble(paths.tasks, clock, publish, "compressed output of tasks")
        self._finished: list[str] = []
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()

    def finished(self, task_id: str) -> None:
        """The worker has let go of the task's folder: compress it when there is time."""
        self._finished.append(task_id)
        self._wake.set()

    async def rounds(self) -> None:
        """Compress what is finished as it comes, and look at age and size every ROUND_S.

        At first also what an Aurora that died did not come to.
        """
        self._finished += [one.task_id for one in await asyncio.to_thread(survey, self._paths)]
        while True:
            await self.prune()
            due = self._clock.monotonic() + ROUND_S
            while (left_s := due - self._clock.monotonic()) > 0:
                self._wake.clear()
                await self.compress_finished()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), left_s)

    async def compress_finished(self) -> None:
        """Those that were told of since the last time; one that is at work again is left alone."""
        finished, self._finished = self._finished, []
        for task_id in finished:
            if self._is_unfinished(task_id):
                continue
            async with self._turn:
                try:
                    await asyncio.to_thread(compress, TaskFolder(self._paths.tasks / task_id))
                except OSError as error:
                    log.warning("the output of %s cannot be compressed: %s", task_id, words(error))
                    self._trouble.fail(error)
                else:
                    self._trouble.succeed(1, 0)

    async def prune(self) -> Removed:
        """Remove what is too old, then the oldest while there is too much."""
        settings = self._settings()
        oldest = self._clock.wall() - settings.keep_max_days * _DAY_S
        async with self._turn:
            found = await asyncio.to_thread(survey, self._paths)
            kept = [one for one in found if not self._is_unfinished(one.task_id)]
            removed = tuple(to_remove(kept, oldest, settings.keep_max_bytes))
            await asyncio.to_thread(_remove_all, self._paths, removed)
        return Removed(len(removed), sum(one.size for one in removed))


def to_remove(kept: list[Kept], oldest: float, most_bytes: int) -> Iterator[Kept]:
    """Which of them go: all that changed before `oldest`, and the oldest until the others take `most_bytes`."""
    total = sum(one.size for one in kept)
    for one in sorted(kept):
        if one.at >= oldest and total <= most_bytes:
            return
        total -= one.size
        yield one


def compress(folder: TaskFolder) -> None:
    """Blocking: compress what the agent printed and its transcript. Raises OSError; then the rest is as it was."""
    for name in _names(folder.root):
        path = folder.root / name
        if _RAW.fullmatch(name) and _size(path) > SMALL_BYTES:
            _compress(path)


def survey(paths: StatePaths) -> list[Kept]:
    """Blocking: what there is of every task."""
    found: dict[str, tuple[float, int]] = {}
    for name in _names(paths.tasks):
        if _OF_A_TASK.fullmatch(name):
            found[name] = _folder_size(paths.tasks / name)
    for name in _names(paths.task_logs):
        task_id, ending = os.path.splitext(name)
        if ending == ".log" and _OF_A_TASK.fullmatch(task_id):
            at, size = found.get(task_id, (0.0, 0))
            with contextlib.suppress(OSError):
                status = (paths.task_logs / name).lstat()
                found[task_id] = max(at, status.st_mtime), size + status.st_size
    return [Kept(at, task_id, size) for task_id, (at, size) in found.items()]


def _folder_size(folder: Path) -> tuple[float, int]:
    """The time of its last change, and the sizes of its files."""
    at, size = 0.0, 0
    for name in ("", *_names(folder)):
        with contextlib.suppress(OSError):
            status = (folder / name).lstat()
            at = max(at, status.st_mtime)
            size += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return at, size


def _remove_all(paths: StatePaths, removed: Collection[Kept]) -> None:
    for one in removed:
        (paths.task_logs / f"{one.task_id}.log").unlink(missing_ok=True)
        shutil.rmtree(paths.tasks / one.task_id, ignore_errors=True)


def _compress(plain: Path) -> None:
    """Into `<name>.gz`, behind what is there already of an earlier time; the plain file goes once that is safe.

    One that grows meanwhile (the task is done once more) stays as it is until the next time.
    """
    target, part = plain.with_name(plain.name + ".gz"), plain.with_name(plain.name + ".gz.part")
    before = plain.stat()
    try:
        _pack(plain, target, part)
        os.utime(part, (before.st_mtime, before.st_mtime))
        if plain.stat().st_size == before.st_size:
            part.replace(target)
            plain.unlink()
    finally:
        part.unlink(missing_ok=True)


def _pack(plain: Path, target: Path, part: Path) -> None:
    """Members of gzip may follow one another in a file."""
    with open(part, "wb", opener=_private) as file:
        with contextlib.suppress(FileNotFoundError), target.open("rb") as earlier:
            shutil.copyfileobj(earlier, file, 2**20)
        with plain.open("rb") as source, gzip.GzipFile("", "wb", COMPRESSION, file) as packer:
            shutil.copyfileobj(source, packer, 2**20)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size(path: Path) -> int:
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
