"""What each service last worked with: its own settings files, kept, and the commit of its code.

A version counts as one that works once the service was up with it for `healing.verify_sec`, and it was not edited
between the service's start and that moment: nobody knows which of two versions the program read.
"""

import asyncio
import contextlib
import logging
import math
import stat
from pathlib import Path

import msgspec
from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import SERVICE_PREFIX, Record, ServiceStateChanged
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.settings.schema import Service, Settings
from aurora_desktop.healing.remedies.builtin.places import within
from aurora_desktop.supervisor.spawn import SpawnError, working_folder

LARGEST_BYTES = 1_000_000
"""A larger file is no settings file, and is not kept."""
_UP = ("running", "ready")
_RECORD = "known_good.json"

log = logging.getLogger(__name__)

Signature = tuple[int, int, int]


class WorkedWith(Struct, frozen=True):
    """What a service worked with at `at` (Unix time); `files`: the number of each copy, by its path in the settings."""

    at: float
    head: str = ""
    files: dict[str, str] = {}


class _Up(Struct):
    """A service that came up at `since` (monotonic); `started_with` is how its files were at its start."""

    since: float
    started_with: dict[str, Signature | None]


class KnownGood:
    """Reads the stream, and keeps in `folder` (made with mode 0700) what worked; `of` and `changed` tell of it."""

    def __init__(self, settings: Settings, clock: Clock, folder: Path) -> None:
        self._settings = settings
        self._clock = clock
        self._folder = folder
        self._started: dict[str, dict[str, Signature | None]] = {}
        self._up: dict[str, _Up] = {}
        self._wake = asyncio.Event()

    def apply(self, settings: Settings) -> None:
        self._settings = settings

    def read(self, record: Record) -> None:
        event = record.event
        if not isinstance(event, ServiceStateChanged) or not event.component.startswith(SERVICE_PREFIX):
            return
        name = event.component.removeprefix(SERVICE_PREFIX)
        spec = self._settings.services.get(name)
        if spec is None or spec.cwd is None:
            return
        if event.state == "starting":
            self._started[name] = signatures(spec)
        if event.state not in _UP:
            self._up.pop(name, None)
        elif name not in self._up and name in self._started:  # of an adopted one nobody knows what it read
            self._up[name] = _Up(self._clock.monotonic(), self._started[name])
            self._wake.set()

    async def run(self) -> None:
        """Keep what has worked long enough, for ever; asleep while nothing came up."""
        while True:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._until_due_s())
            await self.keep_due()

    def _until_due_s(self) -> float | None:
        since = min((up.since for up in self._up.values()), default=math.inf)
        if math.isinf(since):
            return None
        return max(0.0, since + self._settings.healing.verify_sec - self._clock.monotonic())

    async def keep_due(self) -> None:
        now = self._clock.monotonic()
        due = [name for name, up in self._up.items() if now - up.since >= self._settings.healing.verify_sec]
        for name in due:
            up, spec = self._up[name], self._settings.services.get(name)
            up.since = math.inf  # once for each time that it comes up
            if spec is not None and signatures(spec) == up.started_with:
                await self._kept_or_said(name, spec)

    async def _kept_or_said(self, name: str, spec: Service) -> None:
        try:
            await asyncio.to_thread(self._keep, name, spec, self._clock.wall())
        except (OSError, SpawnError) as error:
            log.warning("what %s works with could not be kept: %s", name, error)

    def _keep(self, name: str, spec: Service, at: float) -> None:
        place, folder = self._place(name), working_folder(spec)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.mkdir(exist_ok=True, mode=0o700)
        files = {}
        for number, text in enumerate(spec.healing.config_files):
            content = read_own(folder, text)
            if content is not None:
                replace_content(place / str(number), content)
                files[text] = str(number)
        replace_content(place / _RECORD, msgspec.json.encode(WorkedWith(at, head_of(folder), files)))

    def of(self, name: str) -> WorkedWith | None:
        """What it last worked with, or None when that is not known. Reads a file."""
        try:
            return msgspec.json.decode((self._place(name) / _RECORD).read_bytes(), type=WorkedWith)
        except (OSError, msgspec.DecodeError):
            return None

    def changed(self, name: str, spec: Service) -> dict[Path, bytes]:
        """Its settings files that are not as they were when it last worked, and what they were then. Reads files."""
        worked = self.of(name)
        if worked is None or spec.cwd is None:
            return {}
        folder, found = working_folder(spec), {}
        for text in spec.healing.config_files:
            path, kept = within(folder, text), self._kept(name, worked.files.get(text))
            if path is not None and kept is not None and not path.is_symlink() and read_own(folder, text) != kept:
                found[path] = kept
        return found

    def _kept(self, name: str, number: str | None) -> bytes | None:
        try:
            return (self._place(name) / number).read_bytes() if number is not None and number.isdigit() else None
        except OSError:
            return None

    def _place(self, name: str) -> Path:
        return self._folder / name


def signatures(spec: Service) -> dict[str, Signature | None]:
    """What tells one version of each settings file from another, without reading it."""
    try:
        folder = working_folder(spec)
    except SpawnError:
        return {}
    return {text: _signature(within(folder, text)) for text in spec.healing.config_files}


def _signature(path: Path | None) -> Signature | None:
    try:
        found = path.lstat() if path is not None else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found is not None else None


def read_own(folder: Path, text: str) -> bytes | None:
    """The content of a regular file in the folder; None for links, for what is too large, and what cannot be read."""
    path = within(folder, text)
    try:
        if path is None or not stat.S_ISREG(path.lstat().st_mode) or path.stat().st_size > LARGEST_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None


def head_of(folder: Path) -> str:
    """The commit that is checked out where the folder lies, read as gitrepository-layout(5) says; "" for none."""
    try:
        for parent in (folder.resolve(), *folder.resolve().parents):
            if (parent / ".git").exists():
                return _commit(_git_folder(parent / ".git"))
    except (OSError, RuntimeError):
        return ""
    return ""


def _git_folder(path: Path) -> Path:
    """A work tree of its own has a file there that says where its folder is."""
    if path.is_dir():
        return path
    return path.parent / path.read_text(encoding="utf-8", errors="replace")[:4096].partition("gitdir:")[2].strip()


def _commit(git: Path) -> str:
    head = (git / "HEAD").read_text(encoding="utf-8", errors="replace")[:1000].strip()
    if not head.startswith("ref: "):
        return _checked(head)
    common = git
    if (git / "commondir").is_file():
        common = git / (git / "commondir").read_text(encoding="utf-8", errors="replace")[:4096].strip()
    reference = head.removeprefix("ref: ")
    for place in (git, common):
        if ".." not in reference and (place / reference).is_file():
            return _checked((place / reference).read_text(encoding="utf-8", errors="replace")[:100].strip())
    return _packed(common / "packed-refs", reference)


def _packed(path: Path, reference: str) -> str:
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return next((_checked(line.split()[0]) for line in lines if line.rstrip().endswith(f" {reference}")), "")


def _checked(text: str) -> str:
    """A commit's name, and nothing else: it goes into a command."""
    is_name = len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)
    return text if is_name else ""
