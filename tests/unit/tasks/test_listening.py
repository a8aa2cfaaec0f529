"""What an agent says reaches the transcript, main, and the agent's own standard input."""

from pathlib import Path

import msgspec
import pytest

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    AsksNoMore,
    Exit,
    Finished,
    Launch,
    Observation,
    Reply,
    Said,
    Session,
    Spent,
    Verdict,
)
from aurora_desktop.tasks.messages import Answer, Asking, AskingNoMore, FromWorker
from aurora_desktop.tasks.task import Usage
from aurora_desktop.tasks.view import Entry
from aurora_desktop.tasks.worker.listening import MOST_QUESTIONS, Listener
from aurora_desktop.tasks.worker.transcript import Transcript

SCRIPT: dict[bytes, list[Observation]] = {
    b"session": [Session("s-1")],
    b"ask": [Asks("a-1", "Bash", "rm -r build", detail="x" * 30_000, reason="it deletes")],
    b"no more": [AsksNoMore("a-1")],
    b"spent": [Spent(Usage(input_tokens=5))],
    b"reply": [Reply(b"pong\n")],
    b"done": [Finished()],
    b"hello": [Said("hello")],
}


class Scripted:
    """An adapter that observes what SCRIPT says, and breaks on anything else."""

    def launch(self) -> Launch:
        return Launch(argv=["agent"])

    def feed(self, line: bytes) -> list[Observation]:
        return SCRIPT[line]

    def answer(self, ask_id: str, decision: ApprovalDecision, message: str) -> bytes:
        return f"{ask_id} {decision} {message}\n".encode()

    def interrupt(self) -> bytes:
        return b""

    def verdict(self, ended: Exit) -> Verdict:
        return Verdict(ending="completed")


class Stdin:
    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close_stdin(self) -> None:
        self.closed = True


class Heard:
    """A listener with all that it tells."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "transcript.jsonl"
        self.transcript = Transcript(self.path)
        self.told: list[FromWorker] = []
        self.stdin = Stdin()
        self.listener = Listener("task_1", Scripted(), self.transcript, self.stdin, self.told.append)

    def hear(self, *lines: bytes) -> None:
        for line in lines:
            self.listener.hear("stdout", line + b"\n")

    def entries(self) -> list[Entry]:
        self.transcript.flush()
        return [msgspec.json.decode(line, type=Entry) for line in self.path.read_bytes().splitlines()]


@pytest.fixture
def heard(tmp_path: Path) -> "Heard":
    return Heard(tmp_path)


def test_session_and_usage_are_kept(heard: Heard) -> None:
    heard.hear(b"session", b"spent")

    assert (heard.listener.session_id, heard.listener.usage) == ("s-1", Usage(input_tokens=5))


def test_a_question_is_told_and_its_answer_written(heard: Heard) -> None:
    heard.hear(b"ask")
    asking = heard.listener.questions["a-1"]
    heard.listener.answer(Answer("task_1", "a-1", "deny", "not today"))

    assert heard.told == [asking]
    assert asking == Asking(
        "task_1", "a-1", "Bash", "rm -r build", "x" * 19_900 + "\n… 10,100 characters more", "it deletes"
    )
    assert heard.stdin.written == b"a-1 deny not today\n"
    assert heard.listener.questions == {}
    assert [(entry.kind, entry.text) for entry in heard.entries()] == [
        ("asks", "rm -r build"),
        ("answer", "denied: not today"),
    ]


def test_a_flood_of_questions_is_denied_and_not_told(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = {b"ask %d" % number: [Asks(f"a-{number}", "Bash", "ls")] for number in range(MOST_QUESTIONS + 1)}
    monkeypatch.setattr(f"{__name__}.SCRIPT", {**SCRIPT, **asks})

    heard.hear(*asks)

    assert len(heard.told) == len(heard.listener.questions) == MOST_QUESTIONS
    assert heard.stdin.written == b"a-100 deny Too many questions wait for the operator.\n"
    heard.listener.answer(Answer("task_1", "a-0", "once"))
    heard.hear(b"ask 100")
    assert "a-100" in heard.listener.questions


def test_an_answer_to_no_question_is_of_no_use(heard: Heard) -> None:
    heard.listener.answer(Answer("task_1", "a-1", "once"))

    assert heard.stdin.written == b""
    assert heard.entries() == []


@pytest.mark.parametrize("ends", [False, True])
def test_a_question_that_is_none_any_more_is_taken_back(heard: Heard, ends: bool) -> None:
    heard.hear(b"ask")
    if ends:
        heard.listener.ask_no_more()
    else:
        heard.hear(b"no more")

    assert heard.told[-1] == AskingNoMore("task_1", "a-1")
    assert list(heard.listener.no_more) == [AskingNoMore("task_1", "a-1")]
    assert not heard.listener.activity.waits


def test_what_the_agent_is_told_by_its_protocol_is_written(heard: Heard) -> None:
    heard.hear(b"reply")

    assert (heard.stdin.written, heard.stdin.closed) == (b"pong\n", False)


def test_standard_input_is_closed_once_the_agent_is_done(heard: Heard) -> None:
    heard.hear(b"done")

    assert (heard.listener.is_finished, heard.stdin.closed) == (True, True)


def test_an_adapter_that_breaks_on_a_line_ends_nothing(heard: Heard) -> None:
    heard.hear(b"gibberish", b"", b"hello")

    assert heard.listener.odd_lines == 1
    assert [(entry.kind, entry.text, entry.detail) for entry in heard.entries()] == [
        ("note", "a line that is no event: KeyError: b'gibberish'", "gibberish"),
        ("message", "hello", ""),
    ]


def test_odd_lines_without_end_are_counted_and_not_all_kept(heard: Heard) -> None:
    heard.hear(*[b"gibberish"] * 200)

    assert heard.listener.odd_lines == 200
    assert len(heard.entries()) == 50


def test_a_last_line_needs_no_end(heard: Heard) -> None:
    heard.listener.hear("stdout", b"hel")
    heard.listener.hear("stdout", b"lo")
    heard.listener.all_heard()

    assert [entry.text for entry in heard.entries()] == ["hello"]


def test_the_last_words_on_standard_error_are_kept(heard: Heard) -> None:
    heard.listener.hear("stderr", b"x" * 100_000 + b"the \xff end\n")

    assert heard.listener.stderr_tail.endswith("xthe � end")
    assert len(heard.listener.stderr_tail) == 2000
