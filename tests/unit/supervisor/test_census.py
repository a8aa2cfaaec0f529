"""One reading of the machine with its indexes."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.supervisor.census import Census, Snapshot
from aurora_desktop.supervisor.processes import SPAWN_MARKER, ProcessInfo
from supervisor.machine import FakeTable, process

PARENTS = st.lists(st.integers(0, 20), min_size=20, max_size=20)


def snapshot(parents: list[int]) -> Snapshot:
    infos = [process(pid, parent=parent) for pid, parent in enumerate(parents, start=1)]
    return Snapshot({info.pid: info for info in infos}, lambda _: "")


@given(PARENTS, st.sets(st.integers(1, 20), max_size=4))
def test_descendants_are_closed_even_over_a_cycle_of_parents(parents: list[int], roots: set[int]) -> None:
    everyone = snapshot(parents)
    found = everyone.with_descendants(roots)
    assert roots <= found
    for info in everyone.values():
        if info.parent in found:
            assert info.pid in found
    for pid in found - roots:
        assert everyone[pid].parent in found


class CountingTable(FakeTable):
    """Counts how often each environment is read."""

    def __init__(self, *infos: ProcessInfo) -> None:
        super().__init__(*infos)
        self.read_of: Counter[int] = Counter()

    def environment(self, pid: int) -> Mapping[str, str]:
        self.read_of[pid] += 1
        return super().environment(pid)


def test_an_environment_is_read_once_in_the_life_of_a_process() -> None:
    table = CountingTable()
    table.put(process(10), {SPAWN_MARKER: "m"})
    table.put(process(11), {"PATH": "/bin"})
    census = Census(table)
    for _ in range(3):
        assert census.take().by_marker == {"m": [10], "": [11]}
    assert table.read_of == {10: 1, 11: 1}


def test_an_environment_that_was_empty_in_the_middle_of_an_exec_is_read_again() -> None:
    """For some microseconds of each exec `/proc/<pid>/environ` is empty."""
    table = CountingTable(process(10, memory_bytes=4096))
    census = Census(table)
    assert census.take().by_marker == {"": [10]}
    table.environments[10] = {SPAWN_MARKER: "m"}
    assert census.take().by_marker == {"m": [10]}


def test_a_pid_that_is_used_again_is_read_anew() -> None:
    table = CountingTable(process(10, started=1))
    census = Census(table)
    table.environments[10] = {SPAWN_MARKER: "first"}
    assert census.take().by_marker == {"first": [10]}
    table.put(process(10, started=2))
    table.environments[10] = {}
    assert census.take().by_marker == {"": [10]}


def test_what_is_gone_is_forgotten() -> None:
    table = CountingTable(process(10, started=1))
    census = Census(table)
    assert census.take().by_marker
    table.remove(10)
    assert census.take().by_marker == {}
    table.put(process(10, started=1))
    assert census.take().by_marker
    assert table.read_of[10] == 2


def test_no_environment_is_read_that_nobody_asks_for() -> None:
    table = CountingTable(process(10, parent=1, session=10), process(11, parent=10, session=10))
    everyone = Census(table).take()
    assert everyone.by_parent == {1: [10], 10: [11]}
    assert everyone.by_session == {10: [10, 11]}
    assert table.read_of.total() == 0
