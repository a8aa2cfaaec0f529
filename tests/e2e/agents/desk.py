"""A worker with an agent at a task, and what a test does with them."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aurora_desktop.tasks.messages import Answer, Asking, Ended, Run
from tests.e2e.work.stage import Stage


class Desk:
    """`stage` is the worker's; `home` is an empty home folder for the agent."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder)
        self.home = folder / "home"
        self.home.mkdir()

    @property
    def cwd(self) -> Path:
        return self.stage.cwd

    def close(self) -> None:
        self.stage.close()

    def begin(self, *program: str, env: Mapping[str, str], **changes: Any) -> Run:
        """Hire a worker, and give it a task for this program."""
        self.worker = self.stage.hire(**env)
        self.stage.main.accept()
        run = self.stage.run(*program, **changes)
        self.stage.main.say(run)
        return run

    def lose_worker(self) -> None:
        """The worker dies, and its supervisor ends what it leaves behind."""
        self.worker.kill()
        self.worker.wait()
        self.stage.main.hang_up()
        while carriers := self.stage.carriers():
            for pid in carriers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def hear_question(self) -> Asking:
        return self.stage.main.hear(Asking)

    def answer(self, asking: Asking, decision: Any, message: str = "") -> None:
        self.stage.main.say(Answer(asking.task_id, asking.ask_id, decision, message))

    def end(self, run: Run) -> Ended:
        """How it ended, with nothing left running."""
        ended = self.stage.end_of(run)
        assert self.stage.carriers() == []
        return ended

    def kinds(self, run: Run) -> list[str]:
        return [entry.kind for entry in self.stage.transcript(run)]

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.cwd.iterdir()}
