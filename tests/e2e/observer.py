"""An independent witness: a process that records every device event of the display, and asks what is held.

It reads X RECORD through connections of its own, and knows nothing of Aurora. The X server stamps events with the
machine's monotonic clock in milliseconds, so that what it saw can be compared with `time.monotonic()` of others.
"""

import contextlib
import json
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import xcffib
import xcffib.record
import xcffib.xproto

from .screen import unmeasured

KEY_PRESS, KEY_RELEASE, BUTTON_PRESS, BUTTON_RELEASE, MOTION = range(2, 7)
_TYPES = (KEY_PRESS, MOTION)
_XCB: Any = xcffib  # half typed: half of it would not pass
_RECORD: Any = xcffib.record
_SETTLE_ROUNDS = 50
_TESTS = Path(__file__).resolve().parents[1]


class Observed(NamedTuple):
    """One device event: its core type, keycode or button, the server's time in ms, and when it was received."""

    kind: int
    detail: int
    x: int
    y: int
    server_ms: int
    received_ns: int

    @property
    def is_press(self) -> bool:
        """Whether something begins by it: what a release undoes, or a move."""
        return self.kind in (KEY_PRESS, BUTTON_PRESS, MOTION)


class Held(NamedTuple):
    """What is down on the display."""

    keys: tuple[int, ...]
    buttons: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.keys or self.buttons)


class Observer:
    """The recording process; ended with the `with` block."""

    def __init__(self, display: str) -> None:
        # -P: without the folder of the script, whose `operator` is not Python's.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "e2e.observer", display],
            env={**unmeasured(), "PYTHONPATH": str(_TESTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "recording", "the observer did not start"

    def __enter__(self) -> "Observer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:  # it waits for a display that does not answer
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def mark(self) -> int:
        """How many events there were until now: whatever the server has done is counted."""
        return int(self._ask("mark"))

    def since(self, mark: int = 0) -> list[Observed]:
        """All events behind a mark; whatever the server has done is among them."""
        return [Observed(*row) for row in self._ask("since", mark)]

    def clear(self) -> None:
        """Forget all events; marks begin at 0 again."""
        self._ask("clear")

    def held(self) -> Held:
        """What is down now: the server is asked, not the record."""
        keys, buttons = self._ask("held")
        return Held(tuple(keys), tuple(buttons))

    def last_ms(self) -> int:
        """The server's time of the newest event; 0 when there was none."""
        return int(self._ask("last"))

    def _ask(self, *words: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the observer has ended"
        return json.loads(line)


def now_ms() -> int:
    """This moment as the X server would stamp it (32 bits)."""
    return time.monotonic_ns() // 1_000_000 & 0xFFFF_FFFF


class _Recording:
    """The observer's own side: one connection receives, the other asks."""

    def __init__(self, display: str) -> None:
        self.rows: list[Observed] = []
        self._control = _XCB.connect(display=display)
        self._data = _XCB.connect(display=display)
        record = self._control(_RECORD.key)
        record.QueryVersion(1, 13).reply()
        self._context = self._control.generate_id()
        no_range = _RECORD.Range8.synthetic(0, 0)
        no_ext = _RECORD.ExtRange.synthetic(no_range, _RECORD.Range16.synthetic(0, 0))
        devices = _RECORD.Range8.synthetic(*_TYPES)
        others = no_range, no_range, no_ext, no_ext, no_range
        wanted = _RECORD.Range.synthetic(*others, devices, no_range, client_started=False, client_died=False)
        record.CreateContextChecked(self._context, 0, 1, 1, [_RECORD.CS.AllClients], [wanted]).check()
        self._cookie = self._data(_RECORD.key).EnableContext(self._context)
        self._data.flush()
        self._root = self._control.get_setup().roots[0].root
        self._began = threading.Event()
        threading.Thread(target=self._receive, daemon=True).start()
        self._began.wait()

    def _receive(self) -> None:
        """The server goes on answering one request for as long as it records."""
        while True:
            try:
                reply = _RECORD.EnableContextReply(self._data.wait_for_reply(self._cookie.sequence))
            except xcffib.ConnectionException:
                return
            if reply.category == 0:  # from the server: one event, or several
                self._take(bytes(reply.data), time.monotonic_ns())
            self._began.set()

    def _take(self, data: bytes, now_ns: int) -> None:
        for start in range(0, len(data), 32):
            event = data[start : start + 32]
            server_ms = int.from_bytes(event[4:8], sys.byteorder)
            x, y = (int.from_bytes(event[at : at + 2], sys.byteorder, signed=True) for at in (20, 22))
            self.rows.append(Observed(event[0] & 0x7F, event[1], x, y, server_ms, now_ns))

    def settle(self) -> None:
        """An answer to the one connection has the server write out what is due to the other."""
        for _ in range(_SETTLE_ROUNDS):  # a stream of events never settles
            self._control.core.GetInputFocus().reply()
            count = len(self.rows)
            time.sleep(0.002)  # the other thread takes what has come
            unread = select.select([self._data.get_file_descriptor()], [], [], 0)[0]
            if count == len(self.rows) and not unread:
                return

    def held(self) -> list[list[int]]:
        keymap = self._control.core.QueryKeymap().reply().keys
        mask = self._control.core.QueryPointer(self._root).reply().mask
        keys = [code for code in range(256) if keymap[code // 8] >> code % 8 & 1]
        return [keys, [button for button in range(1, 6) if mask >> (7 + button) & 1]]

    def answer(self, verb: str, *arguments: int) -> object:
        if verb == "held":
            return self.held()
        self.settle()
        if verb == "since":
            return self.rows[arguments[0] :]
        if verb == "last":
            return self.rows[-1].server_ms if self.rows else 0
        if verb == "clear":
            self.rows.clear()
        return len(self.rows)


def _main(display: str) -> None:
    recording = _Recording(display)
    print(json.dumps("recording"), flush=True)
    for line in sys.stdin:
        print(json.dumps(recording.answer(*json.loads(line))), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1])
