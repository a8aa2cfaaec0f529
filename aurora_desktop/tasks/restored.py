"""Tasks out of a backup are of an earlier moment than the world: what the journal knows of them since is put on top.

Nothing is done twice: a task that may have been begun since is `uncertain`, and waits for the operator. A task that was
submitted after the backup is lost, as no event holds its prompt; it is counted.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import apsw
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.storage.opening import open_reader, register_checksums
from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged, TaskSubmitted
from aurora_desktop.tasks.task import FINISHED, Task

_KINDS = ("task_submitted", "task_state_changed", "task_finished")
_CAUSE = "the state was restored from a backup, and what became of it since is not known"
_NO_PROMPT = "submitted after the backup, and lost with it"
_decoder: msgspec.json.Decoder[TaskSubmitted | TaskStateChanged | TaskFinished] = msgspec.json.Decoder(
    TaskSubmitted | TaskStateChanged | TaskFinished
)


class Known(Struct, frozen=True):
    """What the journal knows since a moment. `begun`: what tasks anything was told of; `is_whole`: it could be read."""

    ends: dict[str, TaskFinished]
    begun: frozenset[str]
    submitted: frozenset[str]
    is_whole: bool


def settle(journal: Path, at: float, *, is_whole: bool = True) -> Callable[[apsw.Connection], str]:
    """What is to be done with a `state.db` whose tasks are as of `at` (Unix time). Blocking.

    `is_whole`: the journal has lost no event since.
    """

    def put_right(connection: apsw.Connection) -> str:
        since = known_since(journal, at)
        return put_on_top(connection, msgspec.structs.replace(since, is_whole=since.is_whole and is_whole))

    return put_right


def known_since(journal: Path, at: float) -> Known:
    """Read the journal; one that cannot be read knows nothing."""
    register_checksums()
    try:
        reading = open_reader(journal)
        try:
            rows = reading.execute(
                "SELECT body FROM event WHERE at >= ? AND json_extract(body, '$.type') IN (?, ?, ?) ORDER BY id",
                (at - 1.0, *_KINDS),
            ).fetchall()
        finally:
            reading.close()
    except apsw.Error:
        return Known({}, frozenset(), frozenset(), is_whole=False)
    return known(event for row in rows if (event := _decoded(str(row[0]))) is not None)


def known(events: Iterable[TaskSubmitted | TaskStateChanged | TaskFinished], *, is_whole: bool = True) -> Known:
    """The same, of events in their order."""
    ends: dict[str, TaskFinished] = {}
    begun, submitted = set(), set()
    for event in events:
        match event:
            case TaskSubmitted(task_id=task_id):
                submitted.add(task_id)
            case TaskFinished(task_id=task_id):
                ends[task_id] = event
            case TaskStateChanged(task_id=task_id, status=status):
                begun.add(task_id)
                if status not in FINISHED:
                    ends.pop(task_id, None)  # it was given another try
    return Known(ends, frozenset(begun), frozenset(submitted), is_whole)


def put_on_top(connection: apsw.Connection, known: Known) -> str:
    """Bring the table `tasks` up to what is known; a sentence about it, or ""."""
    rows = connection.execute("SELECT number, id, task FROM tasks").fetchall()
    here = {str(id_) for _, id_, _ in rows}
    ended = doubtful = 0
    with connection:
        for number, _, text in rows:
            task = _task(str(text))
            after = _as_known(task, known) if task is not None else None
            if task is not None and after is not None and after != task:
                _keep(connection, int(str(number)), after)
                ended += after.is_finished
                doubtful += after.status == "uncertain"
    return _sentence(ended, doubtful, len(known.submitted - here))


def _as_known(task: Task, known: Known) -> Task:
    if (end := known.ends.get(task.id)) is not None:
        return replace(
            task, status=end.status, cause=end.cause, finished_at=end.at, worker="", lease_until=None, held=""
        )
    if task.is_finished and task.id not in known.begun:
        return task
    if task.status == "queued" and known.is_whole and task.id not in known.begun:
        return task
    if task.status == "uncertain":
        return task
    return replace(task, status="uncertain", cause=_CAUSE, worker="", lease_until=None, finished_at=None, held="")


def _keep(connection: apsw.Connection, number: int, task: Task) -> None:
    connection.execute(
        "UPDATE tasks SET status = ?, finished_at = ?, task = ? WHERE number = ?",
        (task.status, task.finished_at, msgspec.json.encode(task).decode(), number),
    )


def _sentence(ended: int, doubtful: int, lost: int) -> str:
    told = (
        f"{ended} tasks that had ended since are marked so" if ended else "",
        f"{doubtful} tasks may have been begun since, and wait for your word" if doubtful else "",
        f"{lost} tasks were {_NO_PROMPT}" if lost else "",
    )
    return "; ".join(filter(None, told))


def _task(text: str) -> Task | None:
    try:
        return msgspec.json.decode(text, type=Task)
    except msgspec.MsgspecError:  # of a later version: it stays as it is
        return None


def _decoded(body: str) -> TaskSubmitted | TaskStateChanged | TaskFinished | None:
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError:
        return None
