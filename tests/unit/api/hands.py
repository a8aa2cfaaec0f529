"""A brake and an input agent in memory, that do at once what they are asked or wait to be told."""

import asyncio
import threading
from typing import Any

import msgspec

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.actions import name_of
from aurora_desktop.input.errors import UnknownTaskError
from aurora_desktop.input.task import parameters_of
from aurora_desktop.input.view import Display, InputView, Submission, TaskView
from aurora_desktop.safety.view import ControlView, Decided

CREATED_AT = 1_700_000_000.25
DISPLAYS = (Display("HDMI-1", 0, 0, 1920, 1080, primary=True),)


class FakeControl:
    """Armed at first; remembers who stopped and disarmed it."""

    def __init__(self) -> None:
        self.now = ControlView(state="armed", mode="act", remaining_s=872.4, armed_until=1_700_000_872.4)
        self.stops: list[str] = []
        self.disarms: list[str] = []
        self.requests: list[tuple[str, str, float]] = []
        self.asked = threading.Event()
        self.decided: Decided | None = Decided(decision="armed", detail="agents may act")
        self.withdrawn = threading.Event()

    def view(self) -> ControlView:
        return self.now

    def stop(self, source: str) -> None:
        self.stops.append(source)
        self.now = ControlView(state="latched", reason=f"stopped by {source}", stopped_by=source)

    def disarm(self, source: str) -> None:
        self.disarms.append(source)
        self.now = ControlView(state="disarmed", reason="the operator has not armed control")

    async def request(self, agent: str, reason: str, wait_s: float) -> Decided:
        """Never answered where nothing is `decided`."""
        self.requests.append((agent, reason, wait_s))
        self.asked.set()
        if self.decided is not None:
            return self.decided
        try:
            await asyncio.Event().wait()
        finally:
            self.withdrawn.set()
        raise AssertionError("it waits for ever")


class FakeInput:
    """Queues what comes; `ending` ends it at once, or else `finish` does. `refusal` is raised instead."""

    def __init__(self, control: FakeControl) -> None:
        self._control = control
        self.arrived = threading.Event()
        self.waited_for = threading.Event()
        self._over: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, TaskView] = {}
        self.submissions: list[Submission] = []
        self.cancels: list[tuple[str, str]] = []
        self.refusal: AuroraError | None = None
        self.ending: dict[str, Any] | None = {"status": "completed", "outcome": "done"}
        self.pointer: tuple[int, int] | None = (10, 20)

    def submit(self, submission: Submission) -> TaskView:
        if self.refusal:
            raise self.refusal
        self.submissions.append(submission)
        task_id = submission.task_id or f"input_{len(self.submissions):016x}"
        self.tasks[task_id] = TaskView(
            task_id=task_id,
            action=name_of(submission.action),
            parameters=parameters_of(submission.action, lambda text: {"length": len(text)}),
            status="queued",
            agent=submission.agent,
            operator_user=submission.operator_user,
            created_at=CREATED_AT,
            sentence=f"doing {name_of(submission.action)}",
        )
        self._over[task_id] = asyncio.Event()
        self.arrived.set()
        queued = self.tasks[task_id]
        if self.ending is not None:
            self.finish(task_id, **self.ending)
        return queued

    def finish(self, task_id: str, **fields: Any) -> None:
        """In the loop's thread."""
        ended: dict[str, Any] = {"started_at": CREATED_AT + 1, "finished_at": CREATED_AT + 1.5, "duration_s": 0.5}
        self.tasks[task_id] = msgspec.structs.replace(self.tasks[task_id], **{**ended, **fields})
        self._over[task_id].set()

    def view(self) -> InputView:
        tasks = tuple(self.tasks.values())
        return InputView(
            control=self._control.view(),
            queue_size=sum(task.status == "queued" for task in tasks),
            queue_limit=100,
            running=next((task for task in tasks if task.status == "running"), None),
            queued=tuple(task for task in tasks if task.status == "queued"),
            recent=tuple(reversed(tasks)),
            displays=DISPLAYS,
            screen_width=1920,
            screen_height=1080,
            pointer=self.pointer,
            backend="xtest",
        )

    def task(self, task_id: str) -> TaskView:
        if task_id not in self.tasks:
            raise UnknownTaskError(f"There is no input task `{task_id}`")
        return self.tasks[task_id]

    async def finished(self, task_id: str) -> TaskView:
        self.waited_for.set()
        await self._over[task_id].wait()
        return self.tasks[task_id]

    def cancel(self, task_id: str, source: str) -> bool:
        self.cancels.append((task_id, source))
        if self.tasks[task_id].finished_at is not None:
            return False
        self.finish(task_id, status="failed", outcome="refused", reason=f"cancelled by {source}")
        return True
