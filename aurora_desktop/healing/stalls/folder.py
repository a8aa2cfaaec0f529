"""One folder that others write to, read and written without ever leaving it.

Everything goes by the folder's own descriptor and by single names, so that no link that is laid meanwhile leads a write
elsewhere. A file is replaced whole. Blocking throughout: called in a thread.
"""

import contextlib
import os
import secrets
import stat
import sys
from pathlib import Path
from types import TracebackType

from aurora_desktop.healing.remedies.remedy import RefusedError

OURS = ".aurora-"
"""In the name of each file that we lay beside those of an agent: these are nobody's sign of work."""
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | _NO_FOLLOW
_HAS_DIR_FD = sys.platform != "win32"

Stamp = tuple[int, int, int]
"""Modification time in ns, size, inode: what changes when a file does."""


_63_BITS = 2**63 - 1
"""Some file systems keep years that no database has a number for; a stamp is only ever compared."""


def stamp_of(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns & _63_BITS, status.st_size, status.st_ino


def folder_stamp_of(status: os.stat_result) -> tuple[int, int]:
    """The same of a folder: it changes when an entry comes, goes or is replaced."""
    return status.st_mtime_ns & _63_BITS, status.st_ino


class Folder:
    """An open folder; a context manager. Raises OSError when it cannot be opened."""

    def __init__(self, path: Path, *, follow: bool = True, parent: "Folder | None" = None) -> None:
        """`follow`: the path itself may be a link, since the operator named it; links inside never are."""
        self.path = path
        self._fd = _open_folder(path, follow, parent)

    def __enter__(self) -> "Folder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)

    def stat(self, name: str = "") -> os.stat_result | None:
        """Of the folder itself or of an entry (of a link, not of its target); None when there is none."""
        if not name:
            return os.stat(self.path if self._fd is None else self._fd)
        try:
            return os.stat(self._name(name), dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def read(self, name: str, most: int) -> tuple[bytes, Stamp] | None:
        """The content (one byte more than `most` at the most) of an ordinary file, or None. Raises OSError."""
        try:
            fd = os.open(self._name(name), _READ | _NO_FOLLOW, dir_fd=self._fd)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise RefusedError(f"{name} is no ordinary file", str(self.path), f"Make {name} an ordinary file.")
            return _read_up_to(fd, most + 1), stamp_of(status)
        finally:
            os.close(fd)

    def subfolder(self, name: str) -> "Folder":
        """The folder of this name, made if it is not there. Raises RefusedError when it is a link or no folder."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._name(name), 0o755, dir_fd=self._fd)
        found = self.stat(name)
        if found is None or not stat.S_ISDIR(found.st_mode):
            what = "a link" if found is not None and stat.S_ISLNK(found.st_mode) else "no folder"
            raise RefusedError(f"{name} is {what}", str(self.path), f"Make {name} a folder inside of the workspace.")
        return Folder(self.path / name, follow=False, parent=self)

    def create(self, name: str, content: bytes) -> None:
        """A new file; on the disk when this returns. Raises FileExistsError, OSError."""
        self._write_new(name, content, 0o644)

    def replace(self, name: str, content: bytes, expected: Stamp) -> Stamp:
        """Replace an ordinary file whole, unless it is another by now than it was when it was read as `expected`.

        Who could read and write it still can: one whose owner or group cannot be kept is refused. Returns the stamp
        of what we wrote. Raises RefusedError, OSError.
        """
        draft = f".{name}{OURS}{secrets.token_hex(4)}"
        before = self.stat(name)
        self._write_new(draft, content, 0o600, like=before)
        try:
            now = self.stat(name)
            if now is None or not stat.S_ISREG(now.st_mode) or stamp_of(now) != expected:
                raise RefusedError(f"{name} was changed just now", str(self.path), "Nothing: somebody works there.")
            written = self.stat(draft)
            os.replace(self._name(draft), self._name(name), src_dir_fd=self._fd, dst_dir_fd=self._fd)
        except BaseException:
            self.remove(draft)
            raise
        if written is None:
            raise FileNotFoundError(draft)
        return stamp_of(written)

    def keep_copy(self, name: str, copy: str) -> None:
        """Another name for the content that `name` has now; costs nothing, however large. Raises OSError."""
        if _HAS_DIR_FD:
            os.link(name, copy, src_dir_fd=self._fd, dst_dir_fd=self._fd, follow_symlinks=False)
        else:
            os.link(self._name(name), self._name(copy))

    def remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._name(name), dir_fd=self._fd)

    def _name(self, name: str) -> str:
        """By the descriptor where there is one; the platforms without (Windows) get the path."""
        return name if self._fd is not None else str(self.path / name)

    def _write_new(self, name: str, content: bytes, mode: int, like: os.stat_result | None = None) -> None:
        fd = os.open(self._name(name), _CREATE, mode, dir_fd=self._fd)
        try:
            with os.fdopen(fd, "wb") as file:
                if like is not None:
                    _belong(file.fileno(), like, self.path)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            self.remove(name)
            raise


def _open_folder(path: Path, follow: bool, parent: Folder | None) -> int | None:
    if not _HAS_DIR_FD:
        if not follow and path.is_symlink():
            raise NotADirectoryError(f"{path} is a link")
        os.stat(path)
        return None
    flags = _FOLDER if follow else _FOLDER | _NO_FOLLOW
    if parent is not None:
        return os.open(path.name, flags, dir_fd=parent._fd)
    return os.open(path, flags)


def _belong(fd: int, like: os.stat_result, folder: Path) -> None:
    """The same owner, group and mode, whatever our umask is. Raises RefusedError."""
    if sys.platform == "win32":
        return
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid):
        try:
            os.fchown(fd, like.st_uid, like.st_gid)
        except OSError as error:
            raise RefusedError(
                "it belongs to another user or group", str(folder), "Have that user look at it."
            ) from error
    os.fchmod(fd, stat.S_IMODE(like.st_mode))


def _read_up_to(fd: int, most: int) -> bytes:
    chunks = []
    while most > 0 and (chunk := os.read(fd, min(most, 65536))):
        chunks.append(chunk)
        most -= len(chunk)
    return b"".join(chunks)
