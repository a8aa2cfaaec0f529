"""Giving out what waits: written down first, then told to the worker, so that nobody has what nobody knows of."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import apsw
from msgspec.structs import replace

from aurora_desktop.core.settings.schema_tasks import CliAgent
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.tasks.attempts import Attempts
from aurora_desktop.tasks.marks import make_folder
from aurora_desktop.tasks.messages import Ended, Run
from aurora_desktop.tasks.policy import Lane, Room, assign
from aurora_desktop.tasks.roster import Worker
from aurora_desktop.tasks.surroundings import Surroundings
from aurora_desktop.tasks.task import AT_WORK, Task
from aurora_desktop.tasks.verification import Checked

GO_ON = (
    "You were interrupted while you worked on this. Look at what is done already, then go on from there. What you were"
    " asked for:\n\n"
)
"""Before the prompt of a further attempt that resumes a session: the agent may have done a part of it."""

_STOPPED = "the emergency stop holds it back"

log = logging.getLogger(__name__)


class PerformsInput(Protocol):
    """What does tasks of the kind `input`, in this process."""

    async def perform(self, task: Task, on_action: Callable[[str], object] = ...) -> Ended: ...

    def cancel(self, task_id: str, by: str) -> bool: ...


Verify = Callable[[str, CliAgent], Coroutine[Any, Any, Checked]]
"""Whether an agent can be used now; cheap while nothing has changed."""


class Dispatch:
    """`give_out` may be called at any time; it does what can be done now. `refusal(agent)`: why none of an agent may
    begin now though all is well, like a budget of the day; "" if it may."""

    def __init__(
        self,
        around: Surroundings,
        attempts: Attempts,
        verify: Verify,
        refusal: Callable[[str], str],
        input_tasks: PerformsInput | None,
    ) -> None:
        self._around, self._attempts = around, attempts
        self._verify, self._refusal = verify, refusal
        self._input = input_tasks
        self._checked: dict[str, Checked] = {}
        self._checking: set[str] = set()
        self.is_open = False

    # --- who may ----------------------------------------------------------------------------------------------

    def held(self, pool: str, agent_name: str) -> str:
        """Why no task of this pool and agent may begin now, in words; "" if it may."""
        agent = self._around.agent(agent_name)
        if agent is None:
            return f"the agent `{agent_name}` is not in the settings any more"
        if self._around.is_stopped(agent_name):
            return _STOPPED
        if agent.kind == "input":
            return "" if self._input is not None else "no agent of mouse and keyboard runs here"
        if not self._around.roster.crowds.get(pool):
            return f"there is no worker for `{pool}` in the settings"
        checked = self._checked.get(agent_name)
        if checked is not None and not checked.available:
            return f"{agent_name} cannot be used: {checked.detail}"
        return self._refusal(agent_name)

    def remedy(self, agent_name: str) -> str:
        """What the operator can do so that a held task of this agent begins; "" where time does."""
        agent, checked = self._around.agent(agent_name), self._checked.get(agent_name)
        if agent is None:
            return "Name it again under `tasks.agents`, or cancel the task."
        if self._around.workforce.latched and agent.on_estop != "ignore":
            return "Reset the emergency stop, in Aurora's window."
        return checked.hint if checked is not None and not checked.available else ""

    def checked(self, agent_name: str) -> Checked | None:
        return self._checked.get(agent_name)

    def forget_checked(self, agent_names: Sequence[str]) -> None:
        """Their settings have changed: to be asked anew before the next task."""
        for name in agent_names:
            self._checked.pop(name, None)

    async def check(self, name: str) -> Checked:
        """Ask its program now."""
        checked = await self._verify(name, self._around.agents[name])
        self._checked[name] = checked
        self._around.changed()
        return checked

    def look_again(self) -> None:
        """Ask the agents that were not to be had and that tasks wait for."""
        for _, agent in self._around.book.lanes:
            checked = self._checked.get(agent)
            if checked is not None and not checked.available:
                self._check_soon(agent)

    def _check_soon(self, name: str) -> None:
        async def check() -> None:
            try:
                await self.check(name)
            finally:
                self._checking.discard(name)

        if name not in self._checking and self._around.agent(name) is not None:
            self._checking.add(name)
            self._around.run(check())

    # --- giving out -------------------------------------------------------------------------------------------

    def give_out(self) -> None:
        if not self.is_open or self._around.closing:
            return
        lanes, room = self._lanes(), self._room()
        if not lanes or room.total <= 0:
            return
        asleep = []
        roster, now = self._around.roster, self._around.clock.wall()
        for task, slot in assign(lanes, roster.slots(), room, roster.crowds, now):
            worker = roster.find(slot.worker)
            if slot.readiness == "asleep":
                asleep.append(slot.worker)
            elif slot.readiness == "idle" and worker is not None:
                self._choose(task, worker)
        roster.employ(asleep)
        self._perform_input(lanes)

    def _lanes(self) -> Mapping[Lane, Sequence[Task]]:
        """Those that may begin; of an agent that was never asked for its version none does before it is."""
        open_lanes = {}
        for lane, tasks in self._around.book.lanes.items():
            if not tasks or self.held(*lane):
                continue
            agent = self._around.agents[lane[1]]
            if agent.kind != "input" and lane[1] not in self._checked:
                self._check_soon(lane[1])
            else:
                open_lanes[lane] = tasks
        return open_lanes

    def _room(self) -> Room:
        settings = self._around.settings
        agents = {name: agent.concurrency for name, agent in self._around.agents.items()}
        at_work = self._around.book.at_work()
        for task in at_work:
            agents[task.agent] = agents.get(task.agent, 0) - 1
        return Room(settings.concurrency - len(at_work), agents)

    def _choose(self, task: Task, worker: Worker) -> None:
        """It counts as leased from now on; the worker is told once that is on disk."""
        now = self._around.clock.wall()
        leased = self._around.book.changed(
            task, status="leased", cause="", held="", worker=worker.name, attempt=task.attempt + 1,
            lease_until=now + self._around.settings.lease_s, heartbeat_at=now, finished_at=None,
        )  # fmt: skip
        worker.takes(task.id, leased.attempt, has_it=False)
        self._around.run(self._give(leased, worker))

    async def _give(self, task: Task, worker: Worker) -> None:
        try:
            checked, run, _ = await asyncio.gather(
                self._check_once_more(task), asyncio.to_thread(self._run, task), self._around.book.backend.save(task)
            )
        except Exception as error:  # whatever it is, the task must not stay leased to nobody
            is_known = isinstance(error, OSError | apsw.Error)
            why = words(error) if is_known else f"{type(error).__name__}: {error}"
            log.warning("%s cannot be given out: %s", task.id, why, exc_info=not is_known)
            self._take_back(task, worker, f"it could not be given out: {why}")
        else:
            self._tell(task, worker, checked, run)

    def _tell(self, task: Task, worker: Worker, checked: Checked, run: Run | None) -> None:
        """Unless there is something against it now."""
        if not checked.available:
            self._take_back(task, worker, f"{task.agent} cannot be used: {checked.detail}")
            return
        if self._around.is_stopped(task.agent):
            self._take_back(task, worker, _STOPPED)
            return
        now = self._around.book.here(task.id)
        if now is None or now.status != "leased" or now.attempt != task.attempt or now.cancelling:
            self._take_back(task, worker, "")
            return
        worker.was_told(self._around.roster.now())
        if run is None:
            self._attempts.lose(worker, f"the agent `{task.agent}` is not in the settings any more")
        elif not self._around.send(worker.name, run) and not self._around.roster.has_processes(worker):
            self._attempts.lose(worker, "the worker ended before it was told")

    async def _check_once_more(self, task: Task) -> Checked:
        """Its program may have been removed or replaced since the last task."""
        agent = self._around.agent(task.agent)
        if agent is None:
            return Checked(available=True)
        checked = self._checked[task.agent] = await self._verify(task.agent, agent)
        return checked

    def _take_back(self, task: Task, worker: Worker, cause: str) -> None:
        """Nobody was told of it yet. Whoever waits for its cancellation has it now."""
        now = self._around.book.here(task.id)
        if now is not None and now.status in AT_WORK and now.attempt == task.attempt:
            status, by = ("cancelled", now.cancelling) if now.cancelling else ("queued", "")
            at = self._around.clock.wall() if by else None
            cause = f"cancelled by {by}" if by else cause
            self._around.book.change(
                now, status=status, cause=cause, worker="", attempt=task.attempt - 1, finished_at=at, cancelling="",
                lease_until=None, heartbeat_at=None,
            )  # fmt: skip
        worker.is_free_now(self._around.roster.now())
        if not cause or now is None or now.status == "cancelled":
            self._around.changed()

    def _run(self, task: Task) -> Run | None:
        """Blocking: makes the folder, reads the prompt."""
        agent = self._around.agent(task.agent)
        if agent is None:
            return None
        self._around.learn_secrets(task)
        folder = make_folder(self._around.folder, task.id)
        prompt = self._around.book.backend.texts(task.id).prompt
        was_begun = task.resumes and task.attempt > 1  # else the session is that of an earlier task
        return Run(
            task_id=task.id, attempt=task.attempt, agent=task.agent, kind=agent.kind, program=agent.program,
            args=tuple(agent.args), prompt=GO_ON + prompt if was_begun else prompt, prompt_way=agent.prompt,
            has_events=agent.events == "json", cwd=task.cwd, folder=str(folder), env=task.env, model=task.model,
            permissions=task.permissions, timeout_s=task.timeout_s, silence_s=task.silence_s, grace_s=agent.grace_s,
            resume=task.session_id if task.resumes else None, session_id=str(uuid.uuid4()), expect=task.expect,
            output_max_bytes=int(self._around.settings.output_max_bytes), max_usd=_left_usd(task, agent),
        )  # fmt: skip

    # --- tasks of mouse and keyboard --------------------------------------------------------------------------

    def _perform_input(self, lanes: Mapping[Lane, Sequence[Task]]) -> None:
        for (_, name), tasks in lanes.items():
            room = self._room()
            if self._around.agents[name].kind == "input" and self._input is not None:
                for task in tuple(tasks)[: max(0, min(room.total, room.agents[name]))]:
                    self._begin_input(task, self._input)

    def _begin_input(self, task: Task, performer: PerformsInput) -> None:
        now = self._around.clock.wall()
        running = self._around.book.changed(
            task, status="running", cause="", attempt=task.attempt + 1, worker="", started_at=now, finished_at=None
        )
        self._around.run(self._act(running, performer))

    async def _act(self, task: Task, performer: PerformsInput) -> None:
        """Written down before the first action: what was begun is never begun again by itself."""
        try:
            await self._around.book.backend.save(task)
        except (OSError, apsw.Error) as error:
            self._around.book.change(task, status="queued", cause=f"it could not be begun: {words(error)}")
            return
        now = self._around.book.here(task.id)
        if now is not None and now.cancelling:  # while it was written down, when there was nothing to be stopped yet
            why = f"cancelled by {now.cancelling}"
            ended = Ended(task_id=task.id, attempt=task.attempt, ending="cancelled", error=why)
        else:
            texts = self._around.book.backend.texts(task.id)
            ended = await performer.perform(replace(task, prompt=texts.prompt))
        await self._attempts.has_ended(task, ended)
        self._around.changed()

    def cancel_input(self, task_id: str, by: str) -> bool:
        return self._input is not None and self._input.cancel(task_id, by)


def _left_usd(task: Task, agent: CliAgent) -> float | None:
    """What it may still spend; None without a limit, or where the operator would be asked at the limit."""
    limits = [limit for limit in (task.max_usd, agent.budget.task_usd) if limit is not None]
    if not limits or agent.budget.on_limit == "ask":
        return None
    return max(0.0, min(limits) - (task.usage.cost_usd or 0.0))
