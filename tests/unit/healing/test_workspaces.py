"""Workspaces as they should not be: every one is borne, told in words, and never written outside of."""

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.core.healing_events import Escalated, RemedyFinished, WatchTrouble
from aurora_desktop.core.settings.schema_healing import IdleRule
from aurora_desktop.healing.ladder import marks
from aurora_desktop.healing.ladder.performing import Patient, applicable, perform, read_status
from aurora_desktop.healing.ladder.store import Standing
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.stalls import glance
from aurora_desktop.healing.stalls.folder import Folder, stamp_of
from aurora_desktop.healing.stalls.glance import files_token, last_line
from aurora_desktop.healing.stalls.status_file import MOST_BYTES, Status, idle_reason, shown, understood
from healing.flock import Flock, flocking, status_of

posix = pytest.mark.skipif(sys.platform == "win32", reason="pipes, links and permissions of POSIX")
PATIENT = Patient(agent="Agent-1", reason="stalled", wall=1_750_000_000.25)

BAD: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "blank": lambda path: path.write_bytes(b" \n\n"),
    "cut off": lambda path: path.write_bytes(b'{"agent_id": "Agent-1", "status": "ACT'),
    "not UTF-8": lambda path: path.write_bytes(b'{"status": "\xff\xfe"}'),
    "UTF-16": lambda path: path.write_bytes('{"status": "x"}'.encode("utf-16")),
    "a list": lambda path: path.write_bytes(b"[1, 2]"),
    "deep": lambda path: path.write_bytes(b"[" * 100_000),
    "huge": lambda path: path.write_bytes(b"[" + b"1," * MOST_BYTES + b"1]"),
    "huge number": lambda path: path.write_bytes(b'{"n": ' + b"9" * 10_000 + b"}"),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}
REFUSED = {"missing", "a folder", "a pipe", "a dangling link", "a link to itself"}


def run(folder: Path, story: Callable[[Flock], object]) -> None:
    async def told() -> None:
        async with flocking(folder) as flock:
            await story(flock)  # type: ignore[misc] # each story is a coroutine function

    asyncio.run(told())


@posix
@pytest.mark.parametrize("how", BAD)
def test_a_bad_status_is_borne_and_the_ladder_goes_on(tmp_path: Path, how: str) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.root / "Agent-1"
        (workspace / "inbox").mkdir(parents=True)
        BAD[how](workspace / "status.json")
        before = os.lstat(workspace / "status.json").st_ino if how != "missing" else 0
        await flock.look()
        await flock.later(900.0)
        tried = [event.remedy for event in flock.told(RemedyFinished)]
        if how in REFUSED:
            assert tried == ["rescue"] * 3
            assert before == (os.lstat(workspace / "status.json").st_ino if how != "missing" else 0)
        else:
            assert tried[0] == "reset_status"
            assert status_of(workspace)["status"] == "ACTIVE_AGENT_MODE"
        assert flock.told(Escalated)
        assert flock.told(WatchTrouble) == []

    run(tmp_path, story)


@posix
def test_a_status_that_is_a_link_out_of_the_workspace_is_never_written(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text('{"agent_id": "Agent-1", "current_tasks": ["a"]}')
    workspace = tmp_path / "w"
    workspace.mkdir()
    (workspace / "status.json").symlink_to(outside)
    before = outside.read_bytes()
    with Folder(workspace) as folder:
        assert applicable(folder, PATIENT) == ("rescue",)
        for rung in ("force_update", "clear_tasks", "reset_status"):
            with pytest.raises(RefusedError):
                perform(rung, folder, PATIENT)  # type: ignore[arg-type] # each is a rung
    assert outside.read_bytes() == before
    assert (workspace / "status.json").is_symlink()


@posix
@pytest.mark.parametrize("what", ["link", "file"])
def test_an_inbox_that_is_no_folder_is_never_written_through(tmp_path: Path, what: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    workspace = tmp_path / "w"
    workspace.mkdir()
    if what == "link":
        (workspace / "inbox").symlink_to(outside)
    else:
        (workspace / "inbox").write_text("")
    with Folder(workspace) as folder:
        assert "rescue" not in applicable(folder, PATIENT)
        with pytest.raises(RefusedError, match="inbox"):
            perform("rescue", folder, PATIENT)
    assert list(outside.iterdir()) == []


@posix
def test_a_workspace_that_is_swapped_for_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "w").symlink_to(outside)
    with pytest.raises(OSError, match="w"):
        Folder(tmp_path / "w", follow=False)
    with Folder(tmp_path / "w") as folder:  # but where the operator named the link it is the operator's word
        perform("rescue", folder, PATIENT)
    assert len(list((outside / "inbox").iterdir())) == 1


@posix
def test_a_marker_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        outside = tmp_path / "outside"
        (workspace / marks.ESCALATION).symlink_to(outside)
        await flock.look()
        await flock.later(600.0)
        assert not outside.exists()
        assert flock.state() == "escalated"

    run(tmp_path, story)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_workspace_is_told_once_and_left_alone(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        workspace.chmod(0)
        await flock.look()
        await flock.later(900.0)
        workspace.chmod(0o700)
        assert flock.state() == "unreadable"
        assert [event.recovered for event in flock.told(WatchTrouble)] == [False]

    run(tmp_path, story)


def test_a_workspace_that_loses_its_permission_is_left_alone_until_it_has_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, for those who test as root."""

    def refuse(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    async def story(flock: Flock) -> None:
        flock.agent()
        await flock.look()
        await flock.later(90.0)
        with monkeypatch.context() as refusing:
            refusing.setattr(glance, "_stat", refuse)
            await flock.later(900.0)
            assert flock.state() == "unreadable"
            assert "Permission denied" in flock.sentence()
        await flock.later(90.0)
        assert [event.recovered for event in flock.told(WatchTrouble)] == [False, True]
        assert flock.rungs() == []
        assert flock.state() == "working"

    run(tmp_path, story)


def test_a_workspace_that_is_an_ordinary_file_is_told(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        from aurora_desktop.core.settings.schema_healing import WatchedAgent

        (tmp_path / "file").write_text("")
        watch = {"odd": WatchedAgent(workspace=str(tmp_path / "file"))}
        flock.begin(flock.settings(agents={"watch": watch}))
        await flock.look()
        await flock.later(900.0)
        assert flock.state("agent:odd") == "unreadable"
        assert "cannot be read" in flock.told(WatchTrouble)[0].detail

    run(tmp_path, story)


@posix
def test_a_read_only_workspace_costs_attempts_and_calls_the_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    async def story(flock: Flock) -> None:
        flock.agent()
        monkeypatch.setattr(Folder, "_write_new", refuse)
        await flock.look()
        await flock.later(900.0)
        assert {outcome for _, outcome in flock.rungs()} == {"failed"}
        assert "Read-only file system" in flock.told(RemedyFinished)[0].cause
        (escalated,) = flock.told(Escalated)
        assert marks.ESCALATION not in escalated.hint
        assert not (flock.root / "Agent-1" / marks.ESCALATION).exists()
        assert flock.state() == "escalated"

    run(tmp_path, story)


def test_a_status_that_changes_while_it_is_read_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"a": 1}')
    with Folder(tmp_path) as folder:
        _, stamp = read_status(folder)
        assert stamp is not None
        (tmp_path / "status.json").write_text('{"a": 2, "by": "the agent"}')
        with pytest.raises(RefusedError, match="changed just now"):
            folder.replace("status.json", b"{}", stamp)
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]
    assert "the agent" in (tmp_path / "status.json").read_text()


def test_a_date_that_no_database_can_hold_is_kept_all_the_same() -> None:
    far = stamp_of(SimpleNamespace(st_mtime_ns=10**20, st_size=1, st_ino=2))  # type: ignore[arg-type] # year 5138
    text = msgspec.json.encode(Standing(tokens={"status": far}, own_status=far))
    assert msgspec.json.decode(text, type=Standing).own_status == far


@posix
def test_the_mode_of_a_status_stays(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"a": 1}')
    (tmp_path / "status.json").chmod(0o600)
    with Folder(tmp_path) as folder:
        perform("force_update", folder, PATIENT)
    assert stat.S_IMODE((tmp_path / "status.json").stat().st_mode) == 0o600


def test_formats_are_those_of_the_earlier_orchestrator(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"healing_applied": "no list", "b": 1, "a": "\\ud800"}')
    with Folder(tmp_path) as folder:
        perform("force_update", folder, PATIENT)
    after = status_of(tmp_path)
    assert list(after) == ["healing_applied", "b", "a", "last_updated"]
    assert after["healing_applied"] == [
        {"timestamp": "2025-06-15T15:06:40.250Z", "action": "force_update", "reason": "stalled"}
    ]
    assert len(after["last_updated"]) == len("YYYY-MM-DD HH:MM:SS")
    assert after["a"] == "\ud800"


def test_the_history_in_a_status_does_not_grow_without_end(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text("{}")
    with Folder(tmp_path) as folder:
        for _ in range(marks.MARKS_KEPT + 3):
            perform("force_update", folder, PATIENT)
    assert len(status_of(tmp_path)["healing_applied"]) == marks.MARKS_KEPT


def test_files_of_ours_and_those_with_a_source_of_their_own_are_no_files_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "status.json").write_text("one of the agent's own")
    before = files_token(str(tmp_path))
    for name in ("status.json", marks.ESCALATION, "status.json.aurora-20260101T000000Z-ab"):
        (tmp_path / name).write_text("")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "message").write_text("")
    assert files_token(str(tmp_path)) == before
    (tmp_path / "deep" / "status.json").write_text("changed")
    assert files_token(str(tmp_path)) != before


def test_the_last_line_is_found_in_a_long_log_and_in_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 100_000 + "\nwaiting for y\xfcu\r\n\n".encode("latin-1"))
    assert last_line(str(log)) == "waiting for y\N{REPLACEMENT CHARACTER}u"
    assert last_line(str(tmp_path)) is None
    assert last_line(str(tmp_path / "none")) is None


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_they_are_understood_or_said_to_be_broken(raw: bytes) -> None:
    status = understood(raw)
    assert status.kind in ("good", "broken")
    assert bool(status.problem) == (status.kind == "broken")


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.sampled_from(["status", "current_tasks"]),
        st.one_of(st.text(), st.integers(), st.none(), st.lists(st.integers())),
    )
)
def test_idleness_is_told_in_one_line(content: dict[str, object]) -> None:
    words = idle_reason(Status(kind="good", content=content), None, IdleRule())
    assert words.isprintable()
    assert len(words) < 100


def test_foreign_words_are_shown_short_and_in_one_line() -> None:
    assert shown("a\nb\x1b[0m") == "a?b?[0m"
    assert len(shown("x" * 500)) == 60
