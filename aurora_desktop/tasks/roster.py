"""The workers as the coordinator knows them: which posts there are, who is at work, idle, asleep, or not well."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, Protocol

from aurora_desktop.core.events import WORKER_PREFIX, FailureKind, Record, ServiceStateChanged
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.tasks.messages import Hello
from aurora_desktop.tasks.policy import Slot, is_stale
from aurora_desktop.tasks.task import Activity
from aurora_desktop.tasks.workforce import Post, posts

SHORTEST_LEASE_S = 6.0
"""Three of the beats that every worker gives: a shorter lease would be a verdict on the machine's load."""
FAILED_AGAIN_S = 30.0
"""A worker that could not be started is tried again after this, while there is work for it."""

_ON_ITS_WAY = frozenset({"waiting", "starting", "running", "ready", "degraded", "unhealthy"})


class Workforce(Protocol):
    """What the coordinator needs of the supervisor; `names` are components (`worker:<name>`)."""

    @property
    def stood_still_s(self) -> float: ...

    @property
    def latched(self) -> bool: ...

    def worker_views(self) -> tuple[ServiceView, ...]: ...

    def has_processes(self, name: str) -> bool:
        """Whether anything of it may still be there, also once it was taken out of the settings."""
        ...

    def employ(self, names: tuple[str, ...], cause: str) -> None: ...

    def dismiss(self, names: tuple[str, ...], cause: str, *, kill: bool = False) -> None: ...

    def thaw(self, names: tuple[str, ...], cause: str) -> None: ...

    def unwell(self, name: str, kind: FailureKind, cause: str) -> None: ...


class Worker:
    """One post and whoever holds it now. Times are of `Roster.now`.

    `task_id` and `attempt`: what it is chosen for or does; `has_it`: it was told so, or said so itself. `is_up`: it has
    introduced itself and its connection stands; `is_retired`: its post is not in the settings any more.
    """

    def __init__(self, post: Post, now: float) -> None:
        self.post = post
        self.state = "stopped"
        self.pid: int | None = None
        self.is_up = False
        self.is_retired = False
        self.task_id = ""
        self.attempt = 0
        self.has_it = False
        self.activity: Activity | None = None
        self.heard_at = now
        self.free_since = now
        self.changed_at = now
        self.told_at = now
        self.completed = self.errors = 0

    @property
    def name(self) -> str:
        return self.post.name

    @property
    def is_frozen(self) -> bool:
        return self.state == "frozen"

    def takes(self, task_id: str, attempt: int, *, has_it: bool) -> None:
        self.task_id, self.attempt, self.has_it = task_id, attempt, has_it
        self.activity = None

    def was_told(self, now: float) -> None:
        """What it was chosen for is on its way to it."""
        self.has_it, self.told_at = True, now

    def is_free_now(self, now: float) -> None:
        self.takes("", 0, has_it=False)
        self.free_since = now


class Roster:
    """Follows the workers by the supervisor's events; `read` is a reader of the bus."""

    def __init__(self, settings: TaskSettings, workforce: Workforce, monotonic: Callable[[], float]) -> None:
        self._workforce, self._monotonic = workforce, monotonic
        self._workers: dict[str, Worker] = {}
        self.crowds: Mapping[str, int] = {}
        self._lease_s = settings.lease_s
        self.apply(settings)

    def now(self) -> float:
        """A clock that stands still while Aurora itself does: nobody is blamed for that time."""
        return self._monotonic() - self._workforce.stood_still_s

    @property
    def lease_s(self) -> float:
        """For how long a worker may be silent, or not begin what it was told."""
        return max(self._lease_s, SHORTEST_LEASE_S)

    def apply(self, settings: TaskSettings) -> None:
        self._lease_s = settings.lease_s
        there = {post.name: post for post in posts(settings)}
        for name, post in there.items():
            worker = self._workers.setdefault(name, Worker(post, self.now()))
            worker.post, worker.is_retired = post, False
        for name in self._workers.keys() - there.keys():
            self._workers[name].is_retired = True
        crowds: dict[str, int] = {}
        for post in there.values():
            crowds[post.pool] = crowds.get(post.pool, 0) + 1
        self.crowds = crowds

    def look(self) -> None:
        """Take over how the supervisor sees them now."""
        for view in self._workforce.worker_views():
            if (worker := self.of_component(view.name)) is not None:
                worker.state, worker.pid = view.state, view.pid

    def forget_retired(self) -> None:
        for name, worker in tuple(self._workers.items()):
            if worker.is_retired and not worker.task_id and not self.has_processes(worker):
                del self._workers[name]

    # --- who there is -----------------------------------------------------------------------------------------

    def everyone(self) -> Iterable[Worker]:
        return self._workers.values()

    def find(self, name: str) -> Worker | None:
        return self._workers.get(name)

    def of_component(self, component: str) -> Worker | None:
        return self._workers.get(component.removeprefix(WORKER_PREFIX)) if component.startswith(WORKER_PREFIX) else None

    def holder(self, task_id: str) -> Worker | None:
        return next((worker for worker in self._workers.values() if worker.task_id == task_id), None)

    def slots(self) -> list[Slot]:
        """Those that could take a task now, or once they have started."""
        return [
            Slot(worker.name, worker.post.pool, readiness)
            for worker in self._workers.values()
            if (readiness := self._readiness(worker)) is not None
        ]

    def _readiness(self, worker: Worker) -> Literal["idle", "starting", "asleep"] | None:
        if worker.task_id or worker.is_retired:
            return None
        if worker.state == "stopped":
            return "asleep"
        if worker.state == "failed":
            return "asleep" if self.now() - worker.changed_at > FAILED_AGAIN_S else None
        if worker.state not in _ON_ITS_WAY:
            return None
        return "idle" if worker.is_up else "starting"

    def has_processes(self, worker: Worker) -> bool:
        return self._workforce.has_processes(worker.post.component)

    def stale(self) -> list[Worker]:
        """Those whose process runs, and who did not say a word for too long."""
        now = self.now()
        return [
            worker
            for worker in self._workers.values()
            if worker.state in ("running", "ready")
            and is_stale(worker.heard_at, now, self.lease_s, frozen=worker.is_frozen)
        ]

    def took_long_to_begin(self, worker: Worker) -> bool:
        """Whether it is up and well, and should have begun what it was told."""
        since = max(worker.told_at, worker.changed_at)
        return worker.has_it and worker.is_up and is_stale(since, self.now(), self.lease_s, frozen=worker.is_frozen)

    # --- what is seen of them ---------------------------------------------------------------------------------

    def read(self, record: Record) -> Worker | None:
        """The worker whose state this event tells, if it is one."""
        event = record.event
        if not isinstance(event, ServiceStateChanged):
            return None
        worker = self.of_component(event.component)
        if worker is None:
            return None
        if event.pid != worker.pid and event.pid is not None:
            worker.free_since = self.now()
        # Its silence counts from here: it was frozen, or was not there.
        worker.heard_at = worker.changed_at = self.now()
        worker.state, worker.pid = event.state, event.pid
        return worker

    def introduced(self, hello: Hello) -> Worker | None:
        worker = self._workers.get(hello.worker)
        if worker is not None:
            worker.is_up = True
            worker.heard_at = self.now()
        return worker

    # --- what is done with them -------------------------------------------------------------------------------

    def employ(self, names: Iterable[str]) -> None:
        components = tuple(self._workers[name].post.component for name in names)
        if components:
            self._workforce.employ(components, "there is work for it")

    def dismiss_idle(self, idle_exit_s: float) -> None:
        """End those that have had nothing to do for so long, unless they are to be kept warm."""
        now = self.now()
        idle = [
            worker
            for worker in self._workers.values()
            if worker.state in _ON_ITS_WAY
            and not (worker.post.warm or worker.task_id or worker.is_retired)
            and now - worker.free_since > idle_exit_s
        ]
        for worker in idle:
            worker.state = "stopping"  # its turn to end comes in a moment: it is given nothing until then
        if idle:
            components = tuple(worker.post.component for worker in idle)
            self._workforce.dismiss(components, f"nothing to do for {idle_exit_s:g} s")

    def end_frozen(self) -> None:
        """Kill those that the emergency stop froze while they had nothing to do: of them there is nothing to resume."""
        idle = tuple(
            worker.post.component
            for worker in self._workers.values()
            if worker.is_frozen and not (worker.task_id or worker.is_retired)
        )
        if idle:
            self._workforce.dismiss(idle, "it stood still with nothing to do", kill=True)
