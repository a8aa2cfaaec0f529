"""The one thread that writes to a database: takes what is queued, commits it together, and answers."""

import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec

from aurora_desktop.core.storage.acknowledged import Acknowledged

T = TypeVar("T")

log = logging.getLogger(__name__)


class _Job(msgspec.Struct, frozen=True, eq=False):
    work: Callable[[apsw.Connection], Any]
    future: Future[Any]
    in_transaction: bool


class Writer:
    """Performs work on the connection that it owns, in the order of submission, and closes it in the end.

    Work that is queued at the same moment shares one transaction, each in a savepoint of its own. When the
    transaction as a whole cannot be committed (disk full), every future of it gets that error.
    """

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._acknowledged = Acknowledged(path)
        self._wake = threading.Condition()
        self._jobs: list[_Job] = []
        self._due = math.inf
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"writer of {path.name}", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[[apsw.Connection], T], within_s: float = 0.0, *, in_transaction: bool = True
    ) -> Future[T]:
        """Perform `work` within `within_s` seconds; resolved after the commit, in the writer's thread.

        After `close` the future carries apsw.ConnectionClosedError.
        """
        future: Future[T] = Future()
        with self._wake:
            if not self._closing:
                self._jobs.append(_Job(work, future, in_transaction))
                due = time.monotonic() + within_s
                if due < self._due:  # else it wakes up in time by itself, and takes no turn of the loop's thread
                    self._due = due
                    self._wake.notify()
                return future
        future.set_exception(apsw.ConnectionClosedError("the database is closed"))
        return future

    def close(self) -> None:
        """Perform what is queued, then close the connection; returns when that is done."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while jobs := self._take():
            wanted = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            for in_transaction, group in itertools.groupby(wanted, key=lambda job: job.in_transaction):
                if in_transaction:
                    self._commit(list(group))
                else:
                    self._perform_alone(group)
        self._acknowledged.close()
        try:
            self._connection.close()
        except (apsw.Error, OSError) as error:  # what was acknowledged is on the disk, in the log at least
            log.warning("a database could not be closed in order: %s", error)

    def _take(self) -> list[_Job]:
        """What is queued, once the first of it is due; nothing when the writer is to end."""
        with self._wake:
            while not self._closing and (wait_s := self._due - time.monotonic()) > 0:
                self._wake.wait(None if math.isinf(wait_s) else wait_s)
            jobs, self._jobs, self._due = self._jobs, [], math.inf
        return jobs

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            answers = [self._attempt(job) for job in jobs]
            self._connection.execute("COMMIT")
            self._acknowledged.note(self._connection)
        except Exception as error:  # noqa: BLE001 - told to everybody who waits; the thread must live on
            self._roll_back()
            answers = [partial(job.future.set_exception, error) for job in jobs]
        for answer in answers:
            answer()

    def _attempt(self, job: _Job) -> Callable[[], None]:
        self._connection.execute("SAVEPOINT job")
        try:
            result = job.work(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # SQLite rolled everything back: the whole batch is lost, and is told so
            self._connection.execute("ROLLBACK TO job; RELEASE job")
            return partial(job.future.set_exception, error)
        self._connection.execute("RELEASE job")
        return partial(job.future.set_result, result)

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error:
            pass  # SQLite has rolled back by itself; the error that led here is told

    def _perform_alone(self, jobs: Iterable[_Job]) -> None:
        for job in jobs:
            try:
                result = job.work(self._connection)
                self._acknowledged.note(self._connection)
                job.future.set_result(result)
            except Exception as error:  # noqa: BLE001 - told to whoever waits; the thread must live on
                job.future.set_exception(error)
