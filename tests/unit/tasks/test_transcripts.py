"""What an agent said, read piece by piece."""

import gzip
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.tasks import transcripts
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.transcripts import MOST_BYTES, read_blocking
from aurora_desktop.tasks.view import Entry


def line(text: str) -> bytes:
    return msgspec.json.encode(Entry(at=1.0, kind="message", text=text)) + b"\n"


def read_all(folder: TaskFolder, limit: int) -> list[str]:
    texts, offset, is_over = [], 0, False
    while not is_over:
        page = read_blocking(folder, offset, limit, is_finished=True)
        texts += [entry.text for entry in page.entries]
        assert page.is_over or page.next_offset > offset
        offset, is_over = page.next_offset, page.is_over
    return texts


@pytest.fixture
def folder(tmp_path: Path) -> TaskFolder:
    return TaskFolder(tmp_path)


def test_nothing_was_said_yet(folder: TaskFolder) -> None:
    page = read_blocking(folder, 0, 10, is_finished=False)
    assert (page.entries, page.next_offset, page.is_over) == ((), 0, False)


def test_of_a_task_without_a_transcript_nothing_more_will_come(folder: TaskFolder) -> None:
    assert read_blocking(folder, 0, 10, is_finished=True).is_over


def test_a_torn_line_waits_for_its_end(folder: TaskFolder) -> None:
    whole = line("two")
    folder.transcript.write_bytes(line("one") + whole[:9])
    first = read_blocking(folder, 0, 10, is_finished=False)
    assert [entry.text for entry in first.entries] == ["one"]
    with folder.transcript.open("ab") as file:
        file.write(whole[9:])
    second = read_blocking(folder, first.next_offset, 10, is_finished=False)
    assert [entry.text for entry in second.entries] == ["two"]


def test_a_torn_line_of_a_finished_task_is_no_reason_to_wait(folder: TaskFolder) -> None:
    folder.transcript.write_bytes(line("one") + b'{"at"')
    assert read_all(folder, 10) == ["one"]


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(max_size=50), max_size=12), limit=st.integers(1, 7), packed=st.integers(0, 12))
def test_pages_together_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], limit: int, packed: int
) -> None:
    folder = TaskFolder(tmp_path_factory.mktemp("task"))
    if packed:
        transcripts.packed(folder.transcript).write_bytes(gzip.compress(b"".join(map(line, texts[:packed]))))
    if packed < len(texts):
        folder.transcript.write_bytes(b"".join(map(line, texts[packed:])))
    assert read_all(folder, limit) == texts


def test_a_line_that_is_no_entry_is_told_and_passed(folder: TaskFolder) -> None:
    folder.transcript.write_bytes(b"\xff\xfe\n" + b'{"kind": "unheard"}\n' + line("after"))
    told = "a line of the transcript cannot be read"
    assert read_all(folder, 10) == [told, told, "after"]


def test_a_line_without_end_is_not_read_into_memory(folder: TaskFolder) -> None:
    folder.transcript.write_bytes(b"x" * (3 * MOST_BYTES) + b"\n" + line("after"))
    assert read_all(folder, 10) == ["a line of more than 1,000,000 bytes is left out", "after"]


def test_one_page_is_bounded_in_bytes(folder: TaskFolder) -> None:
    folder.transcript.write_bytes(line("x" * 400_000) * 10)
    page = read_blocking(folder, 0, 1000, is_finished=True)
    assert len(page.entries) == 3
    assert len(read_all(folder, 1000)) == 10


def test_a_damaged_archive_is_told(folder: TaskFolder) -> None:
    content = gzip.compress(line("one") * 100)
    transcripts.packed(folder.transcript).write_bytes(content[: len(content) // 2])
    page = read_blocking(folder, 0, 1000, is_finished=True)
    assert page.is_over
    assert "cannot be read" in page.entries[-1].text
