"""The events as they are written and read back."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.event import Event
from aurora_desktop.core.events import AnyEvent, Record, service_component

EVENTS: tuple[type[Event], ...] = get_args(AnyEvent)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ANY_JSON = st.one_of(st.none(), st.booleans(), FLOATS, TEXTS)


def values(kind: Any) -> st.SearchStrategy[Any]:
    if kind is float:
        return FLOATS
    if kind is str:
        return TEXTS
    if kind == tuple[str, ...]:
        return st.lists(TEXTS, max_size=3).map(tuple)
    if kind == tuple[dict[str, object], ...]:
        return st.lists(st.dictionaries(TEXTS, ANY_JSON, max_size=3), max_size=3).map(tuple)
    return st.from_type(kind)


def made(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(kind, **{field.name: values(field.type) for field in msgspec.structs.fields(kind)})


@given(st.sampled_from(EVENTS).flatmap(made))
def test_every_event_is_read_back_as_it_was_written(event: Event) -> None:
    written = msgspec.json.encode(event)
    assert msgspec.json.decode(written, type=AnyEvent) == event
    assert msgspec.json.decode(written)["type"] == event.event_type()


def test_every_kind_of_event_belongs_to_the_stream() -> None:
    assert set(EVENTS) == {kind for kind in Event.__subclasses__() if kind.__module__.startswith("aurora_desktop.")}


def test_no_two_events_have_the_same_name() -> None:
    assert len({kind.event_type() for kind in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize("kind", EVENTS)
def test_the_written_name_is_that_of_the_type_in_snake_case(kind: type[Event]) -> None:
    assert kind.event_type().replace("_", "") == kind.__name__.lower()
    assert kind.event_type() == kind.event_type().lower()


def test_an_event_cannot_be_changed() -> None:
    event = EVENTS[1](at=1.0, component="aurora", reason="test")  # type: ignore[call-arg] # AuroraStopping
    with pytest.raises(AttributeError):
        event.at = 2.0  # type: ignore[misc] # what is tried


def test_a_record_is_read_back() -> None:
    record = Record(7, EVENTS[1](at=1.0, component="aurora", reason="test"))  # type: ignore[call-arg, arg-type] # AuroraStopping
    assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record


def test_the_component_of_a_service() -> None:
    assert service_component("web") == "service:web"
