"""The process table of Linux and the portable one, on real processes."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aurora_desktop.supervisor.processes import ProcessInfo, ProcessTable, process_table
from aurora_desktop.supervisor.processes_portable import PortableProcessTable
from supervisor.yard import Yard, wait_stopped, wait_zombie

RAW = process_table()
PORTABLE = PortableProcessTable()
BOTH = pytest.mark.parametrize("table", [RAW, PORTABLE], ids=["raw", "portable"])
NOBODY = 2**22 + 1
"""No pid is that high."""


def same(first: ProcessInfo | None, second: ProcessInfo | None) -> None:
    """The answers that both tables must give alike; start times have units of their own."""
    assert first is not None
    assert second is not None
    fields = ("pid", "parent", "session", "program", "is_zombie", "is_stopped")
    assert [getattr(first, f) for f in fields] == [getattr(second, f) for f in fields]


def telling(yard: Yard, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    """A child that has told that it runs: during an exec its environment is empty."""
    child = yard.sh('echo up >"$TELL"; read never <"$HOLD"', env)
    yard.hear()
    return child


def test_both_tables_say_the_same_of_ourselves() -> None:
    same(RAW.read(os.getpid()), PORTABLE.read(os.getpid()))


def test_both_tables_say_the_same_of_a_child(yard: Yard) -> None:
    child = telling(yard)
    same(RAW.read(child.pid), PORTABLE.read(child.pid))
    same(RAW.all()[child.pid], PORTABLE.all()[child.pid])


@BOTH
def test_a_child_is_told_by_parent_and_session(table: ProcessTable, yard: Yard) -> None:
    child = yard.start("sleep", "600")
    info = table.read(child.pid)
    assert info is not None
    assert (info.parent, info.session, info.program) == (os.getpid(), child.pid, "sleep")
    assert not info.is_zombie
    assert not info.is_stopped


@BOTH
def test_a_stopped_process_is_told(table: ProcessTable, yard: Yard) -> None:
    child = yard.start("sleep", "600")
    child.send_signal(signal.SIGSTOP)
    wait_stopped(child.pid)
    info = table.read(child.pid)
    assert info is not None
    assert info.is_stopped


@BOTH
def test_a_zombie_is_told_and_keeps_its_session(table: ProcessTable, yard: Yard) -> None:
    child = yard.start("true")
    wait_zombie(child.pid)
    info = table.read(child.pid)
    assert info is not None
    assert info.is_zombie
    assert (info.parent, info.session) == (os.getpid(), child.pid)
    child.wait()


@BOTH
def test_a_process_that_is_gone_is_nobody(table: ProcessTable, yard: Yard) -> None:
    child = yard.start("true")
    child.wait()
    assert table.read(child.pid) is None
    assert child.pid not in table.all()
    assert table.environment(child.pid) == {}
    assert table.children(child.pid) == ()
    assert table.age_s(child.pid) == 0.0
    assert table.proportional_bytes([child.pid]) == 0


@BOTH
def test_a_pid_that_nobody_has(table: ProcessTable) -> None:
    assert table.read(NOBODY) is None
    assert table.environment(NOBODY) == {}


@BOTH
def test_the_start_time_stays_the_same(table: ProcessTable, yard: Yard) -> None:
    child = yard.start("sleep", "600")
    first, second = table.read(child.pid), table.all()[child.pid]
    assert first is not None
    assert first.started == second.started > 0


@BOTH
def test_the_environment_is_read_as_it_was_given(table: ProcessTable, yard: Yard) -> None:
    given = {"PLAIN": "value", "EQUALS": "a=b=c", "EMPTY": "", "LINES": "one\ntwo", "WIDE": "naïve 漢"}
    child = telling(yard, given)
    found = table.environment(child.pid)
    assert {name: found.get(name) for name in given} == given


def test_an_environment_longer_than_one_reading(yard: Yard) -> None:
    long = {f"LONG_{place}": "x" * 100_000 for place in range(3)}
    child = telling(yard, long)
    assert {name: RAW.environment(child.pid).get(name) for name in long} == long


@BOTH
def test_a_cleared_environment_is_empty(table: ProcessTable, yard: Yard) -> None:
    child = yard.sh('exec env -i sh -c "echo up >$TELL; read never <$HOLD"')
    yard.hear()
    assert set(table.environment(child.pid)) <= {"PWD"}


@BOTH
def test_the_direct_children_are_told(table: ProcessTable, yard: Yard) -> None:
    parent = yard.sh('sleep 600 & first=$!; sh -c "sleep 600; :" & echo $first $! >"$TELL"; wait')
    pids = {int(pid) for pid in yard.hear().split()}
    assert set(table.children(parent.pid)) == pids


def test_the_children_of_another_thread_are_told(yard: Yard) -> None:
    script = (
        "import os,subprocess,threading\n"
        "def run():\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        "    open(os.environ['TELL'], 'w').write(f'{child.pid}\\n')\n"
        "    child.wait()\n"
        "threading.Thread(target=run).start()\n"
    )
    parent = yard.start(sys.executable, "-S", "-c", script)
    child = int(yard.hear())
    assert RAW.children(parent.pid) == (child,)


@pytest.mark.parametrize("name", ["two words", "a) b", "(x)", ") S 1 2 3", "x\n)y"])
def test_a_program_may_have_any_name(name: str, yard: Yard, tmp_path: Path) -> None:
    program = tmp_path / name
    shutil.copy("/usr/bin/sleep", program)
    child = yard.start(str(program), "600")
    info = RAW.read(child.pid)
    assert info is not None
    assert (info.pid, info.parent, info.session) == (child.pid, os.getpid(), child.pid)
    assert info.program == name
    same(info, PORTABLE.read(child.pid))


def test_a_name_that_is_no_utf8_is_read() -> None:
    prctl = ctypes.CDLL(None).prctl
    before = ctypes.create_string_buffer(16)
    prctl(16, before)
    assert prctl(15, b"\xff) \xfe") == 0  # PR_SET_NAME
    try:
        info = RAW.read(os.getpid())
    finally:
        prctl(15, before)
    assert info is not None
    assert info.parent == os.getppid()
    assert info.program == "\ufffd) \ufffd"


def test_every_process_is_in_the_table(yard: Yard) -> None:
    child = yard.start("sleep", "600")
    assert {os.getpid(), child.pid} <= set(RAW.all()) & set(PORTABLE.all())


@BOTH
def test_cpu_and_memory_are_told_in_seconds_and_bytes(table: ProcessTable) -> None:
    info = table.read(os.getpid())
    assert info is not None
    usage = resource.getrusage(resource.RUSAGE_SELF)
    assert info.cpu_s == pytest.approx(usage.ru_utime + usage.ru_stime, abs=0.5)
    assert 1_000_000 < info.memory_bytes < 1.2 * usage.ru_maxrss * 1024


@BOTH
def test_shared_memory_is_counted_no_more_than_resident(table: ProcessTable) -> None:
    info = table.read(os.getpid())
    assert info is not None
    assert 0 < table.proportional_bytes([os.getpid()]) <= info.memory_bytes * 1.1


def test_pages_shared_by_a_fork_are_counted_once(yard: Yard) -> None:
    script = (
        "import os\n"
        "block = bytearray(os.urandom(1 << 20)) * 30\n"
        "pid = os.fork()\n"
        "pid and open(os.environ['TELL'], 'w').write(f'{pid}\\n')\n"
        "import signal; signal.pause()\n"
    )
    parent = yard.start(sys.executable, "-S", "-c", script)
    both = [parent.pid, int(yard.hear())]
    resident = sum(yard.info(pid).memory_bytes for pid in both)
    assert resident > 60_000_000
    assert 30_000_000 < RAW.proportional_bytes(both) < 0.75 * resident


@BOTH
def test_the_boot_has_a_name_that_lasts(table: ProcessTable) -> None:
    assert table.boot_id()
    assert table.boot_id() == table.boot_id()


def test_both_tables_tell_about_the_same_age() -> None:
    assert 0 < RAW.age_s(os.getpid()) == pytest.approx(PORTABLE.age_s(os.getpid()), abs=5)
