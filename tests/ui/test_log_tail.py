"""The live log: follows while it is seen, keeps little, and lets one read in peace."""

from pathlib import Path

import pytest

from aurora_desktop.ui.widgets.log_tail import LINES_KEPT, TAIL_BYTES, LogTail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "web.log"
    path.write_text("".join(f"line {number}\n" for number in range(300)))
    return path


@pytest.fixture
def tail(qtbot, log: Path) -> LogTail:
    made = LogTail()
    qtbot.addWidget(made)
    made.resize(400, 200)
    made.show()
    made.follow(str(log))
    return made


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_shows_the_end_and_what_is_added(tail, log, qtbot):
    assert tail.toPlainText().endswith("line 299")
    append(log, "new one\n")
    qtbot.waitUntil(lambda: tail.toPlainText().endswith("line 299\nnew one"))
    assert tail.is_following
    assert tail.verticalScrollBar().value() == tail.verticalScrollBar().maximum()


def test_a_line_in_two_pieces_is_one_line(tail, log):
    append(log, "half")
    tail.read_on()
    append(log, " whole\n")
    tail.read_on()
    assert tail.toPlainText().endswith("\nhalf whole")


def test_scrolled_up_it_stays_where_one_reads(tail, log, qtbot):
    with qtbot.waitSignal(tail.following_changed) as told:
        tail.verticalScrollBar().setValue(10)
    assert told.args == [False]
    append(log, "new\n" * 50)
    tail.read_on()
    assert tail.verticalScrollBar().value() == 10
    tail.jump_to_latest()
    assert tail.verticalScrollBar().value() == tail.verticalScrollBar().maximum()


def test_keeps_no_more_than_its_lines_and_still_follows(tail, log):
    append(log, "x\n" * (LINES_KEPT * 2))
    tail.read_on()
    assert tail.blockCount() == LINES_KEPT
    assert tail.is_following


def test_begins_near_the_end_of_a_large_file_with_a_whole_line(qtbot, tmp_path):
    path = tmp_path / "large.log"
    path.write_text("".join(f"number {number:08}\n" for number in range(20_000)))
    made = LogTail()
    qtbot.addWidget(made)
    made.show()
    made.follow(str(path))
    assert made.toPlainText().startswith("number ")
    assert len(made.toPlainText()) < TAIL_BYTES


def test_an_emptied_file_begins_anew(tail, log):
    log.write_text("fresh\n")
    tail.read_on()
    assert tail.toPlainText() == "fresh"


def test_colours_of_terminals_and_carriage_returns_are_left_out(tail, log):
    append(log, "\x1b[31mred\x1b[0m and\r\n\x00plain\n")
    tail.read_on()
    assert tail.toPlainText().endswith("red and\nplain")


def test_a_file_that_is_not_there_yet_is_empty_and_then_followed(tail, tmp_path):
    path = tmp_path / "later.log"
    tail.follow(str(path))
    assert tail.toPlainText() == ""
    path.write_text("here\n")
    tail.read_on()
    assert tail.toPlainText() == "here"


def test_a_file_that_cannot_be_read_says_so(tail, tmp_path):
    tail.follow(str(tmp_path))
    assert "cannot be read" in tail.placeholderText()


def test_hidden_it_reads_nothing(tail, log):
    tail.hide()
    assert not tail._timer.isActive()
    tail.show()
    assert tail._timer.isActive()
