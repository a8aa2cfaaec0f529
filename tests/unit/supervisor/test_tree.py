"""Which processes belong to a service, and signalling exactly those."""

import os
import signal
import sys

import pytest

from aurora_desktop.supervisor.processes import SPAWN_MARKER, process_table
from aurora_desktop.supervisor.tree import Identity, Tree, freeze, signal_all, thaw
from supervisor.machine import FakeTable, marks, process
from supervisor.yard import Yard, kill, wait_dead, wait_stopped

TABLE = process_table()
MARKER = "marker-of-this-test"
MARKED = {SPAWN_MARKER: MARKER}


def tree_of(yard: Yard, pid: int, marker: str = MARKER) -> Tree:
    return Tree(TABLE, marker, Identity(pid, yard.info(pid).started))


# --- real trees -------------------------------------------------------------------------------------------------


def test_children_and_grandchildren_belong_to_it(yard: Yard) -> None:
    main = yard.sh('sh -c "sleep 600 & echo \\$! >$TELL; wait" & echo $! >"$TELL"; wait', MARKED)
    below = {int(yard.hear()), int(yard.hear())}
    assert set(tree_of(yard, main.pid).members()) == {main.pid, *below}


def test_a_grandchild_with_a_session_of_its_own_belongs_to_it(yard: Yard) -> None:
    main = yard.sh('setsid sh -c "echo \\$\\$ >$TELL; exec sleep 600" & wait', MARKED)
    grandchild = int(yard.hear())
    assert yard.info(grandchild).session == grandchild
    assert grandchild in tree_of(yard, main.pid).members()


def test_a_daemon_that_forked_twice_is_found_by_its_marker(yard: Yard) -> None:
    main = yard.sh('(setsid sh -c "echo \\$\\$ >$TELL; exec sleep 600" &); echo main >"$TELL"; exec sleep 600', MARKED)
    told = {yard.hear(), yard.hear()}
    daemon = int((told - {"main"}).pop())
    members = tree_of(yard, main.pid).members()
    assert members[daemon].parent != main.pid
    assert set(members) == {main.pid, daemon}


def test_a_descendant_that_cleared_its_environment_belongs_to_it(yard: Yard) -> None:
    main = yard.sh('env -i setsid sh -c "echo \\$\\$ >$TELL; read never <$HOLD" & wait', MARKED)
    cleared = yard.note(int(yard.hear()))
    assert SPAWN_MARKER not in TABLE.environment(cleared)
    assert cleared in tree_of(yard, main.pid).members()


def test_a_session_once_seen_is_remembered_when_its_members_are_orphans(yard: Yard) -> None:
    script = 'env -i setsid sh -c "sh -c \\"echo \\\\\\$\\\\\\$ >$TELL; read never <$HOLD\\" & wait" & wait'
    main = yard.sh(script, MARKED)
    grandchild = yard.note(int(yard.hear()))
    leader = yard.note(yard.info(grandchild).session)
    tree = tree_of(yard, main.pid)
    assert {main.pid, leader, grandchild} <= set(tree.members())
    for pid in (main.pid, leader):
        kill(pid, signal.SIGKILL)
        wait_dead(pid)
    assert set(tree.members()) == {grandchild}


def test_a_foreign_process_does_not_belong_to_it(yard: Yard) -> None:
    main = yard.start("sleep", "600", env=MARKED)
    other = yard.start("sleep", "600", env={SPAWN_MARKER: "another marker"})
    members = tree_of(yard, main.pid).members()
    assert main.pid in members
    assert other.pid not in members
    assert os.getpid() not in members


def test_the_main_process_is_alive_until_it_is_a_zombie(yard: Yard) -> None:
    main = yard.start("sleep", "600")
    tree = tree_of(yard, main.pid)
    assert tree.main_is_alive()
    kill(main.pid, signal.SIGKILL)
    wait_dead(main.pid)
    assert not tree.main_is_alive()
    assert tree.members() == {}
    main.wait()
    assert not tree.main_is_alive()


def test_a_whole_tree_is_frozen_and_thawed(yard: Yard) -> None:
    main = yard.sh('setsid sh -c "echo \\$\\$ >$TELL; exec sleep 600" & sleep 600 & wait', MARKED)
    yard.hear()
    tree = tree_of(yard, main.pid)
    freeze(tree)
    wait_stopped(main.pid)
    members = tree.members()
    assert len(members) == 3
    thaw(tree)
    os.waitid(os.P_PID, main.pid, os.WCONTINUED)
    assert not yard.info(main.pid).is_stopped


def test_a_program_that_forks_without_end_is_frozen(yard: Yard) -> None:
    script = (
        "import os\n"
        "open(os.environ['TELL'], 'w').write('up\\n')\n"
        "while True:\n"
        "    pid = os.fork()\n"
        "    os.waitpid(pid, 0) if pid else os._exit(0)\n"
    )
    main = yard.start(sys.executable, "-S", "-c", script, env=MARKED)
    yard.hear()
    freeze(tree_of(yard, main.pid))
    wait_stopped(main.pid)
    assert yard.info(main.pid).is_stopped


def test_signals_reach_every_member(yard: Yard) -> None:
    main = yard.sh('setsid sh -c "echo \\$\\$ >$TELL; exec sleep 600" & wait', MARKED)
    other = int(yard.hear())
    assert signal_all(tree_of(yard, main.pid).members().values(), signal.SIGKILL, TABLE) == 2
    for pid in (main.pid, other):
        wait_dead(pid)


def test_a_recycled_pid_is_not_signalled(yard: Yard) -> None:
    child = yard.start("sleep", "600")
    earlier = yard.info(child.pid)._replace(started=yard.info(child.pid).started - 1)
    assert signal_all([earlier], signal.SIGKILL, TABLE) == 0
    assert yard.is_alive(child.pid)


def test_a_process_that_is_gone_is_passed_over(yard: Yard) -> None:
    child = yard.start("sleep", "600")
    info = yard.info(child.pid)
    child.kill()
    child.wait()
    assert signal_all([info], signal.SIGTERM, TABLE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stopped_process_is_woken_to_take_its_signal(yard: Yard, number: int) -> None:
    child = yard.start("sleep", "600")
    child.send_signal(signal.SIGSTOP)
    wait_stopped(child.pid)
    signal_all([yard.info(child.pid)], number, TABLE)
    assert child.wait(20) == -number


def test_what_is_stopped_again_is_not_woken(yard: Yard) -> None:
    child = yard.start("sleep", "600")
    child.send_signal(signal.SIGSTOP)
    wait_stopped(child.pid)
    signal_all([yard.info(child.pid)], signal.SIGSTOP, TABLE)
    assert yard.info(child.pid).is_stopped


# --- made-up trees ----------------------------------------------------------------------------------------------


def test_a_later_process_with_the_pid_of_the_main_one_is_none_of_it() -> None:
    table = FakeTable(process(100, session=7, started=2), process(101, parent=100, session=7, started=2))
    assert Tree(table, MARKER, Identity(100, 1)).members() == {}


def test_zombies_are_not_members() -> None:
    table = FakeTable(process(100), process(101, parent=100, session=100, is_zombie=True))
    assert set(Tree(table, MARKER, Identity(100, 1)).members()) == {100}


def test_the_children_of_a_zombie_are_members() -> None:
    table = FakeTable(process(100, is_zombie=True), process(101, parent=100, session=100))
    assert set(Tree(table, MARKER, Identity(100, 1)).members()) == {101}


def test_we_ourselves_are_never_a_member() -> None:
    table = FakeTable(process(100), process(os.getpid(), parent=100, session=100))
    assert set(Tree(table, MARKER, Identity(100, 1)).members()) == {100}


def test_what_we_started_ourselves_is_no_part_of_a_service_that_we_were_started_from() -> None:
    """An agent that restarts Aurora would else have all its services for children, and take them along."""
    table = FakeTable(process(100), process(os.getpid(), parent=100, session=100), process(300, parent=os.getpid()))
    assert set(Tree(table, MARKER, Identity(100, 1)).members()) == {100}


def test_without_a_marker_those_without_a_marker_are_not_taken_for_members() -> None:
    table = FakeTable(process(100), process(200))
    assert set(Tree(table, "", Identity(100, 1)).members()) == {100}


def test_a_marker_alone_makes_a_member() -> None:
    table = FakeTable(process(100))
    table.put(process(200), marks(MARKER))
    assert set(Tree(table, MARKER, Identity(100, 1)).members()) == {100, 200}


def test_a_session_that_ended_is_forgotten_before_its_number_is_used_again() -> None:
    """A tool of an agent had a session; much later the number belongs to a terminal of the operator."""
    table = FakeTable(process(100))
    tool = table.put(process(500, parent=100))
    tree = Tree(table, MARKER, Identity(100, 1))
    assert set(tree.members()) == {100, 500}
    table.remove(tool.pid)
    assert set(tree.members()) == {100}
    table.put(process(500, parent=1, started=900, program="terminal"))
    table.put(process(501, parent=500, session=500, started=901, program="shell"))
    assert set(tree.members()) == {100}


def test_the_session_of_a_main_process_that_ended_is_not_that_of_a_later_process() -> None:
    """What is left of the tree keeps it under supervision long after its main process."""
    table = FakeTable(process(100))
    table.put(process(200), marks(MARKER))
    tree = Tree(table, MARKER, Identity(100, 1))
    table.remove(100)
    assert set(tree.members()) == {200}
    table.put(process(100, started=900, program="terminal"))
    assert set(tree.members()) == {200}


FIRST_THREAD_ENDS = """
import ctypes, os, threading
threading.Thread(target=lambda: (open(os.environ["TELL"], "w").write("up\\n"), threading.Event().wait())).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_program_whose_first_thread_ended_is_alive(yard: Yard) -> None:
    """`/proc` calls it a zombie, and yet it works."""
    main = yard.start(sys.executable, "-ISc", FIRST_THREAD_ENDS, env=MARKED)
    yard.hear()
    tree = tree_of(yard, main.pid)
    assert tree.main_is_alive()
    assert main.pid in tree.members()
