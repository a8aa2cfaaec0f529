"""Beginning an attempt, once and never again; or saying why not."""

import os
import time
from pathlib import Path

from msgspec import structs

from aurora_desktop.core.errors import PASSING_ERRORS, AuroraError, NotNowError
from aurora_desktop.tasks.adapters.registry import make_adapter
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Ended, Run
from aurora_desktop.tasks.worker import marks
from aurora_desktop.tasks.worker.agent_process import agent_environment, start
from aurora_desktop.tasks.worker.attempt import Attempt, Workplace


class BegunBeforeError(AuroraError):
    """The mark of this attempt is there: nobody knows what it did."""


def begin_attempt(run: Run, around: Workplace) -> Attempt | Ended:
    """The attempt with its agent running, or why it did not begin."""
    try:
        return _begun(run, around)
    except BegunBeforeError as error:
        return structs.replace(refused(run, error.in_one_line), began=True)
    except AuroraError as error:
        return refused(run, error.in_one_line, passes=isinstance(error, NotNowError))
    except OSError as error:
        why = f"the task's folder cannot be used: {error}"
        return refused(run, why, passes=error.errno in PASSING_ERRORS)


def refused(run: Run, error: str, *, passes: bool = False) -> Ended:
    """The end of what did not begin; `passes`: for a trouble of the machine that does."""
    at = time.time()
    return Ended(task_id=run.task_id, attempt=run.attempt, ending="refused", error=error, passes=passes, finished_at=at)


def put_back(run: Run, why: str) -> Ended:
    """The end of what this worker cannot begin, and another one can."""
    return structs.replace(refused(run, why), ending="interrupted")


def _begun(run: Run, around: Workplace) -> Attempt:
    """The mark comes right before the process: what is refused earlier leaves none."""
    folder = TaskFolder(Path(run.folder))
    marks.make_folder(folder)
    adapter = make_adapter(run)
    launch = adapter.launch()
    env = agent_environment(os.environ, run.env, launch)
    try:
        marks.begin_once(folder, run.attempt, around.worker)
    except FileExistsError as error:
        raise BegunBeforeError("this attempt was begun before", f"{folder.began(run.attempt)} is there") from error
    try:
        child = start(launch, run.cwd, env)
    except AuroraError:
        marks.begin_not(folder, run.attempt)
        raise
    return Attempt(run, around, adapter, launch, child)
