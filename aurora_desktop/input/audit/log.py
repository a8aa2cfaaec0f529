"""Writes the audit log: one record by one `write()`, safe on the disk and anchored within a second."""

import contextlib
import errno
import logging
import os
import stat
import threading
from collections import deque
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.storage.full_disk import is_full
from aurora_desktop.core.storage.rotation import archives, compress_archives, set_aside
from aurora_desktop.input.audit.anchor import Anchor, Anchored
from aurora_desktop.input.audit.chain import MAX_LINE_BYTES, START, Head, seal
from aurora_desktop.input.audit.files import first_seq
from aurora_desktop.input.audit.records import event_fields, task_fields
from aurora_desktop.input.audit.recovery import Note, recover
from aurora_desktop.input.errors import AuditError
from aurora_desktop.input.view import TaskView

SYNC_WITHIN_S = 0.5
MOST_OWED = 1000

log = logging.getLogger(__name__)


def _ignore(_: object) -> None:
    pass


class AuditLog:
    """The log of one state dir; opened once, written from any thread, mostly the loop's.

    A record that cannot be written raises AuditError, and so does every later one until `probe` finds that it works
    again. `on_failing` is told once of each such trouble, also of one that the syncing thread finds; `on_altered` in
    words of a log that somebody changed or removed. Both are called in the thread that finds out.
    """

    def __init__(
        self,
        path: Path,
        settings: LogSettings,
        anchor: Anchor,
        clock: Clock,
        *,
        on_failing: Callable[[AuditError], None] = _ignore,
        on_altered: Callable[[str], None] = _ignore,
    ) -> None:
        self.path = path
        self._settings = settings
        self._anchor = anchor
        self._clock = clock
        self._on_failing = on_failing
        self._on_altered = on_altered
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._file: FileIO | None = None
        self._base: Anchored | None = None
        self._head = START
        self._size = 0
        self._first_seq = 1
        self._trouble: AuditError | None = AuditError("the audit log is not open yet")
        self._was_open = False
        self._owed: deque[dict[str, Any]] = deque(maxlen=MOST_OWED)

    # --- up and down ------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Find the end of the log and begin to keep it safe. Blocks up to a second; raises AuditError.

        After an AuditError, which `on_failing` is told as well, `probe` goes on trying.
        """
        self._thread = threading.Thread(target=self._keep_safe, name="audit log", daemon=True)
        self._thread.start()
        try:
            self.probe()
        except AuditError as error:
            self._on_failing(error)
            raise

    def close(self) -> None:
        """Make everything safe and let go of the file; blocks."""
        self._closing.set()
        self._wake.set()
        if self._thread:
            self._thread.join()
            self._thread = None
        with contextlib.suppress(AuditError):
            self.flush()
        with self._lock:
            self._let_go()
            self._trouble = AuditError("the audit log is closed")

    def configure(self, settings: LogSettings) -> None:
        """Apply changed sizes at the next rotation; at least one archive is kept."""
        self._settings = settings

    # --- records ----------------------------------------------------------------------------------------------

    def intent(self, task: TaskView) -> None:
        """Write what is about to be done. Raises AuditError, and then it must not be done."""
        self._write(task_fields(task, "intent", self._clock.wall()))

    def task(self, task: TaskView) -> None:
        """Write that a task was queued or refused or is over. Raises AuditError.

        What is over and finds no room is written as soon as there is some.
        """
        is_over = task.finished_at is not None
        fields = task_fields(task, "outcome" if is_over else "queued", self._clock.wall())
        self._write(fields, owed=is_over)

    def event(self, event: str, **fields: Any) -> None:
        """Write that something happened, now or as soon as there is room. Raises AuditError."""
        self._write(event_fields(event, self._clock.wall(), fields), owed=True)

    # --- trouble ----------------------------------------------------------------------------------------------

    @property
    def trouble(self) -> AuditError | None:
        """Why nothing can be written now; None if it can."""
        return self._trouble

    @property
    def head(self) -> Head:
        """The last record written."""
        return self._head

    def probe(self) -> None:
        """Try again, with a real record, down to the disk and the anchor. Blocks; raises AuditError if still not."""
        if (before := self._trouble) is None:
            return
        try:
            with self._lock:
                self._reopen()
                if self._was_open:
                    self._put(event_fields("log_recovered", self._clock.wall(), {"detail": before.detail}))
                while self._owed:
                    self._put(self._owed[0])
                    self._owed.popleft()
            self._sync()
        except (OSError, AuditError) as error:
            self._trouble = _told(self.path, error)
            raise _told(self.path, error) from error
        self._was_open, self._trouble = True, None

    def flush(self) -> None:
        """Bring everything to the disk and move the anchor now. Blocks; raises AuditError."""
        try:
            self._sync()
        except (OSError, AuditError) as error:
            self._fail(error)
            raise _told(self.path, error) from error

    def _fail(self, error: OSError | AuditError) -> None:
        is_new, self._trouble = self._trouble is None, _told(self.path, error)
        if is_new:
            self._on_failing(self._trouble)

    # --- writing (with the lock) ------------------------------------------------------------------------------

    def _write(self, fields: dict[str, Any], *, owed: bool = False) -> None:
        try:
            if self._trouble is not None:  # without the lock: a probe may hold it for long
                raise _told(self.path, self._trouble)
            with self._lock:
                self._look()
                self._put(fields)
        except (OSError, AuditError) as error:
            if owed:
                self._owed.append(fields)
            self._fail(error)
            raise _told(self.path, error) from error
        self._wake.set()

    def _look(self) -> None:
        """Open the log again if it is not as we left it: removed, replaced, longer or shorter."""
        if self._file is None or not _is_as_left(self._file, self.path, self._size):
            self._reopen()

    def _reopen(self) -> None:
        self._let_go()
        if self._base is None:
            self._base = self._anchor.load()
            self._first_seq = self._base.first_seq if self._base else self._oldest_seq()
        found = recover(self.path, self._base)
        self._file = FileIO(self.path, "a", opener=_ordinary)
        self._size = os.fstat(self._file.fileno()).st_size
        self._head = found.head
        for note in found.notes:
            self._tell(note)

    def _tell(self, note: Note) -> None:
        self._put(event_fields(note.event, self._clock.wall(), {"detail": note.detail, **note.fields}))
        if note.altered:
            log.warning("%s", note.detail)
            self._on_altered(note.detail)

    def _put(self, fields: dict[str, Any]) -> None:
        line, head = seal(fields, self._head)
        if len(line) > MAX_LINE_BYTES:
            line, head = seal({**fields, "parameters": {"omitted_bytes": len(line)}, "result": None}, self._head)
        file = self._file
        if file is None:
            raise AuditError("the audit log is not open")
        if file.write(line) != len(line):
            file.truncate(self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._head = head
        self._size += len(line)
        self._base = Anchored(head.seq, head.hash, self._size, self._first_seq)

    def _let_go(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    # --- the disk, the anchor and rotation (in the thread) ----------------------------------------------------

    def _keep_safe(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(SYNC_WITHIN_S)
            self._wake.clear()
            if self._trouble is None:
                with contextlib.suppress(AuditError):  # told already
                    self.flush()

    def _sync(self) -> None:
        """Raises OSError, AuditError."""
        with self._syncing:
            with self._lock:
                base = self._base
                file = os.dup(self._file.fileno()) if self._file else None
            if file is None or base is None:
                return
            try:
                _to_disk(file)
            finally:
                os.close(file)
            self._anchor.store(base)
            if base.size > self._settings.max_bytes:
                self._rotate(base)

    def _rotate(self, base: Anchored) -> None:
        """Begin a new file. What the oldest archive holds is no longer expected before it goes."""
        keep = max(1, self._settings.keep)
        kept = [*archives(self.path), self.path][-keep:]
        self._first_seq = first_seq(kept[0]) or self._first_seq
        self._anchor.store(Anchored(base.seq, base.hash, base.size, self._first_seq))
        with self._lock:
            full = self._file
            if full is None or not _is_as_left(full, self.path, self._size):
                return  # somebody was at it: the next record finds out
            set_aside(self.path, keep)
            self._file = FileIO(self.path, "a", opener=_ordinary)
            self._size = 0
            self._base = Anchored(self._head.seq, self._head.hash, 0, self._first_seq)
            base = self._base
        try:
            _to_disk(full.fileno())
        finally:
            full.close()
        _flush_folder(self.path.parent)
        self._anchor.store(base)
        compress_archives(self.path, keep)

    def _oldest_seq(self) -> int:
        """Where the log begins when no anchor tells."""
        for file in (*archives(self.path), self.path):
            with contextlib.suppress(OSError):
                if (seq := first_seq(file)) is not None:
                    return seq
        return 1


def _told(path: Path, error: OSError | AuditError) -> AuditError:
    """A new error each time: one that is raised again and again gathers tracebacks."""
    if isinstance(error, AuditError):
        return AuditError(error.title, error.detail, error.hint)
    why = error.strerror or str(error)
    hint = "make room on the disk" if is_full(error) else f"see that {path.parent} may be written"
    return AuditError("the audit log cannot be written", f"{path}: {why}", hint)


def _is_as_left(file: FileIO, path: Path, size: int) -> bool:
    try:
        ours = os.fstat(file.fileno())
        return ours.st_size == size and os.path.samestat(ours, os.lstat(path))
    except OSError:
        return False


def _ordinary(name: str, flags: int) -> int:
    """Never through a link, nor into a pipe. Raises OSError."""
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    file = os.open(name, flags, 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no ordinary file")
    return file


def _to_disk(file: int) -> None:
    if hasattr(os, "fdatasync"):
        os.fdatasync(file)
    else:
        os.fsync(file)


def _flush_folder(folder: Path) -> None:
    """A renamed file reaches the disk with its folder; Windows has no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
