"""Finding what an earlier Aurora left running: on a made-up machine, by the ledger and by the markers."""

import os
import subprocess
import sys
from typing import Any

import pytest

from aurora_desktop.supervisor.adoption import Found, find
from aurora_desktop.supervisor.ledger import Entry
from aurora_desktop.supervisor.processes import PROBE_MARKER
from aurora_desktop.supervisor.tree import Identity
from supervisor.machine import FakeTable, marks, process
from supervisor.yard import WAIT_S, Yard

STATE = "state"


def entry(marker: str = "m", **keys: Any) -> Entry:
    values = {
        "service": "web",
        "pid": 100,
        "started": 1,
        "boot_id": "this boot",
        "spawned_at": 1.0,
        "ready": False,
        "frozen": False,
        "definition": "digest",
    }
    return Entry(marker=marker, **{**values, **keys})


def found(table: FakeTable, *entries: Entry) -> list[Found]:
    return find(entries, table, STATE, 0.0)


def one(table: FakeTable, *entries: Entry) -> Found:
    (tree,) = found(table, *entries)
    return tree


def test_nothing_is_found_on_a_machine_without_marks() -> None:
    assert found(FakeTable(process(1), process(100))) == []


def test_the_ledger_alone_is_enough_for_one_that_cleared_its_environment() -> None:
    tree = one(FakeTable(process(100)), entry(ready=True, frozen=True))
    assert (tree.service, tree.has_main, tree.ready, tree.frozen, tree.definition) == (
        "web", True, True, True, "digest",
    )  # fmt: skip
    assert tree.tree.main == Identity(100, 1)
    assert tree.tree.marker == "m"
    assert tree.age_s == 99.0


def test_the_environment_alone_is_enough_when_the_ledger_was_lost() -> None:
    table = FakeTable()
    table.put(process(100), marks("m"))
    tree = one(table)
    assert (tree.service, tree.has_main, tree.ready, tree.frozen, tree.definition) == ("web", True, False, False, "")
    assert tree.tree.main == Identity(100, 1)


def test_a_marker_that_was_only_prepared_finds_its_process_by_the_environment() -> None:
    table = FakeTable()
    table.put(process(100), marks("m"))
    tree = one(table, entry(pid=None, started=None, boot_id=None))
    assert (tree.has_main, tree.tree.main) == (True, Identity(100, 1))


def test_a_prepared_marker_without_a_process_is_nothing() -> None:
    assert found(FakeTable(process(100)), entry(pid=None, started=None)) == []


@pytest.mark.parametrize("wrong", [{"started": 2}, {"boot_id": "another boot"}, {"pid": 101}])
def test_a_process_that_only_has_the_pid_is_not_taken(wrong: dict[str, Any]) -> None:
    assert found(FakeTable(process(100)), entry(**wrong)) == []


def test_a_zombie_is_not_taken() -> None:
    table = FakeTable()
    table.put(process(100, is_zombie=True), marks("m"))
    assert found(table, entry()) == []


def test_what_is_left_of_a_tree_without_its_main_process_is_told_as_such() -> None:
    table = FakeTable(process(100, started=900, program="somebody else"))
    table.put(process(200, session=100), marks("m"))
    tree = one(table, entry())
    assert (tree.has_main, tree.service) == (False, "web")
    assert 100 not in tree.tree.members()


def test_of_many_that_carry_the_marker_the_leader_of_the_session_is_the_main_one() -> None:
    table = FakeTable()
    table.put(process(102, parent=101, session=100), marks("m"))
    table.put(process(101, parent=100, session=100), marks("m"))
    table.put(process(100), marks("m"))
    table.put(process(103, parent=100), marks("m"))  # a child with a session of its own
    tree = one(table)
    assert (tree.has_main, tree.tree.main) == (True, Identity(100, 1))
    assert set(tree.tree.members()) == {100, 101, 102, 103}


def test_two_leaders_without_a_parent_among_them_are_no_main_process() -> None:
    table = FakeTable()
    table.put(process(100), marks("m"))
    table.put(process(200), marks("m"))
    assert not one(table).has_main


def test_one_that_leads_no_session_is_no_main_process() -> None:
    table = FakeTable()
    table.put(process(101, session=100), marks("m"))
    assert not one(table).has_main


def test_the_services_of_another_state_dir_are_none_of_ours() -> None:
    table = FakeTable()
    table.put(process(100), marks("m", state="another"))
    assert found(table) == []


def test_two_spawns_of_one_service_are_two_trees() -> None:
    table = FakeTable()
    table.put(process(100), marks("first"))
    table.put(process(200), marks("second"))
    assert {tree.tree.marker for tree in found(table, entry("first"))} == {"first", "second"}


def test_a_ledger_entry_is_found_once_even_if_its_process_carries_the_marker() -> None:
    table = FakeTable()
    table.put(process(100), marks("m"))
    assert len(found(table, entry())) == 1


def test_what_a_probe_left_is_never_a_service() -> None:
    table = FakeTable()
    table.put(process(100), marks(PROBE_MARKER))
    assert not one(table).has_main


def test_the_probes_of_another_state_dir_are_none_of_ours() -> None:
    """Every Aurora's probes carry the same marker; only the state dir tells them apart."""
    table = FakeTable()
    table.put(process(100), marks(PROBE_MARKER))
    table.put(process(200), marks(PROBE_MARKER, state="another"))
    assert set(one(table).tree.members()) == {100}


SELF = """
import os
from aurora_desktop.supervisor.adoption import find
from aurora_desktop.supervisor.processes import process_table
print([t.tree.main.pid == os.getpid() for t in find([], process_table(), "state", 0.0)])
"""


def test_an_aurora_that_was_started_from_one_of_its_services_does_not_find_itself(yard: Yard) -> None:
    """An agent may well restart the Aurora that it runs under."""
    ran = subprocess.run(
        [sys.executable, "-c", SELF],
        env={**os.environ, **yard.environment, **marks("m")},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        timeout=WAIT_S,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
