"""What goes on all the time: readers of the stream, callers of the API, tasks, and messages both ways."""

import contextlib
import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from aurora_desktop.core.errors import AuroraError

from .world import AGENT, World

READERS = 3
PAUSE_S = 0.2
"""Between two tries while Aurora is away."""
_AWAY = (AuroraError, OSError, http.client.HTTPException, ValueError, LookupError)
_LOOKS = ("/v1/status", "/v1/services", "/v1/tasks?limit=20", "/v1/link", "/v1/healing", "/v1/events?limit=50")
_AT_WORK = ("queued", "leased", "running")


class Traffic:
    """`with` begins and ends the threads; a fault of theirs is raised at the end."""

    def __init__(self, world: World, first: int = 0, task_every_s: float = 1.0, message_every_s: float = 0.5) -> None:
        self._world, self._first = world, first
        self._task_every_s, self._message_every_s = task_every_s, message_every_s
        self._over = threading.Event()
        self._faults: list[BaseException] = []
        self.done: Counter[str] = Counter()
        self.open_tasks: dict[str, str] = {}
        self.ended_otherwise: dict[str, str] = {}
        """Tasks that did not complete, with their status."""
        self.sent: list[str] = []
        self.posted: list[str] = []
        self.received: set[str] = set()
        self.us, self.peer = world.brain.profile("aurora"), world.brain.profile("peer")
        works: tuple[Callable[[], None], ...] = (self._call, self._submit, self._send, *(self._read,) * READERS)
        self._threads = [threading.Thread(target=self._kept(work), daemon=True) for work in works]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._faults and error is None:
            raise self._faults[0]

    def _kept(self, work: Callable[[], None]) -> Callable[[], None]:
        def kept() -> None:
            try:
                while not self._over.is_set():
                    with contextlib.suppress(*_AWAY):
                        work()
                    self._over.wait(PAUSE_S)
            except BaseException as fault:  # noqa: BLE001 - raised in the end, in the thread that tests
                self._faults.append(fault)

        return kept

    def _surely(self, ask: Callable[[], Any]) -> Any:
        """Until it is answered: with a key it is one, however often it is asked. None once all is over."""
        while not self._over.is_set():
            with contextlib.suppress(*_AWAY):
                return ask()
            self._over.wait(PAUSE_S)
        return None

    # --- the threads ------------------------------------------------------------------------------------------------

    def _call(self) -> None:
        client = self._world.client()
        for path in itertools.cycle(_LOOKS):
            client.get(path)
            client.text("/metrics")
            self.done["calls"] += 2
            if self._over.wait(0.1):
                return

    def _read(self) -> None:
        """A stream of events until it breaks; the messages that it tells of are noted."""
        paths = self._world.aurora.paths
        port = json.loads(paths.api_file.read_text())["port"]
        token = (paths.tokens / "read").read_text().strip()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v1/events/stream", None, {"Authorization": f"Bearer {token}"})
            for event in self._events(connection.getresponse()):
                self.done["events read"] += 1
                if event["type"] == "link_message_received":
                    self.received.add(event["summary"])
        finally:
            connection.close()

    def _events(self, stream: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
        while not self._over.is_set() and (line := stream.readline()):
            if line.startswith(b"data: "):
                yield json.loads(line[6:])["event"]

    def _submit(self) -> None:
        client = self._world.client()
        for number in itertools.count(self._first):
            body = {
                "agent": AGENT, "prompt": f"task {number}", "retry": "safe", "idempotency_key": f"key {number}",
            }  # fmt: skip
            task = self._surely(lambda body=body: client.post("/v1/tasks", body))
            if task is None:
                return
            self.open_tasks[task["id"]] = task["status"]
            self.done["tasks"] += 1
            self.look_after_tasks()
            if self._over.wait(self._task_every_s):
                return

    def look_after_tasks(self) -> None:
        """Forget those that completed; note those that ended otherwise."""
        client = self._world.client()
        with contextlib.suppress(*_AWAY):
            for id_ in tuple(self.open_tasks):
                status = client.get(f"/v1/tasks/{id_}")["view"]["status"]
                if status not in _AT_WORK:
                    del self.open_tasks[id_]
                    if status != "completed":
                        self.ended_otherwise[id_] = status

    def _send(self) -> None:
        """One out and one in, again and again."""
        client = self._world.client()
        for number in itertools.count(self._first):
            body = {"recipient": str(self.peer), "content": f"out {number}", "key": f"message {number}"}
            self.posted.append(f"in {number}")
            self._world.brain.post(self.peer, recipient_id=self.us, content=f"in {number}")
            if self._surely(lambda body=body: client.post("/v1/link/send", body)) is None:
                return
            self.sent.append(f"out {number}")
            self.done["messages"] += 2
            if self._over.wait(self._message_every_s):
                return

    # --- in the end -------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Wait until every task has ended and every message has arrived. Afterwards, outside the `with`."""
        self._world.until(self._tasks_ended, "every task has ended")
        self._world.until(lambda: set(self.sent) <= set(self.arrived()), "every message is at the server")
        self._world.until(self._all_received, "every message from the server was received")

    def _tasks_ended(self) -> bool:
        self.look_after_tasks()
        return not self.open_tasks

    def _all_received(self) -> bool:
        return set(self.posted) <= self.received | self._in_journal()

    def _in_journal(self) -> set[str]:
        events = self._world.aurora.events("link_message_received", "link")
        return {event["summary"] for event in events}

    def out_of_place(self) -> list[str]:
        """Messages that are not where they belong at the server, once all have arrived; none may be."""
        ours = set(self.sent)
        arrived = [content for content in self.arrived() if content in ours]
        return [content for content, other in zip(arrived, self.sent, strict=True) if content != other]

    def arrived(self) -> list[str]:
        """As a recipient reads that knows the keys: the server itself takes anything twice."""
        read: dict[str, str] = {}
        for message in tuple(self._world.brain.messages):
            if message["sender_id"] == self.us:
                read.setdefault(message["metadata"]["aurora_key"], message["content"])
        return [content for content in read.values() if content.startswith("out ")]
