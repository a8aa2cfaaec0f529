"""What the marks in a task's folder say of an attempt whose worker is gone."""

import logging
from pathlib import Path
from typing import NamedTuple

import msgspec

from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Ended

log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(Ended)


class Marks(NamedTuple):
    """`began`: the agent was started, or may have been; `ended`: what the worker wrote down of its end."""

    began: bool
    ended: Ended | None = None


def read_marks(root: Path, task_id: str, attempt: int) -> Marks:
    """Blocking. What cannot be read counts as begun: nothing is done twice for want of a look."""
    folder = TaskFolder(root / task_id)
    try:
        began = folder.began(attempt).exists()
        ended = _decoded(folder.ended(attempt).read_bytes())
    except FileNotFoundError:
        return Marks(began)
    except OSError as error:
        log.warning("the folder of %s cannot be read: %s", task_id, error.strerror)
        return Marks(began=True)
    if ended is None or (ended.task_id, ended.attempt) != (task_id, attempt):
        log.warning("how attempt %d of %s ended was written down, and is not understood", attempt, task_id)
        return Marks(began=True)
    return Marks(began, ended)


def _decoded(content: bytes) -> Ended | None:
    try:
        return _decoder.decode(content)
    except msgspec.MsgspecError:
        return None


def make_folder(root: Path, task_id: str) -> Path:
    """Where the worker writes; for this user alone. Raises OSError."""
    folder = root / task_id
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
