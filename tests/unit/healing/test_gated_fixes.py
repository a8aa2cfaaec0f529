"""Test-gated fixes on real folders and real repositories: kept when the check succeeds, else back to the byte."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from supervisor.yard import in_loop

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_healing import ServiceHealing
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.faults import Fault, Sighting
from aurora_desktop.healing.remedies import gated, snapshot
from aurora_desktop.healing.remedies.gated import GatedFixes
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.yard import Ran
from healing.yard_fake import FakeYard, service

FAULT = Fault(
    kind="x",
    sentence="x",
    failure_id=7,
    sighting=Sighting(at=0.0, component="service:web", event="service_failed", event_id=1),
)
State = dict[str, tuple[str, int, bytes]]


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(("git", *who, *arguments), cwd=folder, check=True, capture_output=True, text=True).stdout


def fill(folder: Path) -> None:
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir(mode=0o750)
    (folder / "app.py").write_bytes(b"print(1)\r\n")
    (folder / "run").write_bytes(b"#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "src" / "deep" / "bytes").write_bytes(bytes(range(256)))
    (folder / "src" / "naïve name").write_bytes(b"")
    (folder / ".env").write_bytes(b"SECRET=1\n")
    (folder / "link").symlink_to("app.py")
    (folder / "read-only").write_bytes(b"x")
    (folder / "read-only").chmod(0o444)


def state_of(folder: Path) -> State:
    """Every path with its kind, mode and content, but for what git keeps for itself."""
    found: State = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name.split("/")[0] in (".git", "node_modules"):
            continue
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            found[name] = ("link", mode, os.readlink(path).encode())
        else:
            found[name] = ("folder", mode, b"") if path.is_dir() else ("file", mode, path.read_bytes())
    return found


def git_state(folder: Path) -> tuple[str, ...]:
    """What the operator has in his repository: nothing of it may move."""
    index = (folder / ".git" / "index").read_bytes().hex()
    said = [
        git(folder, *words.split()) for words in ("stash list", "branch -a", "rev-parse HEAD", "status --porcelain")
    ]
    return (index, *said, git(folder, "for-each-ref"))


def vandal(folder: Path) -> None:
    """Changes everything that can be changed."""
    (folder / "app.py").write_bytes(b"print(2)\n")
    (folder / "run").chmod(0o600)
    (folder / ".env").write_bytes(b"SECRET=2\n")
    (folder / "src" / "deep" / "bytes").unlink()
    (folder / "src" / "deep").rmdir()
    (folder / "src" / "deep").write_bytes(b"a file now")
    (folder / "empty").rmdir()
    (folder / "link").unlink()
    (folder / "link").mkdir()
    (folder / "link" / "inside").write_bytes(b"new")
    (folder / "new" / "deeper").mkdir(parents=True)
    (folder / "new" / "deeper" / "file").write_bytes(b"new")
    (folder / "read-only").unlink()
    (folder / "read-only").symlink_to("/etc/passwd")
    (folder / ".gitignore").write_bytes(b"new/\nsrc/\n")


@pytest.fixture(params=["plain", "git", "git below", "git of sha256"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder; in git with something committed, staged, changed and stashed, and a folder that is ignored."""
    root = tmp_path / "project"
    place = root / "web" if request.param == "git below" else root
    place.mkdir(parents=True)
    fill(place)
    if request.param != "plain":
        (place / ".gitignore").write_text("node_modules/\n.env\n")
        (root / ".gitattributes").write_text("*.py text eol=lf\n")
        (place / "node_modules").mkdir()
        (place / "node_modules" / "big.js").write_text("x")
        git(root, "init", *(["--object-format=sha256"] if request.param == "git of sha256" else []))
        git(root, "add", ".")
        git(root, "commit", "-m", "first")
        (place / "app.py").write_bytes(b"print('stashed')\n")
        git(root, "stash")
        (place / "app.py").write_bytes(b"print('staged')\r\n")
        git(root, "add", ".")
        (place / "app.py").write_bytes(b"print('changed')\r\n")
    return place


def yard_of(folder: Path, *, check: bool = True, succeeds: bool = True) -> FakeYard:
    healing = ServiceHealing(check=Command(["check"]) if check else None)
    yard = FakeYard({"web": service(healing=healing)})
    yard.folders["web"] = folder
    yard.ran["check"] = [Ran(0 if succeeds else 1, "2 tests failed\n")]
    return yard


def doing(work: Callable[[Path], None], folder: Path) -> Callable[[], "asyncio.Future[None]"]:
    return lambda: asyncio.ensure_future(asyncio.to_thread(work, folder))


def is_git(folder: Path) -> bool:
    return (folder / ".gitignore").exists()


def root_of(folder: Path) -> Path:
    return folder if (folder / ".git").exists() else folder.parent


@in_loop
async def test_a_failed_check_rolls_back_to_the_byte_and_leaves_the_repository_alone(
    folder: Path, tmp_path: Path
) -> None:
    before = state_of(folder)
    repository = git_state(root_of(folder)) if is_git(folder) else ()
    gate = GatedFixes(tmp_path / "fixes")
    with pytest.raises(AuroraError, match="rolled back: `check` exited with code 1: 2 tests failed"):
        await gate.apply(FAULT, "mend", yard_of(folder, succeeds=False), doing(vandal, folder))
    assert state_of(folder) == before
    assert repository == (git_state(root_of(folder)) if is_git(folder) else ())
    assert list((tmp_path / "fixes").iterdir()) == []


@in_loop
async def test_what_passes_the_check_is_kept_and_nothing_of_the_snapshot_stays(folder: Path, tmp_path: Path) -> None:
    gate, is_in_git = GatedFixes(tmp_path / "fixes"), is_git(folder)
    fix = await gate.apply(FAULT, "mend", yard_of(folder), doing(vandal, folder))
    await gate.keep(fix)
    assert (folder / "app.py").read_bytes() == b"print(2)\n"
    assert list((tmp_path / "fixes").iterdir()) == []
    if is_in_git:
        assert "refs/aurora" not in git(root_of(folder), "for-each-ref")


@in_loop
async def test_what_passed_the_check_can_still_be_rolled_back(folder: Path, tmp_path: Path) -> None:
    before = state_of(folder)
    gate, is_in_git = GatedFixes(tmp_path / "fixes"), is_git(folder)
    fix = await gate.apply(FAULT, "mend", yard_of(folder), doing(vandal, folder))
    if is_in_git:  # the objects are held although nothing else names them
        git(root_of(folder), "gc", "--prune=now", "--quiet")
    await gate.roll_back(fix)
    assert state_of(folder) == before


@in_loop
async def test_a_change_that_fails_halfway_is_rolled_back(folder: Path, tmp_path: Path) -> None:
    before = state_of(folder)

    async def halfway() -> None:
        vandal(folder)
        raise AuroraError("halfway")

    yard = yard_of(folder)
    with pytest.raises(AuroraError, match="halfway"):
        await GatedFixes(tmp_path / "fixes").apply(FAULT, "mend", yard, halfway)
    assert state_of(folder) == before
    assert yard.called("run") == []


@in_loop
async def test_a_check_that_is_cancelled_rolls_back(folder: Path, tmp_path: Path) -> None:
    before = state_of(folder)
    yard = yard_of(folder)
    yard.holds["check"] = asyncio.Event()
    changed = asyncio.Event()

    async def change() -> None:
        vandal(folder)
        changed.set()

    fixing = asyncio.create_task(GatedFixes(tmp_path / "fixes").apply(FAULT, "mend", yard, change))
    await changed.wait()
    fixing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fixing
    assert state_of(folder) == before


@in_loop
async def test_what_is_cancelled_while_the_snapshot_is_taken_is_never_rolled_back_to(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking, goes_on, begun = asyncio.Event(), threading.Event(), asyncio.Event()
    loop, take, begin = asyncio.get_running_loop(), gated.take, GatedFixes._begin

    def slowly(*where: Any) -> snapshot.Snapshot:
        loop.call_soon_threadsafe(taking.set)
        goes_on.wait(10.0)
        return take(*where)

    def told(*what: Any) -> gated.Fix:
        fix = begin(*what)
        loop.call_soon_threadsafe(begun.set)
        return fix

    monkeypatch.setattr(gated, "take", slowly)
    monkeypatch.setattr(GatedFixes, "_begin", told)
    gate = GatedFixes(tmp_path / "fixes")
    fixing = asyncio.create_task(gate.apply(FAULT, "mend", yard_of(folder), doing(vandal, folder)))
    await taking.wait()
    fixing.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await fixing
    await begun.wait()
    (folder / "made later").write_bytes(b"by the operator")
    assert await gate.recover() == ()
    assert (folder / "made later").exists()
    assert list((tmp_path / "fixes").iterdir()) == []


_KILLED = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from healing.test_gated_fixes import FAULT, vandal, yard_of
from aurora_desktop.healing.remedies.gated import GatedFixes

async def change():
    vandal(Path(sys.argv[1]))
    print("changed", flush=True)
    sys.stdin.read()

asyncio.run(GatedFixes(Path(sys.argv[2])).apply(FAULT, "mend", yard_of(Path(sys.argv[1])), change))
"""


@in_loop
async def test_a_kill_in_the_middle_is_rolled_back_at_the_next_start(folder: Path, tmp_path: Path) -> None:
    before = state_of(folder)
    command = [sys.executable, "-c", _KILLED, str(folder), str(tmp_path / "fixes"), str(Path(__file__).parents[1])]
    with subprocess.Popen(  # noqa: ASYNC220 - it is only waited for
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"changed\n"
        dying.send_signal(signal.SIGKILL)
    assert state_of(folder) != before
    gate = GatedFixes(tmp_path / "fixes")
    (found,) = await gate.recover()
    assert (found.fix.remedy, found.fix.component, found.fix.failure_id, found.problem) == (
        "mend",
        "service:web",
        7,
        "",
    )
    assert state_of(folder) == before
    assert await gate.recover() == ()


@in_loop
async def test_what_was_killed_while_the_snapshot_was_taken_was_never_begun(tmp_path: Path) -> None:
    (tmp_path / "fixes" / "0123" / "copies").mkdir(parents=True)
    assert await GatedFixes(tmp_path / "fixes").recover() == ()
    assert list((tmp_path / "fixes").iterdir()) == []
    assert await GatedFixes(tmp_path / "none").recover() == ()


@in_loop
async def test_a_roll_back_that_fails_keeps_the_snapshot_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    fill(folder)
    before = state_of(folder)
    gate = GatedFixes(tmp_path / "fixes")
    fix = await gate.apply(FAULT, "mend", yard_of(folder), doing(vandal, folder))
    original = os.replace

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aurora_desktop.healing.remedies.snapshot.os.replace", full)
    (found,) = await gate.recover()
    assert "No space left" in found.problem
    monkeypatch.setattr("aurora_desktop.healing.remedies.snapshot.os.replace", original)
    await gate.roll_back(fix)
    assert state_of(folder) == before


@in_loop
async def test_without_a_check_nothing_is_changed(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="declares no check"):
        await GatedFixes(tmp_path / "fixes").apply(
            FAULT, "mend", yard_of(tmp_path, check=False), doing(vandal, tmp_path)
        )


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES"])
@in_loop
async def test_a_folder_that_is_too_large_is_refused(
    tmp_path: Path, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, limit, 1)
    folder = tmp_path / "project"
    folder.mkdir()
    fill(folder)
    with pytest.raises(RefusedError, match="too large for a snapshot"):
        await GatedFixes(tmp_path / "fixes").apply(FAULT, "mend", yard_of(folder), doing(vandal, folder))
    assert list((tmp_path / "fixes").iterdir()) == []


@in_loop
async def test_a_link_that_leads_out_is_never_written_through(tmp_path: Path) -> None:
    folder, outside = tmp_path / "project", tmp_path / "outside"
    for place in (folder / "inside", outside):
        place.mkdir(parents=True)
        (place / "file").write_text("as it was")

    def betray(folder: Path) -> None:
        (folder / "inside" / "file").unlink()
        (folder / "inside").rmdir()
        (folder / "inside").symlink_to(outside)

    gate = GatedFixes(tmp_path / "fixes")
    fix = await gate.apply(FAULT, "mend", yard_of(folder), doing(betray, folder))
    (outside / "file").write_text("somebody else's")
    await gate.roll_back(fix)
    assert not (folder / "inside").is_symlink()
    assert (folder / "inside" / "file").read_text() == "as it was"
    assert (outside / "file").read_text() == "somebody else's"


@in_loop
async def test_hooks_of_the_repository_are_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    fill(folder)
    git(folder, "init")
    hook = folder / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    gate = GatedFixes(tmp_path / "fixes")
    await gate.keep(await gate.apply(FAULT, "mend", yard_of(folder), doing(vandal, folder)))
    assert not (tmp_path / "hooked").exists()
