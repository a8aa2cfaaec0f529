"""One call of the command: what was asked for, and what every command needs to do it."""

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aurora_desktop.cli.console import Console
from aurora_desktop.core.paths import StatePaths, default_state_dir

if TYPE_CHECKING:
    from aurora_desktop.cli.client import Client

OK = 0
FAILED = 1
USAGE = 2
NOT_RUNNING = 3
INTERRUPTED = 130
BROKEN_PIPE = 141


def state_dir(given: Namespace) -> Path:
    """The folder that was asked for, else the platform's."""
    chosen = given.state_dir or os.environ.get("AURORA_STATE_DIR")
    return Path(chosen).absolute() if chosen else default_state_dir()


class RunOptions(NamedTuple):
    """How `aurora run` was called; `config` need not exist.

    `stall_interval_s`, `stall_threshold_s`: in the place of what the settings say of every stall rule.
    """

    config: Path
    state_dir: Path
    headless: bool = False
    hidden: bool = False
    stall_interval_s: float | None = None
    stall_threshold_s: float | None = None


class Call(NamedTuple):
    """Commands take this and return the exit code."""

    given: Namespace
    console: Console
    config: Path
    state_dir: Path

    @property
    def client(self) -> "Client":
        from aurora_desktop.cli.client import Client  # late: `aurora run` does without http.client

        return Client(StatePaths(self.state_dir))

    def patient(self, answer_timeout_s: float) -> "Client":
        """For what may take longer than the usual answer."""
        from aurora_desktop.cli.client import Client  # late, as above

        return Client(StatePaths(self.state_dir), answer_timeout_s)
