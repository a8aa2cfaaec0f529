"""A folder as it is now, to the byte: what a change of files is measured against and rolled back to.

The contents are kept as objects of git where the folder is in a repository (held by a reference of our own; index,
branches and stash stay as they are), else as copies. Blocking, for a thread. Links are never followed.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, BinaryIO, Literal, Protocol

from msgspec import Struct

from aurora_desktop.healing.remedies.remedy import RefusedError

MOST_FILES = 20_000
MOST_BYTES = 256 * 1024 * 1024
_GIT_S = 120.0
_SHA1_LENGTH = 40
# Neither hooks nor monitors of the repository run because of us.
_QUIET = ("-c", "fastimport.unpackLimit=0", "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")


class Entry(Struct, frozen=True):
    """One thing in the folder, by its path from there; `content` names a file's content, or is where a link leads."""

    path: str
    kind: Literal["file", "folder", "link"]
    mode: int
    content: str = ""


class Snapshot(Struct, frozen=True, kw_only=True):
    """`skipped`: folders that git ignores, like `node_modules`; they are neither kept nor touched.

    `in_git`: the contents are in the folder's repository; else they are copies.
    """

    folder: str
    entries: tuple[Entry, ...]
    skipped: tuple[str, ...] = ()
    in_git: bool = False


class Contents(Protocol):
    """Where contents of files are kept."""

    def read(self, content: str) -> bytes: ...

    def matches(self, content: str, data: bytes) -> bool:
        """Whether the data are that content."""
        ...


def take(folder: Path, copies: Path, reference: str) -> Snapshot:
    """Keep the folder as it is; `copies` is where copies go, `reference` the one in git that holds its objects.

    Raises RefusedError for a folder that is too large or cannot be read, OSError when there is no room.
    """
    if not folder.is_dir():
        raise RefusedError(f"{folder} is no folder")
    try:
        return _taken(folder, copies, reference)
    except subprocess.SubprocessError as error:
        raise RefusedError(f"git could not keep {folder} as it is", str(error)) from error


def _taken(folder: Path, copies: Path, reference: str) -> Snapshot:
    git = Git.of(folder)
    skipped = git.ignored_folders() if git is not None else ()
    found = list(walk(folder, frozenset(skipped)))
    files = {entry.path: folder / entry.path for entry in found if entry.kind == "file"}
    _refuse_too_much(folder, files)
    kept = git.keep(files, reference) if git is not None else Copies(copies).keep(files)
    entries = tuple(
        Entry(entry.path, entry.kind, entry.mode, kept[entry.path]) if entry.kind == "file" else entry
        for entry in found
    )
    return Snapshot(folder=str(folder), entries=entries, skipped=tuple(skipped), in_git=git is not None)


def restore(snapshot: Snapshot, copies: Path) -> None:
    """Make the folder what it was: contents, modes, what was deleted and what is new. Raises OSError, RefusedError."""
    folder, contents = Path(snapshot.folder), contents_of(snapshot, copies)
    wanted = {entry.path: entry for entry in snapshot.entries}
    _remove_new(folder, wanted, frozenset(snapshot.skipped))
    for entry in sorted(snapshot.entries, key=lambda entry: entry.path.split("/")):  # folders before what is in them
        put_back(folder / entry.path, entry, contents)
    for entry in sorted(snapshot.entries, key=lambda entry: -entry.path.count("/")):  # one may be read-only
        if entry.kind == "folder":
            os.chmod(folder / entry.path, entry.mode)


def contents_of(snapshot: Snapshot, copies: Path) -> Contents:
    """Where the contents of its files are. Raises RefusedError when that place is gone."""
    if not snapshot.in_git:
        return Copies(copies)
    git = Git.of(Path(snapshot.folder))
    if git is None:
        raise RefusedError(f"the repository of {snapshot.folder} is gone, and with it the snapshot")
    return git


def release(snapshot: Snapshot, reference: str) -> None:
    """The snapshot is not needed any more."""
    if snapshot.in_git and (git := Git.of(Path(snapshot.folder))) is not None:
        git.release(reference)


# --- the folder ---------------------------------------------------------------------------------------------------


def walk(folder: Path, skipped: frozenset[str], prefix: str = "") -> Iterator[Entry]:
    """What is in it, below `prefix`; files without their contents. Raises RefusedError."""
    try:
        with os.scandir(folder / prefix) as found:
            inside = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise RefusedError(f"{folder / prefix} cannot be read: {error.strerror}") from error
    for each in inside:
        path = f"{prefix}{each.name}"
        if each.name == ".git" or path in skipped:
            continue
        status = each.stat(follow_symlinks=False)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            yield Entry(path, "link", mode, os.readlink(each.path))
        elif stat.S_ISDIR(status.st_mode):
            yield Entry(path, "folder", mode)
            yield from walk(folder, skipped, f"{path}/")
        elif stat.S_ISREG(status.st_mode):
            yield Entry(path, "file", mode)


def _refuse_too_much(folder: Path, files: Mapping[str, Path]) -> None:
    total = sum(os.lstat(path).st_size for path in files.values())
    if len(files) > MOST_FILES or total > MOST_BYTES:
        raise RefusedError(
            f"{folder} is too large for a snapshot: {len(files)} files, {total / 1e6:.0f} MB",
            "",
            "Make it a git repository that ignores what is generated, or give the service a folder of its own as `cwd`",
        )


def _remove_new(folder: Path, wanted: Mapping[str, Entry], skipped: frozenset[str]) -> None:
    """What was not there, or was something else; the deepest first."""
    now = sorted(_walk_forced(folder, skipped), key=lambda entry: -entry.path.count("/"))
    for entry in now:
        before = wanted.get(entry.path)
        if before is not None and before.kind == entry.kind:
            continue
        if entry.kind == "folder":
            _remove_folder(folder / entry.path)
        else:
            os.unlink(folder / entry.path)


def _walk_forced(folder: Path, skipped: frozenset[str]) -> list[Entry]:
    """The same also where the change took our own right to read a folder."""
    for root, folders, _ in os.walk(folder):
        relative = os.path.relpath(root, folder).removeprefix(".").removeprefix("/")
        folders[:] = [f for f in folders if f != ".git" and os.path.join(relative, f) not in skipped]
        for name in folders:
            path = os.path.join(root, name)
            if not os.path.islink(path) and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                os.chmod(path, 0o700)
    return list(walk(folder, skipped))


def _remove_folder(path: Path) -> None:
    """One that is not empty holds what is skipped, or something that is no file: that goes with it."""
    with contextlib.suppress(OSError):
        os.rmdir(path)
        return
    shutil.rmtree(path)


def put_back(path: Path, entry: Entry, contents: Contents) -> None:
    """One thing as it was; a folder can be written into until its own mode is set. Raises OSError, RefusedError."""
    if entry.kind == "folder":
        path.mkdir(mode=0o700, exist_ok=True)
        os.chmod(path, entry.mode | 0o700)
    elif entry.kind == "link":
        if not path.is_symlink() or os.readlink(path) != entry.content:
            path.unlink(missing_ok=True)
            path.symlink_to(entry.content)
    else:
        _put_back_file(path, entry, contents)


def _put_back_file(path: Path, entry: Entry, contents: Contents) -> None:
    """Replaced at once, and only where it differs, so that whoever holds it open keeps what he has."""
    if not path.exists() or not os.access(path, os.R_OK) or not contents.matches(entry.content, path.read_bytes()):
        draft = path.with_name(f".{path.name}.aurora-rollback")
        with open(draft, "wb") as writing:
            writing.write(contents.read(entry.content))
            writing.flush()
            os.fsync(writing.fileno())
        os.replace(draft, path)
    os.chmod(path, entry.mode)


# --- where contents are kept --------------------------------------------------------------------------------------


def file_content(path: Path) -> bytes:
    """Never through a link. Raises RefusedError, OSError."""
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as reading:
            return reading.read()
    except PermissionError as error:
        raise RefusedError(f"{path} cannot be read") from error


class Copies:
    """Copies one after the other in a file of ours, so that the disk is waited for once; named `offset:length`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, files: Mapping[str, Path]) -> dict[str, str]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._folder / "contents", "wb") as kept:
            names = {path: self._append(source, kept) for path, source in files.items()}
            kept.flush()
            os.fsync(kept.fileno())
        return names

    def _append(self, source: Path, kept: BinaryIO) -> str:
        start = kept.tell()
        return f"{start}:{kept.write(file_content(source))}"

    def read(self, content: str) -> bytes:
        start, length = map(int, content.split(":"))
        with open(self._folder / "contents", "rb") as kept:
            kept.seek(start)
            return kept.read(length)

    def matches(self, content: str, data: bytes) -> bool:
        return content.endswith(f":{len(data)}") and self.read(content) == data


def _data(content: bytes) -> bytes:
    return b"data %d\n" % len(content) + content + b"\n"


def _sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(b"blob %d\0" % len(content) + content).hexdigest()


_DIGESTS: dict[str, Callable[[bytes], str]] = {"sha1": _sha1, "sha256": _sha256}
"""The names that git gives to contents, by its object format."""


class Git:
    """The objects of the repository that a folder is in; nothing but objects and references of ours are written."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    @classmethod
    def of(cls, folder: Path) -> "Git | None":
        """None where there is no git, no repository, or one of somebody else."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        git = cls(folder, {**ours, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"})
        try:
            is_inside = git._run("rev-parse", "--is-inside-work-tree").strip() == b"true"
        except (OSError, subprocess.SubprocessError):
            return None
        return git if is_inside else None

    def ignored_folders(self) -> tuple[str, ...]:
        said = self._run("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
        names = (os.fsdecode(name) for name in said.split(b"\0") if name.endswith(b"/"))
        return tuple(name.rstrip("/") for name in names if name != "./")

    def keep(self, files: Mapping[str, Path], reference: str) -> dict[str, str]:
        """Byte by byte, without filters and line endings, in one pack: the disk is waited for once.

        `reference` leads to a commit of its own with all of them, so that `git gc` keeps them.
        """
        digest = _DIGESTS[self._run("rev-parse", "--show-object-format").decode().strip()]
        importing = subprocess.Popen(
            self._command("fast-import", "--quiet", "--done"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(self._environment),
        )
        with importing:
            assert importing.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
            with contextlib.suppress(BrokenPipeError):  # its exit code tells
                kept = self._told(importing.stdin, files, reference, digest)
                importing.stdin.close()
        if importing.returncode:
            raise subprocess.CalledProcessError(importing.returncode, "git fast-import")
        return kept

    def _told(
        self, git: IO[bytes], files: Mapping[str, Path], reference: str, digest: Callable[[bytes], str]
    ) -> dict[str, str]:
        """The stream of `git fast-import`: one commit, its files called by number."""
        git.write(b"commit %s\ncommitter Aurora <aurora> 0 +0000\n" % reference.encode())
        git.write(_data(b"Kept by Aurora while a fix is tried"))
        kept = {}
        for number, (path, source) in enumerate(files.items()):
            content = file_content(source)
            kept[path] = digest(content)
            git.write(b"M 100644 inline %d\n" % number + _data(content))
        git.write(b"\ndone\n")
        return kept

    def release(self, reference: str) -> None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self._run("update-ref", "-d", reference)

    def read(self, content: str) -> bytes:
        try:
            return self._run("cat-file", "blob", content)
        except subprocess.SubprocessError as error:
            raise RefusedError(f"the repository of {self._folder} has lost a file of the snapshot") from error

    def matches(self, content: str, data: bytes) -> bool:
        """By the object's name, which is its digest: no process for each file that is as it was."""
        return _DIGESTS["sha1" if len(content) == _SHA1_LENGTH else "sha256"](data) == content

    def _command(self, *arguments: str) -> tuple[str, ...]:
        return ("git", *_QUIET, "-C", str(self._folder), *arguments)

    def _run(self, *arguments: str) -> bytes:
        """Raises OSError, CalledProcessError, TimeoutExpired."""
        return subprocess.run(
            self._command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(self._environment),
            timeout=_GIT_S,
            check=True,
        ).stdout
