"""`python -m aurora_desktop.input.worker --socket FD --permit FD --held FD --generation N`, started by the guard."""

import argparse
import os
import signal
import socket
import sys

from aurora_desktop.input.backends.choice import choose
from aurora_desktop.input.backends.protocol import CannotError, DisplayLostError
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage
from aurora_desktop.safety.urgency import take_time

from .brake import Brake, RevokedError
from .line import MainLine
from .parent import end_with_parent
from .worker import Worker, failed, wait_for_setup

FAILED = 1


def main() -> int:
    """0 when it was told to end, 1 when nothing can be done here."""
    take_time()
    asked = _arguments()
    permit = Permit(SharedPage(asked.permit, writable=False))
    held = HeldTable(SharedPage(asked.held, writable=True))
    line = MainLine(socket.socket(fileno=asked.socket))
    brake = Brake(permit, asked.generation, line, end_with_parent())
    _listen_to_signals(brake)
    try:
        Worker(line, brake, held, wait_for_setup(line, brake), choose).run(os.getpid())
    except RevokedError:
        return 0
    except (DisplayLostError, CannotError) as error:
        line.say(failed(error))
        return FAILED
    return 0


def _listen_to_signals(brake: Brake) -> None:
    def end(_number: int, _frame: object) -> None:
        brake.terminated = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is main's to hear


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="aurora_desktop.input.worker")
    for name in ("socket", "permit", "held", "generation"):
        parser.add_argument(f"--{name}", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
