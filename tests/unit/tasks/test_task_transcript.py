"""The readable stream of a task: entries are whole, bounded, and few."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    Finished,
    Observation,
    Odd,
    ProviderRetry,
    Said,
    ToolEnded,
    ToolStarted,
)
from aurora_desktop.tasks.view import Entry
from aurora_desktop.tasks.worker import transcript as module
from aurora_desktop.tasks.worker.transcript import (
    MOST_ENTRY_BYTES,
    Printed,
    Transcript,
    encoded,
    entries,
    odd_entry,
)


def _read(path: Path) -> list[Entry]:
    return [msgspec.json.decode(line, type=Entry) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (Said("hello"), [("message", "hello")]),
        (Said("hm", "thinking"), [("thinking", "hm")]),
        (Said("he", partial=True), []),
        (Said("  "), []),
        (ToolStarted("1", "Bash", "ls"), [("tool", "ls")]),
        (ToolStarted("1", "Edit", "a.py", diff="+x"), [("tool", "a.py"), ("diff", "a.py")]),
        (ToolEnded("1", output="a b"), [("tool_result", "a b")]),
        (ProviderRetry(2, 10, status=529), [("retry", "the provider is asked again (2 of 10, HTTP 529)")]),
        (Asks("a", "Bash", "rm x"), [("asks", "rm x")]),
        (Finished(), []),
    ],
)
def test_observations_are_told(seen: Observation, told: list[tuple[str, str]]) -> None:
    assert [(entry.kind, entry.text) for entry in entries(seen, at=1.0)] == told


def test_an_odd_line_is_kept_with_replacements() -> None:
    entry = odd_entry(Odd("weather", "unknown type"), b"a\xffb", at=1.0)

    assert (entry.kind, entry.text, entry.detail) == ("note", "an unknown event `weather`: unknown type", "a�b")


@settings(max_examples=40)
@given(st.text(), st.sampled_from(["", "x", "\0", "€", "😀"]), st.sampled_from([0, 10, 20_000, 70_000]))
def test_an_entry_is_one_line_of_bounded_size(text: str, filler: str, count: int) -> None:
    line = encoded(Entry(at=1.0, kind="message", text=text, detail=filler * count))

    assert len(line) <= MOST_ENTRY_BYTES
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(line, type=Entry).text.startswith(text[:100])


def test_a_full_transcript_says_so_and_still_tells_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 400_000)
    path = tmp_path / "transcript.jsonl"
    transcript = Transcript(path)
    for _ in range(10_000):
        transcript.add(Entry(at=1.0, kind="message", text="x" * 100))
    transcript.add_last(Entry(at=1.0, kind="error", text="the end"))
    transcript.close()

    told = _read(path)
    assert [entry.kind for entry in told[-2:]] == ["note", "error"]
    assert path.stat().st_size < 400_000


def test_a_line_that_a_killed_worker_left_torn_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_bytes(b'{"at":1.0,"ki')
    transcript = Transcript(path)
    transcript.add(Entry(at=2.0, kind="note", text="x"))
    transcript.close()

    assert path.read_bytes().splitlines()[0] == b'{"at":1.0,"ki'
    assert msgspec.json.decode(path.read_bytes().splitlines()[1], type=Entry).text == "x"


def test_a_transcript_that_cannot_be_opened_ends_nothing(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "none" / "transcript.jsonl")
    transcript.add(Entry(at=1.0, kind="note", text="x"))
    transcript.close()

    assert not (tmp_path / "none").exists()


def test_plain_output_becomes_few_entries_of_whole_lines() -> None:
    printed = Printed()
    printed.add(b"one\ntwo\nthr")

    first = printed.take(now=10.0, at=1.0)
    printed.add(b"ee\n")
    too_early = printed.take(now=10.1, at=1.0)
    second = printed.take(now=10.3, at=1.0)

    assert [entry.text for entry in (*first, *too_early, *second)] == ["one\ntwo", "three"]


def test_of_a_flood_the_newest_is_shown_and_the_rest_counted() -> None:
    printed = Printed()
    for _ in range(100):
        printed.add(b"x" * 1000)
    (entry,) = printed.take(now=10.0, at=1.0)

    assert entry.text.startswith("[83,616 bytes are in the whole output]\n")
    assert len(entry.text) < Printed.MOST_BYTES + 100


def test_the_last_words_need_no_end_of_line() -> None:
    printed = Printed("note", "stderr")
    printed.add(b"bye")

    assert printed.take(now=10.0, at=1.0) == []
    (entry,) = printed.take(now=10.0, at=1.0, is_last=True)
    assert (entry.kind, entry.tool, entry.text) == ("note", "stderr", "bye")
    assert printed.due_at() is None
