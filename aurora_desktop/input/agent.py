"""The input agent: takes actions in, queues them, and has one at a time performed while control is armed."""

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.input_events import InputFinished
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.input.actions import DragPath, Paste, Type, name_of
from aurora_desktop.input.asking import Asking, Screenside
from aurora_desktop.input.audit import AuditLog
from aurora_desktop.input.errors import AuditError, InputRefusedError, RefusalCode, UnknownTaskError
from aurora_desktop.input.evidence import EvidenceStore
from aurora_desktop.input.history import History, Remembered
from aurora_desktop.input.messages import Screen, Setup
from aurora_desktop.input.performing import Ending, Performer
from aurora_desktop.input.places import Pixel, Screenshots, needs_pointer, resolve
from aurora_desktop.input.policy import RateLimit
from aurora_desktop.input.request import new_task_id
from aurora_desktop.input.sentences import describe
from aurora_desktop.input.task import Task, parameters_of
from aurora_desktop.input.view import Display, InputView, Question, Submission, TaskView
from aurora_desktop.input.worker_link import WorkerLink
from aurora_desktop.safety.view import UNNAMED_AGENT, Confirmation, ControlView, Mode

COMPONENT = "input_agent"
RETRY_DELAYS_S = (1.0, 2.0)
REFUSALS_TOLD_PER_S = 10

log = logging.getLogger(__name__)


class Brake(Protocol):
    """The part of control that the hands ask."""

    @property
    def settings(self) -> InputSettings: ...

    def view(self) -> ControlView: ...

    def audit_failing(self, detail: str) -> None: ...

    async def confirm_answer(self, confirmation: Confirmation) -> None: ...


class InputAgent:
    """Implements `InputFace` for the world and `Hands` for control; all calls on the loop's thread."""

    def __init__(
        self,
        paths: StatePaths,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        brake: Brake,
        audit: AuditLog,
        history: History,
        evidence: EvidenceStore,
        tell_secret: Callable[[str], dict[str, Any]],
    ) -> None:
        self._paths, self._clock, self._publish, self._brake = paths, clock, publish, brake
        self._audit, self._history, self._evidence = audit, history, evidence
        self._tell_secret = tell_secret
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Task] = deque()
        self._running: Task | None = None
        self._performer: Performer | None = None
        self._link: WorkerLink | None = None
        self._screen = Screen(0, (), 0, 0)
        self._screenshots = Screenshots()
        self._pointer: Pixel | None = None
        self._refusals, self._refusals_since = 0, float("-inf")
        self._rate = RateLimit(clock, brake.settings.policy)
        self._arrived = asyncio.Event()
        self._turns: asyncio.Task[None] | None = None
        self._asking = Asking(brake)
        self._watchers: list[Callable[[], None]] = []

    @property
    def screenside(self) -> Screenside | None:
        return self._asking.screenside

    @screenside.setter
    def screenside(self, window: Screenside | None) -> None:
        self._asking.screenside = window

    # --- up and down ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """From now on what is queued is performed."""
        self._note("started")
        self._turns = self._loop.create_task(self._take_turns())

    def recall(self, remembered: Remembered) -> None:
        """What an earlier run did, and the outcome of what it did not come to write down; nothing is replayed."""
        for task in remembered.finished:
            self._history.add(task)
        for task in remembered.interrupted:
            self._history.add(task)
            with contextlib.suppress(AuditError):  # the gate is closed by it already
                self._audit.task(task)

    def end(self) -> None:
        """Refuse what is left."""
        self.drop("Aurora quits", events=0, in_flight=False, stopped=True)
        if self._turns is not None:
            self._turns.cancel()
        self._note("stopped")

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the view may have changed."""
        self._watchers.append(changed)

    def _note(self, event: str, **fields: Any) -> None:
        with contextlib.suppress(AuditError):  # the gate is closed by it already
            self._audit.event(event, **fields)

    # --- for control ------------------------------------------------------------------------------------------

    def take(self, worker_socket: socket.socket, generation: int, mode: Mode) -> None:
        """Control is armed, and the worker of this generation listens on the socket."""
        settings = self._brake.settings
        self._rate = RateLimit(self._clock, settings.policy)
        setup = Setup(
            backend=settings.backend,
            events_per_s=settings.events_per_s,
            max_hold_s=settings.max_hold_s,
            failsafe_corners=settings.failsafe_corners,
            pictures=str(self._paths.evidence),
        )
        self._link = WorkerLink(worker_socket, setup, self._on_screen)
        self._performer = Performer(self._link, mode, self, self._screenshots)
        log.info("worker %d took over, mode %s", generation, mode)
        self._changed()

    def drop(self, reason: str, *, events: int, in_flight: bool, stopped: bool) -> None:
        """Control was taken back: what runs ends as it stands, what waits is refused and never replayed."""
        performer, self._performer = self._performer, None
        link, self._link = self._link, None
        if performer is not None and link is not None:
            performer.lost(reason, events, in_flight=in_flight)
            link.close(reason)
        self._asking.refuse(reason)
        self._arrived.set()  # what waits for its next try
        if stopped:
            log.warning("stopped: %s", reason)
        while self._queue:
            self._finish(self._queue.popleft(), Ending("refused", reason))
        self._changed()

    def doing(self) -> tuple[str, str]:
        task = self._running
        return (task.submission.agent or UNNAMED_AGENT, task.sentence) if task is not None else ("", "")

    def _on_screen(self, screen: Screen) -> None:
        if screen.displays != self._screen.displays:
            self._screenshots.clear()  # what they show is no longer there
        self._screen = screen
        self._changed()

    # --- for the world ----------------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> TaskView:
        task = self._make(submission)
        try:
            self._refuse_at_once(task)
            self._audit.task(task.view())
        except InputRefusedError as error:
            self._refused(task, error)
            raise
        except AuditError as error:
            self._brake.audit_failing(error.detail)
            raise InputRefusedError("audit", error.title, error.detail, error.hint) from error
        self._queue.append(task)
        self._history.add(task.view())
        self._arrived.set()
        self._changed()
        return task.view()

    def view(self) -> InputView:
        return InputView(
            control=self._brake.view(),
            queue_size=len(self._queue),
            queue_limit=self._brake.settings.queue_limit,
            running=self._running.view() if self._running is not None else None,
            queued=tuple(task.view() for task in self._queue),
            recent=self._history.recent(),
            displays=self._screen.displays,
            screen_width=self._screen.width,
            screen_height=self._screen.height,
            pointer=self._pointer,
            backend=self._link.backend if self._link is not None else "",
        )

    def task(self, task_id: str) -> TaskView:
        if (task := self._find(task_id)) is not None:
            return task.view()
        if (past := self._history.get(task_id)) is not None:
            return past
        raise UnknownTaskError(f"There is no input task `{task_id}`", "", "`aurora input history` lists the last ones.")

    async def finished(self, task_id: str) -> TaskView:
        if (task := self._find(task_id)) is not None:
            return await asyncio.shield(task.done)
        return self.task(task_id)

    def cancel(self, task_id: str, source: str) -> bool:
        task = self._find(task_id)
        if task is None:
            self.task(task_id)  # unknown: raises
            return False
        task.cancelled_by = source
        if task is self._running:
            if self._performer is not None:
                self._performer.cancel()
            self._asking.refuse(f"cancelled by {source}")
            self._arrived.set()  # it may be waiting for its next try
            return True
        self._queue.remove(task)
        self._finish(task, Ending("refused", f"cancelled by {source}"))
        return True

    async def answer(self, task_id: str, confirmation: Confirmation | None) -> None:
        """The operator's answer to a question; None is a no. Raises AuroraError when a yes was not the operator's."""
        await self._asking.answer(task_id, confirmation)

    def _find(self, task_id: str) -> Task | None:
        running = (self._running,) if self._running is not None else ()
        return next((task for task in (*running, *self._queue) if task.task_id == task_id), None)

    # --- refusing at once -------------------------------------------------------------------------------------

    def _make(self, submission: Submission) -> Task:
        action = submission.action
        return Task(
            submission=submission,
            task_id=submission.task_id or new_task_id(),
            created_at=self._clock.wall(),
            sentence=describe(action, ""),
            parameters=parameters_of(action, self._tell_secret),
            done=self._loop.create_future(),
        )

    def _refuse_at_once(self, task: Task) -> None:
        control = self._brake.view()
        if not control.is_open:
            code: RefusalCode = "latched" if control.state == "latched" else "closed"
            if control.state in ("disarmed", "arming"):
                code = "disarmed"
            raise InputRefusedError(code, "Mouse and keyboard are disabled", control.reason, control.hint)
        if self._find(task.task_id) is not None or self._history.get(task.task_id) is not None:
            raise InputRefusedError("duplicate", "This task id was used before", task.task_id, "Leave it out")
        limit = self._brake.settings.queue_limit
        if len(self._queue) >= limit:
            raise InputRefusedError("queue_full", "The queue is full", f"{limit} actions wait", "Wait for one to end")
        if self._screen.number and not needs_pointer(task.action) and not isinstance(task.action, DragPath):
            resolve(task.action, self._screen.displays, self._screenshots)
        self._rate.set_policy(self._brake.settings.policy)  # what was tightened acts at once
        if (too_many := self._rate.admit()) is not None:
            raise InputRefusedError("rate", "Too many actions", too_many.reason, too_many.hint)

    def _refused(self, task: Task, error: InputRefusedError) -> None:
        reason = f"{error.title}: {error.detail}" if error.detail else error.title
        task.status, task.outcome, task.reason = "failed", "refused", reason
        task.started_at = task.finished_at = self._clock.wall()
        task.duration_s = 0.0
        task.done.cancel()
        self._tell_refusal(task)

    def _tell_refusal(self, task: Task) -> None:
        """Each of the first few a second; of the others how many: a flood must not push the log's past out of it."""
        now = self._clock.monotonic()
        if now - self._refusals_since >= 1.0:
            self._refusals_since, self._refusals, omitted = now, 0, max(0, self._refusals - REFUSALS_TOLD_PER_S)
            if omitted:
                self._note("refusals_omitted", count=omitted)
        self._refusals += 1
        if self._refusals <= REFUSALS_TOLD_PER_S:
            with contextlib.suppress(AuditError):
                self._audit.task(task.view())

    # --- one after the other ----------------------------------------------------------------------------------

    async def _take_turns(self) -> None:
        while True:
            while self._queue:
                task = self._running = self._queue.popleft()
                try:
                    ending = await self._perform(task)
                except Exception as error:  # a fault of ours must neither end the queue nor be taken for success
                    log.exception("an input task failed")
                    ending = Ending("uncertain", f"a fault in Aurora: {type(error).__name__}: {error}")
                self._running = None
                self._finish(task, ending)
            self._arrived.clear()
            await self._arrived.wait()

    async def _perform(self, task: Task) -> Ending:
        task.started_at, task.began = self._clock.wall(), self._clock.monotonic()
        task.status = "running"
        performer = self._performer
        ending = await self._attempt(task, performer)
        for delay_s in RETRY_DELAYS_S:
            if ending.outcome != "not_started" or self._is_over_for(performer) or task.cancelled_by:
                break
            task.status, task.reason = "retrying", ending.reason
            task.retry_count += 1
            self._record(task)
            await self._pause(task, performer, delay_s)
            ending = await self._attempt(task, performer)
        if task.cancelled_by and ending.outcome in ("not_started", "partial"):
            reason = f"cancelled by {task.cancelled_by}"
            return Ending("refused" if ending.outcome == "not_started" else "partial", reason, ending.events)
        return ending

    async def _attempt(self, task: Task, performer: Performer | None) -> Ending:
        task.status = "running"
        self._changed()
        if isinstance(task.action, Type | Paste):
            await self._pause(task, performer, self._rate.text_wait_s())
        if task.cancelled_by:
            return Ending("refused", f"cancelled by {task.cancelled_by}")
        if performer is None or self._is_over_for(performer):
            return Ending("refused", self._brake.view().reason or "control was taken back before its turn came")
        self._rate.count_text(task.action)
        return await performer.attempt(task)

    def _is_over_for(self, performer: Performer | None) -> bool:
        """Whether the arming that a task began under is over: a later one takes nothing over."""
        return performer is None or performer is not self._performer

    async def _pause(self, task: Task, performer: Performer | None, delay_s: float) -> None:
        """Wait, unless it is cancelled or control is taken back meanwhile."""
        end = self._clock.monotonic() + delay_s
        while not self._is_over_for(performer) and not task.cancelled_by and self._clock.monotonic() < end:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(end - self._clock.monotonic()):
                    await self._arrived.wait()

    def _finish(self, task: Task, ending: Ending) -> None:
        now = self._clock.wall()
        task.status = "completed" if ending.outcome == "done" else "failed"
        task.outcome, task.reason = ending.outcome, ending.reason
        task.events, task.human_active, task.result = ending.events, ending.human_active, ending.result
        task.finished_at = now
        task.started_at = task.started_at or now
        task.duration_s = round(self._clock.monotonic() - task.began, 4) if task.began else 0.0
        self._record(task)
        self._history.add(task.view())
        if not task.done.done():
            task.done.set_result(task.view())
        self._publish(
            InputFinished(
                at=now,
                component=COMPONENT,
                task_id=task.task_id,
                action=name_of(task.action),
                status=task.status,
                outcome=ending.outcome,
                agent=task.submission.agent,
                reason=ending.reason,
                duration_s=task.duration_s,
            )
        )
        self._changed()

    def _record(self, task: Task) -> None:
        """What happened is told even where it cannot be written; then nothing more happens."""
        try:
            self._audit.task(task.view())
        except AuditError as error:
            self._brake.audit_failing(error.detail)

    # --- for the performer ------------------------------------------------------------------------------------

    @property
    def settings(self) -> InputSettings:
        return self._brake.settings

    def displays(self) -> tuple[Display, ...]:
        return self._screen.displays

    def saw_pointer(self, place: Pixel) -> None:
        self._pointer = place

    def point_at(self, pixels: tuple[Pixel, ...]) -> None:
        if self._running is not None:
            self._running.places = pixels
        self._changed()

    def has_overlay(self) -> bool:
        return self.screenside is not None and self._brake.settings.show_overlay

    async def ask(self, question: Question) -> str:
        return await self._asking.ask(question)

    def intent(self, task: Task) -> None:
        try:
            self._audit.intent(task.view())
        except AuditError as error:
            self._brake.audit_failing(error.detail)
            raise

    def hidden(self) -> contextlib.AbstractAsyncContextManager[None]:
        return self._asking.hidden(is_shown=self.has_overlay())

    async def keep_evidence(self, task: Task, path: str) -> None:
        kept = await asyncio.to_thread(self._evidence.adopt, path, task.task_id, self._clock.wall())
        task.evidence = (*task.evidence, str(kept))

    def changed(self) -> None:
        self._changed()

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()
