"""The worker's dealings with tasks; imported with the first message of main, since an idle worker needs none of it."""

import os
import sys

import msgspec

from aurora_desktop.supervisor.census import Census
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.subreaper import become_subreaper
from aurora_desktop.tasks.messages import (
    Acknowledge,
    Answer,
    Beat,
    Doing,
    Ended,
    FromWorker,
    Hello,
    Hold,
    Run,
    Stop,
    ToWorker,
)
from aurora_desktop.tasks.worker.attempt import Attempt, Workplace
from aurora_desktop.tasks.worker.beginning import begin_attempt, put_back
from aurora_desktop.tasks.worker.inbox import Inbox
from aurora_desktop.tasks.worker.link import Link
from aurora_desktop.tasks.worker.posted import Item


class Desk:
    """At most one attempt is at work, and the ends of earlier ones wait until main has acknowledged them."""

    def __init__(self, worker: str, link: Link, inbox: Inbox) -> None:
        gets_orphans = become_subreaper()
        table = process_table()
        self._worker = worker
        self._link = link
        self._around = Workplace(worker, inbox, table, Census(table), self._tell, gets_orphans)
        self._attempt: Attempt | None = None
        self._unacknowledged: dict[tuple[str, int], Ended] = {}
        self._decoder = msgspec.json.Decoder(ToWorker)
        self._takes_more = True

    @property
    def is_busy(self) -> bool:
        return self._attempt is not None

    def introduce(self, token: str) -> None:
        """Say who we are, then all that a main which is new must know."""
        task_id, attempt = self._present_task()
        self._tell(Hello(worker=self._worker, pid=os.getpid(), token=token, task_id=task_id, attempt=attempt))
        if self._attempt is not None:
            for message in self._attempt.repeat():
                self._tell(message)
        for ended in self._unacknowledged.values():
            self._tell(ended)

    def beat(self) -> None:
        task_id, _ = self._present_task()
        self._tell(Beat(task_id, self._attempt.activity if self._attempt is not None else None))

    def obey(self, line: bytes, now: float) -> None:
        """What main said; a line that is no message of ours is told on stderr and passed over."""
        try:
            self._obey(self._decoder.decode(line), now)
        except msgspec.MsgspecError as error:
            sys.stderr.write(f"a message of Aurora was not understood: {error}\n")

    def handle(self, items: list[Item], now: float) -> None:
        for item in items:
            if self._attempt is not None:
                self._attempt.handle(item, now)

    def advance(self, elapsed_s: float) -> None:
        """So much time has passed that counts."""
        if self._attempt is not None:
            self._attempt.advance(elapsed_s)

    def look(self, now: float) -> float | None:
        """Do what is due; the time of the next look."""
        if self._attempt is None:
            return None
        next_look = self._attempt.look(now)
        if self._attempt.ended is not None:
            ended, self._attempt = self._attempt.ended, None
            self._tell_end(ended)
        return next_look

    def clear(self, now: float, *, at_once: bool) -> None:
        """The worker is asked to end: nothing more is begun, and what is at work is ended."""
        self._takes_more = False
        if self._attempt is not None:
            self._attempt.stop("interrupted", "its worker was asked to end", now, at_once=at_once)

    def _obey(self, message: ToWorker, now: float) -> None:
        match message:
            case Run():
                self._begin(message)
            case Acknowledge():
                self._unacknowledged.pop((message.task_id, message.attempt), None)
            case _ if self._attempt is None or self._attempt.run.task_id != message.task_id:
                return  # main will know better once it has heard how that one ended
            case Stop():
                self._attempt.stop(message.ending, message.reason, now)
            case Hold():
                self._attempt.hold(held=message.held)
            case Answer():
                self._attempt.answer(message)

    def _begin(self, run: Run) -> None:
        if self._attempt is not None:
            if (self._attempt.run.task_id, self._attempt.run.attempt) != (run.task_id, run.attempt):
                self._tell_end(put_back(run, f"the worker is busy with {self._attempt.run.task_id}"))
        elif not self._takes_more:
            self._tell_end(put_back(run, "the worker was asked to end"))
        else:
            begun = begin_attempt(run, self._around)
            if isinstance(begun, Ended):
                self._tell_end(begun)
            else:
                self._attempt = begun

    def _present_task(self) -> tuple[str | None, int]:
        if self._attempt is not None:
            return self._attempt.run.task_id, self._attempt.run.attempt
        return next(iter(self._unacknowledged), (None, 0))

    def _tell(self, message: FromWorker) -> None:
        is_news = isinstance(message, Beat | Doing)
        self._link.send(msgspec.json.encode(message) + b"\n", is_news=is_news)

    def _tell_end(self, ended: Ended) -> None:
        self._unacknowledged[ended.task_id, ended.attempt] = ended
        self._tell(ended)
