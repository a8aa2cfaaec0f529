"""Parses the command line, runs the command, and turns every error into a message and an exit code.

0 done; 1 failed; 2 wrong usage; 3 Aurora is not running; 130 interrupted; 141 the reader of the output left.
"""

import contextlib
import io
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from aurora_desktop.cli.call import BROKEN_PIPE, FAILED, INTERRUPTED, NOT_RUNNING, USAGE, Call, RunOptions, state_dir
from aurora_desktop.cli.completing import ASKED_TO_COMPLETE, complete
from aurora_desktop.cli.console import Console
from aurora_desktop.cli.parser import build
from aurora_desktop.core.errors import AuroraError, NotRunningError
from aurora_desktop.core.paths import default_config_file

Run = Callable[[RunOptions], int]


def main(argv: Sequence[str] | None = None, *, run: Run) -> int:
    """The exit code. `run` builds and runs the program itself, for `aurora run`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    console = Console(sys.stdout, sys.stderr)
    try:
        code = _perform(argv, console, run)
        console.flush()
    except BrokenPipeError:
        _forget_output()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _perform(argv: Sequence[str] | None, console: Console, run: Run) -> int:
    parser = build()
    if ASKED_TO_COMPLETE in os.environ:
        complete(parser)
    try:
        given = parser.parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USAGE
    if given.command is None:
        console.out.write(parser.format_help())
        return 0
    try:
        call = Call(given, console, _config(given), state_dir(given))
        return run(_run_options(call)) if _is_program(given) else int(given.perform()(call))
    except NotRunningError as error:
        console.error(error)
        return NOT_RUNNING
    except AuroraError as error:
        console.error(error)
        return FAILED


def _is_program(given: Namespace) -> bool:
    """Whether this process is to be Aurora itself."""
    return bool(given.command == "run" or (given.command == "heal" and given.daemon))


def _run_options(call: Call) -> RunOptions:
    given = call.given
    if given.command == "run":
        return RunOptions(call.config, call.state_dir, given.headless, given.hidden)
    if given.name:
        raise AuroraError("`heal --daemon` heals everything", f"`{given.name}` is too much", "Leave the name out")
    return RunOptions(
        call.config,
        call.state_dir,
        headless=True,
        stall_interval_s=given.interval,
        stall_threshold_s=given.threshold,
    )


def _config(given: Namespace) -> Path:
    chosen = given.config or os.environ.get("AURORA_CONFIG")
    return Path(chosen).absolute() if chosen else default_config_file()


def _forget_output() -> None:
    """Nobody reads any more: keep the interpreter from failing once more when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
