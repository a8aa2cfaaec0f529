"""Agents at work, all of it put together: the queue, the workers and the operator's words. Implements `TasksFace`."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Protocol

import apsw

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AGENT_PREFIX, AnyEvent, Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.task_events import ApprovalDecision, TaskStatus, TaskSubmitted
from aurora_desktop.tasks import budget, pipelines, store, transcripts
from aurora_desktop.tasks.address import token_file, workers_address, workers_token
from aurora_desktop.tasks.admission import admit
from aurora_desktop.tasks.approvals import Approvals
from aurora_desktop.tasks.attempts import Attempts
from aurora_desktop.tasks.backend import Beside, TaskBackend
from aurora_desktop.tasks.book import Book
from aurora_desktop.tasks.definitions import Definitions
from aurora_desktop.tasks.dispatch import Dispatch, PerformsInput, Verify
from aurora_desktop.tasks.errors import QueueFullError
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.healing import heal
from aurora_desktop.tasks.link import WorkerLink
from aurora_desktop.tasks.messages import FromWorker, Hello
from aurora_desktop.tasks.orders import Orders
from aurora_desktop.tasks.overview import Overview
from aurora_desktop.tasks.policy import going_on
from aurora_desktop.tasks.roster import Roster, Workforce
from aurora_desktop.tasks.runs import PipelineRuns
from aurora_desktop.tasks.surroundings import Surroundings
from aurora_desktop.tasks.task import Task, TaskRequest
from aurora_desktop.tasks.view import (
    ApprovalView,
    CliAgentView,
    Healed,
    PipelineRun,
    TaskDetail,
    TaskTroubles,
    TaskView,
    Transcript,
    WorkerView,
)
from aurora_desktop.tasks.watch import Watch

MIGRATIONS = (*store.MIGRATIONS, *budget.MIGRATIONS, *pipelines.MIGRATIONS)
LOOK_S = 10.0
PRUNE_S = 3600.0
CLOSE_S = 3.0
_DAY_S = 86_400.0

log = logging.getLogger(__name__)


class SpentRow(NamedTuple):
    """As `budget.SELECT_ROWS` gives it."""

    day: str
    agent: str
    cost_usd: float | None
    input_tokens: int
    output_tokens: int


class Helpers(NamedTuple):
    """Who does for the coordinator what it cannot itself.

    `verify`: whether an agent can be used; `input_tasks`: who does tasks of mouse and keyboard.
    """

    verify: Verify
    input_tasks: PerformsInput | None = None


class ShowsApprovals(Protocol):
    """The operator's screen."""

    def show_approval(self, approval_id: str) -> bool: ...


class Coordinator:
    """`open` before the supervisor begins, `rounds` once it has; `quits` before it ends, `close` after that.

    `read` is a reader of the bus.
    """

    def __init__(
        self,
        settings: TaskSettings,
        paths: StatePaths,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        database: Database,
        workforce: Workforce,
        helpers: Helpers,
        backend: TaskBackend | None = None,
    ) -> None:
        """Blocking: reads the queue."""
        self._loop = asyncio.get_running_loop()
        self._paths = paths
        self._running: set[asyncio.Task[None]] = set()
        self._watchers: list[Callable[[], None]] = []
        self._soon: asyncio.Handle | None = None
        self._being_added = 0
        self.token_file = token_file(paths)
        self.link = WorkerLink(
            workers_address(paths),
            self._token(),
            knows=lambda name: self._around.roster.find(name) is not None,
            on_hello=self._hello,
            on_message=self._message,
            on_gone=self._link_gone,
        )
        self.screenside: ShowsApprovals | None = None
        self.on_services_changed: Callable[[], None] = lambda: None
        self._around = around = Surroundings(
            settings=settings,
            clock=clock,
            publish=publish,
            book=Book(backend or store.TaskStore(database), clock, publish),
            roster=Roster(settings, workforce, clock.monotonic),
            workforce=workforce,
            folder=paths.tasks,
            send=self.link.send,
            run=self._run,
            changed=self._changed,
        )
        today = budget.day_of(clock.wall())
        self._spending = budget.Spending([SpentRow(*row) for row in database.read(budget.SELECT_ROWS, (today,))])
        self._approvals = Approvals(clock, publish)
        self.attempts = Attempts(around, self._approvals, self._spending)
        self._dispatch = Dispatch(around, self.attempts, helpers.verify, self._refusal, helpers.input_tasks)
        self._overview = Overview(around, self._dispatch, self._spending, paths)
        self._orders = Orders(around, self.attempts, self._approvals, self._dispatch)
        self._pipelines = PipelineRuns(around, database, self.enqueue, self._orders.cancel)
        self._watch = Watch(around, self.attempts)
        self._definitions = Definitions(settings, self.link.address, self.token_file, around.roster)

    @property
    def book(self) -> Book:
        """The queue, for those who write down what is in it."""
        return self._around.book

    # --- its life ---------------------------------------------------------------------------------------------

    def _token(self) -> str:
        """Of the workers; one that nobody knows where theirs can be neither read nor made: then none is let in."""
        self._shut: AuroraError | None = None
        try:
            return workers_token(self.token_file)
        except AuroraError as error:
            self._shut = error
            return secrets.token_urlsafe(32)

    def open(self) -> None:
        """From now on workers reach us. Raises AuroraError; the rest of Aurora does without them."""
        if self._shut is not None:
            raise self._shut
        self.link.open()

    def rounds(self) -> tuple[Coroutine[None, None, None], ...]:
        """The endless loops, to be run as tasks."""
        return self._look_rounds(), self._prune_rounds()

    async def _look_rounds(self) -> None:
        self.recover()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.look()
            except Exception:  # one that failed is no reason to look no more
                log.exception("a look at the workers failed")

    def recover(self) -> None:
        """Once the supervisor has adopted what an earlier Aurora left."""
        self._watch.recover()
        self._pipelines.recover()
        self._dispatch.is_open = True
        self._changed()

    def look(self) -> None:
        """Every LOOK_S: workers that fell silent or have nothing to do, tasks whose time has come."""
        self._watch.look()
        self._around.book.drop_finished(self._around.clock.wall() - self._around.settings.result_ttl_s)
        self._dispatch.look_again()
        self._changed()

    async def _prune_rounds(self) -> None:
        while True:
            before = self._around.clock.wall() - self._around.settings.keep_max_days * _DAY_S
            try:
                self._pipelines.forget(before)
                await self._around.book.backend.prune(before)
            except (OSError, apsw.Error) as error:
                log.warning("the history of tasks could not be pruned: %s", words(error))
            await asyncio.sleep(PRUNE_S)

    def apply(self, settings: TaskSettings) -> None:
        """Changed settings, once the supervisor has them. What is at work goes on as it was begun."""
        old = self._around.agents
        self._around.apply(settings)
        new = self._around.agents
        self._dispatch.forget_checked([name for name in old if new.get(name) != old[name]])
        self._around.roster.apply(settings)
        self._around.roster.look()
        self._changed()

    def quits(self, *, leave: bool) -> None:
        """Nothing is given out any more. What was frozen is not to run for its end, unless it is left as it is."""
        self._around.closing = True
        frozen = [worker.post.component for worker in self._around.roster.everyone() if worker.is_frozen]
        if frozen and not leave:
            self._around.workforce.dismiss(tuple(frozen), "Aurora quits", kill=True)

    async def close(self) -> None:
        """Once the workers have ended, or are left: what they told last is written down."""
        if self._soon is not None:
            self._soon.cancel()
        if self._running:
            await asyncio.wait(tuple(self._running), timeout=CLOSE_S)
        self.link.close()
        for task in tuple(self._running):
            task.cancel()

    # --- what is heard ----------------------------------------------------------------------------------------

    def _hello(self, hello: Hello) -> None:
        worker = self._around.roster.introduced(hello)
        if worker is not None:
            self.attempts.hear(worker, hello)

    def _message(self, name: str, message: FromWorker) -> None:
        worker = self._around.roster.find(name)
        if worker is not None:
            self.attempts.hear(worker, message)

    def _link_gone(self, name: str) -> None:
        self._watch.link_gone(name)
        self._changed()

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        self._pipelines.read(record)
        if self._watch.read(record):
            self._changed()

    # --- small change -----------------------------------------------------------------------------------------

    def _refusal(self, agent_name: str) -> str:
        now = self._around.clock.wall()
        agent = self._around.agents[agent_name]
        return budget.refusal(agent_name, self._spending.today(agent_name, now), agent, now)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._part_ended)

    def _part_ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the tasks failed", exc_info=error)

    def _changed(self) -> None:
        """Look for work to give out, and tell who watches, once in the next turn of the loop."""
        if self._soon is None and not self._around.closing:
            self._soon = self._loop.call_soon(self._act_on_change)

    def _act_on_change(self) -> None:
        self._soon = None
        if self._definitions.are_due():
            self.on_services_changed()
        self._dispatch.give_out()
        for watcher in tuple(self._watchers):
            watcher()

    def services(self, settings: TaskSettings) -> dict[str, Service]:
        """The workers as the supervisor is to have them."""
        return self._definitions.of(settings)

    # --- TasksFace --------------------------------------------------------------------------------------------

    async def submit(self, request: TaskRequest) -> TaskView:
        around = self._around
        if request.idempotency_key and (there := around.book.with_key(request.idempotency_key)) is not None:
            return self._overview.view(there)
        if around.book.waiting() + self._being_added >= around.settings.queue_limit:
            raise QueueFullError(
                "The queue is full", f"{around.settings.queue_limit:,} tasks wait",
                "Wait for some to end, cancel some, or raise `tasks.queue_limit`.",
            )  # fmt: skip
        self._being_added += 1
        try:
            return self._overview.view(await self._added(request))
        finally:
            self._being_added -= 1

    async def _added(self, request: TaskRequest) -> Task:
        if request.pipeline:
            return await self._pipelines.submit(request)
        task = await asyncio.to_thread(admit, request, self._around.settings, self._around.clock.wall())
        if request.continues:
            task = going_on(task, self._around.book.find(request.continues), self._around.kind(task))
        return await self.enqueue(task)

    async def enqueue(self, task: Task, beside: Beside | None = None) -> Task:
        """A task that was admitted: on disk when this returns, or the one that has its key. Raises AuroraError."""
        try:
            added, is_new = await self._around.book.add(task, beside)
        except (OSError, apsw.Error) as error:
            hint = "Make room or give access to the state folder, then submit it again."
            raise AuroraError("The task could not be written down, and is not taken", words(error), hint) from error
        if is_new:
            self._around.publish(
                TaskSubmitted(
                    at=self._around.clock.wall(), component=AGENT_PREFIX + added.agent, task_id=added.id,
                    agent=added.agent, role=added.role, prompt_sha256=added.prompt_sha256, source=added.source,
                )
            )  # fmt: skip
            self._changed()
        return added

    def tasks(
        self, *, limit: int = 200, statuses: Sequence[TaskStatus] = (), agent: str = "", before: int | None = None
    ) -> tuple[TaskView, ...]:
        return self._overview.tasks(limit, statuses, agent, before)

    def view(self, task_id: str) -> TaskView:
        return self._overview.view(self._around.book.get(task_id))

    def task(self, task_id: str) -> TaskDetail:
        return self._overview.task(task_id)

    async def transcript(self, task_id: str, offset: int = 0, limit: int = 500) -> Transcript:
        task = self._around.book.get(task_id)
        folder = TaskFolder(self._paths.tasks / task_id)
        return await transcripts.read(folder, offset, limit, is_finished=task.is_finished)

    async def cancel(self, task_id: str, by: str) -> TaskView:
        return self._overview.view(await self._orders.cancel(task_id, by))

    async def retry(self, task_id: str, by: str) -> TaskView:
        return self._overview.view(await self._orders.retry(task_id, by))

    async def resume(self, task_id: str, by: str) -> TaskView:
        return self._overview.view(await self._orders.resume(task_id, by))

    async def thaw(self, task_id: str) -> TaskView:
        return self._overview.view(self._orders.thaw(task_id))

    def approvals(self) -> tuple[ApprovalView, ...]:
        return self._approvals.views()

    async def answer(self, approval_id: str, decision: ApprovalDecision, by: str, message: str = "") -> None:
        self._orders.answer(approval_id, decision, by, message)

    def show_approval(self, approval_id: str) -> bool:
        self._approvals.get(approval_id)
        return self.screenside is not None and self.screenside.show_approval(approval_id)

    def agents(self) -> tuple[CliAgentView, ...]:
        return self._overview.agents(self._around.agents)

    async def check_agents(self, names: Sequence[str] = ()) -> tuple[CliAgentView, ...]:
        chosen = self._overview.known_agents(names)
        await asyncio.gather(*(self._dispatch.check(name) for name in chosen))
        return self._overview.agents(chosen)

    def workers(self) -> tuple[WorkerView, ...]:
        return self._overview.workers()

    async def heal_workers(self, names: Sequence[str], by: str) -> Healed:
        return heal(names, by, self._overview.workers(), self._around.workforce)

    def troubles(self) -> TaskTroubles:
        return self._overview.troubles(self._approvals.views())

    def runs(self) -> tuple[PipelineRun, ...]:
        return self._pipelines.views()

    async def cancel_run(self, run_id: str, by: str) -> PipelineRun:
        return await self._pipelines.cancel(run_id, by)

    def watch(self, on_change: Callable[[], None]) -> None:
        self._watchers.append(on_change)
