"""Text through the clipboard: the worker's end of a small process that holds it and puts back what was there.

It is a process of its own, so that a worker that is killed in the middle of a paste takes nobody's clipboard with it.
"""

import contextlib
import os
import select
import subprocess
import sys
import time

import msgspec

from aurora_desktop.input.backends.protocol import CannotError

from .clipboard_keeper import READY, TAKEN, TAKEN_BY_OTHERS, Request

_OTHERS_COUNT_AFTER_S = 1.0  # a clipboard manager reads at once; who pastes in the name of another takes longer


class KeeperOffer:
    """`selections`: `CLIPBOARD`, `PRIMARY`; `window`: that which is pasted into (0: any)."""

    def __init__(self, text: str, selections: tuple[str, ...], window: int, *, secret: bool) -> None:
        """Raises CannotError."""
        request = msgspec.json.encode(Request(text, selections, window, secret))
        try:
            self._keeper = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.clipboard_keeper"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotError(f"the clipboard cannot be used: {error}") from error
        self._told = b""
        self._asked_at = 0.0
        self._tell(request + b"\n")

    def is_ready(self) -> bool:
        """Raises CannotError."""
        if not self._has_told(READY) and self._keeper.poll() is not None:
            raise CannotError("the clipboard cannot be used: its keeper ended")
        return self._has_told(READY)

    def is_taken(self) -> bool:
        self._asked_at = self._asked_at or time.monotonic()
        patient = time.monotonic() - self._asked_at > _OTHERS_COUNT_AFTER_S
        return self._has_told(TAKEN) or (patient and self._has_told(TAKEN_BY_OTHERS))

    def restore(self) -> None:
        self._tell(b"restore\n")
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _tell(self, line: bytes) -> None:
        with contextlib.suppress(OSError):  # it ended: seen in `is_ready`
            if self._keeper.stdin is not None:
                self._keeper.stdin.write(line)
                self._keeper.stdin.flush()

    def _has_told(self, word: bytes) -> bool:
        if self._keeper.stdout is not None and select.select([self._keeper.stdout], [], [], 0)[0]:
            self._told += os.read(self._keeper.stdout.fileno(), 4096)
        return word in self._told.split(b"\n")
