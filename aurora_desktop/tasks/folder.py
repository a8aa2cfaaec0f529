"""A task's folder: where a worker writes down what its agent says, and how each attempt began and ended."""

from pathlib import Path
from typing import NamedTuple


class TaskFolder(NamedTuple):
    """`<state dir>/tasks/<task id>`, readable by this user alone."""

    root: Path

    def began(self, attempt: int) -> Path:
        """Made with O_EXCL by the worker right before it starts the agent: no attempt is ever begun twice."""
        return self.root / f"attempt-{attempt}.began"

    def ended(self, attempt: int) -> Path:
        """An `Ended` message, written by atomic replacement; kept when main has acknowledged it."""
        return self.root / f"attempt-{attempt}.ended"

    def stdout(self, attempt: int) -> Path:
        """What the agent printed, byte for byte; of more than the limit the first and the last part."""
        return self.root / f"attempt-{attempt}.out"

    def stderr(self, attempt: int) -> Path:
        return self.root / f"attempt-{attempt}.err"

    @property
    def transcript(self) -> Path:
        """`Entry` objects (see `view.py`), one per line, of all attempts."""
        return self.root / "transcript.jsonl"

    @property
    def prompt(self) -> Path:
        """The prompt, for agents that take it from a file."""
        return self.root / "prompt.txt"
