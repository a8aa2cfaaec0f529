"""The cheap look at memory: right where it answers, silent where it cannot know, and it leaves nothing open."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.supervisor import rounds
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.sampling import Sampler
from aurora_desktop.supervisor.tree import Identity, Tree
from supervisor.machine import FakeTable, marks, process
from supervisor.stage import Listening, Stage, surroundings, telling
from supervisor.yard import WAIT_S, Yard, in_loop

if sys.platform != "linux":
    pytest.skip("only Linux has a glance", allow_module_level=True)

from aurora_desktop.supervisor.glance_linux import MOST_KEPT, LinuxGlance, _affordable

GRAB = (
    "import os, signal; block = bytearray(os.urandom(1 << 20)) * 40; open(os.environ['TELL'], 'w').write('up\\n');"
    "signal.pause()"
)
THREAD = f"import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True).start(); {GRAB}"


@pytest.fixture
def glance() -> Iterator[LinuxGlance]:
    before = open_files()
    made = LinuxGlance(process_table().children)
    yield made
    made.close()
    assert open_files() == before


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def grabbing(yard: Yard, script: str = GRAB) -> int:
    """A process that holds 40 MB."""
    pid = yard.start(sys.executable, "-S", "-c", script).pid
    yard.hear()
    return pid


@pytest.mark.parametrize("script", [GRAB, THREAD])
def test_it_sees_what_a_process_holds(glance: LinuxGlance, yard: Yard, script: str) -> None:
    pid = grabbing(yard, script)
    for _ in range(2):
        assert 40_000_000 < (glance.of(pid) or 0) < 80_000_000


def test_it_sees_what_the_descendants_hold(glance: LinuxGlance, yard: Yard) -> None:
    main = yard.start("sh", "-c", 'sh -c \'"$0" -S -c "$1" & wait\' "$0" "$1" & wait', sys.executable, GRAB)
    yard.hear()
    assert 40_000_000 < (glance.of(main.pid) or 0) < 80_000_000


def test_it_sees_a_child_that_came_after_the_first_look(glance: LinuxGlance, yard: Yard) -> None:
    script = 'echo up >"$TELL"; read word <"$HOLD"; "$0" -S -c "$1" & wait'
    main = yard.start("sh", "-c", script, sys.executable, GRAB)
    yard.hear()
    assert (glance.of(main.pid) or 0) < 10_000_000
    yard.let_go()
    yard.hear()
    assert 40_000_000 < (glance.of(main.pid) or 0) < 80_000_000


def test_of_a_process_that_ended_it_says_nothing(glance: LinuxGlance, yard: Yard) -> None:
    child = yard.start("sleep", "600")
    assert glance.of(child.pid) is not None
    child.kill()
    child.wait()
    assert glance.of(child.pid) is None


def test_no_more_files_stay_open_than_it_may_keep(yard: Yard) -> None:
    glance = LinuxGlance(process_table().children, most_kept=1)
    first, second = yard.start("sleep", "600").pid, yard.start("sleep", "600").pid
    assert glance.of(first) is not None
    assert glance.of(second) is None
    glance.close()


def test_what_is_not_looked_at_any_more_makes_room(yard: Yard) -> None:
    glance = LinuxGlance(process_table().children, most_kept=1)
    first, second = yard.start("sleep", "600").pid, yard.start("sleep", "600").pid
    glance.of(first)
    glance.tidy()
    glance.tidy()
    assert glance.of(second) is not None
    glance.close()


def test_it_keeps_fewer_where_fewer_files_may_be_open() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert _affordable() == 32 < MOST_KEPT
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@in_loop
async def test_its_files_are_closed_with_the_supervisor(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()
    original = LinuxGlance.tidy

    def tidy(self: LinuxGlance) -> None:
        original(self)
        if kept_open():
            looked.set()

    monkeypatch.setattr(LinuxGlance, "tidy", tidy)
    monkeypatch.setattr(rounds, "MEMORY_CHECK_S", 0.02)
    service = telling(memory_max=ByteSize(10**9))
    async with asyncio.timeout(WAIT_S), stage.supervising({"web": service}, leave=True):
        await looked.wait()
    assert kept_open() == []


def kept_open() -> list[str]:
    """The files of other processes that this one has open."""
    links = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the listing itself
            links.append(os.readlink(f"/proc/self/fd/{fd}"))
    return [link for link in links if link.endswith(("/statm", "/children"))]


class Told:
    """A glance that says what the test wants."""

    def __init__(self, used: int | None) -> None:
        self.used = used

    def of(self, root: int) -> int | None:
        return self.used

    def tidy(self) -> None: ...

    def close(self) -> None: ...


def judged(root: Path, glance: Told, *, after: int | None = None) -> Listening:
    """A service of which the table tells 950 bytes of 1000, and 100 at a second check if `after` is given."""

    async def check() -> Listening:
        around = surroundings(root)
        around.table = table = FakeTable()
        runner = Listening(Service(command=Command(["program"]), memory_max=ByteSize(1000)), around)
        runner.tree = Tree(table, "m", Identity(100, 1))
        sampler = Sampler(around, glance)
        table.put(process(100, memory_bytes=950), marks("m"))
        sampler.check_memory([runner])
        if after is not None:
            glance.used = after
            table.put(process(100, memory_bytes=after), marks("m"))
            sampler.check_memory([runner])
        return runner

    return asyncio.run(check())


def test_what_is_far_below_its_limit_is_not_looked_at_properly(tmp_path: Path) -> None:
    assert judged(tmp_path, Told(799)).warning == ""


@pytest.mark.parametrize("used", [800, 5000, None])
def test_what_is_not_is_looked_at_properly(tmp_path: Path, used: int | None) -> None:
    assert judged(tmp_path, Told(used)).warning == "near its memory limit: 950 B of 1.0 kB"


def test_a_warning_is_taken_back_by_a_proper_look(tmp_path: Path) -> None:
    assert judged(tmp_path, Told(900), after=100).warning == ""
