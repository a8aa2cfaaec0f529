"""Test-gated fixes on real folders and real repositories: kept when the check succeeds, else back to the byte."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
import time
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
    (journal,) = Path(sys.argv[2]).glob("*/fix.json")
    touched = journal.stat().st_mtime
    while journal.stat().st_mtime == touched:
        await asyncio.sleep(0.01)
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


# --- what is the fix's, and what is not ------------------------------------------------------------------------------


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    fill(folder)
    return folder


async def fixed(gate: GatedFixes, folder: Path, change: Callable[[Path], None] = vandal) -> str:
    return await gate.apply(FAULT, "mend", yard_of(folder), doing(change, folder))


def mend_app(folder: Path) -> None:
    (folder / "app.py").write_bytes(b"print(2)\n")
    (folder / "made").mkdir()
    (folder / "made" / "by the fix").write_bytes(b"new")


def grow_old(fix_folder: Path) -> None:
    long_ago = time.time() - gated.OLD_S - 60
    os.utime(fix_folder / "fix.json", (long_ago, long_ago))


@pytest.mark.parametrize("in_git", [False, True])
@in_loop
async def test_what_the_service_wrote_meanwhile_outlives_the_roll_back(
    plain: Path, tmp_path: Path, in_git: bool
) -> None:
    if in_git:
        git(plain, "init")
    (plain / "rows.db").write_bytes(b"1 row")
    before = state_of(plain)
    await fixed(GatedFixes(tmp_path / "fixes"), plain, mend_app)
    (plain / "rows.db").write_bytes(b"2 rows")
    (plain / "log").write_bytes(b"a line")
    (plain / "made" / "by the service").write_bytes(b"kept")
    (found,) = await GatedFixes(tmp_path / "fixes").recover()
    assert found.problem == ""
    now = state_of(plain)
    made = {"rows.db", "log", "made", "made/by the service"}
    assert {path: now[path] for path in now if path not in made} == {
        path: before[path] for path in before if path not in made
    }
    assert [(plain / name).read_bytes() for name in ("rows.db", "log", "made/by the service")] == [
        b"2 rows",
        b"a line",
        b"kept",
    ]


@in_loop
async def test_a_file_that_was_changed_again_after_the_fix_is_left_and_its_old_version_laid_out(
    plain: Path, tmp_path: Path
) -> None:
    await fixed(GatedFixes(tmp_path / "fixes"), plain, mend_app)
    (plain / "app.py").write_bytes(b"print('by the operator')\n")
    now = state_of(plain)
    (found,) = await GatedFixes(tmp_path / "fixes").recover()
    assert "app.py" in found.problem
    assert state_of(plain) == now
    (place,) = (tmp_path / "fixes-left").iterdir()
    assert str(place) in found.hint
    assert (place / "app.py").read_bytes() == b"print(1)\r\n"
    assert await GatedFixes(tmp_path / "fixes").recover() == ()


@in_loop
async def test_what_replaced_a_file_and_was_filled_since_is_left(plain: Path, tmp_path: Path) -> None:
    await fixed(GatedFixes(tmp_path / "fixes"), plain)
    (plain / "link" / "by the service").write_bytes(b"kept")
    (found,) = await GatedFixes(tmp_path / "fixes").recover()
    assert found.problem.startswith("link in ")
    assert (plain / "link" / "by the service").read_bytes() == b"kept"


@in_loop
async def test_an_old_journal_is_not_rolled_back(plain: Path, tmp_path: Path) -> None:
    fix = await fixed(GatedFixes(tmp_path / "fixes"), plain, mend_app)
    grow_old(tmp_path / "fixes" / fix)
    (found,) = await GatedFixes(tmp_path / "fixes").recover()
    assert "long ago" in found.problem
    assert (plain / "app.py").read_bytes() == b"print(2)\n"
    assert (tmp_path / "fixes-left" / fix / "app.py").read_bytes() == b"print(1)\r\n"


@in_loop
async def test_the_undo_of_a_fix_touches_nothing_that_is_not_its_own(plain: Path, tmp_path: Path) -> None:
    gate = GatedFixes(tmp_path / "fixes")
    fix = await fixed(gate, plain, mend_app)
    (plain / "app.py").write_bytes(b"print('by the operator')\n")
    with pytest.raises(gated.NotRolledBackError, match=r"app\.py in .* changed since"):
        await gate.roll_back(fix)
    assert (plain / "app.py").read_bytes() == b"print('by the operator')\n"


@in_loop
async def test_a_roll_back_that_was_cut_off_itself_is_no_conflict(plain: Path, tmp_path: Path) -> None:
    before = state_of(plain)
    gate = GatedFixes(tmp_path / "fixes")
    fix = await fixed(gate, plain, mend_app)
    (plain / "app.py").write_bytes(b"print(1)\r\n")
    await gate.roll_back(fix)
    assert state_of(plain) == before


@in_loop
async def test_a_change_in_a_folder_that_may_not_be_written_into_is_taken_back(plain: Path, tmp_path: Path) -> None:
    def in_locked(folder: Path) -> None:
        (folder / "src" / "deep" / "bytes").write_bytes(b"")
        (folder / "src" / "deep").chmod(0o555)

    before = state_of(plain)
    gate = GatedFixes(tmp_path / "fixes")
    await gate.roll_back(await fixed(gate, plain, in_locked))
    assert state_of(plain) == before


@in_loop
async def test_of_a_change_that_was_cut_off_in_the_middle_what_came_later_is_somebody_elses(
    plain: Path, tmp_path: Path
) -> None:
    """The journal says until when the change went on; here that is made to lie before the operator's own edit."""
    gate = GatedFixes(tmp_path / "fixes")
    fix = await asyncio.to_thread(gate._begin, FAULT, "mend", plain)  # and then it is killed
    earlier = time.time() - 60
    os.utime(tmp_path / "fixes" / fix.id / "fix.json", (earlier, earlier))
    (plain / "new since").write_bytes(b"by the service")
    assert [found.problem for found in await gate.recover()] == [""]
    assert (plain / "new since").exists()
    fix = await asyncio.to_thread(gate._begin, FAULT, "mend", plain)
    os.utime(tmp_path / "fixes" / fix.id / "fix.json", (earlier, earlier))
    (plain / "app.py").write_bytes(b"print('by the operator')\n")
    (found,) = await gate.recover()
    assert "app.py" in found.problem
    assert (plain / "app.py").read_bytes() == b"print('by the operator')\n"
