"""Noticing the end of processes, ours and others'."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.supervisor import exits
from aurora_desktop.supervisor.exits import Watch, owned, reap, reap_orphans, watch_exit
from aurora_desktop.supervisor.processes import process_table
from supervisor.yard import WAIT_S, Yard, dead, in_loop, kill, wait_dead, wait_zombie

TABLE = process_table()
WATCHES = pytest.mark.parametrize("watch", [watch_exit, exits._watch_thread], ids=["platform", "thread"])


class Ends:
    """Counts the calls of one watch."""

    def __init__(self) -> None:
        self.count = 0
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._event.set()

    async def wait(self) -> None:
        async with asyncio.timeout(WAIT_S):
            await self._event.wait()


async def threads_ended() -> None:
    """The threads that watch have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("exit-of-"):
            await asyncio.to_thread(thread.join, WAIT_S)


@WATCHES
@in_loop
async def test_the_end_of_our_own_child_is_noticed(watch, yard: Yard) -> None:  # type: ignore[no-untyped-def] # either
    ended = Ends()
    child = yard.start("sleep", "600")
    watch(child.pid, ended, asyncio.get_running_loop())
    child.kill()
    await ended.wait()
    await threads_ended()
    assert ended.count == 1
    child.wait()


@WATCHES
@in_loop
async def test_the_exit_code_of_our_own_child_is_left_for_us_to_collect(watch, yard: Yard) -> None:  # type: ignore[no-untyped-def] # either
    ended = Ends()
    child = yard.sh('read go <"$HOLD"; exit 3')
    owned.add(child.pid)
    watch(child.pid, ended, asyncio.get_running_loop())
    yard.let_go()
    await ended.wait()
    await threads_ended()
    assert reap(child) == 3


@WATCHES
@in_loop
async def test_the_end_of_somebody_elses_child_is_noticed(watch, yard: Yard) -> None:  # type: ignore[no-untyped-def] # either
    ended = Ends()
    yard.sh('sleep 600 & echo $! >"$TELL"; wait')
    grandchild = await yard.heard_pid()
    watch(grandchild, ended, asyncio.get_running_loop())
    kill(grandchild, signal.SIGKILL)
    await ended.wait()
    await threads_ended()
    assert ended.count == 1


@WATCHES
@in_loop
async def test_a_process_that_is_gone_cannot_be_watched(watch, yard: Yard) -> None:  # type: ignore[no-untyped-def] # either
    child = yard.start("true")
    child.wait()
    with pytest.raises(ProcessLookupError):
        watch(child.pid, Ends(), asyncio.get_running_loop())


@in_loop
async def test_a_child_that_ended_before_it_was_watched_is_noticed(yard: Yard) -> None:
    ended = Ends()
    child = yard.sh("exit 4")
    wait_zombie(child.pid)
    watch_exit(child.pid, ended, asyncio.get_running_loop())
    await ended.wait()
    assert reap(child) == 4


@WATCHES
@in_loop
async def test_a_cancelled_watch_says_nothing(watch, yard: Yard) -> None:  # type: ignore[no-untyped-def] # either
    ended = Ends()
    child = yard.start("sleep", "600")
    watching: Watch = watch(child.pid, ended, asyncio.get_running_loop())
    watching.cancel()
    watching.cancel()
    child.kill()
    await dead(child.pid)
    await threads_ended()
    await asyncio.sleep(0)
    assert ended.count == 0


@in_loop
async def test_a_watch_leaves_no_file_open(yard: Yard) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for end in (True, False):
        ended = Ends()
        child = yard.start("sleep", "600")
        watching = watch_exit(child.pid, ended, asyncio.get_running_loop())
        child.kill()
        if end:
            await ended.wait()
        else:
            watching.cancel()
        child.wait()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_watch_whose_loop_has_closed_ends_in_silence(yard: Yard) -> None:
    child = yard.start("sleep", "600")

    async def watch() -> None:
        exits._watch_thread(child.pid, lambda: None, asyncio.get_running_loop())

    asyncio.run(watch())
    child.kill()
    for thread in threading.enumerate():
        if thread.name == f"exit-of-{child.pid}":
            thread.join(WAIT_S)
            assert not thread.is_alive()
    child.wait()


@in_loop
async def test_without_free_files_it_says_what_to_do(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(pid: int, flags: int = 0) -> int:
        raise OSError(24, "Too many open files")

    child = yard.start("sleep", "600")
    monkeypatch.setattr(os, "pidfd_open", exhausted)
    with pytest.raises(AuroraError, match="cannot be watched") as caught:
        watch_exit(child.pid, Ends(), asyncio.get_running_loop())
    monkeypatch.undo()
    assert "open files" in caught.value.hint


def test_the_end_of_a_process_that_was_not_our_child_is_unknown() -> None:
    assert reap(None) is None


def test_a_child_that_was_collected_is_no_longer_owned(yard: Yard) -> None:
    child = yard.sh("exit 7")
    owned.add(child.pid)
    assert reap(child) == 7
    assert child.pid not in owned


# --- orphans ----------------------------------------------------------------------------------------------------


def is_zombie(pid: int) -> bool:
    info = TABLE.read(pid)
    return info is not None and info.is_zombie


def test_a_foreign_zombie_is_collected(yard: Yard) -> None:
    child = yard.start("true")
    wait_zombie(child.pid)
    reap_orphans([child.pid], TABLE.read)
    assert TABLE.read(child.pid) is None


def test_a_zombie_that_somebody_of_ours_will_collect_is_left(yard: Yard) -> None:
    child = yard.start("true")
    owned.add(child.pid)
    wait_zombie(child.pid)
    reap_orphans([child.pid], TABLE.read)
    assert is_zombie(child.pid)
    assert reap(child) == 0


def test_a_zombie_of_our_own_session_is_left_to_the_library_that_started_it(yard: Yard) -> None:
    child = yard.start("sh", "-c", "exit 5", own_session=False)
    wait_zombie(child.pid)
    reap_orphans([child.pid], TABLE.read)
    assert child.wait() == 5


def test_the_living_and_the_vanished_are_passed_over(yard: Yard) -> None:
    gone, alive = yard.start("true"), yard.start("sleep", "600")
    gone.wait()
    reap_orphans([gone.pid, alive.pid], TABLE.read)
    assert yard.is_alive(alive.pid)


def test_a_zombie_that_is_not_ours_is_no_error(yard: Yard) -> None:
    yard.sh('sleep 0 & echo $! >"$TELL"; exec sleep 600')
    zombie = int(yard.hear())
    wait_dead(zombie)
    reap_orphans([zombie], TABLE.read)
    assert is_zombie(zombie)


SUBREAPER = textwrap.dedent(
    """
    import os, subprocess
    from aurora_desktop.supervisor.exits import reap_orphans
    from aurora_desktop.supervisor.subreaper import become_subreaper
    from aurora_desktop.supervisor.processes import process_table

    granted = become_subreaper()
    orphans = subprocess.Popen(["sh", "-c", "setsid sh -c 'echo $$; exec sleep 600' &"], stdout=subprocess.PIPE)
    orphan = int(orphans.stdout.readline())
    orphans.wait()
    table = process_table()
    adopted = table.read(orphan).parent == os.getpid()
    os.kill(orphan, 9)
    os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
    reap_orphans(table.children(os.getpid()), table.read)
    print(granted, adopted, table.read(orphan) is None)
    """
)


def test_a_subreaper_gets_and_collects_the_orphans(yard: Yard, tmp_path: object) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SUBREAPER],
        cwd=str(tmp_path),
        env=yard.environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=WAIT_S,
        check=True,
    )
    assert ran.stdout.split() == ["True", "True", "True"]
