"""What the coordinator shows: gathered from queue, roster and checks whenever somebody looks."""

import difflib
from collections.abc import Iterable, Sequence

from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.budget import Spending
from aurora_desktop.tasks.dispatch import Dispatch
from aurora_desktop.tasks.errors import TaskRefusedError
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.presenting import view_of_agent, view_of_task, view_of_worker
from aurora_desktop.tasks.surroundings import Surroundings
from aurora_desktop.tasks.task import Task
from aurora_desktop.tasks.transcripts import packed
from aurora_desktop.tasks.view import ApprovalView, CliAgentView, TaskDetail, TaskTroubles, TaskView, WorkerView

MOST_UNCERTAIN = 100
"""Shown among what waits for the operator, the oldest: thousands would cost the loop tens of milliseconds."""


class Overview:
    def __init__(self, around: Surroundings, dispatch: Dispatch, spending: Spending, paths: StatePaths) -> None:
        self._around, self._dispatch = around, dispatch
        self._spending, self._paths = spending, paths

    def view(self, task: Task) -> TaskView:
        held = remedy = ""
        if task.status == "queued":
            held = task.held or self._dispatch.held(task.pool, task.agent)
            remedy = self._dispatch.remedy(task.agent) if held and not task.held else ""
        worker = self._around.roster.find(task.worker)
        return view_of_task(task, worker, held, self._around.kind(task), remedy)

    def tasks(self, limit: int, statuses: Sequence[TaskStatus], agent: str, before: int | None) -> tuple[TaskView, ...]:
        return tuple(self.view(task) for task in self._around.book.newest(limit, statuses, agent, before))

    def task(self, task_id: str) -> TaskDetail:
        """Raises UnknownTaskError."""
        task = self._around.book.get(task_id)
        texts = self._around.book.backend.texts(task_id)
        log_path = self._paths.task_logs / f"{task_id}.log"
        transcript = TaskFolder(self._paths.tasks / task_id).transcript
        is_there = transcript.exists() or packed(transcript).exists()
        return TaskDetail(
            view=self.view(task), prompt=texts.prompt, result=texts.result, error=task.error,
            exit_code=task.exit_code, session_id=task.session_id, log_path=str(log_path) if task.is_finished else "",
            transcript_path=str(transcript) if is_there else "",
        )  # fmt: skip

    def agents(self, names: Iterable[str]) -> tuple[CliAgentView, ...]:
        return tuple(self._agent(name) for name in names)

    def known_agents(self, names: Sequence[str]) -> tuple[str, ...]:
        """These, or all. Raises TaskRefusedError for a name that there is not."""
        there = self._around.agents
        for name in names:
            if name not in there:
                near = difflib.get_close_matches(name, there, n=1)
                hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(sorted(there))}."
                raise TaskRefusedError(f"There is no agent `{name[:64]}`", "", hint)
        return tuple(names or there)

    def _agent(self, name: str) -> CliAgentView:
        around = self._around
        running = sum(task.agent == name for task in around.book.at_work())
        queued = sum(len(tasks) for (_, agent), tasks in around.book.lanes.items() if agent == name)
        spent = self._spending.today(name, around.clock.wall())
        checked = self._dispatch.checked(name)
        return view_of_agent(name, around.agents[name], checked, (running, queued), spent)

    def workers(self) -> tuple[WorkerView, ...]:
        roster = self._around.roster
        return tuple(
            view_of_worker(worker, service, self._around.clock, roster.now() - worker.heard_at)
            for service in self._around.workforce.worker_views()
            if (worker := roster.of_component(service.name)) is not None
        )

    def troubles(self, approvals: tuple[ApprovalView, ...]) -> TaskTroubles:
        """Quick, for it goes into the health of the whole."""
        book = self._around.book
        waited_for = dict.fromkeys(agent for (_, agent), tasks in book.lanes.items() if tasks)
        return TaskTroubles(
            uncertain=tuple(self.view(task) for task in book.uncertain()[:MOST_UNCERTAIN]),
            approvals=approvals,
            unavailable=tuple(
                self._agent(name)
                for name in waited_for
                if self._around.agent(name) is not None
                and (checked := self._dispatch.checked(name)) is not None
                and not checked.available
            ),
            workers=self._do_not_come_up() if waited_for else (),
        )

    def _do_not_come_up(self) -> tuple[WorkerView, ...]:
        wanted = {pool for (pool, _), tasks in self._around.book.lanes.items() if tasks}
        return tuple(
            worker
            for worker in self.workers()
            if worker.pool in wanted and worker.service.state in ("failed", "degraded")
        )
