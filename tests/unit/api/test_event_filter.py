"""Which events pass, and what memory the newest of them may take."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.api.event_filter import EVENT_TYPES, EventFilter, event_filter, patterns
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.streams.hub import BATCH_S, turn
from aurora_desktop.api.streams.ring import PIECE_BYTES, Ring
from aurora_desktop.core.events import PartFailed, Record

COMPONENTS = ("service:web", "service:db", "agent:a", "machine")


def _event(component: str, detail: str = "d") -> PartFailed:
    return PartFailed(at=0.0, component=component, detail=detail)


@pytest.mark.parametrize(
    ("components", "types", "passing"),
    [
        ("", "", COMPONENTS),
        ("machine", "", ("machine",)),
        ("service:*", "", ("service:web", "service:db")),
        (" service:web , agent:* ,, ", "part_failed", ("service:web", "agent:a")),
        ("service:", "", ()),
        ("*", "part_*", COMPONENTS),
        ("", "heartbeat", ()),
    ],
)
def test_what_passes(components: str, types: str, passing: tuple[str, ...]) -> None:
    wanted = event_filter(components, types)
    assert tuple(name for name in COMPONENTS if wanted.passes(_event(name))) == passing


def test_one_component_is_left_to_the_index_of_the_journal() -> None:
    assert event_filter("machine", "").only_component == "machine"
    assert event_filter("machine", "").is_of_component_alone
    assert EventFilter().is_of_component_alone
    assert event_filter("machine,guard", "").only_component is None
    assert not event_filter("machine", "part_failed").is_of_component_alone
    assert not event_filter("machine,guard", "").is_of_component_alone


@given(st.sampled_from(sorted(EVENT_TYPES)), st.integers(0, 30))
def test_every_type_and_every_beginning_of_one_is_known(name: str, length: int) -> None:
    assert event_filter("", f"{name},{name[:length]}*").types.match(name)


def test_too_many_patterns_are_refused() -> None:
    with pytest.raises(ProblemError):
        patterns("component", ",".join(["a"] * 101))


def test_the_turns_of_readers_are_spread() -> None:
    turns = sorted(turn(number) for number in range(1, 101))
    assert turns[0] >= 0
    assert turns[-1] < BATCH_S
    assert max(later - sooner for sooner, later in pairwise(turns)) < BATCH_S / 30


@given(sizes=st.lists(st.integers(0, 500), min_size=1, max_size=60), begin=st.integers(0, 10**6))
def test_the_ring_holds_the_newest_and_no_more_than_it_may(sizes: list[int], begin: int) -> None:
    ring = Ring(begin, max_records=20, max_bytes=5000)
    for place, size in enumerate(sizes, start=1):
        ring.add(Record(begin + place, _event("machine", "x" * size)))
    held = ring.after(ring.begins_after, EventFilter()).records
    assert [record.id for record in held] == list(range(ring.begins_after + 1, ring.last_id + 1))
    assert ring.last_id == begin + len(sizes)
    assert len(held) <= 20
    assert sum(len(record.json) + len(record.frame) for record in held) <= 5000


def test_a_piece_is_cut_and_goes_on_where_it_ended() -> None:
    ring = Ring(0, max_bytes=10**7)
    for number in range(1, 201):
        ring.add(Record(number, _event("machine", "x" * 1000)))
    at, sizes, ids = 0, [], []
    while at < 200:
        piece = ring.after(at, EventFilter())
        sizes.append(sum(len(record.frame) for record in piece.records))
        ids += [record.id for record in piece.records]
        at = piece.last_id
    assert ids == list(range(1, 201))
    assert all(size < PIECE_BYTES + 2000 for size in sizes)
    assert len(sizes) > 1
