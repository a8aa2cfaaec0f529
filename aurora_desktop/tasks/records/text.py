"""`tasks/<id>.log`: the readable record of a task, written when it is over. Blocking: called in a thread."""

import os
from pathlib import Path

from aurora_desktop.core.settings.values import Environment
from aurora_desktop.core.storage.jsonl import timestamp
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.records.lines import duration_s
from aurora_desktop.tasks.task import Task

MOST_OUTPUT = 256 * 1024
"""Bytes of each of STDOUT and STDERR, the first and the last half of it."""


def write(path: Path, task: Task, folder: TaskFolder, env: Environment) -> None:
    """Write the whole record anew; what the agent printed of `env` is masked. Raises OSError.

    Whole or not at all, but not forced to the disk: the queue has what counts, and thousands of tasks may end at once.
    """
    content = env.masked(_text(task, folder)).encode("utf-8", "replace")
    fresh = path.with_name(path.name + ".new")
    try:
        with open(fresh, "wb", opener=_private) as file:
            file.write(content)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _text(task: Task, folder: TaskFolder) -> str:
    head = "\n".join(f"{name}: {value}" for name, value in _head(task))
    sections = {
        "PROMPT": task.prompt or _actions(task),
        "STDOUT": _output(folder.stdout(task.attempt)),
        "STDERR": _output(folder.stderr(task.attempt)),
        "RESULT": task.result,
        "ERROR": task.error or ("" if task.status == "completed" else task.cause),
    }
    return head + "\n" + "".join(f"\n{name}\n{'-' * len(name)}\n{_ended(body)}" for name, body in sections.items())


def _head(task: Task) -> list[tuple[str, str]]:
    took = duration_s(task)
    head = [
        ("TASK ID", task.id),
        ("AGENT", task.agent),
        ("STATUS", task.status),
        ("CREATED", _moment(task.created_at)),
        ("STARTED", _moment(task.started_at)),
        ("FINISHED", _moment(task.finished_at)),
        ("DURATION", f"{took:.1f} s" if took is not None else "-"),
        ("TIMEOUT", f"{task.timeout_s:g} s"),
        ("OPERATOR", task.operator_user or "-"),
    ]
    more = {"ROLE": task.role, "FOLDER": task.cwd, "ATTEMPTS": str(task.attempt) if task.attempt > 1 else ""}
    return head + [(name, value) for name, value in more.items() if value]


def _moment(at: float | None) -> str:
    return timestamp(at) if at else "-"


def _actions(task: Task) -> str:
    """Of actions their names alone: a text to be typed may be secret."""
    return "\n".join(str(action.get("action", action.get("action_type", "?"))) for action in task.actions)


def _ended(body: str) -> str:
    return body if not body or body.endswith("\n") else body + "\n"


def _output(path: Path) -> str:
    """The file, of a long one its first and last part and how much lies between."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= MOST_OUTPUT:
                return file.read(MOST_OUTPUT).decode("utf-8", "replace")
            first = file.read(MOST_OUTPUT // 2)
            file.seek(size - MOST_OUTPUT // 2)
            last = file.read(MOST_OUTPUT // 2)
    except FileNotFoundError:
        return ""
    cut = f"\n[… {size - len(first) - len(last):,} of {size:,} bytes left out; all of it: {path}(.gz) …]\n"
    return first.decode("utf-8", "replace") + cut + last.decode("utf-8", "replace")
