"""The lock of a state dir, held and fought over by real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aurora_desktop.core.errors import AlreadyRunningError, AuroraError
from aurora_desktop.desktop.single_instance import InstanceLock

HOLD = """
import sys
from pathlib import Path
from aurora_desktop.desktop.single_instance import InstanceLock
InstanceLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "aurora.lock"


def test_second_lock_is_refused_and_names_the_holder(path: Path) -> None:
    with InstanceLock(path), pytest.raises(AlreadyRunningError) as refused:
        InstanceLock(path).acquire()
    assert f"process {os.getpid()}" in refused.value.detail


def test_released_lock_can_be_taken_again(path: Path) -> None:
    with InstanceLock(path):
        pass
    with InstanceLock(path) as again:
        assert again.holder() == os.getpid()


def test_acquiring_twice_is_one_lock(path: Path) -> None:
    lock = InstanceLock(path)
    lock.acquire()
    lock.acquire()
    lock.release()
    assert not lock.is_held()


def test_is_held_asks_the_kernel_and_not_the_file(path: Path) -> None:
    lock = InstanceLock(path)
    assert not lock.is_held()
    with lock:
        assert InstanceLock(path).is_held()
    assert lock.holder() == os.getpid()
    assert not lock.is_held()


def test_kill_9_of_the_holder_frees_the_lock(path: Path) -> None:
    with _holder(path) as other:
        with pytest.raises(AlreadyRunningError):
            InstanceLock(path).acquire()
        other.send_signal(signal.SIGKILL)
        other.wait()
        with InstanceLock(path) as lock:
            assert lock.holder() == os.getpid()


def test_children_do_not_inherit_the_lock(path: Path) -> None:
    lock = InstanceLock(path)
    lock.acquire()
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lock.release()
        held = InstanceLock(path).is_held()
        child.kill()
    assert not held


def test_lock_in_an_impossible_place_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuroraError) as refused:
        InstanceLock(tmp_path / "file" / "aurora.lock").acquire()
    assert not isinstance(refused.value, AlreadyRunningError)
    assert "--state-dir" in refused.value.hint


def test_symbolic_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("keep me")
    (tmp_path / "aurora.lock").symlink_to(tmp_path / "target")
    with pytest.raises(AuroraError):
        InstanceLock(tmp_path / "aurora.lock").acquire()
    assert (tmp_path / "target").read_text() == "keep me"


@pytest.mark.parametrize("content", ["", "no number", "\0"])
def test_unreadable_pid_is_no_holder(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    assert InstanceLock(path).holder() is None


def _holder(path: Path) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=pipe, stdout=pipe, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other
