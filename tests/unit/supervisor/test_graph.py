"""The order of services."""

import graphlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Command
from aurora_desktop.supervisor import graph


def service(**keys: list[str]) -> Service:
    return Service(command=Command(["program"]), **keys)  # type: ignore[arg-type] # the lists of names alone


NAMES = [f"s{place}" for place in range(12)]


@st.composite
def services(draw: st.DrawFn) -> dict[str, Service]:
    """Edges lead only to names earlier in a hidden order: no cycles, as the loader sees to; some names are unknown."""
    hidden = draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]
    made = {}
    for place, name in enumerate(hidden):
        others = st.lists(st.sampled_from([*hidden[:place], "unknown"]), max_size=4)
        anybody = st.lists(st.sampled_from(NAMES), max_size=3)
        made[name] = service(requires=draw(others), after=draw(others), part_of=draw(anybody))
    return {name: made[name] for name in draw(st.permutations(hidden))}


@given(services())
def test_the_order_holds_everybody_once_and_respects_every_edge(known: dict[str, Service]) -> None:
    order = graph.start_order(known)
    assert sorted(order) == sorted(known)
    for name, spec in known.items():
        for earlier in {*spec.requires, *spec.after} & set(known):
            assert order.index(earlier) < order.index(name)


def test_without_edges_the_order_is_that_of_the_settings() -> None:
    assert graph.start_order({name: service() for name in ("zoo", "ant", "cow")}) == ["zoo", "ant", "cow"]


def test_what_is_part_of_another_has_no_place_in_the_order() -> None:
    known = {"part": service(part_of=["whole"]), "whole": service()}
    assert graph.start_order(known) == ["part", "whole"]


def test_a_cycle_is_no_order() -> None:
    with pytest.raises(graphlib.CycleError):
        graph.start_order({"a": service(requires=["b"]), "b": service(after=["a"])})


CHAIN = {
    "db": service(),
    "cache": service(requires=["db"]),
    "web": service(requires=["cache"], after=["log"]),
    "log": service(),
    "worker": service(part_of=["web"]),
    "helper": service(part_of=["worker"]),
}


@pytest.mark.parametrize(
    ("names", "closure"),
    [(["web"], {"web", "cache", "db"}), (["db"], {"db"}), (["log", "cache"], {"log", "cache", "db"}), ([], set())],
)
def test_what_is_required_is_transitive(names: list[str], closure: set[str]) -> None:
    assert graph.with_requirements(CHAIN, names) == closure


@pytest.mark.parametrize(
    ("names", "closure"), [(["db"], {"db", "cache", "web"}), (["web"], {"web"}), (["log"], {"log"})]
)
def test_what_depends_is_transitive(names: list[str], closure: set[str]) -> None:
    assert graph.with_dependents(CHAIN, names) == closure


def test_what_is_part_of_is_transitive() -> None:
    assert graph.with_parts(CHAIN, ["web"]) == {"web", "worker", "helper"}


@given(services(), st.lists(st.sampled_from(NAMES), max_size=3))
def test_requirements_and_dependents_are_two_sides_of_one_thing(known: dict[str, Service], names: list[str]) -> None:
    named = [name for name in names if name in known]
    required = graph.with_requirements(known, named)
    assert set(named) <= required <= set(known)
    for name in known:
        dependents = graph.with_dependents(known, [name])
        assert (name in required) == bool(dependents & set(named))


def test_parts_of_each_other_end_somewhere() -> None:
    known = {"a": service(part_of=["b"]), "b": service(part_of=["a"])}
    assert graph.with_parts(known, ["a"]) == {"a", "b"}
