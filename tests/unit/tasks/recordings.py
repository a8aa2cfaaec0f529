"""What real agents printed, given to their adapters line by line; and the task that they are said to do."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from aurora_desktop.core.settings.schema_tasks import AgentKind
from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import AgentAdapter, Asks, Exit, Observation, Reply, ToolStarted
from aurora_desktop.tasks.messages import Run

T = TypeVar("T")
CLEAN = Exit(code=0)


def a_run(kind: AgentKind, *program: str, **changes: Any) -> Run:
    """The first attempt of a task for an agent of this kind; its program has the kind's name unless it is given."""
    values: dict[str, Any] = {
        "task_id": "task_1",
        "attempt": 1,
        "agent": kind,
        "kind": kind,
        "program": program or (kind,),
        "prompt": "do it",
        "cwd": "/work",
        "folder": "/state/tasks/task_1",
        "timeout_s": 300.0,
        "silence_s": 120.0,
        "grace_s": 5.0,
    }
    return Run(**{**values, **changes})


def recorded(folder: str) -> dict[str, list[bytes]]:
    """The lines of each scene that lies in the folder beside this file."""
    scenes = sorted(Path(__file__).with_name(folder).glob("*.jsonl"))
    return {path.stem: path.read_bytes().splitlines() for path in scenes}


def of(kind: type[T], seen: Iterable[Observation]) -> list[T]:
    """What is of this kind."""
    return [one for one in seen if isinstance(one, kind)]


class Play:
    """An adapter after a scene: what it `seen`, and all that it `sent`. Questions are answered in turn by `decisions`,
    with `message`; `interrupts`: as soon as a tool begins."""

    def __init__(
        self,
        adapter: AgentAdapter,
        lines: Iterable[bytes],
        decisions: Iterable[ApprovalDecision] = (),
        message: str = "",
        *,
        interrupts: bool = False,
    ) -> None:
        self.seen: list[Observation] = []
        self.sent = [adapter.launch().first]
        given = iter(decisions)
        for line in lines:
            for one in adapter.feed(line):
                self.seen.append(one)
                if isinstance(one, Reply):
                    self.sent.append(one.data)
                if isinstance(one, Asks) and (decision := next(given, None)) is not None:
                    self.sent.append(adapter.answer(one.id, decision, message))
                if isinstance(one, ToolStarted) and interrupts:
                    self.sent.append(adapter.interrupt())

    def of(self, kind: type[T]) -> list[T]:
        return of(kind, self.seen)

    def requests(self) -> list[dict[str, Any]]:
        """What it sent, as JSON."""
        return [json.loads(line) for line in b"".join(self.sent).splitlines()]

    def params(self, method: str) -> dict[str, Any]:
        """Of the first request of this method."""
        found: dict[str, Any] = next(one["params"] for one in self.requests() if one.get("method") == method)
        return found
