"""What workers tell of the attempts that they make, and what becomes of a task when one is over, or is lost."""

import asyncio
import logging

import apsw
import msgspec
from msgspec.structs import replace

from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.tasks.approvals import Approvals
from aurora_desktop.tasks.budget import Spending, added, increase
from aurora_desktop.tasks.marks import read_marks
from aurora_desktop.tasks.messages import (
    Acknowledge,
    Asking,
    AskingNoMore,
    Beat,
    Began,
    Doing,
    Ended,
    FromWorker,
    Hello,
    Hold,
    Stop,
)
from aurora_desktop.tasks.policy import Loss, Next, after_end, after_loss
from aurora_desktop.tasks.purse import Purse
from aurora_desktop.tasks.roster import Worker
from aurora_desktop.tasks.surroundings import Surroundings
from aurora_desktop.tasks.task import AT_WORK, Activity, Task

HEARTBEAT_KEPT_S = 10.0
"""The row of a task at work tells its heartbeat to this resolution; in memory it is exact."""
SAVE_AGAIN_S = 2.0

log = logging.getLogger(__name__)


class Attempts:
    """Follows the attempts that are made now; what is told of one that does not count any more is passed over."""

    def __init__(self, around: Surroundings, approvals: Approvals, spending: Spending) -> None:
        self._around, self._approvals = around, approvals
        self.purse = Purse(around, approvals, spending, stop=self.stop, update_waiting=self.update_waiting)
        self._deciding: set[tuple[str, int]] = set()

    def hear(self, worker: Worker, message: FromWorker) -> None:
        worker.heard_at = self._around.roster.now()
        match message:
            case Hello():
                self._introduced(worker, message)
            case Beat():
                self._beat(worker, message)
            case Began():
                self._began(worker, message)
            case Doing():
                self._doing(worker, message)
            case Asking():
                self._asking(worker, message)
            case AskingNoMore():
                self._asking_no_more(worker, message)
            case Ended():
                self._ended(worker, message)

    def _current(self, worker: Worker, task_id: str, attempt: int | None = None) -> Task | None:
        """The task, if this is the attempt that counts."""
        task = self._around.book.here(task_id)
        if task is None or task.status not in AT_WORK or task.worker != worker.name:
            return None
        if (task_id, task.attempt) in self._deciding:
            return None
        return task if attempt in (None, task.attempt) else None

    # --- a worker introduces itself ---------------------------------------------------------------------------

    def _introduced(self, worker: Worker, hello: Hello) -> None:
        if hello.task_id is None:
            self._has_nothing(worker)
        elif (hello.task_id, hello.attempt) in self._deciding:
            worker.takes(hello.task_id, hello.attempt, has_it=True)  # acknowledged in a moment
        elif (task := self._current(worker, hello.task_id, hello.attempt)) is not None:
            self._goes_on(worker, task)
        elif (task := self._given_up(hello)) is not None:
            taken_back = self._around.book.change(
                task, status="running", worker=worker.name, cause="its worker is back", resumes=False
            )
            self._goes_on(worker, taken_back)
        else:
            worker.takes(hello.task_id, hello.attempt, has_it=True)
            self._around.send(worker.name, Stop(hello.task_id, "cancelled", "this attempt was given up"))
        self._around.changed()

    def _has_nothing(self, worker: Worker) -> None:
        """What it was told to do is lost; what is about to be told it is not."""
        if worker.has_it:
            self.lose(worker, "the worker ended and was replaced")

    def _given_up(self, hello: Hello) -> Task | None:
        """A task that waits for its next attempt, or for the operator, while the last one goes on all the same."""
        task = self._around.book.here(hello.task_id or "")
        is_waiting = task is not None and task.status in ("queued", "uncertain") and not task.cancelling
        return task if task is not None and is_waiting and 0 < task.attempt == hello.attempt else None

    def _goes_on(self, worker: Worker, task: Task) -> None:
        worker.takes(task.id, task.attempt, has_it=True)
        if task.status == "leased":
            task = self._is_running(task)
        if task.cancelling or task.stopping:
            self.stop(task)
        elif task.budget_asked or task.budget_passed:
            self._around.send(task.worker, Hold(task.id, held=bool(task.budget_asked)))
        if task.budget_asked and not task.stopping:
            self._approvals.ask_budget(task, task.budget_asked)

    # --- while it works ---------------------------------------------------------------------------------------

    def _beat(self, worker: Worker, beat: Beat) -> None:
        if beat.task_id is None or (task := self._current(worker, beat.task_id)) is None:
            return
        if beat.activity is not None:
            self._does(worker, task, beat.activity)
        now = self._around.clock.wall()
        if task.heartbeat_at is None or now - task.heartbeat_at >= HEARTBEAT_KEPT_S:
            self._around.book.change(task, heartbeat_at=now, lease_until=now + self._around.settings.lease_s)

    def _began(self, worker: Worker, began: Began) -> None:
        task = self._current(worker, began.task_id, began.attempt)
        if task is not None and task.status == "leased":
            self._is_running(task)

    def _is_running(self, task: Task) -> Task:
        now = self._around.clock.wall()
        started_at = now if task.started_at is None else task.started_at
        return self._around.book.change(task, status="running", started_at=started_at, heartbeat_at=now, refusals=0)

    def _doing(self, worker: Worker, doing: Doing) -> None:
        if (task := self._current(worker, doing.task_id)) is None:
            return
        self._does(worker, task, doing.activity)
        session_id = doing.session_id or task.session_id
        usage = added(task.spent_before, doing.usage)
        if session_id != task.session_id or usage != task.usage:
            task = self._around.book.change(task, self.purse.spend(task, usage), session_id=session_id, usage=usage)
            self.purse.watch(task)
            self._around.changed()

    def _does(self, worker: Worker, task: Task, activity: Activity) -> None:
        told = replace(activity, detail=self._around.discreet(task, activity.detail))
        if told != worker.activity:
            worker.activity = told
            self._around.changed()
        if task.status == "waiting_approval" and activity.kind not in ("waiting_permission", "frozen"):
            self.update_waiting(task.id)  # its question was answered by an Aurora that died over it

    def _asking(self, worker: Worker, asking: Asking) -> None:
        task = self._current(worker, asking.task_id)
        if task is not None and not task.cancelling and self._approvals.ask(task, self._discreet(task, asking)):
            self.update_waiting(task.id)

    def _discreet(self, task: Task, asking: Asking) -> Asking:
        hide = self._around.discreet
        summary, detail, reason = (hide(task, text) for text in (asking.summary, asking.detail, asking.reason))
        return replace(asking, summary=summary, detail=detail, reason=reason)

    def _asking_no_more(self, worker: Worker, message: AskingNoMore) -> None:
        if self._current(worker, message.task_id) is not None:
            self._approvals.withdraw(message.task_id, message.ask_id)
            self.update_waiting(message.task_id)

    def update_waiting(self, task_id: str) -> None:
        """A task waits for approval as long as a question of it does."""
        task = self._around.book.here(task_id)
        if task is None or task.status not in AT_WORK:
            return
        waits = self._approvals.waits(task_id)
        if waits and task.status != "waiting_approval":
            self._around.book.change(task, status="waiting_approval", cause="it waits for you")
        elif not waits and task.status == "waiting_approval":
            self._around.book.change(task, status="running", cause="")
        self._around.changed()

    def stop(self, task: Task) -> None:
        """Have its worker end what is `cancelling` or `stopping`; told again when the worker introduces itself."""
        if task.cancelling:
            self._around.send(task.worker, Stop(task.id, "cancelled", f"cancelled by {task.cancelling}"))
        else:
            self._around.send(task.worker, Stop(task.id, "error", task.stopping))

    # --- the end of an attempt --------------------------------------------------------------------------------

    def _ended(self, worker: Worker, ended: Ended) -> None:
        """Acknowledged once it is on disk; one that does not count any more, at once."""
        if (ended.task_id, ended.attempt) in self._deciding:
            return
        if self._current(worker, ended.task_id, ended.attempt) is None:
            self._acknowledge(worker, ended.task_id, ended.attempt)
        else:
            self._decide(worker, ended.task_id, ended.attempt, ended, "")

    def lose(self, worker: Worker, cause: str) -> None:
        """Its process is gone with all its tree: what the marks say decides."""
        if worker.task_id:
            self._decide(worker, worker.task_id, worker.attempt, None, cause)

    def take_from(self, worker: Worker) -> None:
        """It did not begin what it was told, if that is so; should it come to that later it is to end it."""
        task = self._current(worker, worker.task_id, worker.attempt)
        if task is not None and task.status == "leased":
            self._around.send(worker.name, Stop(task.id, "cancelled", "this attempt was given up"))
            self.lose(worker, "its worker did not begin it")

    def may_be_given_to_another(self, worker: Worker) -> bool:
        """Whether the task that it stalls with is another worker's once it is lost; then it is not to come back."""
        task = self._current(worker, worker.task_id, worker.attempt)
        if task is None or self._around.roster.crowds.get(task.pool, 0) < 2:
            return False
        loss = Loss(began=True, cause="it stalled", avoid=worker.name)
        if after_loss(task, loss, self._around.kind(task)).status != "queued":
            return False
        self._around.book.change(task, avoid_worker=worker.name)
        return True

    def lose_orphan(self, task: Task, cause: str) -> None:
        """The same for a task whose worker there is none of any more."""
        self._decide(None, task.id, task.attempt, None, cause)

    async def has_ended(self, task: Task, ended: Ended) -> None:
        """An attempt without a worker is over."""
        await self._decided(None, task.id, task.attempt, ended, "")

    def _decide(self, worker: Worker | None, task_id: str, attempt: int, ended: Ended | None, cause: str) -> None:
        if (task_id, attempt) not in self._deciding:
            self._deciding.add((task_id, attempt))
            self._around.run(self._decided(worker, task_id, attempt, ended, cause))

    async def _decided(
        self, worker: Worker | None, task_id: str, attempt: int, ended: Ended | None, cause: str
    ) -> None:
        is_told = ended is not None
        try:
            began, task = True, self._around.book.here(task_id)
            if ended is None and task is not None and task.worker:
                began, ended = await asyncio.to_thread(read_marks, self._around.folder, task_id, attempt)
            if ended is not None and task is not None:
                ended = await asyncio.to_thread(self._without_secrets, task, ended)
            task = self._around.book.here(task_id)
            if task is not None and task.attempt == attempt and task.status in AT_WORK:
                began = began or task.status != "leased"  # it was heard at work, whatever became of its folder
                stopped = self._around.is_stopped(task.agent)
                loss = Loss(began=began, cause=cause, counts=not self._around.ends_it, stopped=stopped)
                await self._over(worker, task, ended, loss)
        finally:
            self._deciding.discard((task_id, attempt))
        if worker is not None and is_told:
            self._acknowledge(worker, task_id, attempt)
        elif worker is not None:
            self._is_free(worker, task_id, attempt)

    def _without_secrets(self, task: Task, ended: Ended) -> Ended:
        """For a thread: a result may be a megabyte."""
        hide = self._around.discreet
        return replace(ended, result=hide(task, ended.result), error=hide(task, ended.error))

    async def _over(self, worker: Worker | None, task: Task, ended: Ended | None, loss: Loss) -> None:
        around = self._around
        self._approvals.withdraw_all(task.id)
        kind = around.kind(task)
        if ended is None:
            spent = increase(task.spent_before, task.usage)
            gone = Ended(task_id=task.id, attempt=task.attempt, ending="crashed", error=loss.cause, usage=spent)
            task = await self._keep(task, after_loss(task, loss, kind), gone)
        else:
            has_others = around.roster.crowds.get(task.pool, 0) > 1
            after = after_end(
                task,
                ended,
                kind,
                now=around.clock.wall(),
                by_us=not loss.counts,
                stopped=loss.stopped,
                has_others=has_others,
            )
            task = await self._keep(task, after, ended)
        if worker is not None and task.status != "cancelled":
            worker.completed += task.status == "completed"
            worker.errors += task.status != "completed"

    async def _keep(self, task: Task, after: Next, ended: Ended) -> Task:
        """Until it is done."""
        now = self._around.clock.wall()
        usage = added(task.spent_before, ended.usage)
        fields = msgspec.structs.asdict(after) | {
            "usage": usage, "spent_before": usage, "lease_until": None, "heartbeat_at": None,
            "error": ended.error if after.status != "completed" else "", "exit_code": ended.exit_code,
            "session_id": ended.session_id or task.session_id, "budget_asked": "", "budget_key": "", "cancelling": "",
            "stopping": "",
        }  # fmt: skip
        is_over = after.status not in ("queued", "uncertain")
        fields["finished_at"] = (ended.finished_at or now) if is_over else None
        if after.status == "queued":
            fields["worker"] = ""
        result = ended.result if is_over or ended.result else None
        spent = self.purse.spend(task, usage)
        is_told = False
        while True:  # the worker keeps what it told, and waits with us
            try:
                return await self._around.book.keep(task, result, spent, **fields)
            except apsw.ConnectionClosedError:
                raise
            except (OSError, apsw.Error) as error:
                if not is_told:
                    log.warning("the end of %s cannot be kept: %s; it is tried again", task.id, words(error))
                is_told = True
                await asyncio.sleep(SAVE_AGAIN_S)

    def _acknowledge(self, worker: Worker, task_id: str, attempt: int) -> None:
        self._around.send(worker.name, Acknowledge(task_id, attempt))
        self._is_free(worker, task_id, attempt)

    def _is_free(self, worker: Worker, task_id: str, attempt: int) -> None:
        if (worker.task_id, worker.attempt) == (task_id, attempt):
            worker.is_free_now(self._around.roster.now())
        self._around.changed()
