"""One attempt of a task: the agent is started, timed, stopped, and its end is written down."""

import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct, structs

from aurora_desktop.supervisor.census import Census
from aurora_desktop.supervisor.processes import ProcessTable
from aurora_desktop.supervisor.tree import Identity, freeze, thaw
from aurora_desktop.tasks.adapters.adapter import AgentAdapter, Launch, Verdict
from aurora_desktop.tasks.messages import Answer, Began, Doing, Ended, FromWorker, Run
from aurora_desktop.tasks.messages import Ending as EndingKind
from aurora_desktop.tasks.task import Activity
from aurora_desktop.tasks.worker.agent_process import Streams, own_marker
from aurora_desktop.tasks.worker.agent_tree import AgentTree, is_childless, reap_orphans
from aurora_desktop.tasks.worker.deadlines import Deadlines, Expired, Pause
from aurora_desktop.tasks.worker.ending import Ending, never
from aurora_desktop.tasks.worker.inbox import Inbox
from aurora_desktop.tasks.worker.judging import exit_of, judged
from aurora_desktop.tasks.worker.listening import Listener
from aurora_desktop.tasks.worker.posted import Closed, Exited, Item, Output, Stream
from aurora_desktop.tasks.worker.records import Records

SHORTEST_DOING_S = 0.2
REAP_S = 2.0
LAST_WORDS_S = 2.0
"""For the readers to come to the end of the pipes, once nothing of the tree is left."""
MOST_RESULT = 1_000_000


class Cause(Struct, frozen=True):
    """Why we end the agent, which then is how the attempt ended, whatever the agent says."""

    ending: EndingKind
    reason: str


class Workplace(Struct, frozen=True):
    """What an attempt needs of its worker. `tell` may forget what it is told while no main is there.

    `gets_orphans`: whether what our descendants leave becomes our child.
    """

    worker: str
    inbox: Inbox
    table: ProcessTable
    census: Census
    tell: Callable[[FromWorker], None]
    gets_orphans: bool = False


class Attempt:
    """Made with its agent, which has just been started; driven by the worker's loop.

    `handle` what threads posted, `advance` the time that counts, `look` for what is due. It is over when `ended` is
    there.
    """

    def __init__(
        self,
        run: Run,
        around: Workplace,
        adapter: AgentAdapter,
        launch: Launch,
        child: "subprocess.Popen[bytes]",
    ) -> None:
        self.run = run
        self.ended: Ended | None = None
        self._around = around
        self._adapter = adapter
        self._agent = _identity(child.pid, around.table)
        self._tree = AgentTree(around.table, around.census, own_marker(os.environ), self._agent)
        self._ending = Ending(self._tree, around.table, run.grace_s, is_childless if around.gets_orphans else never)
        self._records = Records(run)
        self._streams = Streams(child, run, around.inbox, self._records.raw)
        self._listener = Listener(run.task_id, adapter, self._records.transcript, self._streams, around.tell)
        self._deadlines = Deadlines(run.timeout_s, run.silence_s)
        self._started_at = time.time()
        self._cause: Cause | None = None
        self._expired: Expired | None = None
        self._code: int | None = None
        self._open: set[Stream] = {"stdout", "stderr"}
        self._held = False
        self._was_stopped = False
        self._finished_at: float | None = None
        self._tree_gone_at: float | None = None
        self._reaped_at = 0.0
        self._told: Doing | None = None
        self._told_at = float("-inf")
        self._streams.start(launch)
        around.tell(self._began())

    def repeat(self) -> list[FromWorker]:
        """All that main must know of an attempt that goes on, for a main that is new."""
        listener = self._listener
        return [self._began(), self._doing(), *listener.no_more, *listener.questions.values()]

    @property
    def activity(self) -> Activity:
        return self._listener.activity.now(time.time(), self._deadlines.quiet_s)

    def _began(self) -> Began:
        return Began(self.run.task_id, self.run.attempt, self._agent.pid, self._agent.started)

    def _doing(self) -> Doing:
        return Doing(self.run.task_id, self.activity, self._listener.usage, self._listener.session_id)

    def handle(self, item: Item, now: float) -> None:
        """What a thread of this attempt posted; what one of an earlier attempt did is passed over."""
        if item.run is not self.run:
            return
        match item:
            case Output():
                self._deadlines.heard()
                self._listener.hear(item.stream, item.data)
                self._streams.done(item.stream)
            case Closed():
                self._open.discard(item.stream)
            case Exited():
                self._code = item.code
                self._ending.agent_gone(now)

    def advance(self, elapsed_s: float) -> None:
        """So much time has passed that counts."""
        self._deadlines.advance(elapsed_s, self._pause())

    def _pause(self) -> Pause:
        activity = self._listener.activity
        return Pause(waits=activity.waits or self._ending.phase != "none", works=activity.works)

    def look(self, now: float) -> float | None:
        """Do what is due; the time of the next look."""
        if self.ended is not None:
            return None
        self._enforce(now)
        next_look = self._ending.look(now)
        self._listener.show_printed(now)
        self._records.transcript.flush()
        if now >= self._reaped_at + REAP_S:
            self._reaped_at = now
            self._reap()
            self._keep_held()
        if self._ending.phase == "over":
            return self._come_to_end(now)
        return _earliest(next_look, self._next_due(now), self._tell_doing(now))

    def _enforce(self, now: float) -> None:
        if self._ending.phase != "none" or self._code is not None:
            return
        if self._listener.is_finished:
            self._reap_finished(now)
        elif expired := self._deadlines.expired():
            self._expired = expired
            self.stop("timeout", expired.words, now)

    def _reap_finished(self, now: float) -> None:
        """It said that it is done: it has its grace to exit by itself."""
        if self._finished_at is None:
            self._finished_at = now
        if now >= self._finished_at + self.run.grace_s:
            self._was_stopped = True
            self._ending.terminate(now)

    def _next_due(self, now: float) -> float | None:
        if self._ending.phase != "none":
            return self._listener.printed_due_at()
        if self._finished_at is not None:
            return _earliest(self._finished_at + self.run.grace_s, self._listener.printed_due_at())
        left_s = self._deadlines.left_s(self._pause())
        return _earliest(None if left_s is None else now + left_s, self._listener.printed_due_at())

    def _tell_doing(self, now: float) -> float | None:
        """Tell main what has changed, a few times a second at most; when it is to be tried again."""
        doing = self._doing()
        if doing == self._told:
            return None
        if now < self._told_at + SHORTEST_DOING_S:
            return self._told_at + SHORTEST_DOING_S
        self._told, self._told_at = doing, now
        self._around.tell(doing)
        return None

    def stop(self, ending: EndingKind, reason: str, now: float, *, at_once: bool = False) -> None:
        """End the agent and all that it started; the first reason counts. `at_once`: without word or grace."""
        if self._code is None and self._cause is None:
            self._cause = Cause(ending, reason)
            self._records.note(f"it is ended: {reason}")
        if at_once:
            self._ending.kill(now)
        elif self._held or not (word := self._adapter.interrupt()):
            self._ending.terminate(now)
        else:
            self._streams.write(word)
            self._ending.interrupt(now)

    def hold(self, *, held: bool) -> None:
        """Freeze the whole tree, or let it go on."""
        if held == self._held or self._ending.phase != "none":
            return
        self._held = held
        self._listener.activity.hold(held=held)
        if held:
            freeze(self._tree)
        else:
            thaw(self._tree)

    def _keep_held(self) -> None:
        """Whoever resumes the worker with its tree, after an emergency stop, does not answer what it is held for."""
        if self._held and self._ending.phase == "none":
            freeze(self._tree)

    def answer(self, answer: Answer) -> None:
        self._listener.answer(answer)

    def _come_to_end(self, now: float) -> float | None:
        """Nothing of the tree is left: the end is when all that it printed is read."""
        if self._tree_gone_at is None:
            self._tree_gone_at = now
        if self._open and now < self._tree_gone_at + LAST_WORDS_S:
            return self._tree_gone_at + LAST_WORDS_S
        self._finish()
        return None

    def _finish(self) -> None:
        self._streams.abandon()
        self._listener.all_heard()
        self._listener.ask_no_more()
        self._reap()
        facts = {**self._records.close_raw(), **self._facts()}
        self.ended = self._as_ended(self._verdict(), facts)
        self._records.close(self.ended)

    def _reap(self) -> None:
        reap_orphans(self._around.table.children(os.getpid()), self._agent.pid, self._around.table)

    def _facts(self) -> dict[str, Any]:
        """What was out of the ordinary, noted too."""
        facts: dict[str, Any] = {}
        if self._expired is not None:
            facts["limit"] = self._expired.limit
        if self._listener.odd_lines:
            facts["odd_lines"] = self._listener.odd_lines
        if self._listener.cut_lines:
            facts["cut_lines"] = self._listener.cut_lines
            self._records.note(f"{self._listener.cut_lines} lines were longer than 1 MB and were read up to there")
        if self._ending.left_running:
            facts["left_running"] = list(self._ending.left_running)
            self._records.note(f"could not be ended: {', '.join(map(str, self._ending.left_running))}")
        return facts

    def _verdict(self) -> Verdict:
        code = self._code if self._code is not None else 0
        try:
            said = self._adapter.verdict(exit_of(code, self._listener.stderr_tail, was_stopped=self._was_stopped))
        except Exception as error:  # noqa: BLE001 - the attempt has ended, whatever its adapter makes of that
            said = Verdict(ending="error", error=f"its end was not understood: {type(error).__name__}: {error}")
        if self._cause is None:
            return judged(said, self.run)
        return structs.replace(said, ending=self._cause.ending, error=self._cause.reason)

    def _as_ended(self, verdict: Verdict, facts: dict[str, Any]) -> Ended:
        return Ended(
            task_id=self.run.task_id,
            attempt=self.run.attempt,
            ending=verdict.ending,
            result=verdict.result[-MOST_RESULT:],
            error=verdict.error,
            exit_code=self._code if self._code is not None and self._code >= 0 else None,
            session_id=self._listener.session_id,
            usage=self._listener.usage,
            denials=verdict.denials,
            began=True,
            stdout_lines=self._streams.lines("stdout"),
            stderr_lines=self._streams.lines("stderr"),
            started_at=self._started_at,
            finished_at=time.time(),
            facts=facts,
        )


def _identity(pid: int, table: ProcessTable) -> Identity:
    """Of our own child, which cannot be gone before it is collected."""
    info = table.read(pid)
    return Identity(pid, info.started if info is not None else 0)


def _earliest(*times: float | None) -> float | None:
    return min((at for at in times if at is not None), default=None)
