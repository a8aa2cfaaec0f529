"""Whatever is remembered, ended and forgotten, the counts are those of the rows that are there."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.clocks import FakeClock
from hypothesis import example, given, settings
from hypothesis import strategies as st

from healing.memories import OpenMemory, fault, opened

DAY_S = 86_400.0

_OUTCOME = st.sampled_from(["worked", "undone", "refused"])
_SERVICE = st.sampled_from(["web", "db"])
_STEP = st.one_of(
    st.tuples(st.just("remember"), _SERVICE, st.sampled_from(["port 1 taken", "port 2 taken", "silent", "gone"])),
    st.tuples(
        st.just("tried"), st.sampled_from(["restart", "rescue"]), st.sampled_from(["worked", "undone", "refused"])
    ),
    st.tuples(st.just("recovered"), _SERVICE, st.floats(0, 5000)),
    st.tuples(st.just("wait"), st.just(""), st.floats(0, 6 * DAY_S)),
    st.tuples(st.just("prune"), st.just(""), st.just("")),
)

# What is counted by triggers, beside the same counted anew.
_OUTCOMES = """
    SELECT remedy, sum(outcome = 'worked'), sum(outcome <> 'worked') FROM failure_attempt
    WHERE outcome <> 'refused' GROUP BY remedy ORDER BY remedy
"""
_SAME = (
    (
        "SELECT id, count, first_at, last_at FROM failure_signature WHERE count > 0 ORDER BY id",
        "SELECT signature, count(*), min(at), max(at) FROM failure GROUP BY signature ORDER BY signature",
    ),
    (
        "SELECT id, count, first_at, last_at FROM failure_component WHERE count > 0 ORDER BY id",
        "SELECT component, count(*), min(at), max(at) FROM failure GROUP BY component ORDER BY component",
    ),
    (
        "SELECT signature, component, count FROM failure_place WHERE count > 0",
        "SELECT signature, component, count(*) FROM failure GROUP BY signature, component ORDER BY 1, 2",
    ),
    (
        "SELECT hour, count FROM failure_hour WHERE count > 0",
        "SELECT hour, count(*) FROM failure GROUP BY hour ORDER BY hour",
    ),
    ("SELECT remedy, worked, failed FROM failure_success WHERE worked + failed > 0", _OUTCOMES),
    (
        "SELECT remedy, sum(worked), sum(failed) FROM failure_remedy GROUP BY remedy HAVING sum(worked + failed) > 0",
        _OUTCOMES,
    ),
)


def perform(kept: OpenMemory, steps: list[tuple[str, Any, Any]]) -> None:
    memory, clock = kept.memory, kept.clock
    last = memory.remember(fault("first", at=clock.wall()))
    for what, one, other in steps:
        match what:
            case "remember":
                last = memory.remember(fault(other, service=one, at=clock.wall()))
            case "tried":
                memory.tried(last, one, other, "", 1.0)
            case "recovered":
                memory.recovered(f"service:{one}", clock.wall(), other)
            case "wait":
                clock.advance(other)
            case "prune":
                kept.settle()
                asyncio.run(memory.prune())


@given(st.lists(_STEP, max_size=25))
@example([("wait", "", 6 * DAY_S), ("prune", "", ""), ("remember", "web", "gone")])
@settings(max_examples=30, deadline=None)
def test_counts_are_those_of_the_rows(steps: list[tuple[str, Any, Any]]) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder) / "state.db", FakeClock(), max_days=5.0) as kept:
        perform(kept, steps)
        for counted, anew in _SAME:
            assert kept.rows(counted) == kept.rows(anew)
        shown = asyncio.run(kept.memory.search("", 100)).groups
        assert sum(group.count for group in shown) == kept.rows("SELECT count(*) FROM failure")[0][0]
        assert not kept.told
