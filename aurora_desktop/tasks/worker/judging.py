"""How an attempt ended: the adapter's verdict, then whether the result is sane."""

import os
import re
import signal as signals
from pathlib import Path

from aurora_desktop.tasks.adapters.adapter import Exit, Verdict
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.worker.sanity import what_is_wrong

_CLOCK_GRAIN_S = 0.05
"""A file's time is that of the kernel's last tick, up to so much before the clock's."""


def exit_of(code: int, stderr_tail: str, *, was_stopped: bool) -> Exit:
    """From Python's convention: a negative code is a signal."""
    if code >= 0:
        return Exit(code=code, stderr_tail=stderr_tail, was_stopped=was_stopped)
    return Exit(signal=_signal_name(-code), stderr_tail=stderr_tail, was_stopped=was_stopped)


def _signal_name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"


def judged(verdict: Verdict, run: Run) -> Verdict:
    """A verdict of success is an error when the result cannot be one."""
    if verdict.ending != "completed":
        return verdict
    began_at = _first_began_at(Path(run.folder))
    files = {name: _trouble(Path(run.cwd, name), began_at) for name in run.expect.files}
    wrong = what_is_wrong(verdict.result, run.expect, files)
    if not wrong:
        return verdict
    return Verdict(ending="error", result=verdict.result, error=wrong, denials=verdict.denials)


def _first_began_at(folder: Path) -> float:
    """When the task's first attempt began: what that one wrote needs not be written again. 0 if the folder is gone."""
    try:
        marks = [entry for entry in os.scandir(folder) if re.fullmatch(r"attempt-\d+\.began", entry.name)]
        return min((mark.stat().st_mtime for mark in marks), default=0.0)
    except OSError:
        return 0.0


def _trouble(path: Path, began_at: float) -> str:
    try:
        changed_at = path.stat().st_mtime
    except OSError:
        return "is not there"
    return "" if changed_at >= began_at - _CLOCK_GRAIN_S else "is older than the task"
