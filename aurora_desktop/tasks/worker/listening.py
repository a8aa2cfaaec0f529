"""What the agent says: through its adapter into the transcript, the activity, and the messages to main."""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import (
    AgentAdapter,
    Asks,
    AsksNoMore,
    Finished,
    Observation,
    Odd,
    Reply,
    Session,
    Spent,
    TakesBytes,
)
from aurora_desktop.tasks.adapters.texts import cut
from aurora_desktop.tasks.messages import Answer, Asking, AskingNoMore, FromWorker
from aurora_desktop.tasks.task import Usage
from aurora_desktop.tasks.view import Entry
from aurora_desktop.tasks.worker.activity import ActivityTracker
from aurora_desktop.tasks.worker.lines import LineCutter
from aurora_desktop.tasks.worker.posted import Stream
from aurora_desktop.tasks.worker.transcript import Printed, Transcript, entries, odd_entry

_MOST_STDERR_TAIL_BYTES = 8_000
_MOST_STDERR_TAIL = 2_000
_MOST_ODD_ENTRIES = 50
_MOST_DETAIL = 20_000
_MOST_NO_MORE = 100
MOST_QUESTIONS = 100
"""That wait at the same time: an agent that asks for more is not answered by any operator, and is denied."""
MOST_ASKED = 10_000
"""In one attempt; each is an event and a notification."""
_WORDS: dict[ApprovalDecision, str] = {"once": "allowed once", "task": "allowed for the task", "deny": "denied"}


class Stdin(Protocol):
    """Where the agent reads."""

    def write(self, data: bytes) -> None: ...

    def close_stdin(self) -> None: ...


class Listener:
    """`tell` sends to main, or forgets it while there is none: `questions` and `no_more` are there to be told again."""

    def __init__(
        self,
        task_id: str,
        adapter: AgentAdapter,
        transcript: Transcript,
        stdin: Stdin,
        tell: Callable[[FromWorker], None],
    ) -> None:
        self.activity = ActivityTracker(time.time())
        self.usage = Usage()
        self.session_id: str | None = None
        self.questions: dict[str, Asking] = {}
        self.no_more: deque[AskingNoMore] = deque(maxlen=_MOST_NO_MORE)
        self.is_finished = False
        self.odd_lines = 0
        self._asked = 0
        self._task_id = task_id
        self._adapter = adapter
        self._transcript = transcript
        self._tell = tell
        self._stdin = stdin
        self._cutter = LineCutter()
        self._takes_bytes = isinstance(adapter, TakesBytes) and adapter.takes_bytes
        self._printed: dict[Stream, Printed] = {"stdout": Printed("message"), "stderr": Printed("note", "stderr")}
        self._stderr_tail = bytearray()

    @property
    def stderr_tail(self) -> str:
        """The last words on standard error."""
        return self._stderr_tail.decode("utf-8", "replace").strip()[-_MOST_STDERR_TAIL:]

    @property
    def cut_lines(self) -> int:
        return self._cutter.cut_lines

    def hear(self, stream: Stream, data: bytes) -> None:
        if stream == "stderr":
            self._stderr_tail += data
            del self._stderr_tail[:-_MOST_STDERR_TAIL_BYTES]
            self._printed["stderr"].add(data)
        elif self._takes_bytes and isinstance(self._adapter, TakesBytes):
            self.activity.printed()
            self._adapter.feed_bytes(data)
            self._printed["stdout"].add(data)
        else:
            self._hear_lines(self._cutter.feed(data))

    def all_heard(self) -> None:
        """There will be no more: what stands after the last end of a line is one too."""
        self._hear_lines(self._cutter.flush())
        self.show_printed(0.0, is_last=True)

    def show_printed(self, now: float, *, is_last: bool = False) -> None:
        """Plain output goes into the transcript when it is due (monotonic time)."""
        for printed in self._printed.values():
            for entry in printed.take(now, time.time(), is_last=is_last):
                self._transcript.add(entry)

    def printed_due_at(self) -> float | None:
        return min((due for p in self._printed.values() if (due := p.due_at()) is not None), default=None)

    def answer(self, answer: Answer) -> None:
        """The operator's word; of a question that is no more it is of no use."""
        asking = self.questions.pop(answer.ask_id, None)
        if asking is None:
            return
        self._write(self._adapter.answer(answer.ask_id, answer.decision, answer.message))
        self.activity.observe(AsksNoMore(answer.ask_id))
        text = _WORDS[answer.decision] + (f": {answer.message}" if answer.message else "")
        self._transcript.add(Entry(at=time.time(), kind="answer", text=text, tool=asking.tool, detail=asking.summary))

    def ask_no_more(self) -> None:
        """The agent has ended: nobody waits for an answer."""
        for ask_id in list(self.questions):
            self._observe(AsksNoMore(ask_id), b"")

    def _hear_lines(self, lines: list[bytes]) -> None:
        for line in lines:
            if line.strip():
                for seen in self._fed(line):
                    self._observe(seen, line)

    def _fed(self, line: bytes) -> list[Observation]:
        try:
            return self._adapter.feed(line)
        except Exception as error:  # noqa: BLE001 - whatever an agent prints, it must not end the worker
            return [Odd("", f"{type(error).__name__}: {error}")]

    def _observe(self, seen: Observation, line: bytes) -> None:
        if isinstance(seen, Asks) and self._asks_too_much():
            self._write(self._adapter.answer(seen.id, "deny", "Too many questions wait for the operator."))
            return
        self.activity.observe(seen)
        for entry in entries(seen, time.time()):
            self._transcript.add(entry)
        match seen:
            case Session():
                self.session_id = seen.id
            case Spent():
                self.usage = seen.usage
            case Reply():
                self._write(seen.data, closes=seen.closes_stdin)
            case Finished():
                self.is_finished = True
                self._write(b"", closes=True)
            case Asks():
                self._ask(seen)
            case AsksNoMore():
                if self.questions.pop(seen.id, None) is not None:
                    self.no_more.append(AskingNoMore(self._task_id, seen.id))
                    self._tell(self.no_more[-1])
            case Odd():
                self._note_odd(seen, line)

    def _asks_too_much(self) -> bool:
        return len(self.questions) >= MOST_QUESTIONS or self._asked >= MOST_ASKED

    def _ask(self, seen: Asks) -> None:
        self._asked += 1
        detail = seen.detail if len(seen.detail) <= _MOST_DETAIL else cut(seen.detail)
        asking = Asking(self._task_id, seen.id, seen.tool, seen.summary, detail, seen.reason)
        self.questions[seen.id] = asking
        self._tell(asking)

    def _note_odd(self, seen: Odd, line: bytes) -> None:
        self.odd_lines += 1
        if self.odd_lines <= _MOST_ODD_ENTRIES:
            self._transcript.add(odd_entry(seen, line, time.time()))

    def _write(self, data: bytes, *, closes: bool = False) -> None:
        self._stdin.write(data)
        if closes:
            self._stdin.close_stdin()
