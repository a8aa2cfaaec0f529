"""What an agent says and does, as lines and on the screen: folded, searchable, bounded, and followed to its end."""

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.view import Entry
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import DARK, LIGHT, Theme
from aurora_desktop.ui.transcript_lines import (
    MOST_CHARACTERS,
    MOST_FOLDED_LINES,
    all_lines,
    lines_of,
    own_words,
    unfolded,
)
from aurora_desktop.ui.transcripts import AT_ONCE, ENTRIES_SHOWN, TranscriptReader
from aurora_desktop.ui.widgets.transcript import FOLDED_CHARACTERS_KEPT, LINES_KEPT, TranscriptView

from .fake_tasks import FakeTasks, a_work_task, some_entries

NOW = 1_790_000_000.0


def words_of(entry: Entry) -> list[str]:
    return ["".join(span.text for span in line.spans) for line in lines_of(entry, "Claude")]


def entry(kind: str, text: str = "", **more: object) -> Entry:
    return Entry(at=NOW, kind=kind, text=text, **more)  # type: ignore[arg-type]  # by name


def a_diff(lines: int = 3) -> str:
    return "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,3 @@\n kept\n-gone\n" + "\n".join(f"+new {n}" for n in range(lines))


# As lines


def test_a_message_is_headed_by_who_says_it_and_when():
    at = time.strftime("%H:%M:%S", time.localtime(NOW))
    assert words_of(entry("message", "One.\nTwo.")) == ["", f"{at}  Claude", "One.", "Two."]


def test_who_goes_on_speaking_is_not_named_again():
    entries = [entry("message", "One."), entry("message", "Two."), entry("note", "x"), entry("message", "Three.")]
    words = ["".join(span.text for span in line.spans) for line in all_lines(entries, "Claude")]
    assert [line.endswith("Claude") for line in words].count(True) == 2
    assert words[2:5] == ["One.", "", "Two."]


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (entry("tool", "pytest -q", tool="Bash"), "Bash  pytest -q"),
        (entry("tool", "Bash", tool="Bash"), "Bash"),
        (entry("retry", "the provider is asked again (1 of 10)"), "\u21bb The provider is asked again (1 of 10)"),
        (entry("asks", "rm -rf build", tool="Bash"), "? Asks for your word: Bash  rm -rf build"),
        (entry("answer", "allowed once"), "Answered  allowed once"),
        (entry("note", "it is ended: its time is over"), "It is ended: its time is over"),
        (entry("error", "the agent died"), "\u2717 The agent died"),
        (entry("tool_result", "no such file", tool="Read", failed=True), "\u2717 Read failed"),
    ],
)
def test_each_kind_says_in_words_or_shape_what_it_is(shown, words):
    assert words in "\n".join(words_of(shown))


def test_what_came_at_an_unknown_time_has_none():
    assert words_of(Entry(at=0.0, kind="error", text="lost")) == ["", "\u2717 Lost"]


def test_long_output_is_folded_and_short_output_is_not():
    assert words_of(entry("tool_result", "a\nb\nc")) == ["a", "b", "c"]
    (fold,) = lines_of(entry("tool_result", "\n".join("abcdefgh")))
    assert fold.spans[0].text == "8 lines of output"
    assert len(unfolded(fold.folded)) == 8


def test_a_change_has_plus_and_minus_and_is_counted():
    lines = lines_of(entry("diff", "x.py", tool="Edit", detail=a_diff()))
    assert "".join(span.text for span in lines[0].spans) == "+3 \u22121"
    assert [line.ground for line in lines[1:]] == ["code", "code", "removed", "added", "added", "added"]
    assert [line.spans[0].text[:1] for line in lines[3:]] == ["-", "+", "+", "+"]


def test_a_change_that_is_itself_the_text_names_its_file():
    assert "x.py" in words_of(entry("diff", a_diff()))[0]


def test_a_long_change_is_folded_after_its_beginning():
    lines = lines_of(entry("diff", "x.py", detail=a_diff(200)))
    assert lines[-1].spans[0].text == "173 more lines of the change"


def test_what_is_very_long_says_how_much_is_left_out():
    (*_, last) = words_of(entry("message", "x" * (MOST_CHARACTERS + 5)))
    assert last.endswith("(20,005 characters in all: the log has the rest)")
    (fold,) = lines_of(entry("tool_result", "\n".join("x" * 3 for _ in range(1000))))
    lines = unfolded(fold.folded)
    assert len(lines) == MOST_FOLDED_LINES + 1
    assert "600 more lines" in lines[-1].spans[0].text


# On the screen


@pytest.fixture
def theme(qapp) -> Theme:
    return Theme("light")


@pytest.fixture
def view(qtbot, theme) -> TranscriptView:
    made = TranscriptView(theme, "Output")
    qtbot.addWidget(made)
    made.resize(700, 260)
    made.show()
    return made


def show(view: TranscriptView, *entries: Entry) -> None:
    view.add_lines(all_lines(entries, "Claude"))


def block(view: TranscriptView, text: str):
    found = view.document().find(text)
    assert not found.isNull()
    return found.block()


def test_it_begins_without_an_empty_line(view):
    show(view, entry("message", "Hello"))
    assert view.toPlainText().splitlines()[0].endswith("Claude")


def test_a_fold_is_opened_and_closed_by_key(view, qtbot):
    show(view, entry("tool", "ls", tool="Bash"), entry("tool_result", "\n".join(f"file {n}" for n in range(9))))
    show(view, entry("message", "Done"))
    before = view.toPlainText()
    cursor = view.textCursor()
    cursor.setPosition(block(view, "9 lines of output").position())
    view.setTextCursor(cursor)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    opened = view.toPlainText().splitlines()
    assert opened[opened.index("\u25be 9 lines of output") + 9] == "file 8"
    assert opened[-1] == "Done"
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert view.toPlainText() == before


def test_a_click_opens_a_fold(view, qtbot):
    show(view, entry("tool_result", "\n".join(f"file {n}" for n in range(9))))
    place = view.cursorRect(view.textCursor()).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert "file 8" in view.toPlainText()


def test_two_folds_do_not_mix(view):
    for name in ("a", "b"):
        show(view, entry("tool_result", "\n".join(f"{name}{n}" for n in range(6))))
    first = block(view, "6 lines")
    view.toggle(first)
    view.toggle(block(view, "a5").next())
    view.toggle(first)
    assert "b5" in view.toPlainText()
    assert "a5" not in view.toPlainText()


def test_the_end_is_followed_unless_somebody_scrolled_up(view, qtbot):
    show(view, *(entry("message", f"Line {n}") for n in range(60)))
    bar = view.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    heard = []
    view.following_changed.connect(heard.append)
    bar.setValue(3)
    show(view, entry("message", "More"))
    assert (bar.value(), heard) == (3, [False])
    view.jump_to_latest()
    assert bar.value() == bar.maximum()
    assert view.is_following


def test_a_resized_window_goes_on_following(view, qtbot):
    show(view, *(entry("message", "many words that wrap " * 20) for _ in range(40)))
    for width in (300, 900, 240):
        view.resize(width, 200)
        bar = view.verticalScrollBar()
        qtbot.waitUntil(lambda bar=bar: bar.value() == bar.maximum())
        assert view.is_following


def test_search_finds_all_also_in_folds_and_goes_round(view):
    show(view, entry("message", "needle one"), entry("tool_result", "\n".join(["x"] * 8 + ["a Needle two"])))
    show(view, entry("message", "nothing"))
    assert view.search("needle") == 2
    assert [view.step(1), view.step(1), view.step(1), view.step(-1)] == [1, 2, 1, 2]
    assert "a Needle two" in view.toPlainText()
    assert len(view.extraSelections()) == 2
    assert view.search("") == 0
    assert view.extraSelections() == []
    assert view.step(1) == 0


def test_it_stays_bounded(view):
    for _ in range(12):
        show(view, *(entry("note", f"note {n}") for n in range(1000)))
    assert view.blockCount() <= LINES_KEPT
    assert view.lines_kept <= LINES_KEPT
    assert view.toPlainText().endswith("Note 999")


def test_what_is_folded_stays_bounded_too(view):
    for _ in range(FOLDED_CHARACTERS_KEPT // 1_000_000 + 2):
        show(view, *(entry("tool_result", "\n".join(["x" * 2_000] * 10)) for _ in range(50)))
    assert view._weight_of_folds <= FOLDED_CHARACTERS_KEPT
    assert view._folded_characters <= FOLDED_CHARACTERS_KEPT
    assert not view.toggle(view.document().begin())
    assert view.toggle(view.document().lastBlock())


def test_control_characters_are_not_shown(view):
    show(view, entry("message", "\x1b[31mred\x1b[0m\x07"))
    assert view.toPlainText().endswith("\nred")


def test_other_colours_keep_the_words(view, theme, qtbot):
    show(view, entry("diff", "x.py", detail=a_diff()))
    before = view.toPlainText()
    assert block(view, "+new 1").blockFormat().background().color() == QColor(LIGHT.ok_soft)
    theme.choose("dark")
    show(view, entry("message", "meanwhile"))
    qtbot.waitUntil(lambda: view.toPlainText().endswith("meanwhile"))
    assert view.toPlainText().startswith(before)
    assert block(view, "+new 1").blockFormat().background().color() == QColor(DARK.ok_soft)
    theme.choose("light")


def test_own_words_stand_out_from_the_first_line_on(view):
    view.add_lines(own_words("status", NOW))
    assert view.document().begin().blockFormat().background().color() == QColor(LIGHT.selection)


# From the task to the screen


@pytest.fixture
def face() -> FakeTasks:
    made = FakeTasks()
    made.shown = (a_work_task(1), a_work_task(2, "completed"))
    return made


@pytest.fixture
def reader(face, qapp):
    errors: list[AuroraError] = []
    tasks = Tasks(errors.append)
    made = TranscriptReader(face, tasks)
    yield made
    tasks.cancel()
    assert errors == []


class Heard(list):
    def __init__(self, reader: TranscriptReader) -> None:
        super().__init__()
        self.began = self.ended = 0
        self.failed: list[str] = []
        reader.entries.connect(self.extend)
        reader.began.connect(self._begin)
        reader.ended.connect(self._end)
        reader.failed.connect(self.failed.append)

    def _begin(self) -> None:
        self.clear()
        self.began += 1

    def _end(self) -> None:
        self.ended += 1


def test_it_reads_on_as_more_comes(reader, face, qtbot):
    first, last = face.shown[0].id, some_entries(NOW)
    face.said[first] = list(last[:4])
    heard = Heard(reader)
    reader.follow(first, "Claude")
    qtbot.waitUntil(lambda: len(heard) == 4)
    face.said[first] += last[4:]
    reader.read_on()
    qtbot.waitUntil(lambda: heard == list(last))
    assert (heard.began, heard.ended) == (1, 0)


def test_an_ended_task_is_read_once_and_again_when_it_works_again(reader, face, qtbot):
    done = face.shown[1].id
    face.said[done] = list(some_entries(NOW)[:2])
    heard = Heard(reader)
    reader.follow(done, "Claude")
    qtbot.waitUntil(lambda: heard.ended == 1)
    face.said[done] += some_entries(NOW)[2:3]
    reader.read_on()
    reader.begin_anew()
    qtbot.waitUntil(lambda: len(heard) == 3)


def test_of_a_very_long_one_the_last_part_is_shown(reader, face, qtbot):
    task = face.shown[0].id
    face.said[task] = [entry("note", str(n)) for n in range(ENTRIES_SHOWN + 700)]
    heard = Heard(reader)
    pieces = []
    reader.entries.connect(lambda some: pieces.append(len(some)))
    reader.follow(task, "Claude")
    qtbot.waitUntil(lambda: len(heard) == ENTRIES_SHOWN)
    assert heard[-1].text == str(ENTRIES_SHOWN + 699)
    assert max(pieces) <= AT_ONCE


def test_another_task_takes_the_place_of_one_that_is_still_read(reader, face, qtbot):
    one, other = (task.id for task in face.shown)
    face.said = {one: [entry("note", "one")] * 900, other: [entry("note", "other")]}
    heard = Heard(reader)
    reader.follow(one, "Claude")
    reader.follow(other, "Claude")
    qtbot.waitUntil(lambda: heard.ended == 1)
    assert [each.text for each in heard] == ["other"]


def test_what_cannot_be_read_is_said_once(reader, face, qtbot):
    face.refuses = AuroraError("It is gone", "removed after 30 days")
    heard = Heard(reader)
    reader.follow(face.shown[0].id, "Claude")
    qtbot.waitUntil(lambda: heard.failed == ["It is gone\nremoved after 30 days"])
    reader.read_on()
    assert len(heard.failed) == 1


def test_no_task_is_followed_by_nothing(reader):
    heard = Heard(reader)
    reader.follow("", "")
    reader.read_on()
    assert heard == []
