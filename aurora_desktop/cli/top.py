"""The command `top`: everything as it changes, in a terminal."""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aurora_desktop.cli.call import OK, Call
from aurora_desktop.cli.console import Console
from aurora_desktop.cli.top_frame import MOST_EVENTS, Seen, frame, plain
from aurora_desktop.core.errors import AuroraError

if TYPE_CHECKING:
    from aurora_desktop.cli.client import Client

LOOK_AT_KEYS_S = 0.1
_NOT_OVER = "leased,running,waiting_approval,uncertain,queued"
_MOST_TASKS = 50


def top(call: Call) -> int:
    """Until `q` or Ctrl+C; one look where there is no terminal, or none of it is wanted."""
    seen = look(call.client)  # with no Aurora there, it says so and ends
    if call.given.once or not call.console.is_terminal:
        for line in plain(call.console, seen):
            call.console.line(line)
        return OK
    from aurora_desktop.cli.terminal import Terminal

    watch = _Watch(call.client, seen, call.given.interval)
    with Terminal(call.console.out) as terminal:
        watch.start()
        try:
            _show(call.console, watch, terminal.size, terminal.draw, terminal.key)
        finally:
            watch.stop()
    return OK


def look(client: "Client") -> Seen:
    """Raises AuroraError."""
    status = client.get("/v1/status")
    tasks: list[dict[str, Any]] = []
    if status["tasks"] is not None:
        tasks = client.get("/v1/tasks", status=_NOT_OVER, limit=_MOST_TASKS)
    events = client.get("/v1/events", limit=MOST_EVENTS)["records"]
    return Seen(status, client.get("/v1/services"), tasks, events)


def _show(
    console: Console,
    watch: "_Watch",
    size: Callable[[], os.terminal_size],
    draw: Callable[[list[str]], None],
    key: Callable[[float], str],
) -> None:
    shown: tuple[Seen, os.terminal_size] | None = None
    pressed = ""
    while pressed not in ("q", "Q"):
        now = watch.seen, size()
        if now != shown:
            draw(frame(console, watch.seen, now[1].columns, now[1].lines))
            shown = now
        pressed = key(LOOK_AT_KEYS_S)


class _Watch:
    """Looks again and again in a thread of its own: an Aurora that does not answer holds up no key."""

    def __init__(self, client: "Client", seen: Seen, interval_s: float) -> None:
        self.seen = seen
        self._client = client
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="look", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Not waited for: it may be waiting for an answer."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            try:
                self.seen = look(self._client)
            except AuroraError as error:
                self.seen = self.seen._replace(trouble=f"{error.title}; this is how it last was. q: quit")
