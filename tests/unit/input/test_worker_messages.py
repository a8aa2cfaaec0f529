"""What the worker saw, told in few words."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.input.messages import FromWorker, Seen, Window

WINDOWS = (None, Window(1, "Gedit", "notes"), Window(2, "Xterm", "sh"), Window(2, "Xterm", "another title"))


@given(st.lists(st.sampled_from(WINDOWS), max_size=30))
def test_each_window_is_told_once_and_each_place_finds_its_own(at_places: list[Window | None]) -> None:
    seen = Seen.of(7, at_places, WINDOWS[1], (3, 4))
    told = msgspec.json.decode(msgspec.json.encode(seen), type=FromWorker)
    assert told == seen
    assert list(seen.at_places()) == at_places
    assert len(set(seen.windows)) == len(seen.windows)


def test_a_long_path_over_two_windows_is_told_in_little() -> None:
    seen = Seen.of(1, [WINDOWS[1], WINDOWS[2]] * 2500, None, (0, 0))
    assert len(msgspec.json.encode(seen)) < 12_000
