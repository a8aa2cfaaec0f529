"""The chat below its widgets: what is typed becomes a command that is done, or words for an agent."""

import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AGENT_PREFIX, SERVICE_PREFIX
from aurora_desktop.tasks import words
from aurora_desktop.tasks.task import TaskRequest
from aurora_desktop.tasks.view import Entry, TasksFace, TaskView
from aurora_desktop.ui import phrases, task_words
from aurora_desktop.ui.confirming import in_words
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.transcript_lines import lines_of, own_words
from aurora_desktop.ui.transcripts import TranscriptReader
from aurora_desktop.ui.tray import sentence_case

BY = "window"
AURORA = "Aurora"
SURE = "Restart Aurora now? Services go on, agents at work are taken over. Say \u201cyes\u201d to go ahead."
LATER = "Sent when {agent} is done with your last words."
_NO = frozenset({"no", "n", "no thanks", "cancel"})
_YES = frozenset({"yes", "y", "yes please", "do it", "ok", "okay"})


class Conversation(QObject):
    """`lines` (list of TextLine) are to be added; `busy_changed`: whether an agent works on an answer."""

    lines = Signal(object)
    busy_changed = Signal()

    def __init__(self, context: UiContext, face: TasksFace, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._face, self._tasks = context, face, tasks
        self._task: TaskView | None = None
        self._sessions: dict[str, str] = {}
        self._later: deque[tuple[str, str, str]] = deque()
        self._asks_to_restart = False
        self.reader = TranscriptReader(face, tasks, self)
        self.reader.lines.connect(self.lines)
        self.reader.failed.connect(lambda why: self._tell(why, failed=True))

    @property
    def task(self) -> TaskView | None:
        """The task whose answer comes in, or came last."""
        return self._task

    @property
    def is_busy(self) -> bool:
        return self._task is not None and self._task.finished_at is None

    def begin_anew(self, agent: str) -> None:
        """The next words to this agent begin another session."""
        self._sessions.pop(agent, None)

    def hear(self, text: str, agent: str, cwd: str = "") -> None:
        """Do what these words ask for."""
        self.lines.emit(own_words(text, time.time()))
        self.reader.name_again()
        if self._asks_to_restart and self._answers_restart(text):
            return
        meaning = words.meaning_of(text, self._names())
        self._do_safely(self._do(meaning, agent, cwd))

    def _do_safely(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.run(work, lambda error: self._tell(in_words(error), failed=True))

    def look_if_its(self, task_id: str) -> None:
        """A task has ended, whether or not somebody looks at the chat."""
        if self._task is not None and task_id == self._task.id:
            self.look()

    def look(self) -> None:
        """Read on, and see whether the agent is done."""
        self.reader.read_on()
        if self._task is None or not self.is_busy:
            return
        try:
            self._task = self._face.view(self._task.id)
        except AuroraError:
            self._task = None
        if not self.is_busy:
            self._finish()

    async def _do(self, meaning: words.Meaning, agent: str, cwd: str) -> None:
        match meaning:
            case words.Say(text):
                await self._say(text, agent, cwd)
            case words.Heal(name):
                await self._heal(name)
            case words.Restart(""):
                self._asks_to_restart = True
                self._tell(SURE)
            case words.Restart(name):
                self._context.supervisor.restart((name,), BY)
                self._tell(f"{name} is being restarted.")
            case words.StopEverything():
                self._context.control.stop(BY)
                self._tell("Emergency stop: agents have lost mouse and keyboard, and are frozen or stopped.")
            case words.TellStatus():
                self._tell(self._status())
            case words.TellCommands():
                self._tell("\n".join(f"{what}: {why}" for what, why in words.COMMANDS))
            case words.Unknown(text):
                self._tell(
                    f"There is no command \u201c{text}\u201d. Say \u201chelp\u201d for those there are",
                    failed=True,
                )

    async def _say(self, text: str, agent: str, cwd: str) -> None:
        """A new task, in the session of the one before where there was one; one after the other."""
        if self.is_busy:
            self._later.append((text, agent, cwd))
            self._tell(LATER.format(agent=self._task.agent if self._task else agent))
            return
        request = TaskRequest(
            prompt=text, agent=agent, cwd=cwd or None, continues=self._sessions.get(agent, ""), source="window"
        )
        self._task = await self._face.submit(request)
        self._sessions[agent] = self._task.id
        self.busy_changed.emit()
        self.reader.follow(self._task.id, task_words.agent_name(agent))

    async def _heal(self, name: str) -> None:
        healing = self._context.healing
        if healing is None:
            self._tell("Healing is not available here.", failed=True)
            return
        self._tell(f"Looking at {name or 'everything'}\u2026")
        checked = await healing.heal(name or None, check_now=False)
        self._tell("\n".join(checked.findings) or "Nothing is wrong.")

    def _answers_restart(self, text: str) -> bool:
        """Whether these words are an answer; others are heard as any, above all a stop."""
        self._asks_to_restart = False
        answer = text.strip().casefold().rstrip(".!")
        if answer in _YES:
            self._restart_or_tell()
        elif answer in _NO:
            self._tell("Aurora goes on.")
        return answer in _YES | _NO

    def _restart_or_tell(self) -> None:
        try:
            self._restart()
        except AuroraError as error:
            self._tell(in_words(error), failed=True)

    def _restart(self) -> None:
        restart: Callable[[str], None] | None = self._context.restart
        if restart is None:
            self._tell("Aurora cannot restart itself here: quit it and start it again.", failed=True)
            return
        self._tell("Restarting\u2026")
        restart("asked for in the chat")

    def _status(self) -> str:
        health = self._context.health()
        at_work = self._face.tasks(limit=100, statuses=("running", "leased", "waiting_approval"))
        lines = [sentence_case(phrases.quoted(health.sentence)), sentence_case(phrases.quoted(health.next_step))]
        lines.append(phrases.counts(self._context.supervisor.views()))
        lines += [f"{task_words.title(task)} ({task.agent}): {task_words.doing(task, time.time())}" for task in at_work]
        if not at_work:
            lines.append("No agent is at work.")
        return "\n".join(line for line in lines if line)

    def _names(self) -> list[str]:
        """Services, and agents that healing watches."""
        names = [view.name for view in self._context.supervisor.views()]
        healing = self._context.healing
        watched = healing.view().agents if healing is not None else ()
        return names + [
            agent.component.removeprefix(AGENT_PREFIX) for agent in watched
            if not agent.component.startswith(SERVICE_PREFIX)
        ]  # fmt: skip

    def _finish(self) -> None:
        """Say how it ended where the agent's own words do not."""
        self.busy_changed.emit()
        task = self._task
        if task is not None and task.status != "completed":
            why = ". ".join(part for part in (task_words.status(task), task.cause, task.hint) if part)
            self._tell(phrases.quoted(why), failed=True)
        if self._later:
            self._do_safely(self._say(*self._later.popleft()))

    def _tell(self, text: str, *, failed: bool = False) -> None:
        told = Entry(at=time.time(), kind="error" if failed else "message", text=text)
        self.lines.emit(lines_of(told, AURORA))
        self.reader.name_again()
