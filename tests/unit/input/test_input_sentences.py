"""What an action is called in words."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.input.actions import (
    Action,
    CursorPosition,
    DoubleClick,
    DragPath,
    HoldKey,
    Key,
    LeftClick,
    LeftClickDrag,
    LeftMouseDown,
    ListWindows,
    MouseMove,
    Paste,
    Point,
    ReleaseAll,
    Screenshot,
    Scroll,
    Type,
    Wait,
    Zoom,
)
from aurora_desktop.input.sentences import MOST_CHARACTERS, describe

A, B = Point(x=100, y=200), Point(x=300, y=400)


@pytest.mark.parametrize(
    ("action", "title", "sentence"),
    [
        (LeftClick(), "Save", 'clicking "Save"'),
        (LeftClick(at=A), "Save", 'clicking "Save" at 100, 200'),
        (LeftClick(at=A, modifiers="ctrl+shift"), "", "clicking at 100, 200 with Ctrl+Shift"),
        (DoubleClick(at=A), "", "double-clicking at 100, 200"),
        (MouseMove(at=A), "Editor", 'moving the pointer to 100, 200 in "Editor"'),
        (LeftMouseDown(), "", "holding the left button down"),
        (LeftClickDrag(to=B), "", "dragging to 300, 400"),
        (LeftClickDrag(start=A, to=B), "Map", 'dragging from 100, 200 to 300, 400 in "Map"'),
        (DragPath(points=(A, B), button="right"), "", "dragging from 100, 200 to 300, 400 with the right button"),
        (DragPath(points=(A, B), relative=True), "", "dragging by 300, 400"),
        (Scroll(at=A, dy=3), "Feed", 'scrolling 3 down at 100, 200 in "Feed"'),
        (Scroll(dy=-3, dx=1), "", "scrolling 3 up and 1 right"),
        (Key(keys="ctrl+s"), "Notes", 'pressing Ctrl+S in "Notes"'),
        (Key(keys="Return", presses=3), "", "pressing Return 3 times"),
        (Key(keys="s"), "", "pressing s"),
        (Key(keys="ctrl++"), "", "pressing Ctrl++"),
        (HoldKey(keys="shift", duration_s=1.5), "", "holding Shift for 1.5 s"),
        (Type(text="x" * 24), "", "typing 24 characters"),
        (Type(text="x"), "Notes", 'typing 1 character into "Notes"'),
        (Type(text="hunter2", secret=True), "", "typing 7 secret characters"),
        (Paste(text="x" * 12_345), "", "pasting 12,345 characters"),
        (Wait(duration_s=2), "Notes", "waiting for 2 s"),
        (Screenshot(), "Notes", "taking a screenshot"),
        (Screenshot(display="HDMI-1"), "", "taking a screenshot of HDMI-1"),
        (Zoom(corner=A, opposite=B), "", "looking closely from 100, 200 to 300, 400"),
        (CursorPosition(), "", "asking where the pointer is"),
        (ListWindows(), "Notes", "asking which windows there are"),
        (ReleaseAll(), "", "releasing everything"),
        (LeftClick(), 'a "b"\n\u202ec', "clicking \"a 'b'\\n\\u202ec\""),
    ],
)
def test_an_action_in_words(action: Action, title: str, sentence: str) -> None:
    assert describe(action, title) == sentence


def test_a_long_title_is_cut_so_that_the_place_stays() -> None:
    sentence = describe(LeftClick(at=A, modifiers="ctrl"), "x" * 200)
    assert len(sentence) == MOST_CHARACTERS
    assert sentence.endswith('…" at 100, 200 with Ctrl')


@pytest.mark.parametrize("kind", get_args(Action))
def test_every_action_has_its_words(kind: Any) -> None:
    examples = {"at": A, "to": A, "points": (A, B), "dy": 1, "keys": "a", "text": "a", "duration_s": 1.0, "corner": A}
    action = kind(
        **{name: value for name, value in {**examples, "opposite": B}.items() if name in kind.__struct_fields__}
    )
    assert describe(action).split()[0].endswith("ing")


big = st.floats(allow_nan=False, allow_infinity=False)
points = st.builds(Point, x=big, y=big)
texts = st.text(st.characters(), min_size=1, max_size=200)
actions: st.SearchStrategy[Any] = st.one_of(
    st.builds(LeftClick, at=points | st.none(), modifiers=st.text(max_size=200)),
    st.builds(DragPath, points=st.tuples(points, points), button=st.sampled_from(["left", "right"])),
    st.builds(Key, keys=texts),
    st.builds(HoldKey, keys=texts, duration_s=st.floats(0, 60)),
    st.builds(Screenshot, display=texts),
    st.builds(Type, text=texts, secret=st.booleans()),
)


@given(actions, st.text(st.characters(), max_size=300))
def test_a_sentence_is_one_short_printable_line(action: Any, title: str) -> None:
    sentence = describe(action, title)
    assert 0 < len(sentence) <= MOST_CHARACTERS
    assert sentence.isprintable()


@given(st.text(st.characters(), min_size=1, max_size=200), st.sampled_from([Type, Paste]), st.booleans())
def test_a_sentence_tells_of_a_text_its_length_alone(text: str, kind: Any, secret: bool) -> None:
    assert describe(kind(text=text, secret=secret)) == describe(kind(text="x" * len(text), secret=secret))
